//! The store in one SQLite file, for one process.
//!
//! One connection writes, several read beside it (WAL). A commit is on the disk before it is answered
//! (`synchronous = FULL`). The statements stand in `store/sql/`; what differs is in [`db`].

use std::path::Path;
use std::str::FromStr;

use secrecy::ExposeSecret;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::config::StoreConfig;
use super::migrations;
use crate::error::StoreError;

mod db;

#[path = "../sql/bumps.rs"]
mod bumps;
#[path = "../sql/files.rs"]
mod files;
#[path = "../sql/sessions.rs"]
mod sessions;
#[path = "../sql/users.rs"]
mod users;

/// The store in one SQLite file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Reads the URL and makes the folder; opens the file when it is first used.
    ///
    /// # Errors
    /// [`StoreError::Failed`] for a URL that cannot be read, [`StoreError::Unavailable`] where the folder
    /// cannot be made.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(config.url.expose_secret())?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(config.lock_timeout)
            .statement_cache_capacity(config.statement_cache)
            .disable_statement_logging();
        let folder = options.get_filename().parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            std::fs::create_dir_all(folder)
                .map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        let pool = || SqlitePoolOptions::new().acquire_timeout(config.acquire_timeout);
        Ok(Self {
            writer: pool().max_connections(1).connect_lazy_with(options.clone()),
            readers: pool()
                .max_connections(config.max_connections)
                .connect_lazy_with(options.pragma("query_only", "ON")),
        })
    }

    pub(super) async fn ping_database(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// In one transaction, so that processes that migrate at once wait for each other.
    pub(super) async fn migrate_schema(&self) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        migrations::sqlite()
            .run_direct(None, &mut *tx, false)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

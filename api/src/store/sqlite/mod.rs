//! The store in one SQLite file, for one process.
//!
//! One connection writes, several read beside it (WAL). A commit is on the disk before it is answered
//! (`synchronous = FULL`). The statements stand in `store/sql/`; what differs is in [`db`].

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::time::Instant;

use super::config::StoreConfig;
use super::{Pool, Store, migrations};
use crate::error::StoreError;

mod db;
mod writes;

#[path = "../sql/bodies.rs"]
mod bodies;
#[path = "../sql/bumps.rs"]
mod bumps;
#[path = "../sql/changing.rs"]
mod changing;
#[path = "../sql/feed.rs"]
mod feed;
#[path = "../sql/files.rs"]
mod files;
#[path = "../sql/listings.rs"]
mod listings;
#[path = "../sql/making.rs"]
mod making;
#[path = "../sql/messages.rs"]
mod messages;
#[path = "../sql/notices.rs"]
mod notices;
#[path = "../sql/notifications.rs"]
mod notifications;
#[path = "../sql/overviews.rs"]
mod overviews;
#[cfg(test)]
#[path = "../sql/plans.rs"]
mod plans;
#[path = "../sql/purging.rs"]
mod purging;
#[path = "../sql/rooms.rs"]
mod rooms;
#[path = "../sql/send_facts.rs"]
mod send_facts;
#[path = "../sql/sending.rs"]
mod sending;
#[path = "../sql/sessions.rs"]
mod sessions;
#[path = "../sql/standings.rs"]
mod standings;
#[path = "../sql/users.rs"]
mod users;
#[cfg(test)]
#[path = "../sql/waits.rs"]
mod waits;

/// Between two attempts at a lock for which SQLite itself does not wait.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The store in one SQLite file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    lock_timeout: Duration,
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
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(config.lock_timeout)
            .statement_cache_capacity(config.statement_cache)
            .disable_statement_logging();
        // Every connection would have a database of its own.
        let url = config.url.expose_secret();
        if url.contains(":memory:") || url.contains("mode=memory") {
            let reason = "store.url must name a file: SQLite in memory is not supported";
            return Err(StoreError::Failed(reason.into()));
        }
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
            lock_timeout: config.lock_timeout,
        })
    }

    /// Makes the file one with a write-ahead log, which it then stays, so that connections need not ask for it.
    /// `SQLite` takes an exclusive lock for that and does not wait for it, whatever the busy timeout: of two
    /// processes that begin on one new file, one would fail. So it is waited for here, as long as for any lock.
    async fn use_wal(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + self.lock_timeout;
        loop {
            let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
                .fetch_one(&self.writer)
                .await;
            match mode.map_err(StoreError::from) {
                Err(StoreError::Busy(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Ok(mode) if mode != "wal" => {
                    let reason = format!("the journal mode stays {mode}: WAL is needed");
                    return Err(StoreError::Failed(reason.into()));
                }
                other => return other.map(|_| ()),
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    fn pools(&self) -> Vec<Pool> {
        vec![
            Pool::of("writer", &self.writer),
            Pool::of("readers", &self.readers),
        ]
    }

    /// In one transaction, so that processes that migrate at once wait for each other.
    async fn migrate(&self) -> Result<(), StoreError> {
        self.use_wal().await?;
        let mut tx = self.begin_write().await?;
        migrations::sqlite()
            .run_direct(None, &mut *tx, false)
            .await?;
        tx.commit().await?;
        Ok(())
    }
    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

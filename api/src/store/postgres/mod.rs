//! The store in Postgres, for any number of nodes.
//!
//! The statements stand in `store/sql/` and are compiled once for each database; what differs is in [`db`].
#![expect(
    clippy::duplicate_mod,
    reason = "one text of a statement, compiled for each database"
)]

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::config::StoreConfig;
use super::{Pool, Store, migrations};
use crate::error::StoreError;
use kept::Kept;

mod db;
mod kept;
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

/// A connection idle for longer is tried before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// The store in Postgres. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    /// How a writing transaction begins: one round trip with its settings.
    begin: Arc<str>,
    kept: Arc<Kept>,
}

impl PostgresStore {
    /// Reads the URL; connects when it is first used.
    ///
    /// # Errors
    /// [`StoreError::Failed`] for a URL that cannot be read.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(config.url.expose_secret())?
            .application_name("chapar")
            .statement_cache_capacity(config.statement_cache)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                // A round trip for each transaction, spared where the connection just worked.
                Box::pin(async move {
                    if meta.idle_for > FRESH {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        let millis = config.lock_timeout.as_millis().max(1);
        let begin = format!("BEGIN; SET LOCAL lock_timeout = '{millis}ms'").into();
        Ok(Self {
            pool,
            begin,
            kept: Arc::new(Kept::new()),
        })
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    fn pools(&self) -> Vec<Pool> {
        let mut main = Pool::of("main", &self.pool);
        if self.kept.is_kept() && main.used > 0 {
            main.used -= 1;
            main.idle += 1;
        }
        vec![main]
    }

    /// Nodes that migrate at once wait for each other by an advisory lock.
    async fn migrate(&self) -> Result<(), StoreError> {
        let mut conn = self.pool.acquire().await?;
        migrations::postgres()
            .run_direct(None, &mut *conn, false)
            .await?;
        Ok(())
    }
    async fn close(&self) {
        // From here on nothing is kept any more, and the pool waits for what is.
        let closing = self.pool.close();
        self.kept.clear();
        closing.await;
    }
}

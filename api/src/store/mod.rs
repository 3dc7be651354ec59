//! The store: what is durable. A trait per area, implemented for Postgres and SQLite.
//!
//! A method is one unit of work with its transaction inside; no connection, row or SQL type leaves this
//! module. Where a rule of the domain must hold at the moment of the write, the method reads the facts
//! under its locks and asks the pure function it was given (`decide`) what to do: the domain holds every
//! rule and no SQL, the store every statement and no rule.
//!
//! Absence is `Option`. What was refused is [`Error::Refused`]; it leaves no trace in the database.

use std::fmt;

use crate::error::StoreError;

mod classify;
pub mod config;
pub mod feed;
pub mod files;
pub mod messages;
mod migrations;
pub mod notifications;
mod postgres;
pub mod records;
pub mod rooms;
mod rows;
pub mod sessions;
mod sqlite;
pub mod users;
mod words;

#[cfg(doc)]
use crate::error::Error;

pub use config::{StoreConfig, open};
pub use feed::Feed;
pub use files::Files;
pub use messages::Messages;
pub use notifications::Notifications;
pub use postgres::PostgresStore;
pub use records::*;
pub use rooms::Rooms;
pub use sessions::Sessions;
pub use sqlite::SqliteStore;
pub use users::Users;

/// Connections to the database that are used in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// `main`; with SQLite `writer` and `readers`.
    pub name: &'static str,
    /// How many there may be.
    pub max: u32,
    /// Those at work.
    pub used: u32,
    /// Those that are open and wait for work.
    pub idle: u32,
}

impl Pool {
    fn of<DB: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<DB>) -> Self {
        let (open, idle) = (
            pool.size(),
            u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
        );
        Self {
            name,
            max: pool.options().get_max_connections(),
            // The two are not read at one moment.
            used: open.saturating_sub(idle),
            idle,
        }
    }
}

/// Everything durable.
#[async_trait::async_trait]
pub trait Store:
    Users
    + Sessions
    + Rooms
    + Messages
    + Feed
    + Notifications
    + Files
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// Whether the database answers, for readiness.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The connections to the database, as they are now.
    fn pools(&self) -> Vec<Pool>;

    /// Brings the schema to this release's.
    ///
    /// # Errors
    /// [`StoreError`], with the migration that failed as its source.
    async fn migrate(&self) -> Result<(), StoreError>;

    /// Closes the pool and waits for it.
    async fn close(&self);
}

//! Where SQLite differs from Postgres.

use std::fmt::Display;

use sqlx::Connection as _;

use crate::error::StoreError;

pub(super) use super::SqliteStore as Store;

/// The database.
pub(super) type Db = sqlx::Sqlite;
/// One connection, in a transaction or not.
pub(super) type Conn = sqlx::SqliteConnection;
/// A transaction; rolled back unless committed.
pub(super) type Tx = sqlx::Transaction<'static, Db>;
/// A connection out of the pool.
pub(super) type Taken = sqlx::pool::PoolConnection<Db>;

/// `column {any!("$1")}`: is one of the list bound there by [`ids`] or [`texts`].
macro_rules! any {
    ($parameter:literal) => {
        concat!("IN (SELECT value FROM json_each(", $parameter, "))")
    };
}
pub(super) use any;

/// The list that `any!` takes.
pub(super) fn ids(list: impl IntoIterator<Item = i64>) -> String {
    serde_json::Value::from(list.into_iter().collect::<Vec<i64>>()).to_string()
}

/// The list that `any!` takes.
pub(super) fn texts<T: Display>(list: impl IntoIterator<Item = T>) -> String {
    let list = list.into_iter().map(|text| text.to_string());
    serde_json::Value::from(list.collect::<Vec<String>>()).to_string()
}

/// The end of a `SELECT … ORDER BY` that locks its rows: nothing, since there is one writer.
macro_rules! locked {
    () => {
        ""
    };
    ($table:literal) => {
        ""
    };
}
pub(super) use locked;

/// Rows as a table: `rows!("n": room_id bigint "$1", name text "$2")`. All of them are in the first parameter, a JSON
/// array of objects, which `bind_rows!` binds; nothing may be bound after it.
macro_rules! rows {
    ($alias:literal: $first:ident $first_type:ident $first_parameter:literal
     $(, $name:ident $type:ident $parameter:literal)* $(,)?) => {
        concat!(
            "(SELECT value ->> '", stringify!($first), "' AS ", stringify!($first),
            $(", value ->> '", stringify!($name), "' AS ", stringify!($name),)*
            " FROM json_each(", $first_parameter, ")) AS ", $alias
        )
    };
}
pub(super) use rows;

/// Binds the rows of `rows!` after what a query has bound: `bind_rows!(query, &list; room_id, name)`, each a field of
/// the list's items.
macro_rules! bind_rows {
    ($query:expr, $rows:expr; $($name:ident),+ $(,)?) => {{
        let rows = $rows.iter().map(|row| serde_json::json!({ $(stringify!($name): row.$name),+ }));
        $query.bind(rows.collect::<serde_json::Value>().to_string())
    }};
}
pub(super) use bind_rows;

/// Whether a text column holds a text: `holds!("search_key", "$1")`.
macro_rules! holds {
    ($column:literal, $text:literal) => {
        concat!("instr(", $column, ", ", $text, ") > 0")
    };
}
pub(super) use holds;

/// Whether the error is a violation of this unique index (Postgres) over these columns (SQLite).
pub(super) fn violates(error: &sqlx::Error, _index: &str, columns: &str) -> bool {
    error.as_database_error().is_some_and(|cause| {
        cause
            .message()
            .strip_prefix("UNIQUE constraint failed: ")
            .is_some_and(|failed| failed == columns)
    })
}

const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// The one connection that writes is a lock, too.
fn busy<T>(taken: Result<T, sqlx::Error>) -> Result<T, StoreError> {
    match taken {
        Err(error @ sqlx::Error::PoolTimedOut) => Err(StoreError::Busy(error.into())),
        other => Ok(other?),
    }
}

impl Store {
    /// Where a single statement that only reads runs.
    pub(super) fn reader(&self) -> &sqlx::Pool<Db> {
        &self.readers
    }

    /// A transaction that sees one snapshot, from its first statement, and writes nothing.
    pub(super) async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// A transaction that writes. `IMMEDIATE`, since a transaction that reads first and then writes fails at
    /// once where another process wrote in between.
    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        busy(self.writer.begin_with(BEGIN_WRITE).await)
    }

    /// The same on a connection of one's own.
    pub(super) async fn begin_write_on<'a>(
        &self,
        conn: &'a mut Conn,
    ) -> Result<sqlx::Transaction<'a, Db>, StoreError> {
        Ok(conn.begin_with(BEGIN_WRITE).await?)
    }

    /// A connection to commit sends on: the one that writes.
    pub(super) async fn sender(&self) -> Result<Taken, StoreError> {
        busy(self.writer.acquire().await)
    }

    /// Gives it back, for all who write.
    #[expect(clippy::unused_self, reason = "the other database keeps it")]
    pub(super) fn keep_sender(&self, conn: Taken) {
        drop(conn);
    }
}

/// Shows a statement's plan, line by line in the last column.
#[cfg(test)]
pub(super) const EXPLAIN: &str = "EXPLAIN QUERY PLAN ";

/// Where an empty store is, and what keeps it.
#[cfg(test)]
pub(super) async fn scratch() -> (crate::store::StoreConfig, Option<tempfile::TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::store::StoreConfig {
        url: format!("sqlite:{}", folder.path().join("plans.db").display()).into(),
        ..Default::default()
    };
    (config, Some(folder))
}

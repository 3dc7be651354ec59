//! Where Postgres differs from SQLite.

use std::fmt::Display;

use sqlx::{AssertSqlSafe, Connection as _};

use crate::error::StoreError;

pub(super) use super::PostgresStore as Store;

/// The database.
pub(super) type Db = sqlx::Postgres;
/// One connection, in a transaction or not.
pub(super) type Conn = sqlx::PgConnection;
/// A transaction; rolled back unless committed.
pub(super) type Tx = sqlx::Transaction<'static, Db>;
/// A connection out of the pool.
pub(super) type Taken = sqlx::pool::PoolConnection<Db>;

/// `column {any!("$1")}`: is one of the list bound there by [`ids`] or [`texts`].
macro_rules! any {
    ($parameter:literal) => {
        concat!("= ANY(", $parameter, ")")
    };
}
pub(super) use any;

/// The list that `any!` takes.
pub(super) fn ids(list: impl IntoIterator<Item = i64>) -> Vec<i64> {
    list.into_iter().collect()
}

/// The list that `any!` takes.
pub(super) fn texts<T: Display>(list: impl IntoIterator<Item = T>) -> Vec<String> {
    list.into_iter().map(|text| text.to_string()).collect()
}

/// The end of a `SELECT … ORDER BY` that locks its rows in that order. The lock lets others insert rows that
/// refer to them, so foreign keys never wait for it.
macro_rules! locked {
    () => {
        " FOR NO KEY UPDATE"
    };
    ($table:literal) => {
        concat!(" FOR NO KEY UPDATE OF ", $table)
    };
}
pub(super) use locked;

/// Rows given column by column, as a table: `rows!("n": room_id bigint "$1", name text "$2")`. The parameters are
/// bound by `bind_rows!` with the same columns. Types are `bigint` and `text`.
macro_rules! rows {
    ($alias:literal: $first:ident $first_type:ident $first_parameter:literal
     $(, $name:ident $type:ident $parameter:literal)* $(,)?) => {
        concat!(
            "UNNEST(CAST(", $first_parameter, " AS ", stringify!($first_type), "[])",
            $(", CAST(", $parameter, " AS ", stringify!($type), "[])",)*
            ") AS ", $alias, "(", stringify!($first), $(", ", stringify!($name),)* ")"
        )
    };
}
pub(super) use rows;

/// Binds the columns of `rows!` after what a query has bound: `bind_rows!(query, &list; room_id, name)`, each a field
/// of the list's items.
macro_rules! bind_rows {
    ($query:expr, $rows:expr; $($name:ident),+ $(,)?) => {{
        let rows = $rows;
        $query$(.bind(rows.iter().map(|row| row.$name).collect::<Vec<_>>()))+
    }};
}
pub(super) use bind_rows;

/// Whether a text column holds a text: `holds!("search_key", "$1")`.
macro_rules! holds {
    ($column:literal, $text:literal) => {
        concat!("strpos(", $column, ", ", $text, ") > 0")
    };
}
pub(super) use holds;

/// Whether the error is a violation of this unique index (Postgres) over these columns (SQLite).
pub(super) fn violates(error: &sqlx::Error, index: &str, _columns: &str) -> bool {
    error
        .as_database_error()
        .is_some_and(|cause| cause.constraint() == Some(index))
}

impl Store {
    /// Where a single statement that only reads runs.
    pub(super) fn reader(&self) -> &sqlx::Pool<Db> {
        &self.pool
    }

    /// A transaction that sees one snapshot and writes nothing.
    pub(super) async fn begin_read(&self) -> Result<Tx, StoreError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(self.pool.begin_with(begin).await?)
    }

    /// A transaction that writes. It waits for each lock only so long, then fails [`StoreError::Busy`].
    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        let begin = AssertSqlSafe(self.begin.clone());
        Ok(self.pool.begin_with(begin).await?)
    }

    /// The same on a connection of one's own.
    pub(super) async fn begin_write_on<'a>(
        &self,
        conn: &'a mut Conn,
    ) -> Result<sqlx::Transaction<'a, Db>, StoreError> {
        let begin = AssertSqlSafe(self.begin.clone());
        Ok(conn.begin_with(begin).await?)
    }

    /// A connection to commit sends on.
    pub(super) async fn sender(&self) -> Result<Taken, StoreError> {
        match self.kept.take() {
            Some(conn) => Ok(conn),
            None => Ok(self.pool.acquire().await?),
        }
    }

    /// For the next sends, after a commit on it.
    pub(super) fn keep_sender(&self, conn: Taken) {
        self.kept.put(conn, &self.pool);
    }
}

/// Shows a statement's plan, line by line in the last column.
#[cfg(test)]
pub(super) const EXPLAIN: &str = "EXPLAIN ";

/// Where an empty store is, and what keeps it.
#[cfg(test)]
pub(super) async fn scratch() -> (crate::store::StoreConfig, Option<tempfile::TempDir>) {
    let server = chapar_testkit::shared_postgres().await.unwrap();
    let config = crate::store::StoreConfig {
        url: server.create_database("plans").await.unwrap().into(),
        ..Default::default()
    };
    (config, None)
}

//! Which failures of a database pass: busy, not available, or ours.

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

use crate::error::{Error, StoreError};
use crate::measures;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let is_of_pool = matches!(error, sqlx::Error::PoolTimedOut);
        let error = classify(error);
        measures::store_error(&error, is_of_pool);
        error
    }
}

fn classify(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => StoreError::Unavailable(error.into()),
        sqlx::Error::Database(cause) => {
            let code = cause.code().unwrap_or_default();
            let class = if cause.try_downcast_ref::<PgDatabaseError>().is_some() {
                postgres(&code)
            } else {
                sqlite(&code)
            };
            match class {
                Class::Busy => StoreError::Busy(error.into()),
                Class::Unavailable => StoreError::Unavailable(error.into()),
                Class::Failed => StoreError::Failed(error.into()),
            }
        }
        _ => StoreError::Failed(error.into()),
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(cause) => cause.into(),
            other => Self::Failed(other.into()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Busy,
    Unavailable,
    Failed,
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres(code: &str) -> Class {
    match code {
        // lock_not_available, serialization_failure, deadlock_detected
        "55P03" | "40001" | "40P01" => Class::Busy,
        // read_only_sql_transaction: the primary became a replica. too_many_connections, admin_shutdown,
        // crash_shutdown, cannot_connect_now.
        "25006" | "53300" | "57P01" | "57P02" | "57P03" => Class::Unavailable,
        _ if code.starts_with("08") => Class::Unavailable,
        _ => Class::Failed,
    }
}

/// <https://www.sqlite.org/rescode.html>; the low byte of an extended code is the primary one.
fn sqlite(code: &str) -> Class {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => Class::Busy,
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        8 | 10 | 13 | 14 => Class::Unavailable,
        _ => Class::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_what_passes() {
        for busy in ["55P03", "40001", "40P01"] {
            assert_eq!(postgres(busy), Class::Busy);
        }
        assert_eq!(postgres("08006"), Class::Unavailable);
        assert_eq!(postgres("23505"), Class::Failed);
        // SQLITE_BUSY_SNAPSHOT
        assert_eq!(sqlite("517"), Class::Busy);
        assert_eq!(sqlite("13"), Class::Unavailable);
        // SQLITE_CONSTRAINT_UNIQUE
        assert_eq!(sqlite("2067"), Class::Failed);
    }
}

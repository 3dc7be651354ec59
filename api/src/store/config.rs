//! Which database, and how much of it one node takes.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{PostgresStore, SqliteStore, Store};
use crate::error::StoreError;

/// Section `store` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `postgres://user:password@host:port/database`, or `sqlite:path/to/file.db` for one process alone;
    /// `sqlite:data/chapar.db`. The file and its folder are made where they are missing.
    pub url: SecretString,
    /// Connections of one node; 10. Fewer make requests wait for each other; all nodes' together must stay
    /// below the server's `max_connections`. With SQLite these are readers, beside one writer.
    pub max_connections: u32,
    /// How long a request waits for a connection; 5s. Then it is answered `unavailable`.
    #[serde(with = "chapar_shared::duration")]
    pub acquire_timeout: Duration,
    /// How long a transaction waits for a lock; 2s. Then it is rolled back and may be tried again. Lower
    /// refuses more under load, higher lets one stuck transaction hold up more of them.
    #[serde(with = "chapar_shared::duration")]
    pub lock_timeout: Duration,
    /// Prepared statements kept for each connection; 200. 0 behind a proxy that pools transactions, where
    /// the next statement may run on another connection.
    pub statement_cache: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:data/chapar.db".into(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            statement_cache: 200,
        }
    }
}

/// The store of the URL's scheme. Connects when it is first used; [`Store::migrate`] comes first.
///
/// # Errors
/// [`StoreError::Failed`] for a URL that names no store; it is not repeated, since it holds a password.
pub fn open(config: &StoreConfig) -> Result<Arc<dyn Store>, StoreError> {
    let (scheme, _) = config
        .url
        .expose_secret()
        .split_once(':')
        .unwrap_or_default();
    match scheme {
        "postgres" | "postgresql" => Ok(Arc::new(PostgresStore::open(config)?)),
        "sqlite" => Ok(Arc::new(SqliteStore::open(config)?)),
        _ => Err(StoreError::Failed(
            "store.url must begin with postgres: or sqlite:".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_name_no_store_are_refused_without_being_told() {
        for url in ["", "mysql://u:geheim@h/d", "geheim", "sqlite::memory:"] {
            let config = StoreConfig {
                url: url.into(),
                ..StoreConfig::default()
            };
            let refused = format!("{:?}", open(&config).unwrap_err());
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }
}

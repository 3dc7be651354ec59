//! Sections `store` and `broker`: what stands behind the nodes.

use std::path::Path;
use std::time::Duration;

use chapar_broker::redis::RedisConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::show;

/// Section `store`: the database of the api role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`. Unset: `chapar.db` in `data_dir`.
    #[serde(serialize_with = "show::url")]
    pub url: Option<SecretString>,
    /// Connections to Postgres, or readers of SQLite (which has one writer); 10. Times the api nodes it must
    /// stay below Postgres' `max_connections`. Too low: requests wait; too high: Postgres slows down.
    pub max_connections: u32,
    /// How long a request waits for a connection; `5s`. Then it is answered 503.
    #[serde(with = "chapar_shared::duration")]
    pub acquire_timeout: Duration,
    /// How long a statement waits for a row that somebody else holds; `2s`.
    #[serde(with = "chapar_shared::duration")]
    pub lock_timeout: Duration,
    /// Prepared statements kept for each connection; 200. 0 behind a proxy that pools transactions, where the
    /// next statement may run on another connection.
    pub statement_cache: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            statement_cache: 200,
        }
    }
}

/// Which database a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A file of this node.
    Sqlite,
    /// A server that nodes share.
    Postgres,
}

impl StoreConfig {
    /// The URL, with the default of one process filled in.
    pub fn url(&self, data_dir: &Path) -> SecretString {
        self.url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", data_dir.join("chapar.db").display()).into())
    }

    /// By the URL's scheme; `None` for one that is not known.
    pub fn kind(&self) -> Option<StoreKind> {
        let Some(url) = &self.url else {
            return Some(StoreKind::Sqlite);
        };
        match url.expose_secret().split_once(':')?.0 {
            "sqlite" => Some(StoreKind::Sqlite),
            "postgres" | "postgresql" => Some(StoreKind::Postgres),
            _ => None,
        }
    }
}

/// Section `broker`: events between nodes, presence and rate limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerConfig {
    /// `memory` within one process; between nodes `redis://HOST`, `rediss://HOST`, `redis-sentinel://…` or
    /// `redis-cluster://…`.
    #[serde(serialize_with = "show::required_url")]
    pub url: SecretString,
    /// What the names of channels and keys begin with; `chapar`. Deployments that share a Redis differ in it.
    pub prefix: String,
    /// How long a command may take; `1s`. Lower gives up on a busy Redis; higher holds up senders when it hangs.
    #[serde(with = "chapar_shared::duration")]
    pub command_timeout: Duration,
    /// How often the link is proven by a message to oneself; `5s`. A dead link is noticed within twice this.
    #[serde(with = "chapar_shared::duration")]
    pub probe_interval: Duration,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            url: "memory".into(),
            prefix: "chapar".into(),
            command_timeout: Duration::from_secs(1),
            probe_interval: Duration::from_secs(5),
        }
    }
}

impl BrokerConfig {
    /// Within one process only.
    pub fn is_memory(&self) -> bool {
        self.url.expose_secret() == "memory"
    }

    /// For a Redis.
    pub fn redis(&self) -> RedisConfig {
        RedisConfig {
            url: self.url.clone(),
            prefix: self.prefix.clone(),
            command_timeout: self.command_timeout,
            probe_interval: self.probe_interval,
            ..RedisConfig::default()
        }
    }
}

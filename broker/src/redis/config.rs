//! Section `redis` of the configuration.

use std::time::Duration;

use fred::types::RespVersion;
use fred::types::config::{ClusterDiscoveryPolicy, Config, ServerConfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// How the servers hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One server, or what looks like one.
    Standalone,
    /// A master that Sentinels name.
    Sentinel,
    /// Redis Cluster 7 or newer, with sharded pub/sub.
    Cluster,
}

/// Section `redis`: how to reach Redis and how patient to be. Durations read `5s`, `250ms`, `1m`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// Where Redis is; `redis://127.0.0.1:6379`. The scheme names the mode: `redis://`, `redis-sentinel://`
    /// (with `?sentinelServiceName=…`), `redis-cluster://`; `rediss…` adds TLS. Further Sentinels and cluster
    /// nodes follow as `?node=host:port&node=…`. It may hold a user and a password, so it is a secret.
    pub url: SecretString,
    /// The mode where the scheme does not say it, as `redis://` before a managed cluster; by the scheme.
    pub mode: Option<Mode>,
    /// Before every key and channel; `chapar`. Deployments that share a Redis need one each, since pub/sub
    /// knows no database numbers.
    pub prefix: String,
    /// For a new connection, TLS and sign-in included; `3s`.
    #[serde(deserialize_with = "chapar_shared::duration::deserialize")]
    pub connect_timeout: Duration,
    /// For one command or pipeline; `1s`. Lower gives up on a busy Redis; higher holds up senders when it hangs.
    #[serde(deserialize_with = "chapar_shared::duration::deserialize")]
    pub command_timeout: Duration,
    /// For one chunk of a subscription to be confirmed; `2s`.
    #[serde(deserialize_with = "chapar_shared::duration::deserialize")]
    pub subscribe_timeout: Duration,
    /// Longest pause between attempts to connect; `2s`.
    #[serde(deserialize_with = "chapar_shared::duration::deserialize")]
    pub max_reconnect_delay: Duration,
    /// How often the link is proven by a message to oneself; `5s`. A dead link is noticed within twice this.
    #[serde(deserialize_with = "chapar_shared::duration::deserialize")]
    pub probe_interval: Duration,
    /// How often all subscriptions are renewed; `30s`, in Cluster mode `1s`: there it bounds how long a moved
    /// slot is deaf. A round costs a command for 1,000 channels, in Cluster mode for each partition in use.
    #[serde(deserialize_with = "optional_duration")]
    pub renew_interval: Option<Duration>,
    /// Messages read from Redis and not yet looked at; 16,384. Beyond it messages are lost and counted as a gap. They
    /// are only handed on, so that few wait; and fred makes room for as many in ten channels at once, 750 bytes each.
    pub max_incoming: usize,
    /// Deliveries the node's router may be behind; 65,536. Beyond it messages are lost and counted as a gap.
    pub max_deliveries: usize,
    /// Commands waiting for one connection; 65,536. Beyond it they fail at once.
    pub max_commands: usize,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: SecretString::from("redis://127.0.0.1:6379"),
            mode: None,
            prefix: "chapar".to_owned(),
            connect_timeout: Duration::from_secs(3),
            command_timeout: Duration::from_secs(1),
            subscribe_timeout: Duration::from_secs(2),
            max_reconnect_delay: Duration::from_secs(2),
            probe_interval: Duration::from_secs(5),
            renew_interval: None,
            max_incoming: 16_384,
            max_deliveries: 65_536,
            max_commands: 65_536,
        }
    }
}

const SCHEMES: [&str; 6] = [
    "redis",
    "rediss",
    "redis-sentinel",
    "rediss-sentinel",
    "redis-cluster",
    "rediss-cluster",
];

/// What is wrong with a [`RedisConfig`]. It never shows the URL.
#[derive(Debug, thiserror::Error)]
pub enum RedisConfigError {
    /// Not a URL that Redis clients understand.
    #[error("redis.url: {0}")]
    Url(String),
    /// A value out of range.
    #[error("redis.{name}: {reason}")]
    Value {
        /// The field.
        name: &'static str,
        /// What it must be.
        reason: &'static str,
    },
}

impl RedisConfig {
    /// Checks every field, without connecting.
    ///
    /// # Errors
    /// [`RedisConfigError`] names the first field that makes no sense.
    pub fn validate(&self) -> Result<(), RedisConfigError> {
        self.parse().map(|_| ())
    }

    pub(super) fn parse(&self) -> Result<Config, RedisConfigError> {
        let url = self.url.expose_secret();
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        if !SCHEMES.contains(&scheme) {
            return Err(RedisConfigError::Url(format!(
                "starts with none of {}, and ://",
                SCHEMES.join(", ")
            )));
        }
        let mut config = Config::from_url(url)
            .map_err(|error| RedisConfigError::Url(error.details().to_owned()))?;
        config.server = match (self.mode, config.server) {
            (None, server)
            | (Some(Mode::Standalone), server @ ServerConfig::Centralized { .. })
            | (Some(Mode::Sentinel), server @ ServerConfig::Sentinel { .. })
            | (Some(Mode::Cluster), server @ ServerConfig::Clustered { .. }) => server,
            (Some(Mode::Cluster), ServerConfig::Centralized { server }) => {
                ServerConfig::Clustered {
                    hosts: vec![server],
                    policy: ClusterDiscoveryPolicy::default(),
                }
            }
            (Some(_), _) => {
                return Err(RedisConfigError::Value {
                    name: "mode",
                    reason: "contradicts the scheme of redis.url",
                });
            }
        };
        if let ServerConfig::Clustered { policy, .. } = &mut config.server {
            // Whoever was configured may be the one that died; the others are known by then.
            *policy = ClusterDiscoveryPolicy::UseCache;
        }
        config.version = RespVersion::RESP3;
        // The first connection is tried again like any other.
        config.fail_fast = false;

        let is_name = |text: &str| {
            !text.is_empty() && text.len() <= 64 && !text.contains(['{', '}']) && text.is_ascii()
        };
        if !is_name(&self.prefix) {
            return Err(RedisConfigError::Value {
                name: "prefix",
                reason: "must be 1 to 64 ASCII characters without braces",
            });
        }
        for (name, duration) in [
            ("connect_timeout", Some(self.connect_timeout)),
            ("command_timeout", Some(self.command_timeout)),
            ("subscribe_timeout", Some(self.subscribe_timeout)),
            ("max_reconnect_delay", Some(self.max_reconnect_delay)),
            ("probe_interval", Some(self.probe_interval)),
            ("renew_interval", self.renew_interval),
        ] {
            let range = Duration::from_millis(10)..=Duration::from_hours(1);
            if duration.is_some_and(|duration| !range.contains(&duration)) {
                return Err(RedisConfigError::Value {
                    name,
                    reason: "must lie between 10ms and 60m",
                });
            }
        }
        for (name, value) in [
            ("max_incoming", self.max_incoming),
            ("max_deliveries", self.max_deliveries),
            ("max_commands", self.max_commands),
        ] {
            if !(16..=16_777_216).contains(&value) {
                return Err(RedisConfigError::Value {
                    name,
                    reason: "must lie between 16 and 16777216",
                });
            }
        }
        Ok(config)
    }
}

fn optional_duration<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    chapar_shared::duration::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<RedisConfig, String> {
        let config: RedisConfig =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn defaults_and_every_scheme_are_valid() {
        read(json!({})).unwrap();
        for url in [
            "redis://user:secret@host:1/2",
            "rediss://host",
            "redis-cluster://a:1?node=b:2",
            "rediss-sentinel://a:1?node=b:2&sentinelServiceName=chapar",
        ] {
            read(json!({ "url": url })).unwrap();
        }
        let config = read(json!({ "renew_interval": "250ms", "mode": "cluster" })).unwrap();
        assert_eq!(config.renew_interval, Some(Duration::from_millis(250)));
    }

    #[test]
    fn refusals_name_the_field_and_keep_the_secret() {
        for (value, name) in [
            (json!({ "urls": "redis://a" }), "urls"),
            (json!({ "url": "http://secret" }), "redis.url"),
            (json!({ "mode": "sentinel" }), "redis.mode"),
            (json!({ "prefix": "a{b}" }), "redis.prefix"),
            (json!({ "probe_interval": "0s" }), "redis.probe_interval"),
            (json!({ "probe_interval": "5" }), "duration"),
            (json!({ "max_incoming": 1 }), "redis.max_incoming"),
        ] {
            let error = read(value).unwrap_err();
            assert!(error.contains(name), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let config = read(json!({ "url": "redis://:secret@host" })).unwrap();
        assert!(!format!("{config:?}").contains("secret"));
    }
}

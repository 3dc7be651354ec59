//! The suite against one Redis and against a Redis Cluster of three masters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chapar_broker::redis::{RedisBroker, RedisConfig, RedisPresence, RedisRateLimiter};
use chapar_broker::{Broker, Link, Presence, RateLimiter};
use chapar_testkit::{RedisCluster, shared_redis};
use tokio::sync::OnceCell;

use crate::contract::{Deployment, wait_for_link};

static LAST: AtomicU64 = AtomicU64::new(0);
static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

/// A configuration for tests: names of its own, and little patience, so that faults show soon.
pub(crate) fn config(url: &str) -> RedisConfig {
    RedisConfig {
        url: url.into(),
        prefix: format!("test{}", LAST.fetch_add(1, Ordering::Relaxed)),
        probe_interval: Duration::from_millis(500),
        max_reconnect_delay: Duration::from_millis(200),
        ..RedisConfig::default()
    }
}

/// A deployment with a prefix of its own on a Redis.
pub(crate) struct Deployed(pub(crate) RedisConfig);

impl Deployed {
    async fn standalone() -> Self {
        Self(config(&shared_redis().await.unwrap().url()))
    }

    async fn cluster() -> Self {
        let cluster = CLUSTER
            .get_or_try_init(|| RedisCluster::start(3, 0))
            .await
            .unwrap();
        Self(config(&cluster.url()))
    }
}

#[async_trait]
impl Deployment for Deployed {
    async fn broker(&self, capacity: usize) -> Arc<dyn Broker> {
        let config = RedisConfig {
            max_deliveries: capacity,
            ..self.0.clone()
        };
        let node = LAST.fetch_add(1, Ordering::Relaxed);
        let broker = RedisBroker::connect(&config, node).unwrap();
        wait_for_link(&broker, Link::Proven).await;
        Arc::new(broker)
    }

    async fn presence(&self, lease: Duration) -> Arc<dyn Presence> {
        let node = LAST.fetch_add(1, Ordering::Relaxed);
        let presence = RedisPresence::connect(&self.0, node)
            .unwrap()
            .with_lease(lease);
        while presence.renew(&[chapar_shared::UserId(-1)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Arc::new(presence)
    }

    async fn limiter(&self) -> Arc<dyn RateLimiter> {
        let limiter = RedisRateLimiter::connect(&self.0).unwrap();
        while !limiter.is_connected() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Arc::new(limiter)
    }
}

mod standalone {
    use super::Deployed;
    use crate::contract::suite;

    suite!(
        tokio::test(flavor = "multi_thread", worker_threads = 2),
        Deployed::standalone().await
    );
}

mod cluster {
    use super::Deployed;
    use crate::contract::suite;

    suite!(
        tokio::test(flavor = "multi_thread", worker_threads = 2),
        Deployed::cluster().await
    );
}

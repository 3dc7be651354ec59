//! What nodes share while they run, as the configuration names it.

use std::sync::Arc;
use std::time::Duration;

use chapar_broker::memory::{MemoryBus, MemoryRateLimiter, PresenceBoard};
use chapar_broker::redis::{RedisBroker, RedisConfigError, RedisPresence, RedisRateLimiter};
use chapar_broker::{Broker, Link, Presence, RateLimiter};
use futures_util::future::BoxFuture;

use super::{Check, Stop};
use crate::config::BrokerConfig;

/// Deliveries that the router of one process may be behind.
const DELIVERIES: usize = 65_536;

/// A node's broker, presence and rate limiter.
pub(super) struct Bus {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) presence: Arc<dyn Presence>,
    pub(super) limiter: Arc<dyn RateLimiter>,
    /// Closes all three.
    pub(super) close: Stop,
}

impl Bus {
    /// For the node of that id; connections are made in the background.
    ///
    /// # Errors
    /// A Redis address that cannot be used.
    pub(super) fn open(config: &BrokerConfig, node: u64) -> Result<Self, RedisConfigError> {
        if config.is_memory() {
            let broker: Arc<dyn Broker> = Arc::new(MemoryBus::default().node(DELIVERIES));
            let closing = Arc::clone(&broker);
            return Ok(Self {
                broker,
                presence: Arc::new(PresenceBoard::default().node(node)),
                limiter: Arc::new(MemoryRateLimiter::default()),
                close: Box::new(move |_| Box::pin(async move { closing.close().await })),
            });
        }
        let config = config.redis();
        let broker = Arc::new(RedisBroker::connect(&config, node)?);
        let presence = Arc::new(RedisPresence::connect(&config, node)?);
        let limiter = Arc::new(RedisRateLimiter::connect(&config)?);
        let closing = (
            Arc::clone(&broker),
            Arc::clone(&presence),
            Arc::clone(&limiter),
        );
        Ok(Self {
            broker,
            presence,
            limiter,
            close: Box::new(move |_| {
                Box::pin(async move {
                    let (broker, presence, limiter) = closing;
                    futures_util::join!(broker.close(), presence.close(), limiter.close());
                })
            }),
        })
    }

    /// Waits until what is published arrives, so long at most.
    pub(super) async fn until_linked(&self, patience: Duration) {
        let mut link = self.broker.link();
        let linked = link.wait_for(|link| *link == Link::Proven);
        if tokio::time::timeout(patience, linked).await.is_err() {
            tracing::warn!(
                "the broker cannot be reached: nodes hear of what is done within seconds"
            );
        }
    }

    /// Whether what is published arrives.
    pub(super) fn check(&self) -> Check {
        let link = self.broker.link();
        let ask = move || {
            let state = *link.borrow();
            let answer = async move {
                match state {
                    Link::Proven => Ok(()),
                    Link::Unproven => Err("not proven".to_owned()),
                    Link::Down => Err("not connected".to_owned()),
                }
            };
            Box::pin(answer) as BoxFuture<'static, _>
        };
        ("broker", Box::new(ask))
    }
}

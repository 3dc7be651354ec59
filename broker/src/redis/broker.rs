//! Publish and subscribe over Redis: the surface. What keeps subscriptions alive is in [`super::subscriber`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chapar_shared::envelope::Channel;
use fred::clients::Client;
use fred::interfaces::PubsubInterface as _;
use fred::types::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::channels::split;
use super::config::{RedisConfig, RedisConfigError};
use super::connection::{Connection, unreachable, within};
use super::script::{Call, Script};
use super::subscriber::{Subscriber, supervise};
use crate::{Broker, BrokerError, Delivery, Link};

/// Messages published in one call; a server does nothing else meanwhile.
const MAX_PUBLISHED: usize = 256;

/// The [`Broker`] of a cluster.
///
/// Payloads that start with a zero byte followed by `chapar:` are its own and are not delivered; envelopes,
/// which are JSON, never do. In Cluster mode a message that meets a slot on the move may be overtaken.
pub struct RedisBroker {
    publisher: Arc<Connection>,
    script: Script,
    subscriber: Arc<Subscriber>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl RedisBroker {
    /// Starts connecting in the background: with Redis away the link is [`Link::Down`] until it comes. `node`
    /// names the channel of the probe, and is one live node's alone.
    ///
    /// # Errors
    /// Only for what [`RedisConfig::validate`] refuses.
    pub fn connect(config: &RedisConfig, node: u64) -> Result<Self, RedisConfigError> {
        let publisher = Arc::new(Connection::open(config)?);
        let is_cluster = publisher.is_cluster();
        let subscriber = Arc::new(Subscriber::new(config.clone(), is_cluster, node));
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        tasks.spawn(supervise(
            Arc::clone(&subscriber),
            Arc::clone(&publisher),
            tasks.clone(),
            stop.clone(),
        ));
        tasks.close();
        Ok(Self {
            publisher,
            script: Script::new(include_str!("publish.lua")),
            subscriber,
            tasks,
            stop,
        })
    }

    async fn send(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError> {
        let client = self.publisher.connected()?;
        let limit = self.subscriber.config.command_timeout;
        let named = |(channel, message)| (self.subscriber.name(channel), message);
        if self.subscriber.is_cluster {
            let pipeline = client.pipeline();
            for (name, message) in batch.into_iter().map(named) {
                pipeline.spublish::<(), _, _>(name, message).await?;
            }
            return within(limit, pipeline.all::<Value>()).await.map(|_| ());
        }
        // A script, since each command of a pipeline is a task, a write and an answer of its own. One call after the
        // other: a server that does not know the script must not run a later call before an earlier one.
        let mut batch = batch.into_iter().map(named).peekable();
        while batch.peek().is_some() {
            let some = batch.by_ref().take(MAX_PUBLISHED);
            let args = some.flat_map(|(name, message)| [name.into(), Value::Bytes(message)]);
            let call = Call {
                keys: Vec::new(),
                args: args.collect(),
            };
            for answer in self.script.run(&client, &[call], limit).await? {
                answer?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Broker for RedisBroker {
    async fn publish(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError> {
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len() as u64;
        let meters = &self.subscriber.meters;
        let since = Instant::now();
        let result = self.send(batch).await;
        meters.publish.record(since.elapsed());
        match result {
            Ok(()) => meters.published.increment(count),
            Err(_) => meters.publish_errors.increment(count),
        }
        result
    }

    async fn subscribe(&self, channels: &[Channel]) -> Result<(), BrokerError> {
        if channels.is_empty() {
            return Ok(());
        }
        let subscriber = &self.subscriber;
        subscriber.channels.add(channels);
        let client = subscriber
            .client()
            .ok_or_else(|| unreachable("not connected"))?;
        let doubt = Doubt(Some(subscriber));
        for chunk in split(channels, subscriber.is_cluster) {
            subscriber.establish(&client, &chunk, true).await?;
        }
        doubt.dispel();
        Ok(())
    }

    async fn unsubscribe(&self, channels: &[Channel]) {
        let subscriber = &self.subscriber;
        subscriber.channels.remove(channels);
        if let Some(client) = subscriber.client() {
            for chunk in split(channels, subscriber.is_cluster) {
                subscriber.abandon(&client, &chunk).await;
            }
        }
    }

    fn deliveries(&self) -> mpsc::Receiver<Delivery> {
        self.subscriber.queue.take_receiver()
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.subscriber.link.subscribe()
    }

    async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.publisher.close().await;
    }
}

impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for RedisBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBroker")
            .field("link", &*self.subscriber.link.borrow())
            .finish_non_exhaustive()
    }
}

/// Asks the supervisor to renew everything, and to report a gap, unless the subscription it stands for was
/// confirmed: it failed, or its future was dropped midway.
struct Doubt<'a>(Option<&'a Subscriber>);

impl Doubt<'_> {
    fn dispel(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(subscriber) = self.0 {
            subscriber.doubt.notify_one();
        }
    }
}

/// Publishes one message on any connection.
pub(super) async fn publish_one(
    client: &Client,
    is_cluster: bool,
    name: String,
    message: Bytes,
) -> Result<(), fred::error::Error> {
    if is_cluster {
        client.spublish(name, message).await
    } else {
        client.publish(name, message).await
    }
}

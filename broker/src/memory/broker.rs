//! Publish and subscribe in one process.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use chapar_shared::envelope::Channel;
use tokio::sync::{mpsc, watch};

use crate::meters::Meters;
use crate::queue::DeliveryQueue;
use crate::{Broker, BrokerError, Delivery, Link};

/// What the nodes of one process publish on; each takes a [`MemoryBroker`] from it.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus {
    inner: Arc<Bus>,
}

#[derive(Debug, Default)]
struct Bus {
    listeners: RwLock<HashMap<Channel, HashMap<u64, Arc<DeliveryQueue>>>>,
    last_node: AtomicU64,
}

impl MemoryBus {
    /// A node's broker, whose reader may be `capacity` deliveries behind before it gets a gap.
    pub fn node(&self, capacity: usize) -> MemoryBroker {
        let meters = Meters::new();
        meters.set_link(Link::Proven);
        MemoryBroker {
            bus: Arc::clone(&self.inner),
            node: self.inner.last_node.fetch_add(1, Ordering::Relaxed),
            queue: Arc::new(DeliveryQueue::new(capacity)),
            link: watch::Sender::new(Link::Proven),
            meters,
        }
    }
}

/// One node's handle on a [`MemoryBus`]. Its link is always proven.
pub struct MemoryBroker {
    bus: Arc<Bus>,
    node: u64,
    queue: Arc<DeliveryQueue>,
    link: watch::Sender<Link>,
    meters: Meters,
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError> {
        let since = Instant::now();
        self.meters.published.increment(batch.len() as u64);
        let listeners = self
            .bus
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for (channel, message) in batch {
            for queue in listeners
                .get(&channel)
                .into_iter()
                .flat_map(HashMap::values)
            {
                if queue.push(Delivery::Message(channel, message.clone())) {
                    self.meters.deliveries.increment(1);
                } else {
                    self.meters.gaps.increment(1);
                }
            }
        }
        self.meters.publish.record(since.elapsed());
        Ok(())
    }

    async fn subscribe(&self, channels: &[Channel]) -> Result<(), BrokerError> {
        let mut listeners = self
            .bus
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for &channel in channels {
            listeners
                .entry(channel)
                .or_default()
                .insert(self.node, Arc::clone(&self.queue));
        }
        Ok(())
    }

    async fn unsubscribe(&self, channels: &[Channel]) {
        let mut listeners = self
            .bus
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for channel in channels.iter().collect::<HashSet<_>>() {
            if let Some(nodes) = listeners.get_mut(channel) {
                nodes.remove(&self.node);
                if nodes.is_empty() {
                    listeners.remove(channel);
                }
            }
        }
    }

    fn deliveries(&self) -> mpsc::Receiver<Delivery> {
        self.queue.take_receiver()
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    async fn close(&self) {
        let mut listeners = self
            .bus
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, nodes| {
            nodes.remove(&self.node);
            !nodes.is_empty()
        });
        self.link.send_replace(Link::Down);
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

//! The suite in one process, on Tokio's paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chapar_broker::memory::{MemoryBus, MemoryRateLimiter, PresenceBoard};
use chapar_broker::{Broker, Presence, RateLimiter};

use crate::contract::{Deployment, suite};

#[derive(Default)]
struct Memory {
    bus: MemoryBus,
    board: PresenceBoard,
    limiter: MemoryRateLimiter,
    nodes: AtomicU64,
}

#[async_trait]
impl Deployment for Memory {
    async fn broker(&self, capacity: usize) -> Arc<dyn Broker> {
        Arc::new(self.bus.node(capacity))
    }

    async fn presence(&self, lease: Duration) -> Arc<dyn Presence> {
        let node = self.nodes.fetch_add(1, Ordering::Relaxed);
        Arc::new(self.board.node(node).with_lease(lease))
    }

    async fn limiter(&self) -> Arc<dyn RateLimiter> {
        Arc::new(self.limiter.clone())
    }
}

suite!(tokio::test(start_paused = true), Memory::default());

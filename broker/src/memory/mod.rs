//! The contracts within one process: for a deployment of one node, and for tests with several.

mod broker;
mod limiter;
mod presence;

pub use broker::{MemoryBroker, MemoryBus};
pub use limiter::MemoryRateLimiter;
pub use presence::{MemoryPresence, PresenceBoard};

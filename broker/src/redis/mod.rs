//! The contracts over Redis: one server, Sentinel, or Cluster. The only place that names fred.
//!
//! fred is not trusted to keep subscriptions alive: its message stream drops what a slow reader leaves, its
//! resubscription fails quietly, and in Cluster mode a moved slot or a failover leaves channels dead without an
//! error. So [`RedisBroker`] keeps the set of channels itself, renews it, and proves the link with a message
//! to itself. Every command has a deadline, every queue a bound.
//!
//! Invariants: connecting never fails for Redis being away, only for a configuration that makes no sense;
//! what publishes and what subscribes are separate connections; nothing published is tried twice.

mod broker;
mod channels;
mod config;
mod connection;
mod limiter;
mod presence;
mod script;
mod subscriber;
mod wire;

pub use broker::RedisBroker;
pub use config::{Mode, RedisConfig, RedisConfigError};
pub use limiter::RedisRateLimiter;
pub use presence::RedisPresence;

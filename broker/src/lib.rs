//! What nodes share while they run: a [`Broker`] for events, [`Presence`], a [`RateLimiter`].
//!
//! Nothing here is the truth. A broker may lose any message, presence may be stale, a limiter may forget:
//! the store makes all of it good. Each contract has two implementations, in [`memory`] for one process and
//! in [`redis`] for a cluster, and one suite that both pass, `tests/it/contract.rs`.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use chapar_shared::envelope::Channel;
use chapar_shared::limits::Bucket;
use chapar_shared::{Timestamp, UserId};

mod bucket;
pub mod memory;
mod meters;
mod queue;
pub mod redis;

/// Why the broker did not do what it was asked. The caller counts it and goes on: what was to be published
/// is announced by the sweeper, what was to be subscribed is renewed by the broker's supervisor.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no link at the moment, or it did not answer in time.
    #[error("broker is not reachable")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Publish and subscribe between nodes.
///
/// Delivery is at most once. Messages that one node publishes on one channel arrive in the order of its
/// publishing, or not at all; there is no order between nodes or channels.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync + 'static {
    /// Publishes a batch in one round trip, in order. Tried once.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`]: some or all of it may not have been published.
    async fn publish(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError>;

    /// Subscribes this node. On `Ok` every message published from now on arrives, while the link holds.
    /// Subscribing twice is subscribing once: counting is the caller's.
    ///
    /// On an error the channels stay in the set that the supervisor renews, so the caller either
    /// unsubscribes or waits for [`Delivery::Gap`]. Dropping the future midway is an error of that kind.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`]: not confirmed.
    async fn subscribe(&self, channels: &[Channel]) -> Result<(), BrokerError>;

    /// Unsubscribes this node; messages on their way may still arrive.
    async fn unsubscribe(&self, channels: &[Channel]);

    /// What arrives, for the one task that routes it. That task waits for no client: the stream is bounded,
    /// and what does not fit becomes a [`Delivery::Gap`].
    ///
    /// # Panics
    /// When called a second time.
    fn deliveries(&self) -> mpsc::Receiver<Delivery>;

    /// Whether what is published arrives.
    fn link(&self) -> watch::Receiver<Link>;

    /// Ends the broker's tasks and connections and waits for them.
    async fn close(&self);
}

/// One item of [`Broker::deliveries`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A published message.
    Message(Channel, Bytes),
    /// Messages may be missing on every channel (lag, relink): compare heads and versions.
    Gap,
}

/// The state of a broker's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A message to itself came back within the probe's interval.
    Proven,
    /// Up, but not proven since it was made or since a probe went missing.
    Unproven,
    /// Not connected.
    Down,
}

/// Who is online, by leases that a node renews and that end with it.
///
/// A user is online while at least one node holds a lease on them.
#[async_trait]
pub trait Presence: fmt::Debug + Send + Sync + 'static {
    /// Takes or renews this node's leases on `users`. A node renews well within [`PRESENCE_LEASE`]. Returns those of
    /// them who were on no node before.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`]: try again at the next renewal.
    async fn renew(&self, users: &[UserId]) -> Result<Vec<UserId>, BrokerError>;

    /// Gives this node's leases up and keeps `at` as the time they were last seen. Returns those of them who
    /// are now on no node at all.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`]: the leases run out by themselves.
    async fn release(&self, users: &[UserId], at: Timestamp) -> Result<Vec<UserId>, BrokerError>;

    /// Lets this node's leases end `after` so long at the latest, unless it renews them: for a node that goes, whose
    /// users may be on their way to another one. Nobody needs to tell of the end; it is when they were last seen.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`]: the leases run out in their own time.
    async fn let_go(&self, users: &[UserId], after: Duration) -> Result<(), BrokerError>;

    /// The state of `users`; those never seen are left out.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`], where there is not even a last known state.
    async fn states(&self, users: &[UserId])
    -> Result<HashMap<UserId, PresenceState>, BrokerError>;
}

/// How long a lease lasts without renewal: a dead node's users are offline within this time.
///
/// Longer than the 10 s in which somebody may come back unnoticed, counted from the last renewal of a node that
/// died; with the time until watchers are told, well below the 45 s in which they must be.
pub const PRESENCE_LEASE: Duration = Duration::from_secs(30);

/// Whether a user is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceState {
    /// A node holds a lease on them.
    pub is_online: bool,
    /// When a node last gave its lease up or let it run out; `None` where that is not known.
    pub last_seen: Option<Timestamp>,
}

/// Token buckets shared by all nodes.
#[async_trait]
pub trait RateLimiter: fmt::Debug + Send + Sync + 'static {
    /// Takes one token from every demand's bucket, or from none of them: a refusal costs nothing. Answers
    /// one verdict per demand group, in order.
    ///
    /// Never fails: without a link each node falls back to buckets of its own.
    async fn take(&self, demands: &[Vec<Demand>]) -> Vec<Verdict>;

    /// Whether [`RateLimiter::take`] would allow it now; takes nothing. For what only failures count
    /// against, as logins do.
    async fn peek(&self, demand: &Demand) -> Verdict;
}

/// A bucket by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Names the bucket within a deployment: `send:{12}:7`. Where the keys of a group have the same text in
    /// braces, as this one and `send:{12}`, they lie together, and the group is taken exactly and at once.
    pub key: String,
    /// Its size and refill.
    pub bucket: Bucket,
}

/// A limiter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Allowed,
    /// Nothing taken.
    Limited {
        /// When all buckets of the group will have a token.
        retry_after: Duration,
    },
}

//! Telling the gateways after a commit. Tried once: what is lost here the sweeper announces.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Span;

use chapar_broker::Broker;
use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::{RoomId, Seq, UserId};

use super::present;
use crate::measures;
use crate::media::Links;
use crate::store::{ChangeRecord, Committed};

#[cfg(test)]
pub(crate) mod fixtures;

/// What is published, and where.
pub type Batch = Vec<(Channel, Bytes)>;

/// Publishes what was committed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Publisher {
    broker: Arc<dyn Broker>,
    links: Links,
    published: Arc<Mutex<Published>>,
}

impl Publisher {
    /// Over this broker, with file addresses signed by `links`.
    pub fn new(broker: Arc<dyn Broker>, links: Links) -> Self {
        let published = Arc::new(Mutex::new(Published::new()));
        Self {
            broker,
            links,
            published,
        }
    }

    /// Publishes everything that one unit of work committed, in one round trip. `trace` is the command's
    /// W3C `traceparent`.
    pub async fn committed(&self, committed: &Committed, trace: Option<&str>) {
        self.committed_with(committed, |_| trace, Vec::new()).await;
    }

    /// As [`Publisher::committed`], with each change's own trace, and more envelopes in the same round trip. The
    /// round trip shows in the trace of each.
    pub async fn committed_with<'a>(
        &self,
        committed: &Committed,
        trace: impl Fn(&ChangeRecord) -> Option<&'a str>,
        more: Batch,
    ) {
        let mut spans = Vec::new();
        let changes = committed.changes.iter().map(|change| {
            let span = trace(change).map(publishing);
            let traceparent = span.as_ref().and_then(chapar_trace::traceparent);
            spans.extend(span);
            let envelope = Envelope::Change(present::change(change, traceparent, &self.links));
            (Channel::Room(change.room), Bytes::from(envelope.encode()))
        });
        let users = committed.users.iter().map(|bump| {
            let envelope = Envelope::User(present::user_change(bump, &self.links));
            (Channel::User(bump.user), Bytes::from(envelope.encode()))
        });
        let batch = changes.chain(users).chain(more).collect();
        let is_published = self.envelopes(batch).await;
        drop(spans);
        if is_published {
            self.lock().note(committed);
        }
    }

    /// Publishes envelopes that are not of a commit: read marks, the sweeper's heads. `false` if that failed.
    pub async fn envelopes(&self, batch: Batch) -> bool {
        if batch.is_empty() {
            return true;
        }
        let count = batch.len() as u64;
        let Err(error) = self.broker.publish(batch).await else {
            return true;
        };
        measures::not_published(count);
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            count,
            "not published; the sweeper will"
        );
        false
    }

    /// Whether this node itself published this position of a room, or a later one, not long ago. Hubs then
    /// know of it, and of every earlier one by the gap.
    pub fn has_told_room(&self, room: RoomId, seq: Seq) -> bool {
        let published = self.lock();
        let told = |generation: &Generation| generation.rooms.get(&room).copied();
        told(&published.newer).max(told(&published.older)) >= Some(seq)
    }

    /// As [`Publisher::has_told_room`], of a user's version.
    pub fn has_told_user(&self, user: UserId, version: i64) -> bool {
        let published = self.lock();
        let told = |generation: &Generation| generation.users.get(&user).copied();
        told(&published.newer).max(told(&published.older)) >= Some(version)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Published> {
        // Two maps of numbers have no state that a panic could leave half done.
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The publish of a traced command's change.
fn publishing(trace: &str) -> Span {
    let span = chapar_trace::span!("publish", otel.kind = "producer");
    chapar_trace::below(span, trace)
}

/// How long at least what was published is remembered; above the sweeper's window.
const REMEMBERED: Duration = Duration::from_mins(1);

/// What this node published lately, in two generations, so that forgetting costs nothing.
#[derive(Debug)]
struct Published {
    newer: Generation,
    older: Generation,
    since: Instant,
}

#[derive(Debug, Default)]
struct Generation {
    rooms: HashMap<RoomId, Seq>,
    users: HashMap<UserId, i64>,
}

impl Published {
    fn new() -> Self {
        Self {
            newer: Generation::default(),
            older: Generation::default(),
            since: Instant::now(),
        }
    }

    fn note(&mut self, committed: &Committed) {
        if self.since.elapsed() > REMEMBERED {
            self.older = std::mem::take(&mut self.newer);
            self.since = Instant::now();
        }
        for change in &committed.changes {
            let told = self.newer.rooms.entry(change.room).or_default();
            *told = change.seq.max(*told);
        }
        for bump in &committed.users {
            let told = self.newer.users.entry(bump.user).or_default();
            *told = bump.version.max(*told);
        }
    }
}

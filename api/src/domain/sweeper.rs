//! Announces what a node may have failed to publish, or died before publishing.
//!
//! About once a second each node asks the store which rooms and users changed in the last seconds, and
//! announces where they stand; hubs fetch what they lack. A hub learns of a lost change by the next one of
//! its room, too, so it is the head alone that must be told. That keeps the cost of a healthy send down:
//!
//! - a head that this node itself published is not announced by it: one node alone announces nothing;
//! - one of another node is announced once, when it stood for an interval: a busy room needs it rarely.
//!
//! A room that never rests is announced every [`SweeperConfig::busy_interval`]. So everything committed is
//! told within twice the interval or that time, whatever died; an announcement that could not be published
//! does not count. Only this node's own clock is compared with the store's times, over a window that is
//! generous to clocks that differ and to transactions that take long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::{RoomId, UserId};

use super::publish::{Batch, Publisher};
use crate::clock::Clock;
use crate::measures;
use crate::store::Feed;

#[cfg(test)]
mod tests;

/// Section `api.sweeper` of the configuration.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct SweeperConfig {
    /// How often the store is asked; `1s`, give or take a quarter. Longer delays what a dead node left.
    #[serde(with = "chapar_shared::duration")]
    pub interval: Duration,
    /// How long a room may go on changing without being announced; `2500ms`.
    #[serde(with = "chapar_shared::duration")]
    pub busy_interval: Duration,
    /// How far back it looks; `15s`. Must be above the longest transaction and the difference of clocks.
    #[serde(with = "chapar_shared::duration")]
    pub window: Duration,
    /// How far back it looks when the node starts, for what the last run of it left; `5m`.
    #[serde(with = "chapar_shared::duration")]
    pub first_window: Duration,
    /// Rooms, and users, looked at in one go; 10,000.
    pub max_items: u32,
}

impl Default for SweeperConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            busy_interval: Duration::from_millis(2500),
            window: Duration::from_secs(15),
            first_window: Duration::from_mins(5),
            max_items: 10_000,
        }
    }
}

/// Runs until `shutdown`, on the tracker of its owner.
pub async fn sweep(
    store: Arc<dyn Feed + Send + Sync>,
    publisher: Publisher,
    clock: Clock,
    config: SweeperConfig,
    shutdown: CancellationToken,
) {
    let mut sweeper = Sweeper {
        store,
        publisher,
        clock,
        config,
        rooms: Heads::default(),
        users: Heads::default(),
    };
    let mut window = sweeper.config.first_window;
    loop {
        let pause = sweeper.config.interval;
        let pause = pause.mul_f64(rand::rng().random_range(0.75..1.25));
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(pause) => {}
        }
        // A store that hangs costs a sweep, not the sweeper.
        let deadline = sweeper.config.window / 2;
        match timeout(deadline, sweeper.once(window)).await {
            Ok(true) => window = sweeper.config.window,
            Ok(false) => {}
            Err(_) => tracing::warn!("a sweep took too long"),
        }
    }
}

struct Sweeper {
    store: Arc<dyn Feed + Send + Sync>,
    publisher: Publisher,
    clock: Clock,
    config: SweeperConfig,
    rooms: Heads<RoomId>,
    users: Heads<UserId>,
}

impl Sweeper {
    /// `false` where the store did not answer.
    async fn once(&mut self, window: Duration) -> bool {
        let since = self.clock.now().minus(window);
        let max = self.config.max_items;
        let (rooms, users) = match self.store.changed_since(since, max).await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the store could not be swept"
                );
                return false;
            }
        };
        if rooms.len().max(users.len()) >= max as usize {
            measures::sweep_cut();
        }
        let publisher = &self.publisher;
        let rooms = self.rooms.due(rooms, &self.config, |&(room, seq)| {
            publisher.has_told_room(room, seq)
        });
        let users = self.users.due(users, &self.config, |&(user, version)| {
            publisher.has_told_user(user, version)
        });
        let heads = rooms.iter().map(|&(room, seq)| {
            let envelope = Envelope::Head { room, seq };
            (Channel::Room(room), Bytes::from(envelope.encode()))
        });
        let versions = users.iter().map(|&(user, version)| {
            let envelope = Envelope::Version { user, version };
            (Channel::User(user), Bytes::from(envelope.encode()))
        });
        let batch: Batch = heads.chain(versions).collect();
        let count = batch.len() as u64;
        if publisher.envelopes(batch).await {
            measures::swept(count);
            self.rooms.announced(&rooms);
            self.users.announced(&users);
        }
        true
    }
}

/// What this node knows of the heads in the window.
#[derive(Debug)]
struct Heads<K>(HashMap<K, Head>);

#[derive(Clone, Copy, Debug)]
struct Head {
    at: i64,
    /// The head up to which it was announced, by this node or published by it.
    told: i64,
    /// Since when there is something that was not told.
    untold_since: Instant,
}

impl<K> Default for Heads<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Heads<K> {
    /// Takes in the heads of this sweep, forgets those that were told and left the window, and gives those to
    /// announce.
    fn due(
        &mut self,
        heads: Vec<(K, i64)>,
        config: &SweeperConfig,
        has_told: impl Fn(&(K, i64)) -> bool,
    ) -> Vec<(K, i64)> {
        let now = Instant::now();
        let mut known = HashMap::with_capacity(heads.len());
        let mut due = Vec::new();
        for (key, at) in heads {
            let before = self.0.remove(&key);
            let mut head = before.unwrap_or(Head {
                at: 0,
                told: 0,
                untold_since: now,
            });
            if has_told(&(key, at)) {
                head.told = at;
            }
            if head.told >= head.at {
                head.untold_since = now;
            }
            let has_rested = before.is_some() && head.at == at;
            head.at = at;
            let untold_for = now.duration_since(head.untold_since);
            if head.told < at && (has_rested || untold_for >= config.busy_interval) {
                due.push((key, at));
            }
            known.insert(key, head);
        }
        // What could not be told while it was in the window still is.
        for (key, head) in self.0.drain() {
            let untold_for = now.duration_since(head.untold_since);
            let has_place = known.len() < config.max_items as usize;
            if head.told < head.at && untold_for < config.first_window && has_place {
                due.push((key, head.at));
                known.insert(key, head);
            }
        }
        self.0 = known;
        due
    }

    fn announced(&mut self, heads: &[(K, i64)]) {
        for (key, at) in heads {
            if let Some(head) = self.0.get_mut(key) {
                head.told = *at;
            }
        }
    }
}

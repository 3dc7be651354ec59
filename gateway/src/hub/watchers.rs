//! Who on this node watches whose presence, and what they were last told.
//!
//! Word of it may be lost like anything published, and a node that dies says nothing: what watchers were told
//! is compared with the leases every [`COMPARE_EVERY`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chapar_broker::PresenceState;
use chapar_shared::UserId;
use chapar_shared::envelope::Channel;
use chapar_shared::protocol::{Event, EventBody, Presence};

use crate::connection::Connection;
use crate::dialects::{Encodings, Outgoing};
use crate::measures;
use crate::node::Node;

/// Between two comparisons: with the length of a lease it bounds how long the users of a dead node seem online.
pub(super) const COMPARE_EVERY: Duration = Duration::from_secs(4);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<HashMap<UserId, Watched>>);

#[derive(Debug, Default)]
struct Watched {
    /// What the watchers know; `None` until it was read once.
    is_online: Option<bool>,
    /// Raised by every word of it, so that an older answer of the leases is not taken for a newer one.
    turn: u64,
    connections: Vec<Arc<Connection>>,
}

impl Watched {
    /// Tells the watchers, unless they know.
    fn tell(&mut self, presence: Presence) {
        self.turn += 1;
        if self.is_online.replace(presence.online) == Some(presence.online) {
            return;
        }
        let frame = Event::user(EventBody::Presence(presence)).encode().into();
        let frames = Encodings::new(Outgoing::event(&frame));
        let is_dropped = |it: &&Arc<Connection>| !it.queue.push_ephemeral(&frames.get(it));
        let dropped = self.connections.iter().filter(is_dropped).count();
        if dropped > 0 {
            measures::dropped_ephemerals(dropped as u64);
        }
    }
}

impl Watchers {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells who watches the user.
    pub(crate) fn relay(&self, presence: Presence) {
        if let Some(watched) = self.lock().get_mut(&presence.user) {
            watched.tell(presence);
        }
    }

    /// Everybody who is watched, with the turn to hand to [`Watchers::learn`].
    pub(super) fn all(&self) -> Vec<(UserId, u64)> {
        let watched = self.lock();
        watched.iter().map(|(user, it)| (*user, it.turn)).collect()
    }

    /// Takes what the leases say of users, as asked for at these turns; watchers who knew otherwise are told.
    pub(super) fn learn(&self, asked: &[(UserId, u64)], states: &HashMap<UserId, PresenceState>) {
        let mut all = self.lock();
        for (user, turn) in asked {
            let Some(watched) = all.get_mut(user).filter(|watched| watched.turn == *turn) else {
                continue;
            };
            let state = states.get(user);
            let online = state.is_some_and(|state| state.is_online);
            if watched.is_online.is_none() {
                watched.is_online = Some(online);
            } else {
                watched.tell(Presence {
                    user: *user,
                    online,
                    last_seen: state.filter(|_| !online).and_then(|state| state.last_seen),
                });
            }
        }
    }
}

impl Node {
    /// Replaces a connection's list and gives those who are online; when it returns, its events arrive.
    pub(crate) async fn watch(
        &self,
        connection: &Arc<Connection>,
        users: Vec<UserId>,
    ) -> Vec<UserId> {
        let channels: Vec<Channel> = users.iter().copied().map(Channel::Presence).collect();
        self.subscriptions.hold(&channels);
        {
            let mut watchers = self.watchers.lock();
            for user in &users {
                let watched = watchers.entry(*user).or_default();
                watched.connections.push(Arc::clone(connection));
            }
        }
        let before = std::mem::replace(&mut *connection.watched(), users.clone());
        self.unwatch(connection, &before);
        self.subscriptions.confirm(&channels).await;
        let turn = |user: &UserId| Some((*user, self.watchers.lock().get(user)?.turn));
        let asked: Vec<_> = users.iter().filter_map(turn).collect();
        if let Ok(states) = self.presence.states(&users).await {
            self.watchers.learn(&asked, &states);
        }
        let watchers = self.watchers.lock();
        let is_online = |user: &UserId| {
            let watched = watchers.get(user);
            watched.is_some_and(|watched| watched.is_online == Some(true))
        };
        users.into_iter().filter(is_online).collect()
    }

    /// Takes a connection from these users' watchers, once for each.
    pub(crate) fn unwatch(&self, connection: &Connection, users: &[UserId]) {
        {
            let mut watchers = self.watchers.lock();
            for user in users {
                if let Some(watched) = watchers.get_mut(user) {
                    let list = &mut watched.connections;
                    if let Some(at) = list.iter().position(|it| it.id == connection.id) {
                        list.swap_remove(at);
                    }
                    if list.is_empty() {
                        watchers.remove(user);
                    }
                }
            }
        }
        self.subscriptions
            .release(users.iter().copied().map(Channel::Presence));
    }
}

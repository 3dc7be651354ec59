//! Who on this node watches whose presence.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chapar_shared::UserId;
use chapar_shared::envelope::Channel;

use crate::connection::Connection;
use crate::dialects::Encodings;
use crate::measures;
use crate::node::Node;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<HashMap<UserId, Vec<Arc<Connection>>>>);

impl Watchers {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Vec<Arc<Connection>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a presence event for who watches the user.
    pub(crate) fn relay(&self, user: UserId, frames: &Encodings<'_>) {
        let watchers = self.lock();
        let Some(watchers) = watchers.get(&user) else {
            return;
        };
        let is_dropped = |it: &&Arc<Connection>| !it.queue.push_ephemeral(frames.get(it.dialect));
        let dropped = watchers.iter().filter(is_dropped).count();
        if dropped > 0 {
            measures::dropped_ephemerals(dropped as u64);
        }
    }
}

impl Node {
    /// Replaces a connection's list; when it returns, its events arrive.
    pub(crate) async fn watch(&self, connection: &Arc<Connection>, users: Vec<UserId>) {
        let channels: Vec<Channel> = users.iter().copied().map(Channel::Presence).collect();
        self.subscriptions.hold(&channels);
        {
            let mut watchers = self.watchers.lock();
            for user in &users {
                watchers
                    .entry(*user)
                    .or_default()
                    .push(Arc::clone(connection));
            }
        }
        let before = std::mem::replace(&mut *connection.watched(), users);
        self.unwatch(connection, &before);
        self.subscriptions.confirm(&channels).await;
    }

    /// Takes a connection from these users' watchers, once for each.
    pub(crate) fn unwatch(&self, connection: &Connection, users: &[UserId]) {
        {
            let mut watchers = self.watchers.lock();
            for user in users {
                if let Some(list) = watchers.get_mut(user) {
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

//! The node's connections, and the one tick that pings them, closes silent ones and ends expired tokens.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use chapar_shared::Timestamp;
use chapar_shared::protocol::CloseCode;

use super::{Connection, End};
use crate::node::Node;

/// A heartbeat is spread over this many ticks, so that pings do not come all at once.
const SLOTS: usize = 30;

/// Heartbeats of silence after which a client is gone.
const SILENT: u8 = 2;

/// Every signed-in connection, by the tick that visits it.
#[derive(Debug)]
pub(crate) struct Registry {
    next_id: AtomicU64,
    slots: [Mutex<HashMap<u64, Arc<Connection>>>; SLOTS],
    /// Connections by the second in which their tokens end.
    expiries: Mutex<BTreeMap<i64, Vec<u64>>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            next_id: AtomicU64::new(1),
            slots: std::array::from_fn(|_| Mutex::default()),
            expiries: Mutex::default(),
        }
    }
}

impl Registry {
    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn slot(&self, id: u64) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        let at = usize::try_from(id).unwrap_or_default() % SLOTS;
        self.slots[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, connection: &Arc<Connection>) {
        self.slot(connection.id)
            .insert(connection.id, Arc::clone(connection));
        self.expire_at(connection);
    }

    pub(super) fn remove(&self, connection: &Connection) {
        self.slot(connection.id).remove(&connection.id);
    }

    /// Notes when the connection's token ends; a later note stands beside the earlier one.
    pub(super) fn expire_at(&self, connection: &Connection) {
        let mut expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
        expiries
            .entry(connection.expires().as_secs())
            .or_default()
            .push(connection.id);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots
            .iter()
            .map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Visits all of them.
    pub(crate) fn each(&self, mut visit: impl FnMut(&Arc<Connection>)) {
        for slot in &self.slots {
            slot.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .for_each(&mut visit);
        }
    }

    fn beat(&self, slot: usize) {
        let slot = self.slots[slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for connection in slot.values() {
            if connection.silent.fetch_add(1, Ordering::Relaxed) >= SILENT {
                connection.queue.end(End::Close(CloseCode::GoingAway));
            } else {
                connection.queue.ping();
            }
        }
    }

    fn expire(&self, now: Timestamp) {
        let due = {
            let mut expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
            let later = expiries.split_off(&(now.as_secs() + 1));
            std::mem::replace(&mut *expiries, later)
        };
        for id in due.into_values().flatten() {
            let connection = self.slot(id).get(&id).cloned();
            if let Some(connection) = connection
                && connection.expires() <= now
            {
                connection.queue.end(End::Close(CloseCode::TokenExpired));
            }
        }
    }
}

/// Runs until shutdown.
pub(crate) async fn keep_alive(node: Arc<Node>) {
    let pace =
        (node.config.heartbeat / u32::try_from(SLOTS).unwrap_or(1)).max(Duration::from_millis(1));
    let mut beats = interval(pace);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seconds = interval(Duration::from_millis(250));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slot = 0;
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            _ = beats.tick() => {
                node.connections.beat(slot);
                slot = (slot + 1) % SLOTS;
            }
            _ = seconds.tick() => node.connections.expire(Timestamp::now()),
        }
    }
}

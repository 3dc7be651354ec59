//! Who listens to a room on this node, with each one's position.

use std::collections::HashMap;
use std::sync::Arc;

use chapar_shared::Seq;

use crate::connection::Connection;

/// One connection's place in a room's stream.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) connection: Arc<Connection>,
    /// It has, or has queued, everything up to here.
    pub(crate) after: Seq,
    /// Where its replay began, while a page left out what was changed behind it: what it did not see yet is
    /// new to it. `None` where it saw every message up to `after`. A live listener has one between two pages of
    /// the room's repair.
    pub(crate) origin: Option<Seq>,
    pub(crate) stage: Stage,
}

impl Listener {
    /// One that has everything up to a position.
    pub(crate) fn new(connection: &Arc<Connection>, after: Seq, stage: Stage) -> Self {
        Self {
            connection: Arc::clone(connection),
            after,
            origin: None,
            stage,
        }
    }

    /// Whether it lacks nothing of what live listeners have.
    pub(crate) fn is_at(&self, head: Option<Seq>) -> bool {
        self.origin.is_none() && head.is_some_and(|head| self.after >= head)
    }
}

/// Whether changes are pushed to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Pushed as they come.
    Live,
    /// Pulled by its writer, a page at a time, until it is at the head.
    Replaying,
    /// Its position means nothing any more: it gets `reset` once the head is known.
    Stale,
}

/// Iterated for every change, looked up by connection when one comes or goes.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    list: Vec<Listener>,
    places: HashMap<u64, usize>,
}

impl Listeners {
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Listener> {
        self.list.iter_mut()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn get_mut(&mut self, connection: u64) -> Option<&mut Listener> {
        let place = *self.places.get(&connection)?;
        self.list.get_mut(place)
    }

    /// Adds one; replaces what the connection had.
    pub(crate) fn insert(&mut self, listener: Listener) {
        let id = listener.connection.id;
        if let Some(old) = self.get_mut(id) {
            *old = listener;
        } else {
            self.places.insert(id, self.list.len());
            self.list.push(listener);
        }
    }

    pub(crate) fn remove(&mut self, connection: u64) {
        let Some(place) = self.places.remove(&connection) else {
            return;
        };
        self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.connection.id, place);
        }
        if self.list.is_empty() {
            *self = Self::default();
        }
    }

    /// Removes those that are live: they got the room's last change.
    pub(crate) fn remove_live(&mut self) {
        let all = std::mem::take(self);
        for listener in all.list {
            if listener.stage != Stage::Live {
                self.insert(listener);
            }
        }
    }
}

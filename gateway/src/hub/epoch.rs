//! The store's epoch as this node knows it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::node::Node;

/// How many left epochs are remembered, so that an answer that was long on its way does not bring one back.
const REMEMBERED: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Epoch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    current: Option<Arc<str>>,
    past: VecDeque<Arc<str>>,
}

/// What an answer's epoch means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Known, or the first.
    Current,
    /// Left before: the answer is of no use.
    Past,
    /// New: every position known so far means nothing any more.
    Changed,
}

impl Epoch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer's epoch.
    pub(crate) fn see(&self, epoch: &str) -> Seen {
        let mut state = self.lock();
        if state.current.as_deref() == Some(epoch) {
            return Seen::Current;
        }
        if state.past.iter().any(|past| &**past == epoch) {
            return Seen::Past;
        }
        match state.current.replace(epoch.into()) {
            None => Seen::Current,
            Some(old) => {
                state.past.push_back(old);
                if state.past.len() > REMEMBERED {
                    state.past.pop_front();
                }
                Seen::Changed
            }
        }
    }

    /// Whether it is this one now.
    pub(crate) fn is(&self, epoch: &str) -> bool {
        self.lock().current.as_deref() == Some(epoch)
    }
}

impl Node {
    /// Takes an answer's epoch; whether the answer is of use. A new epoch resets every room and loads every
    /// user again.
    pub(crate) fn is_current(self: &Arc<Self>, epoch: &str) -> bool {
        match self.epoch.see(epoch) {
            Seen::Current => true,
            Seen::Past => false,
            Seen::Changed => {
                tracing::warn!("the store's epoch changed: every position is forgotten");
                self.rooms.each(|room| room.forget());
                self.users.each(|user| user.reload_soon(self));
                self.check_soon.notify_one();
                true
            }
        }
    }
}

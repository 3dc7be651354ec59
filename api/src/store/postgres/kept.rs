//! A connection kept from one batch of sends to the next.
//!
//! The pool hands its connections out in turn, and tries each by a round trip when it comes back. A writer that
//! commits one batch after the other would go round all of them, each of which is a process at the server with caches of
//! its own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgPool;

use super::FRESH;
use super::db::Taken;

#[cfg(test)]
mod tests;

/// After it the connection goes through the pool once, which ends those that are old.
const TERM: Duration = Duration::from_mins(1);

/// At most one connection, whatever the number of those who send at the same time.
#[derive(Debug)]
pub(super) struct Kept(Mutex<Slot>);

#[derive(Debug)]
struct Slot {
    conn: Option<Taken>,
    used: Instant,
    /// When one last went through the pool.
    since: Instant,
}

impl Kept {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Slot {
            conn: None,
            used: now,
            since: now,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, unless it is in use or has not been lately: the pool tries it then.
    pub(super) fn take(&self) -> Option<Taken> {
        let mut slot = self.lock();
        let used = slot.used;
        slot.conn.take().filter(|_| used.elapsed() < FRESH)
    }

    /// For the next batch, or for the pool where one is kept already or `pool` cannot spare it.
    pub(super) fn put(&self, conn: Taken, pool: &PgPool) {
        let mut slot = self.lock();
        let now = Instant::now();
        if now - slot.since >= TERM {
            slot.since = now;
        } else if slot.conn.is_none()
            && !pool.is_closed()
            && pool.options().get_max_connections() > 1
        {
            slot.conn = Some(conn);
            slot.used = now;
        }
    }

    /// Gives it back to the pool.
    pub(super) fn clear(&self) {
        self.lock().conn = None;
    }

    pub(super) fn is_kept(&self) -> bool {
        self.lock().conn.is_some()
    }
}

//! One client's socket: its handshake, its reader, its writer and the queue between hub and writer.
//!
//! Two tasks each: reading must not be polled for every write. Neither has a timer of its own but during the
//! handshake, while a write is in progress and while a close is waited for.

mod commands;
mod handshake;
mod keep_alive;
mod open;
mod queue;
mod reader;
mod strikes;
mod submit;
mod typing;
mod writer;

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chapar_shared::protocol::ServerFrame;
use chapar_shared::{Language, SessionId, Timestamp, UserId};

use crate::dialects::{DialectId, Outgoing};

pub(crate) use handshake::upgrade;
pub(crate) use keep_alive::{Registry, keep_alive};
pub(crate) use queue::{End, Queue};
pub(crate) use submit::Submitter;
pub(crate) use typing::{Typists, publish_typing};

use submit::Lane;

/// A signed-in socket, as the rest of the node sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Unique within the node's life.
    pub(crate) id: u64,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) dialect: DialectId,
    pub(crate) language: Language,
    pub(crate) queue: Queue,
    /// Commands that wait for the api.
    lane: Lane,
    /// Heartbeats since anything was heard.
    silent: AtomicU8,
    /// When the token ends, in microseconds.
    expires: AtomicI64,
    watched: Mutex<Vec<UserId>>,
}

impl Connection {
    /// Queues an answer or instruction.
    pub(crate) fn send(&self, frame: &ServerFrame) {
        self.queue
            .push(&self.dialect.get().encode(&Outgoing::Server(frame)));
    }

    /// The users whose presence it watches.
    pub(crate) fn watched(&self) -> MutexGuard<'_, Vec<UserId>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the client lives.
    fn heard(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    fn expires(&self) -> Timestamp {
        Timestamp::from_micros(self.expires.load(Ordering::Relaxed))
    }
}

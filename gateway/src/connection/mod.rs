//! One client's socket: its handshake, the task that serves it and the queue between hub and task.
//!
//! One task each, without a timer of its own but during the handshake, while a write is stuck and while a close
//! is waited for, and without a buffer but for what is not complete yet.

mod commands;
pub(crate) mod credentials;
mod door;
mod handshake;
mod keep_alive;
mod open;
mod places;
mod pull;
mod queue;
mod serve;
mod socket;
mod strikes;
mod submit;
mod typing;
mod unread;
mod upgrade;

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chapar_shared::protocol::ServerFrame;
use chapar_shared::{Language, RoomId, SessionId, Timestamp, UserId};

use crate::dialects::{DialectId, Frames, Outgoing, View};

pub(crate) use commands::Commands;
pub(crate) use door::Knock;
pub(crate) use handshake::upgrade;
pub(crate) use keep_alive::{Registry, keep_alive};
pub(crate) use open::{Opened, Opening, open};
pub(crate) use pull::pull;
pub(crate) use queue::Work;
pub(crate) use queue::{End, Queue};
pub(crate) use submit::Submitter;
pub(crate) use typing::{Typists, publish_typing};
pub(crate) use upgrade::Upgrade;

use submit::Lane;

/// Which of its user's rooms a connection listens to. Whatever it is, the connection is seated at its user
/// like any other, and a ban or sign-out reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All, those that the user comes into later too; and it hears what is addressed to the user.
    Whole,
    /// One alone. The connection is closed when the user goes from that room.
    Room(RoomId),
    /// None: it hears what is addressed to the user.
    User,
}

impl Scope {
    /// Whether changes of a room of the user's reach it.
    pub(crate) fn covers(self, room: RoomId) -> bool {
        match self {
            Self::Whole => true,
            Self::Room(only) => only == room,
            Self::User => false,
        }
    }

    /// Whether what is addressed to the user reaches it.
    pub(crate) fn hears_user(self) -> bool {
        !matches!(self, Self::Room(_))
    }
}

/// A signed-in socket, as the rest of the node sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Unique within the node's life.
    pub(crate) id: u64,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) dialect: DialectId,
    /// Which of its user's rooms it listens to.
    pub(crate) scope: Scope,
    pub(crate) view: View,
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
        self.queue.push(&self.encode(&Outgoing::Server(frame)));
    }

    /// What is sent to it alone, in its dialect.
    pub(crate) fn encode(&self, outgoing: &Outgoing<'_>) -> Frames {
        self.dialect.get().encode(outgoing, &self.view)
    }

    /// The users whose presence it watches.
    pub(crate) fn watched(&self) -> MutexGuard<'_, Vec<UserId>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the client lives.
    pub(crate) fn heard(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    fn expires(&self) -> Timestamp {
        Timestamp::from_micros(self.expires.load(Ordering::Relaxed))
    }

    #[cfg(test)]
    pub(crate) fn of(dialect: DialectId, base: Option<std::sync::Arc<str>>) -> Self {
        Self {
            id: 1,
            user: UserId(1),
            session: SessionId(1),
            dialect,
            scope: Scope::Whole,
            view: View {
                base,
                ..View::default()
            },
            language: Language::En,
            queue: Queue::new(1000),
            lane: Lane::default(),
            silent: AtomicU8::new(0),
            expires: AtomicI64::new(0),
            watched: Mutex::default(),
        }
    }
}

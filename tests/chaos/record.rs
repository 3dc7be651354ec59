//! What every client of a run did and saw, with the time at which it did.
//!
//! Entries stand in the order in which they were recorded, which for one client is the order in which they
//! happened. Nothing here judges: see [`crate::check`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chapar_shared::protocol::{Event, EventBody, Message};
use chapar_shared::{MessageId, RoomId, Seq};

/// Numbers the clients of a run from 0.
pub(crate) type ClientId = usize;

/// One thing that happened to one client.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Since the run began.
    pub(crate) at: Duration,
    pub(crate) client: ClientId,
    pub(crate) what: What,
}

/// See [`Entry`].
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// `ready` came, with these positions of the rooms.
    Opened { rooms: Vec<(RoomId, Seq)> },
    /// `reconnect` came: the delay in milliseconds.
    Told { after_ms: u64 },
    /// The socket ended; 1006 without a close frame.
    Closed { code: u16 },
    /// A send went out, for the first time or again.
    Sent { room: RoomId, nonce: String },
    /// A send was answered `unavailable` or `rate_limited`: it goes again, perhaps after later ones.
    Deferred { nonce: String },
    /// A send was refused for good: it answers a message that was deleted meanwhile.
    Refused { nonce: String },
    /// A send was acknowledged.
    Acked {
        room: RoomId,
        nonce: String,
        message: MessageId,
        seq: Seq,
    },
    /// An event that takes a position came.
    Delivered {
        room: RoomId,
        seq: Seq,
        change: Change,
    },
    /// `reset` was followed: the room as REST told it at this position.
    Loaded {
        room: RoomId,
        seq: Seq,
        messages: Vec<Message>,
    },
    /// The server did what the protocol forbids.
    Broke(String),
}

/// What a delivered event is about.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// `message.created`.
    Created(Box<Message>),
    /// Any other change of a message.
    Changed(Box<Message>),
    /// Of a membership or the room.
    Other,
}

impl Change {
    pub(crate) fn of(event: Event) -> Self {
        match event.body {
            EventBody::MessageCreated(message) => Self::Created(Box::new(message)),
            EventBody::MessageEdited(message) | EventBody::MessageDeleted(message) => {
                Self::Changed(Box::new(message))
            }
            EventBody::MessageReacted(reacted) => Self::Changed(Box::new(reacted.message)),
            _ => Self::Other,
        }
    }

    /// The message, if it is about one.
    pub(crate) fn message(&self) -> Option<&Message> {
        match self {
            Self::Created(message) | Self::Changed(message) => Some(message),
            Self::Other => None,
        }
    }
}

/// The record of a run. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Record(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    begin: Instant,
    entries: Mutex<Vec<Entry>>,
}

impl Record {
    pub(crate) fn begin() -> Self {
        Self(Arc::new(Inner {
            begin: Instant::now(),
            entries: Mutex::default(),
        }))
    }

    /// The time by which entries are stamped.
    pub(crate) fn now(&self) -> Duration {
        self.0.begin.elapsed()
    }

    pub(crate) fn add(&self, client: ClientId, what: What) {
        let at = self.now();
        let mut entries = self
            .0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { at, client, what });
    }

    /// Everything so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

//! What both sides of Chapar's wires share: identifiers, the objects, commands, events and codes of the
//! native protocol, the envelopes that nodes send each other, tokens and text normalisation.
//!
//! Pure: no I/O, no tasks, no configuration source. A type belongs here only when both sides of a wire
//! need it. Channel names are built only in [`envelope`], error codes stand only in [`problem`].

pub mod asyncapi;
pub mod duration;
pub mod envelope;
pub mod id;
pub mod internal;
pub mod limits;
pub mod problem;
pub mod protocol;
pub mod text;
pub mod timestamp;
pub mod token;

pub use id::{AttachmentId, MessageId, NotificationId, RoomId, SessionId, UserId};
pub use limits::Limits;
pub use problem::{Code, Language, Problem, Violation};
pub use timestamp::Timestamp;

/// A position in a room's change feed: dense from 1; 0 is before the first change.
pub type Seq = i64;

/// A position among a room's messages alone: dense from 1; 0 is before the first message.
pub type Number = i64;

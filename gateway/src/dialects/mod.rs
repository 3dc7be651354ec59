//! Wire formats: a client's frames into commands, what the node sends into a client's frames.
//!
//! A dialect is a translation and holds no state and no rules. Another one is added by a file of its own, a
//! line in [`ALL`] and the route that accepts its sockets. Whatever is sent to many is encoded once for each
//! dialect that has a receiver ([`Encodings`]) and shared by reference.

use std::cell::OnceCell;
use std::fmt;

use axum::extract::ws::Utf8Bytes;

use chapar_shared::protocol::command::ParseError;
use chapar_shared::protocol::{ClientFrame, CommandId, ServerFrame};

use crate::hub::Change;

mod native;

pub(crate) use native::Native;

/// Every dialect; a connection keeps its index.
pub(crate) const ALL: [&dyn Dialect; 1] = [&Native];

/// A dialect's place in [`ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DialectId(u8);

impl DialectId {
    /// The native protocol.
    pub(crate) const NATIVE: Self = Self(0);

    /// What it names.
    pub(crate) fn get(self) -> &'static dyn Dialect {
        ALL[usize::from(self.0)]
    }
}

/// One wire format.
pub(crate) trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// Reads a client's frame.
    fn parse(&self, text: &str) -> Result<(Option<CommandId>, ClientFrame), ParseError>;

    /// What is sent, in this format.
    fn encode(&self, outgoing: &Outgoing<'_>) -> Frames;
}

/// Something to be sent.
#[derive(Debug)]
pub(crate) enum Outgoing<'a> {
    /// A durable change of a room.
    Change(&'a Change),
    /// An event without position, as its native frame.
    Event(&'a Utf8Bytes),
    /// An answer or instruction.
    Server(&'a ServerFrame),
}

/// Encoded frames. A dialect that says one thing in several frames, or nothing of it, adds a variant.
#[derive(Clone, Debug)]
pub(crate) enum Frames {
    /// One frame; native changes are always one.
    One(Utf8Bytes),
}

/// One outgoing thing in every dialect that asks for it, encoded at most once for each.
#[derive(Debug)]
pub(crate) struct Encodings<'a> {
    outgoing: Outgoing<'a>,
    frames: [OnceCell<Frames>; ALL.len()],
}

impl<'a> Encodings<'a> {
    pub(crate) fn new(outgoing: Outgoing<'a>) -> Self {
        Self {
            outgoing,
            frames: [const { OnceCell::new() }; ALL.len()],
        }
    }

    /// The frames in one dialect.
    pub(crate) fn get(&self, dialect: DialectId) -> &Frames {
        self.frames[usize::from(dialect.0)].get_or_init(|| dialect.get().encode(&self.outgoing))
    }
}

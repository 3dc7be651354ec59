//! Wire formats: a client's frames into commands, what the node sends into a client's frames.
//!
//! A dialect is a translation and holds no state and no rules. Another one is added by a file of its own and a
//! line in [`ALL`]; its routes are its own. Whatever is sent to many is encoded once for each dialect that has
//! a receiver ([`Encodings`]) and shared by reference.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use axum::Router;

use chapar_shared::RoomId;
use chapar_shared::envelope::Actor;
use chapar_shared::protocol::command::ParseError;
use chapar_shared::protocol::{ClientFrame, CloseCode, CommandId, ServerFrame};

use crate::connection::Connection;
use crate::hub::Change;
use crate::node::Node;

mod conversations;
mod native;
mod notifications;
mod plain;
mod reading;
mod service;

pub(crate) use tokio_tungstenite::tungstenite::Utf8Bytes;

pub(crate) use service::{PATH as SOCKET_IO_PATH, Server as SocketIoServer};

use conversations::Conversations;
use native::Native;
use notifications::Notifications;
use plain::{DIRECT, PLAIN, PRIVATE_CHAT};
use service::Service;

/// Every dialect; a connection keeps its index. The native one is the first.
pub(crate) const ALL: &[&dyn Dialect] = &[
    &Native,
    &PLAIN,
    &DIRECT,
    &PRIVATE_CHAT,
    &Conversations,
    &Notifications,
    &Service,
];

/// A dialect's place in [`ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DialectId(usize);

impl DialectId {
    /// The native protocol.
    pub(crate) const NATIVE: Self = Self(0);

    /// The dialect of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter()
            .position(|dialect| dialect.name() == name)
            .map(Self)
    }

    /// Its place, for tables of one entry a dialect.
    pub(crate) const fn place(self) -> usize {
        self.0
    }

    /// What it names.
    pub(crate) fn get(self) -> &'static dyn Dialect {
        ALL[self.0]
    }
}

/// Where all dialects' sockets are accepted.
pub(crate) fn routes() -> Router<Arc<Node>> {
    let all = ALL.iter().enumerate();
    all.fold(Router::new(), |router, (at, dialect)| {
        router.merge(dialect.routes(DialectId(at)))
    })
}

/// One wire format.
pub(crate) trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// Its name, for [`DialectId::named`] and logs.
    fn name(&self) -> &'static str;

    /// Where its sockets are accepted; `id` is its own.
    fn routes(&self, _id: DialectId) -> Router<Arc<Node>> {
        Router::new()
    }

    /// Reads a client's frame.
    fn parse(&self, text: &str, view: &View) -> Result<Incoming, ParseError>;

    /// What is sent, in this format.
    ///
    /// What belongs to a room or a user is encoded once for all their connections in this dialect with one
    /// [`View::base`]: it may depend on nothing of the view but that and the room's two people.
    fn encode(&self, outgoing: &Outgoing<'_>, view: &View) -> Frames;

    /// The close code on the wire, and the reason (at most 123 bytes, RFC 6455 §5.5).
    fn close(&self, code: CloseCode) -> (u16, &'static str) {
        let number = match code {
            CloseCode::Malformed
            | CloseCode::Unauthenticated
            | CloseCode::TokenExpired
            | CloseCode::Revoked
            | CloseCode::RateLimited
            | CloseCode::TooManyConnections => 1008,
            CloseCode::FrameTooLarge => 1009,
            CloseCode::GoingAway | CloseCode::NoEventSource => 1012,
            CloseCode::TooSlow => 1013,
        };
        let reason = match code {
            CloseCode::Revoked => "no longer allowed",
            code => code.reason(),
        };
        (number, reason)
    }

    /// Whether a frame may hold a file; then it may be as long as one.
    fn takes_files(&self) -> bool {
        false
    }

    /// Whether its sockets are told the user's unread notifications first.
    fn begins_with_unread(&self) -> bool {
        false
    }

    /// Whether its clients know positions: they come back with them, and get by themselves what a room had
    /// before they came.
    fn resumes(&self) -> bool {
        false
    }

    /// Whether too many malformed frames close the socket. Where they do not, each counts as a command.
    fn closes_malformed(&self) -> bool {
        false
    }
}

/// A client's frame, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    /// A command, as the native protocol has it.
    Command(Option<CommandId>, ClientFrame),
    /// A file to be sent to a room.
    File(FileFrame),
    /// A notification to be sent by hand.
    Notice {
        /// Whom to, by name; oneself where none is named.
        recipient: Option<String>,
        message: String,
    },
}

/// A message whose file came with it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileFrame {
    pub(crate) room: RoomId,
    /// Beside the file; mostly empty.
    pub(crate) content: String,
    /// The name that the client claims; possibly empty.
    pub(crate) filename: String,
    /// Base64, or a `data:` address that holds it.
    pub(crate) data: String,
}

impl fmt::Debug for FileFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileFrame")
            .field("room", &self.room)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

/// What a connection was opened for, where its dialect does not say it in every frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// The one room of its scope.
    pub(crate) room: Option<RoomId>,
    /// Whose connection it is, by username; empty where the dialect does not ask.
    pub(crate) username: String,
    /// The other of a direct room.
    pub(crate) peer: Option<String>,
    /// What makes a relative address of a file absolute: scheme and host as the client named them. `None`
    /// where addresses are sent as they are.
    pub(crate) base: Option<Arc<str>>,
}

/// Something to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outgoing<'a> {
    /// A durable change of a room.
    Change(&'a Change),
    /// An event without position.
    Event {
        /// Its native frame.
        frame: &'a Utf8Bytes,
        /// Who caused it, where that is known.
        actor: Option<&'a Actor>,
    },
    /// An answer or instruction, made for one connection.
    Server(&'a ServerFrame),
}

impl<'a> Outgoing<'a> {
    /// An event of which no more is known than its native frame.
    pub(crate) fn event(frame: &'a Utf8Bytes) -> Self {
        Self::Event { frame, actor: None }
    }
}

/// Encoded frames.
#[derive(Clone, Debug)]
pub(crate) enum Frames {
    /// The dialect has no word for it.
    None,
    /// One frame; native ones are always one.
    One(Utf8Bytes),
    /// Several, in order.
    Many(Arc<[Utf8Bytes]>),
}

impl Frames {
    /// The frames, in order.
    pub(crate) fn as_slice(&self) -> &[Utf8Bytes] {
        match self {
            Self::None => &[],
            Self::One(frame) => std::slice::from_ref(frame),
            Self::Many(frames) => frames,
        }
    }
}

/// One outgoing thing in every dialect that asks for it, encoded at most once for each.
#[derive(Debug)]
pub(crate) struct Encodings<'a> {
    outgoing: Outgoing<'a>,
    frames: [OnceCell<(Option<Arc<str>>, Frames)>; ALL.len()],
}

impl<'a> Encodings<'a> {
    pub(crate) fn new(outgoing: Outgoing<'a>) -> Self {
        Self {
            outgoing,
            frames: [const { OnceCell::new() }; ALL.len()],
        }
    }

    /// The frames for a connection. Those who reached the node under another name than the first get addresses
    /// under that name, encoded for them alone.
    pub(crate) fn get(&self, connection: &Connection) -> Cow<'_, Frames> {
        let view = &connection.view;
        let encode = || connection.dialect.get().encode(&self.outgoing, view);
        let (base, frames) =
            self.frames[connection.dialect.0].get_or_init(|| (view.base.clone(), encode()));
        if *base == view.base {
            Cow::Borrowed(frames)
        } else {
            Cow::Owned(encode())
        }
    }
}

#[cfg(test)]
mod tests {
    use chapar_shared::protocol::EventType;

    use super::*;

    const MESSAGE: &str = r#"{"op":"event","room":1,"seq":1,"type":"message.created","data":{
        "id":3,"room":1,"seq":1,"changed_seq":1,"number":1,
        "sender":{"id":2,"username":"sara","display_name":"","avatar_url":null},
        "content":"salam","nonce":null,"reply_to":null,"attachments":[],"reactions":[],
        "created_at":"2026-11-20T13:15:15.000001Z","edited_at":null,"deleted_at":null}}"#;

    fn address(frames: &Frames) -> *const u8 {
        frames.as_slice()[0].as_ptr()
    }

    #[test]
    fn what_many_hear_is_encoded_once_for_each_dialect_and_base() {
        let change = Change::of(0, 1, EventType::MessageCreated, 3, MESSAGE);
        let encodings = Encodings::new(Outgoing::Change(&change));
        let of = |name: &str, base: Option<&str>| {
            let dialect = DialectId::named(name).unwrap();
            Connection::of(dialect, base.map(Into::into))
        };
        let first = of("plain", Some("http://a"));
        let told = address(&encodings.get(&first));
        for same in [of("plain", Some("http://a")), first] {
            assert_eq!(address(&encodings.get(&same)), told);
        }
        let elsewhere = encodings.get(&of("plain", Some("http://b"))).into_owned();
        assert_ne!(address(&elsewhere), told);
        let native = encodings.get(&of("native", None)).into_owned();
        assert_eq!(address(&native), change.frame.as_ptr());
        assert_ne!(address(&encodings.get(&of("conversations", None))), told);
        let quiet = encodings.get(&of("notifications", None)).into_owned();
        assert!(quiet.as_slice().is_empty());
    }
}

//! What can be wrong with a history.

use std::fmt;

use chapar_shared::{MessageId, RoomId, Seq};

use crate::record::ClientId;

/// A promise that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// An acknowledged message is not in the history.
    NotStored {
        client: ClientId,
        room: RoomId,
        message: MessageId,
        seq: Seq,
    },
    /// A change never reached a client.
    NotDelivered {
        client: ClientId,
        room: RoomId,
        seq: Seq,
        message: Option<MessageId>,
    },
    /// A client got no socket, or none with this room.
    NeverOpened { client: ClientId, room: RoomId },
    /// One nonce became several messages.
    TwoMessages {
        room: RoomId,
        nonce: String,
        messages: Vec<MessageId>,
    },
    /// A position came to a client that had it.
    DeliveredTwice {
        client: ClientId,
        room: RoomId,
        seq: Seq,
    },
    /// A message was told as new to a client that knew it.
    CreatedTwice {
        client: ClientId,
        room: RoomId,
        message: MessageId,
    },
    /// A position came after a later one.
    OutOfOrder {
        client: ClientId,
        room: RoomId,
        seq: Seq,
        after: Seq,
    },
    /// A sender's second message stands before the first.
    SentOrder {
        client: ClientId,
        room: RoomId,
        first: (String, Seq),
        second: (String, Seq),
    },
    /// A message is stored elsewhere than its acknowledgement said.
    Moved {
        room: RoomId,
        message: MessageId,
        acknowledged: Seq,
        stored: Seq,
    },
    /// A send that was refused is stored all the same.
    StoredThoughRefused { room: RoomId, message: MessageId },
    /// Two clients saw different things at one position.
    Disagreement {
        room: RoomId,
        seq: Seq,
        clients: [ClientId; 2],
    },
    /// A client's position is beyond the room's head.
    Ahead {
        client: ClientId,
        room: RoomId,
        position: Seq,
        head: Seq,
    },
    /// What a client knows of a message is not what REST tells.
    OtherThanRest {
        client: ClientId,
        room: RoomId,
        message: MessageId,
    },
    /// A send that the client repeated to the end was never acknowledged.
    Unanswered {
        client: ClientId,
        room: RoomId,
        nonce: String,
    },
    /// The server broke the protocol.
    Protocol { client: ClientId, how: String },
}

/// The columns that violations are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Lost,
    Duplicated,
    Disordered,
    Other,
}

impl Violation {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::NotStored { .. } | Self::NotDelivered { .. } | Self::NeverOpened { .. } => {
                Kind::Lost
            }
            Self::TwoMessages { .. } | Self::DeliveredTwice { .. } | Self::CreatedTwice { .. } => {
                Kind::Duplicated
            }
            Self::OutOfOrder { .. } | Self::SentOrder { .. } => Kind::Disordered,
            Self::Moved { .. }
            | Self::StoredThoughRefused { .. }
            | Self::Disagreement { .. }
            | Self::Ahead { .. }
            | Self::OtherThanRest { .. }
            | Self::Unanswered { .. }
            | Self::Protocol { .. } => Kind::Other,
        }
    }
}

impl fmt::Display for Violation {
    #[expect(clippy::too_many_lines, reason = "a sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStored {
                client,
                room,
                message,
                seq,
            } => write!(
                f,
                "lost: message {message} at {seq} of room {room} was acknowledged to client {client} and is not stored"
            ),
            Self::NotDelivered {
                client,
                room,
                seq,
                message,
            } => {
                write!(
                    f,
                    "lost: client {client} never got position {seq} of room {room}"
                )?;
                match message {
                    Some(message) => write!(f, ", message {message}"),
                    None => Ok(()),
                }
            }
            Self::NeverOpened { client, room } => {
                write!(
                    f,
                    "lost: client {client} never got a socket with room {room}"
                )
            }
            Self::TwoMessages {
                room,
                nonce,
                messages,
            } => {
                write!(
                    f,
                    "duplicated: nonce {nonce} is messages {messages:?} of room {room}"
                )
            }
            Self::DeliveredTwice { client, room, seq } => {
                write!(
                    f,
                    "duplicated: client {client} got position {seq} of room {room} again"
                )
            }
            Self::CreatedTwice {
                client,
                room,
                message,
            } => write!(
                f,
                "duplicated: client {client} was told twice that message {message} of room {room} is new"
            ),
            Self::OutOfOrder {
                client,
                room,
                seq,
                after,
            } => write!(
                f,
                "disordered: client {client} got position {seq} of room {room} after {after}"
            ),
            Self::SentOrder {
                client,
                room,
                first,
                second,
            } => write!(
                f,
                "disordered: client {client} sent {} before {} to room {room}, which stand at {} and {}",
                first.0, second.0, first.1, second.1
            ),
            Self::Moved {
                room,
                message,
                acknowledged,
                stored,
            } => write!(
                f,
                "message {message} of room {room} was acknowledged at {acknowledged} and stands at {stored}"
            ),
            Self::StoredThoughRefused { room, message } => {
                write!(
                    f,
                    "message {message} of room {room} was refused and is stored"
                )
            }
            Self::Disagreement {
                room,
                seq,
                clients: [one, other],
            } => write!(
                f,
                "clients {one} and {other} saw different things at {seq} of room {room}"
            ),
            Self::Ahead {
                client,
                room,
                position,
                head,
            } => write!(
                f,
                "client {client} is at {position} of room {room}, whose head is {head}"
            ),
            Self::OtherThanRest {
                client,
                room,
                message,
            } => write!(
                f,
                "client {client} knows message {message} of room {room} otherwise than REST tells it"
            ),
            Self::Unanswered {
                client,
                room,
                nonce,
            } => {
                write!(
                    f,
                    "send {nonce} of client {client} to room {room} was never acknowledged"
                )
            }
            Self::Protocol { client, how } => write!(f, "client {client}: {how}"),
        }
    }
}

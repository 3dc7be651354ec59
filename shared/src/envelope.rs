//! What nodes send each other through the broker: channels and envelopes.
//!
//! An envelope carries the event's native frame ready-made: the api encodes it once after the commit, and
//! a gateway hands those very bytes to its native connections. Other dialects read the frame again, once
//! for each event and dialect.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::protocol::objects::RoomKind;
use crate::protocol::{EventType, Presence};
use crate::{MessageId, RoomId, Seq, SessionId, Timestamp, UserId};

/// How many partitions channels are spread over in Redis Cluster. All channels of a partition lie in one
/// slot, so that they are subscribed in one command.
pub const PARTITIONS: u64 = 1024;

/// Where an envelope is published and who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A room's changes and ephemeral events: every node with a member connected.
    Room(RoomId),
    /// What is addressed to one user: every node where they are connected.
    User(UserId),
    /// One user's coming and going: every node where somebody watches them.
    Presence(UserId),
    /// One node's own probe.
    Node(u64),
}

impl Channel {
    /// The partition, below [`PARTITIONS`].
    pub fn partition(self) -> u64 {
        let id = match self {
            Self::Room(RoomId(id)) | Self::User(UserId(id)) | Self::Presence(UserId(id)) => {
                id.cast_unsigned()
            }
            Self::Node(id) => id,
        };
        id % PARTITIONS
    }

    /// The channel's name after a deployment's `prefix`, with the partition as Redis Cluster's hash tag:
    /// `chapar:{p12}:room:12`.
    pub fn name(self, prefix: &str) -> String {
        let partition = self.partition();
        match self {
            Self::Room(id) => format!("{prefix}:{{p{partition}}}:room:{id}"),
            Self::User(id) => format!("{prefix}:{{p{partition}}}:user:{id}"),
            Self::Presence(id) => format!("{prefix}:{{p{partition}}}:presence:{id}"),
            Self::Node(id) => format!("{prefix}:{{p{partition}}}:node:{id}"),
        }
    }

    /// The channel of a name made by [`Channel::name`] with the same prefix.
    pub fn parse(prefix: &str, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(prefix)?.strip_prefix(":{p")?;
        let (_, rest) = rest.split_once("}:")?;
        let (kind, id) = rest.split_once(':')?;
        match kind {
            "room" => id.parse().ok().map(Self::Room),
            "user" => id.parse().ok().map(Self::User),
            "presence" => id.parse().ok().map(Self::Presence),
            "node" => id.parse().ok().map(Self::Node),
            _ => None,
        }
    }
}

/// One message between nodes.
///
/// Tagged from outside: an inner tag would make serde buffer the value, which a raw frame does not survive.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// A durable change of a room, on its channel.
    Change(RoomChange),
    /// Typing or a read mark, on the room's channel or a user's.
    Ephemeral(Ephemeral),
    /// What is addressed to a user, on theirs.
    User(UserChange),
    /// The sweeper's word that a room is at least at `seq`.
    Head {
        /// The room.
        room: RoomId,
        /// Its head.
        seq: Seq,
    },
    /// The sweeper's word that a user is at least at `version`.
    Version {
        /// The user.
        user: UserId,
        /// Their version.
        version: i64,
    },
    /// A user came or went, on their presence channel.
    Presence(Presence),
}

/// Enough for a message of usual length, or its bytes would be moved as they grow.
const TYPICAL_BYTES: usize = 768;

impl Envelope {
    /// The bytes to publish.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TYPICAL_BYTES);
        serde_json::to_writer(&mut bytes, self)
            .expect("envelopes hold no map keys or floats that JSON lacks");
        bytes
    }

    /// Reads published bytes.
    ///
    /// # Errors
    /// When they are not an envelope of this version; the receiver counts and drops it.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// A durable change, in a room's order; also what [`crate::internal::ChangesPage`] holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomChange {
    /// The room.
    pub room: RoomId,
    /// Its position.
    pub seq: Seq,
    /// What happened.
    pub kind: EventType,
    /// The message it is about; `None` for members and the room itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Who did it, for dialects that show more than the native frame; in replays the message's author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// When it was committed, for the commit-to-socket histogram.
    #[serde(with = "crate::timestamp::micros")]
    pub at: Timestamp,
    /// W3C `traceparent` of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The native frame, ready to be sent.
    pub frame: Box<RawValue>,
}

/// Who acted, with what some dialects show and a native frame never does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user.
    pub id: UserId,
    /// Their username.
    pub username: String,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// Their e-mail: never in a native frame.
    pub email: Option<String>,
}

/// An event without `seq`, which may be dropped under load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ephemeral {
    /// The room.
    pub room: RoomId,
    /// Whose connections do not get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<UserId>,
    /// Who caused it, for dialects that show more than the native frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The native frame.
    pub frame: Box<RawValue>,
}

/// Everything that one transaction changed for one user.
///
/// A receiver that knows the user at `version - 1` applies `changes`; any other one loads the user again
/// through its backend and emits the difference, so a lost envelope is made good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserChange {
    /// Whom it is addressed to.
    pub user: UserId,
    /// The user's version after it.
    pub version: i64,
    /// What changed, in order.
    pub changes: Vec<UserEvent>,
}

/// One thing that changed for a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserEvent {
    /// They came into a room, or a hidden direct room came back.
    Joined {
        /// The room.
        room: RoomId,
        /// The position from which on they are to hear of it: of their coming, or before the message that
        /// brought the room back. 0 from nodes that do not tell.
        #[serde(default)]
        after: Seq,
    },
    /// They left a room, were removed, or it ended.
    Left {
        /// The room.
        room: RoomId,
        /// What it was.
        kind: RoomKind,
        /// What it was called.
        name: String,
    },
    /// A notification event: deliver the frame to all the user's connections.
    Notification {
        /// The notification's id, or the position read up to.
        id: crate::NotificationId,
        /// The native frame.
        frame: Box<RawValue>,
    },
    /// These sessions ended: their sockets close.
    Revoked {
        /// Which.
        sessions: Vec<SessionId>,
    },
    /// The user was banned or deleted: every socket closes.
    Shut,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name("chapar"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_with_ready_made_frames_read_back() {
        let frame = || RawValue::from_string(r#"{"op":"event","text":"سلام"}"#.into()).unwrap();
        let envelopes = [
            Envelope::Change(RoomChange {
                room: RoomId(1),
                seq: 2,
                kind: EventType::MessageCreated,
                message: Some(MessageId(3)),
                actor: None,
                at: Timestamp::from_micros(4),
                trace: None,
                frame: frame(),
            }),
            Envelope::Ephemeral(Ephemeral {
                room: RoomId(1),
                except: Some(UserId(2)),
                actor: None,
                frame: frame(),
            }),
            Envelope::User(UserChange {
                user: UserId(1),
                version: 2,
                changes: vec![
                    UserEvent::Notification {
                        id: crate::NotificationId(3),
                        frame: frame(),
                    },
                    UserEvent::Shut,
                ],
            }),
        ];
        for envelope in envelopes {
            let bytes = envelope.encode();
            let read = Envelope::decode(&bytes)
                .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)));
            assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn channel_names_read_back_and_keep_their_hash_tag() {
        for channel in [
            Channel::Room(RoomId(1029)),
            Channel::User(UserId(5)),
            Channel::Presence(UserId(7)),
            Channel::Node(9),
        ] {
            let name = channel.name("x:y");
            assert_eq!(Channel::parse("x:y", &name), Some(channel));
            assert_eq!(Channel::parse("x", &name), None);
        }
        assert_eq!(
            Channel::Room(RoomId(1029)).name("chapar"),
            "chapar:{p5}:room:1029"
        );
    }
}

//! Events: what the server pushes.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::objects::{Member, Message, Notification, Room, RoomKind, RoomView};
use crate::{NotificationId, Number, RoomId, Seq, Timestamp, UserId};

/// One pushed frame, `{"op":"event", "room"?, "seq"?, "type", "data"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Always `event`.
    op: Op,
    /// The room it belongs to; absent for what is addressed to a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The room's position after it; absent for what may be dropped under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Its type and data.
    #[serde(flatten)]
    pub body: EventBody,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Op {
    #[default]
    #[serde(rename = "event")]
    Event,
}

impl Event {
    /// A durable change of a room.
    pub fn change(room: RoomId, seq: Seq, body: EventBody) -> Self {
        Self {
            op: Op::Event,
            room: Some(room),
            seq: Some(seq),
            body,
        }
    }

    /// Something of a room that may be dropped under load: typing, read marks.
    pub fn ephemeral(room: RoomId, body: EventBody) -> Self {
        Self {
            op: Op::Event,
            room: Some(room),
            seq: None,
            body,
        }
    }

    /// Something addressed to a user or a watcher.
    pub fn user(body: EventBody) -> Self {
        Self {
            op: Op::Event,
            room: None,
            seq: None,
            body,
        }
    }

    /// The frame's text.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("events hold no map keys or floats that JSON lacks")
    }

    /// The frame as a part of an envelope.
    pub fn frame(&self) -> Box<RawValue> {
        to_raw_value(self).expect("events hold no map keys or floats that JSON lacks")
    }
}

/// An event's type and data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EventBody {
    /// A new message.
    #[serde(rename = "message.created")]
    MessageCreated(Message),
    /// Its text or attachments changed.
    #[serde(rename = "message.edited")]
    MessageEdited(Message),
    /// It was deleted: no content, attachments, reactions.
    #[serde(rename = "message.deleted")]
    MessageDeleted(Message),
    /// Somebody reacted or took a reaction back.
    #[serde(rename = "message.reacted")]
    MessageReacted(Reacted),
    /// Somebody came in.
    #[serde(rename = "member.joined")]
    MemberJoined(Member),
    /// Somebody left or was removed.
    #[serde(rename = "member.left")]
    MemberLeft(Member),
    /// Somebody's role changed.
    #[serde(rename = "member.changed")]
    MemberChanged(Member),
    /// Name, slug or description changed.
    #[serde(rename = "room.changed")]
    RoomChanged(Room),
    /// The room ended.
    #[serde(rename = "room.deleted")]
    RoomDeleted(Room),
    /// Somebody types or stopped.
    #[serde(rename = "typing")]
    Typing(Typing),
    /// Somebody read up to a number.
    #[serde(rename = "read")]
    Read(ReadMark),
    /// A watched user came or went.
    #[serde(rename = "presence")]
    Presence(Presence),
    /// The receiver is now in this room; its `seq` is where this socket's stream of it begins.
    #[serde(rename = "room.joined")]
    RoomJoined(RoomView),
    /// The receiver is no longer in this room.
    #[serde(rename = "room.left")]
    RoomLeft(LeftRoom),
    /// A new notification of the receiver's.
    #[serde(rename = "notification.created")]
    NotificationCreated(Notification),
    /// The receiver read notifications, perhaps on another device.
    #[serde(rename = "notification.read")]
    NotificationRead(NotificationsRead),
}

/// The kinds of durable change, as the store and the envelope name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// See [`EventBody::MessageCreated`].
    #[serde(rename = "message.created")]
    MessageCreated,
    /// See [`EventBody::MessageEdited`].
    #[serde(rename = "message.edited")]
    MessageEdited,
    /// See [`EventBody::MessageDeleted`].
    #[serde(rename = "message.deleted")]
    MessageDeleted,
    /// See [`EventBody::MessageReacted`].
    #[serde(rename = "message.reacted")]
    MessageReacted,
    /// See [`EventBody::MemberJoined`].
    #[serde(rename = "member.joined")]
    MemberJoined,
    /// See [`EventBody::MemberLeft`].
    #[serde(rename = "member.left")]
    MemberLeft,
    /// See [`EventBody::MemberChanged`].
    #[serde(rename = "member.changed")]
    MemberChanged,
    /// See [`EventBody::RoomChanged`].
    #[serde(rename = "room.changed")]
    RoomChanged,
    /// See [`EventBody::RoomDeleted`].
    #[serde(rename = "room.deleted")]
    RoomDeleted,
}

/// Data of `message.reacted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reacted {
    /// The message with all its reactions.
    #[serde(flatten)]
    pub message: Message,
    /// What changed; only in live events, a replay tells the state alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ReactionChange>,
}

/// One reaction put or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReactionChange {
    /// Whose.
    pub user: UserId,
    /// Up to 32 bytes.
    pub emoji: String,
    /// Put, or taken back.
    pub added: bool,
}

/// Data of `typing`; forgotten after 10 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Typing {
    /// Who; never the receiver.
    pub user: UserId,
    /// Types, or stopped.
    pub typing: bool,
}

/// Data of `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadMark {
    /// Who.
    pub user: UserId,
    /// The last message they read.
    pub number: Number,
}

/// Data of `presence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// Whether they have a socket open.
    pub online: bool,
    /// When their last socket closed; `null` while online or where it is not known.
    #[schema(required)]
    pub last_seen: Option<Timestamp>,
}

/// Data of `room.left`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftRoom {
    /// The room.
    pub id: RoomId,
    /// What it was.
    pub kind: RoomKind,
    /// What it was called.
    pub name: String,
}

/// Data of `notification.read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationsRead {
    /// Every notification up to this one is read …
    pub up_to: NotificationId,
    /// … of this room alone, where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
}

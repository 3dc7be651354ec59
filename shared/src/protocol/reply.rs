//! What the server sends besides events: `ready`, `reply`, `reset`, `reconnect`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::command::CommandId;
use super::objects::{OwnUser, Role, RoomKind};
use crate::{Limits, Number, RoomId, Seq};

/// A frame that answers or instructs one client.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to `hello`.
    Ready(Box<Ready>),
    /// The one answer to a command.
    Reply(Reply),
    /// Load this room again by REST; ignore its events up to the `seq` that answer names.
    Reset(Reset),
    /// The node drains: reconnect, with `since`, after the delay.
    Reconnect(Reconnect),
}

impl ServerFrame {
    /// The frame's text.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("frames hold no map keys or floats that JSON lacks")
    }
}

impl<'de> Deserialize<'de> for ServerFrame {
    /// Reads `op` first and the fields then: a derived inner tag would make serde buffer the frame, which the
    /// raw `ok` of a reply does not survive.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Op {
            Ready,
            Reply,
            Reset,
            Reconnect,
        }
        #[derive(Deserialize)]
        struct Head {
            op: Op,
        }
        fn read(text: &str) -> Result<ServerFrame, serde_json::Error> {
            let head: Head = serde_json::from_str(text)?;
            Ok(match head.op {
                Op::Ready => ServerFrame::Ready(serde_json::from_str(text)?),
                Op::Reply => ServerFrame::Reply(serde_json::from_str(text)?),
                Op::Reset => ServerFrame::Reset(serde_json::from_str(text)?),
                Op::Reconnect => ServerFrame::Reconnect(serde_json::from_str(text)?),
            })
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        read(raw.get()).map_err(de::Error::custom)
    }
}

/// `ready`: signed in; every change of each room after its `seq` follows on this socket.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// The device session.
    pub session: String,
    /// The store's epoch; positions of another epoch mean nothing.
    pub epoch: String,
    /// Who signed in.
    pub user: OwnUser,
    /// All rooms of the user's.
    pub rooms: Vec<ReadyRoom>,
    /// Seconds between the server's pings; silence for two of them closes the socket.
    pub heartbeat_s: u64,
    /// What the server accepts.
    pub limits: ReadyLimits,
}

/// One of the user's rooms in `ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadyRoom {
    /// The room.
    pub id: RoomId,
    /// Public, private or direct.
    pub kind: RoomKind,
    /// Empty for direct and unnamed rooms.
    pub name: String,
    /// `null` for direct rooms.
    #[schema(required)]
    pub slug: Option<String>,
    /// The position after which every change follows.
    pub seq: Seq,
    /// The newest message's number.
    pub number: Number,
    /// The last message that the user read.
    pub read_number: Number,
    /// The user's role.
    pub role: Role,
}

/// The limits a client needs to know before it sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadyLimits {
    /// Longest frame in bytes.
    pub frame_bytes: usize,
    /// Longest message in characters.
    pub content: usize,
    /// Attachments of one message.
    pub attachments: usize,
    /// Largest upload in bytes.
    pub upload_bytes: u64,
    /// Users that one connection may watch.
    pub watched: usize,
    /// Sends of one user: how many at once, and how many more a second.
    pub send_burst: u32,
    /// See `send_burst`.
    pub sends_per_s: f64,
}

impl From<&Limits> for ReadyLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            frame_bytes: limits.max_frame_bytes,
            content: limits.max_content,
            attachments: limits.max_attachments,
            upload_bytes: limits.max_upload_bytes,
            watched: limits.max_watched,
            send_burst: limits.send_user.capacity,
            sends_per_s: limits.send_user.refill_per_s,
        }
    }
}

/// `reply`: `ok` or `error`, never both.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The command's; `null` where it could not be read.
    pub id: Option<CommandId>,
    /// What the command gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Box<RawValue>>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReplyError>,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplyError {
    /// A stable word, the same as in REST problems.
    pub code: String,
    /// For people, in their language.
    pub detail: String,
    /// For invalid input: what is wrong with which field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// `reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reset {
    /// The room to load again.
    pub room: RoomId,
    /// Its head.
    pub seq: Seq,
}

/// `reconnect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reconnect {
    /// Milliseconds to wait first.
    pub after_ms: u64,
}

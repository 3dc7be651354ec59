//! Commands: what a client sends in WebSocket frames.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AttachmentId, MessageId, Number, RoomId, Seq, UserId};

/// The client's name for a command, echoed in its reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum CommandId {
    /// An integer.
    Number(i64),
    /// A string of at most 64 bytes.
    Text(String),
}

/// A client's frame, read.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame {
    /// The first frame.
    Hello(Hello),
    /// A new message.
    Send(Send),
    /// New text for a message.
    Edit(Edit),
    /// A message's end.
    Delete(Delete),
    /// A reaction.
    React(React),
    /// A reaction taken back.
    Unreact(React),
    /// A read mark.
    Read(Read),
    /// Typing, or no longer.
    Typing(TypingCommand),
    /// The users whose presence the client wants.
    Watch(Watch),
    /// A new token before the old one expires.
    Auth(Auth),
    /// Nothing but a reply.
    Ping,
}

/// `hello`: signs in and resumes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub struct Hello {
    /// An access token, unless the upgrade carried one.
    #[serde(default)]
    pub token: Option<String>,
    /// The epoch of the positions in `since`.
    #[serde(default)]
    pub epoch: Option<String>,
    /// The last position that the client has of each room it names.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub since: BTreeMap<RoomId, Seq>,
}

/// `send`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Send {
    /// Where to.
    pub room: RoomId,
    /// Up to 4,000 characters after trimming; may be empty with attachments.
    #[serde(default)]
    pub content: String,
    /// Idempotency key, up to 64 bytes: a repeat gets the first message.
    #[serde(default)]
    pub nonce: Option<String>,
    /// A message of the same room.
    #[serde(default)]
    pub reply_to: Option<MessageId>,
    /// Uploads of the sender's own, at most 10.
    #[serde(default)]
    pub attachments: Vec<AttachmentId>,
}

/// `edit`: the author's alone.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Edit {
    /// The message's room.
    pub room: RoomId,
    /// Which.
    pub message: MessageId,
    /// The new text.
    pub content: String,
}

/// `delete`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Delete {
    /// The message's room.
    pub room: RoomId,
    /// Which.
    pub message: MessageId,
}

/// `react` and `unreact`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct React {
    /// The message's room.
    pub room: RoomId,
    /// Which.
    pub message: MessageId,
    /// Up to 32 bytes.
    pub emoji: String,
}

/// `read`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Read {
    /// The room.
    pub room: RoomId,
    /// The last message read; never goes back, never beyond the head.
    pub number: Number,
}

/// `typing`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct TypingCommand {
    /// The room.
    pub room: RoomId,
    /// Types, or stopped.
    pub typing: bool,
}

/// `watch`: replaces the connection's list.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Watch {
    /// At most 200; people one shares no room with are left out.
    pub users: Vec<UserId>,
}

/// `auth`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Auth {
    /// A new access token of the same user and session.
    pub token: String,
}

/// Why a frame could not be read. `id` is the command's, where it could be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// Not a JSON object with an `op`, or a field is missing or of a wrong type.
    #[error("malformed frame: {detail}")]
    Malformed {
        /// The command's `id`, if it was read.
        id: Option<CommandId>,
        /// What is wrong; names no content.
        detail: String,
    },
    /// An `op` that this protocol does not have.
    #[error("unknown op")]
    UnknownOp {
        /// The command's `id`, if it was read.
        id: Option<CommandId>,
    },
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(default)]
    id: Option<CommandId>,
}

#[derive(Deserialize)]
struct IdOnly {
    #[serde(default)]
    id: Option<CommandId>,
}

/// Reads a frame: its `id`, and the command.
///
/// The `op` is read first and the fields then, because an internally tagged enum would copy every frame
/// into an intermediate value.
///
/// # Errors
/// [`ParseError`], each with the `id` where it could be read.
pub fn parse(text: &str) -> Result<(Option<CommandId>, ClientFrame), ParseError> {
    fn body<'a, T: Deserialize<'a>>(
        text: &'a str,
        id: Option<&CommandId>,
    ) -> Result<T, ParseError> {
        serde_json::from_str(text).map_err(|error| malformed(id.cloned(), &error))
    }
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| {
        malformed(
            serde_json::from_str::<IdOnly>(text)
                .ok()
                .and_then(|only| only.id),
            &error,
        )
    })?;
    let id = head
        .id
        .filter(|id| !matches!(id, CommandId::Text(text) if text.len() > 64));
    let key = id.as_ref();
    let frame = match &*head.op {
        "hello" => ClientFrame::Hello(body(text, key)?),
        "send" => ClientFrame::Send(body(text, key)?),
        "edit" => ClientFrame::Edit(body(text, key)?),
        "delete" => ClientFrame::Delete(body(text, key)?),
        "react" => ClientFrame::React(body(text, key)?),
        "unreact" => ClientFrame::Unreact(body(text, key)?),
        "read" => ClientFrame::Read(body(text, key)?),
        "typing" => ClientFrame::Typing(body(text, key)?),
        "watch" => ClientFrame::Watch(body(text, key)?),
        "auth" => ClientFrame::Auth(body(text, key)?),
        "ping" => ClientFrame::Ping,
        _ => return Err(ParseError::UnknownOp { id }),
    };
    Ok((id, frame))
}

fn malformed(id: Option<CommandId>, error: &serde_json::Error) -> ParseError {
    // serde's text can quote a value of the frame, which may be message text: only its kind is told.
    let detail = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of a wrong type",
        _ => "not a JSON object",
    };
    ParseError::Malformed {
        id,
        detail: format!("{detail}, at column {}", error.column()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_send_with_its_id() {
        let (id, frame) =
            parse(r#"{"op":"send","id":"a","room":12,"content":"سلام","new":1}"#).unwrap();
        assert_eq!(id, Some(CommandId::Text("a".into())));
        let ClientFrame::Send(send) = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(
            (send.room, &*send.content, send.nonce),
            (RoomId(12), "سلام", None)
        );
    }

    #[test]
    fn tells_the_id_of_what_it_cannot_read() {
        let error = parse(r#"{"op":"send","id":7,"room":"x"}"#).unwrap_err();
        assert!(
            matches!(
                error,
                ParseError::Malformed {
                    id: Some(CommandId::Number(7)),
                    ..
                }
            ),
            "{error:?}"
        );
        let error = parse(r#"{"op":"fly","id":8}"#).unwrap_err();
        assert_eq!(
            error,
            ParseError::UnknownOp {
                id: Some(CommandId::Number(8))
            }
        );
        for text in ["", "[]", "7", "{}", "null", "{\"op\":1}", "\u{0}"] {
            assert!(
                matches!(parse(text), Err(ParseError::Malformed { id: None, .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn hello_reads_positions_by_room() {
        let (_, frame) = parse(r#"{"op":"hello","since":{"12":345,"13":9}}"#).unwrap();
        let ClientFrame::Hello(hello) = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(
            hello.since,
            BTreeMap::from([(RoomId(12), 345), (RoomId(13), 9)])
        );
    }
}

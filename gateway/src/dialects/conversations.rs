//! The socket of *conversations*: `/ws/chat/<id>/`, frames with a type.

use serde::Deserialize;
use serde_json::{Value, json};

use chapar_shared::protocol::command::{Delete, Edit, ParseError, Send, TypingCommand};
use chapar_shared::protocol::{ClientFrame, EventType, Message};
use chapar_shared::{MessageId, RoomId};

use super::plain::{malformed, read};
use super::{Dialect, Frames, Incoming, Outgoing, View, reading};

/// See the module. Its path is shared with the plain frames, which hand digits over.
#[derive(Debug)]
pub(super) struct Conversations;

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct ChatMessage {
    message: String,
}

#[derive(Deserialize)]
struct EditMessage {
    message_id: MessageId,
    content: String,
}

#[derive(Deserialize)]
struct DeleteMessage {
    message_id: MessageId,
}

#[derive(Deserialize)]
struct IsTyping {
    is_typing: bool,
}

impl Dialect for Conversations {
    fn name(&self) -> &'static str {
        "conversations"
    }

    /// Every command is about the socket's own room, whatever room a message is of.
    fn parse(&self, text: &str, view: &View) -> Result<Incoming, ParseError> {
        let head: Head = read(text)?;
        let room = view.room.ok_or_else(malformed)?;
        let frame = match head.kind.as_str() {
            "chat_message" => send(room, read(text)?),
            "edit_message" => {
                let EditMessage {
                    message_id: message,
                    content,
                } = read(text)?;
                ClientFrame::Edit(Edit {
                    room,
                    message,
                    content,
                })
            }
            "delete_message" => {
                let DeleteMessage {
                    message_id: message,
                } = read(text)?;
                ClientFrame::Delete(Delete { room, message })
            }
            "typing" => {
                let IsTyping { is_typing: typing } = read(text)?;
                ClientFrame::Typing(TypingCommand { room, typing })
            }
            _ => return Err(ParseError::UnknownOp { id: None }),
        };
        Ok(Incoming::Command(None, frame))
    }

    fn encode(&self, outgoing: &Outgoing<'_>, view: &View) -> Frames {
        let said = match outgoing {
            Outgoing::Change(change) => match change.kind {
                EventType::MessageCreated => reading::message(change).map(|it| created(&it, view)),
                EventType::MessageEdited => reading::message(change).map(|it| edited(&it)),
                EventType::MessageDeleted => change
                    .message
                    .map(|message| json!({"type": "message.deleted", "message_id": message})),
                _ => None,
            },
            Outgoing::Event { frame, actor } => reading::typing(frame)
                .zip(*actor)
                .map(|(typing, actor)| {
                    json!({"type": "user.typing", "user": actor.username, "is_typing": typing.typing})
                }),
            Outgoing::Server(frame) => reading::refusal(frame).map(|error| {
                json!({"type": "error", "code": error.code, "detail": reading::detail(error)})
            }),
        };
        said.map_or(Frames::None, |said| Frames::One(reading::frame(&said)))
    }
}

fn send(room: RoomId, frame: ChatMessage) -> ClientFrame {
    ClientFrame::Send(Send {
        room,
        content: frame.message,
        nonce: None,
        reply_to: None,
        attachments: Vec::new(),
    })
}

fn created(message: &Message, view: &View) -> Value {
    let attachments: Vec<Value> = message
        .attachments
        .iter()
        .map(|file| {
            // A native frame does not say when a file came; it was sent with its message.
            json!({
                "id": file.id,
                "file": reading::absolute(&file.url, view),
                "uploaded_at": message.created_at,
            })
        })
        .collect();
    json!({
        "type": "chat.message",
        "message": {
            "id": message.id,
            "sender": message.sender.username,
            "content": message.content,
            "timestamp": message.created_at,
            "attachments": attachments,
        },
    })
}

fn edited(message: &Message) -> Value {
    json!({
        "type": "message.edited",
        "message": {"id": message.id, "content": message.content},
    })
}

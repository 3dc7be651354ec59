//! What a client asks for in an event.
//!
//! Ids are strings or numbers. `room` and `room_id`, `message` and `content`, `message_id` and `id` mean the
//! same; what else an argument holds is ignored.
//!
//! | event | argument | |
//! |---|---|---|
//! | `chat_message` | `{room, message}` | a new message |
//! | `get_online_users` | nothing, a room's id or `{room}` | who is online |
//! | `edit_message` | `{room, message_id, content}` | new text for one's own message |
//! | `delete_message` | `{room, message_id}` | a message's end |
//! | `typing` | `{room, is_typing}` (true where it is left out) | typing, or no longer |

use serde::Deserialize;
use serde_json::value::RawValue;

use chapar_shared::problem::Violation;
use chapar_shared::protocol::ClientFrame;
use chapar_shared::protocol::command::{Delete, Edit, Send, TypingCommand};
use chapar_shared::{Code, MessageId, Problem, RoomId};

/// The event of a new message.
pub(super) const CHAT_MESSAGE: &str = "chat_message";

/// The event that asks who is online, and the one that answers it.
pub(super) const GET_ONLINE_USERS: &str = "get_online_users";

/// What an event asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// Something that the native protocol has a word for.
    Command(ClientFrame),
    /// Who is online: in a room, or among all companions.
    Online(Option<RoomId>),
}

/// Reads an event, `["name", argument]`: its name where it is a known one, and what it asks for.
pub(super) fn read(text: &str) -> (Option<&'static str>, Result<Asked, Problem>) {
    let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(text) else {
        return (None, Err(Code::MalformedFrame.into()));
    };
    let Some(Ok(name)) = parts.first().map(|name| serde_json::from_str(name.get())) else {
        return (None, Err(Code::MalformedFrame.into()));
    };
    let name: String = name;
    let argument = parts.get(1).map_or("{}", |argument| argument.get());
    let (name, asked) = match &*name {
        CHAT_MESSAGE => (CHAT_MESSAGE, chat_message(argument)),
        GET_ONLINE_USERS => (GET_ONLINE_USERS, get_online_users(argument)),
        "edit_message" => ("edit_message", edit_message(argument)),
        "delete_message" => ("delete_message", delete_message(argument)),
        "typing" => ("typing", typing(argument)),
        _ => return (None, Err(Code::UnknownOp.into())),
    };
    (Some(name), asked)
}

fn chat_message(argument: &str) -> Result<Asked, Problem> {
    let argument = Argument::read(argument)?;
    let room = argument.room()?;
    let content = argument.text(&["message", "content"])?;
    Ok(Asked::Command(ClientFrame::Send(Send {
        room,
        content,
        nonce: None,
        reply_to: None,
        attachments: Vec::new(),
    })))
}

fn get_online_users(argument: &str) -> Result<Asked, Problem> {
    if let Ok(room) = serde_json::from_str::<Option<Id>>(argument) {
        let room = room.map(|id| id.read("room_id").map(RoomId)).transpose()?;
        return Ok(Asked::Online(room));
    }
    let argument = Argument::read(argument)?;
    let is_named = argument.room.is_some() || argument.room_id.is_some();
    let room = is_named.then(|| argument.room()).transpose()?;
    Ok(Asked::Online(room))
}

fn edit_message(argument: &str) -> Result<Asked, Problem> {
    let argument = Argument::read(argument)?;
    Ok(Asked::Command(ClientFrame::Edit(Edit {
        room: argument.room()?,
        message: argument.message()?,
        content: argument.text(&["content", "message"])?,
    })))
}

fn delete_message(argument: &str) -> Result<Asked, Problem> {
    let argument = Argument::read(argument)?;
    Ok(Asked::Command(ClientFrame::Delete(Delete {
        room: argument.room()?,
        message: argument.message()?,
    })))
}

fn typing(argument: &str) -> Result<Asked, Problem> {
    let argument = Argument::read(argument)?;
    let typing = match argument.is_typing.or(argument.typing) {
        None => true,
        Some(typing) => serde_json::from_str(typing.get())
            .map_err(|_| Problem::invalid("is_typing", Violation::Format))?,
    };
    let room = argument.room()?;
    Ok(Asked::Command(ClientFrame::Typing(TypingCommand {
        room,
        typing,
    })))
}

/// The argument's fields, each unread, so that the one that is wrong can be named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Argument<'a> {
    #[serde(borrow)]
    room: Option<&'a RawValue>,
    #[serde(borrow)]
    room_id: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    is_typing: Option<&'a RawValue>,
    #[serde(borrow)]
    typing: Option<&'a RawValue>,
}

impl<'a> Argument<'a> {
    fn read(text: &'a str) -> Result<Self, Problem> {
        // Tried on an object alone: serde would read a list into a struct too.
        if !text.starts_with('{') {
            return Err(Code::MalformedFrame.into());
        }
        serde_json::from_str(text).map_err(|_| Code::MalformedFrame.into())
    }

    fn room(&self) -> Result<RoomId, Problem> {
        id("room_id", self.room_id.or(self.room)).map(RoomId)
    }

    fn message(&self) -> Result<MessageId, Problem> {
        id("message_id", self.message_id.or(self.id)).map(MessageId)
    }

    /// The text in the first of these fields that is there.
    fn text(&self, names: &[&str]) -> Result<String, Problem> {
        let field = |name: &&str| match *name {
            "message" => self.message,
            _ => self.content,
        };
        let name = names.first().copied().unwrap_or_default();
        let text = names
            .iter()
            .find_map(field)
            .ok_or_else(|| Problem::invalid(name, Violation::Required))?;
        serde_json::from_str(text.get()).map_err(|_| Problem::invalid(name, Violation::Format))
    }
}

fn id(name: &str, value: Option<&RawValue>) -> Result<i64, Problem> {
    let value = value.ok_or_else(|| Problem::invalid(name, Violation::Required))?;
    let id: Id =
        serde_json::from_str(value.get()).map_err(|_| Problem::invalid(name, Violation::Format))?;
    id.read(name)
}

/// A number, or its digits.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Digits(String),
}

impl Id {
    fn read(self, name: &str) -> Result<i64, Problem> {
        match self {
            Self::Number(id) => Ok(id),
            Self::Digits(digits) => digits
                .trim()
                .parse()
                .map_err(|_| Problem::invalid(name, Violation::Format)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(text: &str) -> Problem {
        read(text).1.unwrap_err()
    }

    #[test]
    fn a_message_is_read_by_either_name_of_its_fields() {
        for text in [
            r#"["chat_message",{"room":"12","message":"سلام"}]"#,
            r#"["chat_message",{"room_id":12,"content":"سلام","sender":"x"}]"#,
            r#"["chat_message",{"room_id":" 12 ","room":"9","message":"سلام"},{}]"#,
        ] {
            let (name, asked) = read(text);
            let Ok(Asked::Command(ClientFrame::Send(send))) = asked else {
                panic!("{text}: {asked:?}");
            };
            assert_eq!(name, Some(CHAT_MESSAGE));
            assert_eq!((send.room, &*send.content), (RoomId(12), "سلام"));
        }
    }

    #[test]
    fn who_is_online_may_be_asked_with_and_without_a_room() {
        for (text, room) in [
            (r#"["get_online_users"]"#, None),
            (r#"["get_online_users",null]"#, None),
            (r#"["get_online_users",{}]"#, None),
            (r#"["get_online_users","12"]"#, Some(RoomId(12))),
            (r#"["get_online_users",{"room":12}]"#, Some(RoomId(12))),
        ] {
            assert_eq!(read(text).1, Ok(Asked::Online(room)), "{text}");
        }
    }

    #[test]
    fn additions_are_read() {
        let asked = |text: &str| read(text).1.unwrap();
        assert_eq!(
            asked(r#"["edit_message",{"room":"1","message_id":"2","content":"x"}]"#),
            Asked::Command(ClientFrame::Edit(Edit {
                room: RoomId(1),
                message: MessageId(2),
                content: "x".into()
            }))
        );
        assert_eq!(
            asked(r#"["delete_message",{"room_id":1,"id":2}]"#),
            Asked::Command(ClientFrame::Delete(Delete {
                room: RoomId(1),
                message: MessageId(2)
            }))
        );
        for (text, typing) in [
            (r#"["typing",{"room":"1"}]"#, true),
            (r#"["typing",{"room":"1","is_typing":false}]"#, false),
        ] {
            let room = RoomId(1);
            let command = ClientFrame::Typing(TypingCommand { room, typing });
            assert_eq!(asked(text), Asked::Command(command));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, field, violation) in [
            (
                r#"["chat_message",{"message":"x"}]"#,
                "room_id",
                Violation::Required,
            ),
            (
                r#"["chat_message",{"room":"x","message":"x"}]"#,
                "room_id",
                Violation::Format,
            ),
            (
                r#"["chat_message",{"room":{},"message":"x"}]"#,
                "room_id",
                Violation::Format,
            ),
            (
                r#"["chat_message",{"room":1}]"#,
                "message",
                Violation::Required,
            ),
            (
                r#"["chat_message",{"room":1,"message":1}]"#,
                "message",
                Violation::Format,
            ),
            (
                r#"["delete_message",{"room":1}]"#,
                "message_id",
                Violation::Required,
            ),
            (
                r#"["typing",{"room":1,"is_typing":"x"}]"#,
                "is_typing",
                Violation::Format,
            ),
            (
                r#"["get_online_users",{"room":[]}]"#,
                "room_id",
                Violation::Format,
            ),
        ] {
            assert_eq!(problem(text), Problem::invalid(field, violation), "{text}");
        }
        for text in [
            "",
            "{}",
            "[]",
            "[1]",
            r#"["chat_message",[1,"x"]]"#,
            r#"["chat_message",7]"#,
        ] {
            assert_eq!(problem(text).code, Code::MalformedFrame, "{text}");
        }
        assert_eq!(problem(r#"["fly"]"#).code, Code::UnknownOp);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}", name in "chat_message|typing|get_online_users") {
            drop(read(&text));
            drop(read(&format!(r#"["{name}",{text}]"#)));
        }
    }
}

//! Every frame of the protocol as an AsyncAPI message: its envelope's fields around a type's schema.

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::protocol::command::{
    Auth, Delete, Edit, Hello, React, Read, Send, TypingCommand, Watch,
};
use crate::protocol::reply::{Ready, ReplyError};
use crate::protocol::{
    CommandId, LeftRoom, Member, Message, Notification, NotificationsRead, Presence, Reacted,
    ReadMark, Room, RoomView, Typing, reply,
};

/// Who sends a frame, from the server's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
}

/// One message of the document.
#[derive(Debug)]
pub(super) struct Frame {
    /// Unique: `command.send`, `reply.message`, `event.typing`, `ready`.
    pub(super) name: String,
    pub(super) direction: Direction,
    pub(super) summary: &'static str,
    pub(super) payload: Value,
    pub(super) example: Option<Value>,
    /// Carries the `id` of a command.
    pub(super) is_correlated: bool,
    /// For commands: the names of what may answer.
    pub(super) replies: Vec<&'static str>,
}

impl Frame {
    /// `command.send` has the schema `CommandSendFrame`.
    pub(super) fn schema_name(&self) -> String {
        let words = self.name.split(['.', '_']).map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        });
        words.collect::<String>() + "Frame"
    }

    /// Sent by the server without being asked.
    pub(super) fn is_pushed(&self) -> bool {
        self.direction == Direction::Out && !self.is_correlated && self.name != "ready"
    }
}

/// All of them, in the order of a connection's life.
pub(super) fn frames() -> Vec<Frame> {
    let mut frames = commands();
    frames.push(instruction::<Ready>(
        "ready",
        "Signed in: every change of each room after its `seq` follows on this socket.",
        None,
    ));
    frames.extend(replies());
    frames.push(instruction::<reply::Reset>(
        "reset",
        "Load this room again by REST; ignore its events up to the `seq` which that answer names.",
        Some(json!({"op": "reset", "room": 12, "seq": 9001})),
    ));
    frames.push(instruction::<reply::Reconnect>(
        "reconnect",
        "The node drains: reconnect, with `since`, after the delay.",
        Some(json!({"op": "reconnect", "after_ms": 1500})),
    ));
    frames.extend(events());
    frames
}

fn schema<T: ToSchema>() -> Value {
    super::reference("components/schemas", &T::name())
}

fn commands() -> Vec<Frame> {
    let hello =
        json!({"op": "hello", "token": "eyJ…", "epoch": "k3v9", "since": {"12": 345, "13": 9}});
    let send = json!({"op": "send", "id": 1, "room": 12, "content": "سلام", "nonce": "9f1c"});
    let edit = json!({"op": "edit", "id": 2, "room": 12, "message": 77, "content": "درود"});
    let delete = json!({"op": "delete", "id": 3, "room": 12, "message": 77});
    let react = json!({"op": "react", "id": "r1", "room": 12, "message": 77, "emoji": "🌱"});
    let unreact = json!({"op": "unreact", "id": "r2", "room": 12, "message": 77, "emoji": "🌱"});
    let read = json!({"op": "read", "id": 4, "room": 12, "number": 31});
    let typing = json!({"op": "typing", "room": 12, "typing": true});
    let watch = json!({"op": "watch", "id": 5, "users": [7, 9]});
    let auth = json!({"op": "auth", "id": 6, "token": "eyJ…"});
    vec![
        command(
            "hello",
            Some(schema::<Hello>()),
            "Signs in and resumes: the first frame of a socket.",
            &["ready"],
            hello,
        ),
        command(
            "send",
            Some(schema::<Send>()),
            "Sends a message; answered after its commit. A repeated `nonce` gets the first message.",
            &["reply.message", "reply.error"],
            send,
        ),
        command(
            "edit",
            Some(schema::<Edit>()),
            "Changes the text of one's own message.",
            &["reply.message", "reply.error"],
            edit,
        ),
        command(
            "delete",
            Some(schema::<Delete>()),
            "Deletes a message.",
            &["reply.seq", "reply.error"],
            delete,
        ),
        command(
            "react",
            Some(schema::<React>()),
            "Reacts to a message.",
            &["reply.seq", "reply.error"],
            react,
        ),
        command(
            "unreact",
            Some(schema::<React>()),
            "Takes a reaction back.",
            &["reply.seq", "reply.error"],
            unreact,
        ),
        command(
            "read",
            Some(schema::<Read>()),
            "Moves one's read mark forward.",
            &["reply.read", "reply.error"],
            read,
        ),
        command(
            "typing",
            Some(schema::<TypingCommand>()),
            "Says that one types or stopped. Answered only where `id` is given.",
            &["reply.empty", "reply.error"],
            typing,
        ),
        command(
            "watch",
            Some(schema::<Watch>()),
            "Names the users whose presence one wants; replaces the list.",
            &["reply.online", "reply.error"],
            watch,
        ),
        command(
            "auth",
            Some(schema::<Auth>()),
            "Brings a new access token before the old one expires.",
            &["reply.empty", "reply.error"],
            auth,
        ),
        command(
            "ping",
            None,
            "Asks for an answer and nothing else.",
            &["reply.empty", "reply.error"],
            json!({"op": "ping", "id": 7}),
        ),
    ]
}

fn command(
    op: &'static str,
    body: Option<Value>,
    summary: &'static str,
    replies: &[&'static str],
    example: Value,
) -> Frame {
    let envelope = json!({
        "type": "object",
        "required": ["op"],
        "properties": {
            "op": {"const": op},
            "id": {
                "description": "Echoed in the reply; at most 64 bytes where it is a string.",
                "oneOf": [schema::<CommandId>(), {"type": "null"}],
            },
        },
    });
    Frame {
        name: format!("command.{op}"),
        direction: Direction::In,
        summary,
        payload: joined(body, envelope),
        example: Some(example),
        is_correlated: op != "hello",
        replies: replies.to_vec(),
    }
}

fn joined(body: Option<Value>, envelope: Value) -> Value {
    match body {
        Some(body) => json!({"allOf": [body, envelope]}),
        None => envelope,
    }
}

fn instruction<T: ToSchema>(
    op: &'static str,
    summary: &'static str,
    example: Option<Value>,
) -> Frame {
    let envelope = json!({
        "type": "object",
        "required": ["op"],
        "properties": {"op": {"const": op}},
    });
    Frame {
        name: op.to_owned(),
        direction: Direction::Out,
        summary,
        payload: joined(Some(schema::<T>()), envelope),
        example,
        is_correlated: false,
        replies: Vec::new(),
    }
}

fn replies() -> Vec<Frame> {
    let one = |field: &str, schema: Value| json!({"type": "object", "required": [field], "properties": {field: schema}});
    let number = json!({"type": "integer", "format": "int64"});
    let users = json!({"type": "array", "items": {"type": "integer", "format": "int64"}});
    vec![
        ok(
            "reply.message",
            "To `send` and `edit`: the message in its latest state.",
            &one("message", schema::<Message>()),
            None,
        ),
        ok(
            "reply.seq",
            "To `delete`, `react` and `unreact`: the room's position after it.",
            &one("seq", number.clone()),
            Some(json!({"seq": 346})),
        ),
        ok(
            "reply.read",
            "To `read`: where the read mark stands now.",
            &one("read_number", number),
            Some(json!({"read_number": 31})),
        ),
        ok(
            "reply.online",
            "To `watch`: who of them is online.",
            &one("online", users),
            Some(json!({"online": [7]})),
        ),
        ok(
            "reply.empty",
            "To `typing`, `auth` and `ping`: done.",
            &json!({"type": "object", "maxProperties": 0}),
            Some(json!({})),
        ),
        Frame {
            name: "reply.error".into(),
            direction: Direction::Out,
            summary: "To any command: why it was refused. `x-error-codes` of the channel lists the codes.",
            payload: reply_payload("error", "ok", &schema::<ReplyError>()),
            example: Some(json!({"op": "reply", "id": 1, "error": {
                "code": "rate_limited", "detail": "Too many requests; try again later.", "retry_after_ms": 1200,
            }})),
            is_correlated: true,
            replies: Vec::new(),
        },
    ]
}

fn ok(name: &str, summary: &'static str, body: &Value, example: Option<Value>) -> Frame {
    Frame {
        name: name.to_owned(),
        direction: Direction::Out,
        summary,
        payload: reply_payload("ok", "error", body),
        example: example.map(|ok| json!({"op": "reply", "id": 1, "ok": ok})),
        is_correlated: true,
        replies: Vec::new(),
    }
}

fn reply_payload(field: &str, other: &str, body: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["op", "id", field],
        "not": {"required": [other]},
        "properties": {
            "op": {"const": "reply"},
            "id": {
                "description": "The command's; `null` where it could not be read.",
                "oneOf": [schema::<CommandId>(), {"type": "null"}],
            },
            field: body,
        },
    })
}

/// Which of `room` and `seq` an event names.
#[derive(Clone, Copy)]
enum Place {
    /// A durable change of a room: both.
    Change,
    /// Of a room, and may be dropped under load: `room` alone.
    Ephemeral,
    /// Addressed to a user or a watcher: neither.
    User,
}

fn events() -> Vec<Frame> {
    use Place::{Change, Ephemeral, User};
    vec![
        event::<Message>("message.created", Change, "A new message."),
        event::<Message>(
            "message.edited",
            Change,
            "A message's text or attachments changed.",
        ),
        event::<Message>(
            "message.deleted",
            Change,
            "A message was deleted: it has no content, attachments, reactions.",
        ),
        event::<Reacted>(
            "message.reacted",
            Change,
            "Somebody reacted or took a reaction back.",
        ),
        event::<Member>("member.joined", Change, "Somebody came in."),
        event::<Member>("member.left", Change, "Somebody left or was removed."),
        event::<Member>("member.changed", Change, "Somebody's role changed."),
        event::<Room>("room.changed", Change, "Name, slug or description changed."),
        event::<Room>("room.deleted", Change, "The room ended."),
        event::<Typing>(
            "typing",
            Ephemeral,
            "Somebody types or stopped; forgotten after 10 s.",
        ),
        event::<ReadMark>("read", Ephemeral, "Somebody read up to a number."),
        event::<Presence>("presence", User, "A watched user came or went."),
        event::<RoomView>(
            "room.joined",
            User,
            "The receiver is now in this room; its `seq` is where this socket's stream of it begins.",
        ),
        event::<LeftRoom>(
            "room.left",
            User,
            "The receiver is no longer in this room; nothing of it follows.",
        ),
        event::<Notification>(
            "notification.created",
            User,
            "A new notification of the receiver's.",
        ),
        event::<NotificationsRead>(
            "notification.read",
            User,
            "The receiver read notifications, perhaps on another device.",
        ),
    ]
}

fn event<T: ToSchema>(kind: &'static str, place: Place, summary: &'static str) -> Frame {
    let (named, absent): (&[&str], &[&str]) = match place {
        Place::Change => (&["room", "seq"], &[]),
        Place::Ephemeral => (&["room"], &["seq"]),
        Place::User => (&[], &["room", "seq"]),
    };
    let mut payload = json!({
        "type": "object",
        "properties": {
            "op": {"const": "event"},
            "type": {"const": kind},
            "data": schema::<T>(),
        },
    });
    let mut required = vec!["op", "type", "data"];
    for field in named {
        required.push(field);
        payload["properties"][field] = json!({"type": "integer", "format": "int64", "minimum": 1});
    }
    payload["required"] = json!(required);
    if !absent.is_empty() {
        let absent: Vec<Value> = absent.iter().map(|f| json!({"required": [f]})).collect();
        payload["not"] = json!({"anyOf": absent});
    }
    Frame {
        name: format!("event.{kind}"),
        direction: Direction::Out,
        summary,
        payload,
        example: None,
        is_correlated: false,
        replies: Vec::new(),
    }
}

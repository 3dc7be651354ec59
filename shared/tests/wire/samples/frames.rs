//! Commands and the server's frames besides events.

use std::collections::BTreeMap;

use chapar_shared::protocol::command::{
    Auth, Delete, Edit, Hello, React, Read, Send, TypingCommand, Watch,
};
use chapar_shared::protocol::reply::{Reconnect, Reply, Reset};
use chapar_shared::protocol::{
    ClientFrame, CommandId, OwnUser, Ready, ReadyRoom, Role, RoomKind, ServerFrame,
};
use chapar_shared::{
    AttachmentId, Code, Language, Limits, MessageId, Problem, RoomId, UserId, Violation,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{ali, message};

/// `ready`, every form of `reply`, `reset`, `reconnect`.
pub(crate) fn frames() -> Vec<(&'static str, ServerFrame)> {
    let ready = Ready {
        session: "41".into(),
        epoch: "k3v9".into(),
        user: OwnUser {
            user: ali(),
            email: Some("ali@example.com".into()),
        },
        rooms: vec![ReadyRoom {
            id: RoomId(12),
            kind: RoomKind::Public,
            name: "گروه دوستان".into(),
            slug: Some("گروه-دوستان".into()),
            seq: 346,
            number: 31,
            read_number: 30,
            role: Role::Owner,
        }],
        heartbeat_s: 30,
        limits: (&Limits::default()).into(),
    };
    let ok = |id, value: Value| reply(Some(id), Ok(value));
    let invalid = Problem::invalid("content", Violation::TooLong { max: 4000 });
    let limited = Problem::rate_limited(std::time::Duration::from_millis(1200));
    vec![
        ("ready", ServerFrame::Ready(Box::new(ready))),
        (
            "reply.message",
            ok(CommandId::Number(1), json!({"message": message()})),
        ),
        (
            "reply.seq",
            ok(CommandId::Text("r1".into()), json!({"seq": 348})),
        ),
        (
            "reply.read",
            ok(CommandId::Number(4), json!({"read_number": 31})),
        ),
        (
            "reply.online",
            ok(CommandId::Number(5), json!({"online": [7, 9]})),
        ),
        ("reply.empty", ok(CommandId::Number(6), json!({}))),
        (
            "reply.error.invalid",
            reply(Some(CommandId::Number(2)), Err((invalid, Language::Fa))),
        ),
        (
            "reply.error.rate_limited",
            reply(Some(CommandId::Number(1)), Err((limited, Language::En))),
        ),
        (
            "reply.error.without_id",
            reply(None, Err((Code::MalformedFrame.into(), Language::En))),
        ),
        (
            "reset",
            ServerFrame::Reset(Reset {
                room: RoomId(12),
                seq: 9001,
            }),
        ),
        (
            "reconnect",
            ServerFrame::Reconnect(Reconnect { after_ms: 1500 }),
        ),
    ]
}

fn reply(id: Option<CommandId>, outcome: Result<Value, (Problem, Language)>) -> ServerFrame {
    let (ok, error) = match outcome {
        Ok(value) => (
            Some(RawValue::from_string(value.to_string()).unwrap()),
            None,
        ),
        Err((problem, language)) => (None, Some(problem.to_reply(language))),
    };
    ServerFrame::Reply(Reply { id, ok, error })
}

/// What each command's golden file says.
pub(crate) fn commands() -> Vec<(&'static str, Option<CommandId>, ClientFrame)> {
    let number = |id| Some(CommandId::Number(id));
    let text = |id: &str| Some(CommandId::Text(id.to_owned()));
    let (room, message) = (RoomId(12), MessageId(77));
    let react = || React {
        room,
        message,
        emoji: "🌱".into(),
    };
    let hello = Hello {
        token: Some("header.claims.signature".into()),
        epoch: Some("k3v9".into()),
        since: BTreeMap::from([(RoomId(12), 345), (RoomId(13), 9)]),
    };
    let send = Send {
        room,
        content: "سلام".into(),
        nonce: Some("9f1c".into()),
        reply_to: Some(message),
        attachments: vec![AttachmentId(5)],
    };
    let send_least = Send {
        nonce: None,
        reply_to: None,
        attachments: vec![],
        ..send.clone()
    };
    vec![
        ("hello", None, ClientFrame::Hello(hello)),
        ("hello.least", None, ClientFrame::Hello(Hello::default())),
        ("send", number(1), ClientFrame::Send(send)),
        ("send.least", None, ClientFrame::Send(send_least)),
        (
            "edit",
            number(2),
            ClientFrame::Edit(Edit {
                room,
                message,
                content: "درود".into(),
            }),
        ),
        (
            "delete",
            number(3),
            ClientFrame::Delete(Delete { room, message }),
        ),
        ("react", text("r1"), ClientFrame::React(react())),
        ("unreact", text("r2"), ClientFrame::Unreact(react())),
        (
            "read",
            number(4),
            ClientFrame::Read(Read { room, number: 31 }),
        ),
        (
            "typing",
            None,
            ClientFrame::Typing(TypingCommand { room, typing: true }),
        ),
        (
            "watch",
            number(5),
            ClientFrame::Watch(Watch {
                users: vec![UserId(7), UserId(9)],
            }),
        ),
        (
            "auth",
            number(6),
            ClientFrame::Auth(Auth {
                token: "header.claims.signature".into(),
            }),
        ),
        ("ping", number(7), ClientFrame::Ping),
    ]
}

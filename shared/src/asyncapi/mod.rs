//! The AsyncAPI 3 description of the native WebSocket protocol, made from the wire types themselves.
//!
//! Object schemas come from each type's [`ToSchema`]; what the types cannot say (which `op` a command has,
//! which event names `room` and `seq`, which reply answers what) stands in `messages.rs`. Every frame of one
//! direction fits exactly one message. The document describes the server: it *receives* commands and *sends*
//! the rest.

mod messages;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::Code;
use crate::protocol::command::{
    Auth, Delete, Edit, Hello, React, Read, Send, TypingCommand, Watch,
};
use crate::protocol::reply::{ReadyLimits, ReplyError};
use crate::protocol::{
    CloseCode, CommandId, LeftRoom, Member, Message, Notification, NotificationsRead, Presence,
    Reacted, ReadMark, Ready, Room, RoomView, Typing,
};
use messages::{Direction, Frame};

/// Where the socket is.
pub const PATH: &str = "/v1/ws";

/// The whole document, as it is served at `/v1/asyncapi.json`. The same on every call.
pub fn document() -> Value {
    let frames = messages::frames();
    let mut schemas = objects();
    let mut components = Map::new();
    let mut channel = Map::new();
    for frame in &frames {
        schemas.insert(frame.schema_name(), frame.payload.clone());
        components.insert(frame.name.clone(), message(frame));
        channel.insert(
            frame.name.clone(),
            reference("components/messages", &frame.name),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chapar WebSocket API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INFO,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"chapar": {
            "host": "{host}",
            "protocol": "ws",
            "description": "Any gateway node; `wss` where TLS ends before it.",
            "variables": {"host": {
                "default": "127.0.0.1:8000",
                "description": "Host and port of the server or of the load balancer before it.",
            }},
            "security": [
                {"$ref": "#/components/securitySchemes/bearer"},
                {"$ref": "#/components/securitySchemes/query"},
            ],
        }},
        "channels": {"socket": {
            "address": PATH,
            "title": "The socket",
            "description": channel_description(),
            "servers": [{"$ref": "#/servers/chapar"}],
            "messages": channel,
            "bindings": {"ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {"token": {
                    "type": "string",
                    "description": "An access token, for clients that cannot set headers.",
                }}},
                "bindingVersion": "0.1.0",
            }},
            "x-close-codes": close_codes(),
            "x-error-codes": error_codes(),
        }},
        "operations": operations(&frames),
        "components": {
            "schemas": schemas,
            "messages": components,
            "correlationIds": {"command": {
                "location": "$message.payload#/id",
                "description": "The client's name for the command, echoed in its reply.",
            }},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token in `Authorization` of the upgrade.",
                },
                "query": {
                    "type": "httpApiKey",
                    "name": "token",
                    "in": "query",
                    "description": "An access token in the query of the upgrade. The third way is `token` \
                                    in `hello`.",
                },
            },
        },
    })
}

const INFO: &str = "Text frames, one JSON object each. The first frame is `hello`; the server answers `ready`, \
    then sends events. Every command with an `id` gets one `reply`. Unknown fields are ignored by the server \
    and must be ignored by clients. REST is described by `/v1/openapi.json`.";

fn reference(section: &str, name: &str) -> Value {
    json!({"$ref": format!("#/{section}/{name}")})
}

/// The schemas of every type that stands in a frame, by name, with those they refer to.
fn objects() -> Map<String, Value> {
    let mut found = Vec::new();
    collect::<CommandId>(&mut found);
    collect::<Hello>(&mut found);
    collect::<Send>(&mut found);
    collect::<Edit>(&mut found);
    collect::<Delete>(&mut found);
    collect::<React>(&mut found);
    collect::<Read>(&mut found);
    collect::<TypingCommand>(&mut found);
    collect::<Watch>(&mut found);
    collect::<Auth>(&mut found);
    collect::<Ready>(&mut found);
    collect::<ReadyLimits>(&mut found);
    collect::<ReplyError>(&mut found);
    collect::<crate::protocol::reply::Reset>(&mut found);
    collect::<crate::protocol::reply::Reconnect>(&mut found);
    collect::<Message>(&mut found);
    collect::<Reacted>(&mut found);
    collect::<Member>(&mut found);
    collect::<Room>(&mut found);
    collect::<RoomView>(&mut found);
    collect::<Typing>(&mut found);
    collect::<ReadMark>(&mut found);
    collect::<Presence>(&mut found);
    collect::<LeftRoom>(&mut found);
    collect::<Notification>(&mut found);
    collect::<NotificationsRead>(&mut found);
    let schemas = found.into_iter().map(|(name, schema)| {
        let schema = serde_json::to_value(schema).expect("schemas are plain data");
        (name, schema)
    });
    schemas.collect()
}

type Found = Vec<(
    String,
    utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>,
)>;

fn collect<T: ToSchema>(found: &mut Found) {
    found.push((T::name().into_owned(), T::schema()));
    T::schemas(found);
}

fn message(frame: &Frame) -> Value {
    let mut message = json!({
        "name": frame.name,
        "title": frame.name,
        "summary": frame.summary,
        "payload": reference("components/schemas", &frame.schema_name()),
    });
    if frame.is_correlated {
        message["correlationId"] = reference("components/correlationIds", "command");
    }
    if let Some(example) = &frame.example {
        message["examples"] = json!([{"payload": example}]);
    }
    message
}

fn operations(frames: &[Frame]) -> Map<String, Value> {
    let on_channel = |name: &str| reference("channels/socket/messages", name);
    let mut operations = Map::new();
    for frame in frames.iter().filter(|f| f.direction == Direction::In) {
        let replies: Vec<Value> = frame.replies.iter().map(|name| on_channel(name)).collect();
        let operation = json!({
            "action": "receive",
            "channel": reference("channels", "socket"),
            "summary": frame.summary,
            "messages": [on_channel(&frame.name)],
            "reply": {"channel": reference("channels", "socket"), "messages": replies},
        });
        operations.insert(frame.name.clone(), operation);
    }
    let pushed = frames.iter().filter(|f| f.is_pushed());
    let pushed: Vec<Value> = pushed.map(|frame| on_channel(&frame.name)).collect();
    operations.insert(
        "push".into(),
        json!({
            "action": "send",
            "channel": reference("channels", "socket"),
            "summary": "What the server sends without being asked: events, `reset`, `reconnect`.",
            "messages": pushed,
        }),
    );
    operations
}

fn channel_description() -> String {
    let rows = CloseCode::ALL.map(|code| format!("| {} | {} |", code.code(), code.reason()));
    format!(
        "The upgrade succeeds whoever asks; a node with too many newcomers answers 503 with Retry-After. \
        Who is not authenticated within 10 s is closed.\n\n\
         | close code | reason |\n|---|---|\n{}\n",
        rows.join("\n")
    )
}

fn close_codes() -> Vec<Value> {
    let codes = CloseCode::ALL.iter();
    codes
        .map(|code| json!({"code": code.code(), "name": code, "reason": code.reason()}))
        .collect()
}

fn error_codes() -> Vec<Value> {
    let codes = Code::ALL.iter();
    codes
        .map(|code| json!({"code": code, "status": code.status(), "title": code.title()}))
        .collect()
}

//! The sockets of *chatrooms* and *groups*: frames without a type, each a message or a file.
//!
//! They know no edits, deletes or typing, and are told none. Three kinds of room say who wrote in three ways.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use chapar_shared::internal::Target;
use chapar_shared::protocol::command::{ParseError, Send};
use chapar_shared::protocol::{ClientFrame, EventType, Message};

use super::{Dialect, DialectId, FileFrame, Frames, Incoming, Outgoing, View, reading};
use crate::connection::Knock;
use crate::node::Node;

/// A room of many: `/ws/chat/<name>/`.
pub(super) const PLAIN: Plain = Plain(Form::Room);
/// The direct room of *chatrooms*: `/ws/direct/<username>/`.
pub(super) const DIRECT: Plain = Plain(Form::Direct);
/// The direct room of *groups*: `/ws/private_chat/<username>/`.
pub(super) const PRIVATE_CHAT: Plain = Plain(Form::PrivateChat);

/// See the module.
#[derive(Debug)]
pub(super) struct Plain(Form);

#[derive(Clone, Copy, Debug)]
enum Form {
    Room,
    Direct,
    PrivateChat,
}

/// What clients send besides (`user`, `timestamp`, `sender`, …) is not theirs to say.
#[derive(Deserialize)]
struct In {
    message: Option<String>,
    file: Option<String>,
    filename: Option<String>,
}

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        match self.0 {
            Form::Room => "plain",
            Form::Direct => "direct",
            Form::PrivateChat => "private_chat",
        }
    }

    fn routes(&self, id: DialectId) -> Router<Arc<Node>> {
        match self.0 {
            Form::Room => both(
                "/ws/chat/{name}",
                get(move |node, name, knock| chat(node, name, knock, id)),
            ),
            Form::Direct => both("/ws/direct/{name}", entry(id, Target::Direct)),
            Form::PrivateChat => {
                let router = both("/ws/private_chat/{name}", entry(id, Target::PrivateChat));
                router.merge(both(
                    "/ws/{name}",
                    get(move |node, name, knock| pair(node, name, knock, id)),
                ))
            }
        }
    }

    fn parse(&self, text: &str, view: &View) -> Result<Incoming, ParseError> {
        let frame: In = read(text)?;
        let room = view.room.ok_or_else(malformed)?;
        let content = frame.message;
        if let Some(data) = frame.file {
            return Ok(Incoming::File(FileFrame {
                room,
                content: content.unwrap_or_default(),
                filename: frame.filename.unwrap_or_default(),
                data,
            }));
        }
        let send = Send {
            room,
            content: content.ok_or_else(malformed)?,
            nonce: None,
            reply_to: None,
            attachments: Vec::new(),
        };
        Ok(Incoming::Command(None, ClientFrame::Send(send)))
    }

    fn encode(&self, outgoing: &Outgoing<'_>, view: &View) -> Frames {
        match outgoing {
            Outgoing::Change(change) if change.kind == EventType::MessageCreated => {
                let message = reading::message(change);
                message.map_or(Frames::None, |message| self.message(&message, view))
            }
            Outgoing::Change(_) | Outgoing::Event { .. } => Frames::None,
            Outgoing::Server(frame) => reading::refusal(frame).map_or(Frames::None, |error| {
                let (text, code) = (reading::detail(error), &error.code);
                Frames::One(reading::frame(&json!({"error": text, "code": code})))
            }),
        }
    }

    fn takes_files(&self) -> bool {
        true
    }
}

impl Plain {
    fn message(&self, message: &Message, view: &View) -> Frames {
        let mut all = Vec::new();
        if !message.content.is_empty() {
            let mut text = self.about(message, view);
            text.insert("message".into(), message.content.as_str().into());
            if matches!(self.0, Form::Room) {
                let avatar = message.sender.avatar_url.as_deref();
                let avatar = avatar.map(|address| reading::absolute(address, view));
                text.insert("avatar_url".into(), avatar.into());
            }
            all.push(reading::frame(&text));
        }
        for attachment in &message.attachments {
            let mut file = self.about(message, view);
            let address = reading::absolute(&attachment.url, view);
            file.insert("file".into(), address.into());
            file.insert("filename".into(), attachment.name.as_str().into());
            all.push(reading::frame(&file));
        }
        reading::frames(all)
    }

    /// Who wrote when.
    fn about(&self, message: &Message, view: &View) -> Map<String, Value> {
        let author = message.sender.username.as_str();
        let mut about = Map::new();
        let names: &[&str] = match self.0 {
            Form::Room => &["username", "user"],
            Form::Direct => &["sender"],
            Form::PrivateChat => &["user", "sender"],
        };
        for name in names {
            about.insert((*name).to_owned(), author.into());
        }
        if matches!(self.0, Form::PrivateChat) {
            let peer = view.peer.as_deref().unwrap_or_default();
            let recipient = if author == peer { &view.username } else { peer };
            about.insert("recipient".into(), recipient.into());
        }
        about.insert("timestamp".into(), json!(message.created_at));
        about.insert("id".into(), json!(message.id));
        about
    }
}

/// A path in both of its spellings.
pub(super) fn both(path: &str, route: MethodRouter<Arc<Node>>) -> Router<Arc<Node>> {
    Router::new()
        .route(path, route.clone())
        .route(&format!("{path}/"), route)
}

/// Sockets for what the path's one part names.
pub(super) fn entry(id: DialectId, target: fn(String) -> Target) -> MethodRouter<Arc<Node>> {
    get(
        move |State(node): State<Arc<Node>>, Path(name): Path<String>, knock: Knock| {
            knock.enter(node, id, target(name))
        },
    )
}

/// A room of many. Digits name a conversation; the query may ask for other frames.
async fn chat(
    State(node): State<Arc<Node>>,
    Path(name): Path<String>,
    knock: Knock,
    id: DialectId,
) -> Response {
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let dialect = match knock.dialect() {
        Some("chatrooms" | "groups") => None,
        Some("conversations") => DialectId::named("conversations"),
        _ if is_number => DialectId::named("conversations"),
        _ => None,
    };
    knock
        .enter(node, dialect.unwrap_or(id), Target::Chat(name))
        .await
}

/// `private_chat_<a>_<b>`; nothing else lies there.
async fn pair(
    State(node): State<Arc<Node>>,
    Path(name): Path<String>,
    knock: Result<Knock, Response>,
    id: DialectId,
) -> Response {
    if !name.starts_with("private_chat_") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match knock {
        Ok(knock) => knock.enter(node, id, Target::PrivateChat(name)).await,
        Err(response) => response,
    }
}

/// The fields of a frame that is an object; serde would take an array for one too, and quote the frame in its
/// errors.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ParseError> {
    if !text.trim_start().starts_with('{') {
        return Err(malformed());
    }
    serde_json::from_str(text).map_err(|_| malformed())
}

/// Not an object, or a field is missing or of a wrong type.
pub(super) fn malformed() -> ParseError {
    ParseError::Malformed {
        id: None,
        detail: String::new(),
    }
}

//! The notification socket of *groups*: `/ws/notifications/<username>/`, only one's own. First what is unread,
//! oldest first, then each as it comes. What is sent in becomes a notification.

use std::sync::Arc;

use axum::Router;
use serde::Deserialize;
use serde_json::json;

use chapar_shared::internal::Target;
use chapar_shared::protocol::command::ParseError;

use super::plain::{both, entry, read};
use super::{Dialect, DialectId, Frames, Incoming, Outgoing, View, reading};
use crate::node::Node;

/// See the module.
#[derive(Debug)]
pub(super) struct Notifications;

/// What clients send besides (`sender`, …) is not theirs to say.
#[derive(Deserialize)]
struct In {
    message: String,
    #[serde(default)]
    recipient: Option<String>,
}

impl Dialect for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn routes(&self, id: DialectId) -> Router<Arc<Node>> {
        both("/ws/notifications/{name}", entry(id, Target::Notifications))
    }

    fn parse(&self, text: &str, _view: &View) -> Result<Incoming, ParseError> {
        let In { message, recipient } = read(text)?;
        Ok(Incoming::Notice { recipient, message })
    }

    fn encode(&self, outgoing: &Outgoing<'_>, _view: &View) -> Frames {
        let said = match outgoing {
            Outgoing::Event { frame, .. } => reading::notification(frame).map(|it| {
                json!({
                    "message": it.text,
                    "sender": it.sender.username,
                    "kind": it.kind,
                    "room": it.room,
                    "id": it.id,
                })
            }),
            Outgoing::Server(frame) => reading::refusal(frame)
                .map(|error| json!({"error": reading::detail(error), "code": error.code})),
            Outgoing::Change(_) => None,
        };
        said.map_or(Frames::None, |said| Frames::One(reading::frame(&said)))
    }

    fn begins_with_unread(&self) -> bool {
        true
    }
}

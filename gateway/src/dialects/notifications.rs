//! The notification socket of *groups*: `/ws/notifications/<username>/`, only one's own. First what is unread,
//! oldest first, then each as it comes.

use std::sync::Arc;

use axum::Router;
use serde_json::json;

use chapar_shared::internal::Target;
use chapar_shared::protocol::command::ParseError;

use super::plain::{both, entry, malformed};
use super::{Dialect, DialectId, Frames, Incoming, Outgoing, View, reading};
use crate::node::Node;

/// See the module.
#[derive(Debug)]
pub(super) struct Notifications;

impl Dialect for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn routes(&self, id: DialectId) -> Router<Arc<Node>> {
        both("/ws/notifications/{name}", entry(id, Target::Notifications))
    }

    fn parse(&self, _text: &str, _view: &View) -> Result<Incoming, ParseError> {
        Err(malformed())
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

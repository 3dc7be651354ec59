//! The native protocol. Its frames come ready-made from the api, so that nothing is encoded here but answers.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use chapar_shared::protocol::CloseCode;
use chapar_shared::protocol::command::{self, ParseError};

use super::{Dialect, DialectId, Frames, Incoming, Outgoing, View};
use crate::connection;
use crate::node::Node;

/// See the module.
#[derive(Debug)]
pub(super) struct Native;

impl Dialect for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn routes(&self, _id: DialectId) -> Router<Arc<Node>> {
        Router::new().route("/v1/ws", get(connection::upgrade))
    }

    fn parse(&self, text: &str, _view: &View) -> Result<Incoming, ParseError> {
        command::parse(text).map(|(id, frame)| Incoming::Command(id, frame))
    }

    fn encode(&self, outgoing: &Outgoing<'_>, _view: &View) -> Frames {
        Frames::One(match outgoing {
            Outgoing::Change(change) => change.frame.clone(),
            Outgoing::Event { frame, .. } => (*frame).clone(),
            Outgoing::Server(frame) => frame.encode().into(),
        })
    }

    fn close(&self, code: CloseCode) -> (u16, &'static str) {
        (code.code(), code.reason())
    }

    fn resumes(&self) -> bool {
        true
    }

    fn closes_malformed(&self) -> bool {
        true
    }
}

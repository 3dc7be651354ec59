//! The *service* dialect: Socket.IO (protocol 5 over Engine.IO 4), by WebSocket and by polling, at `/socket.io/`.
//!
//! A Socket.IO socket is a connection of the hub like any other, in all rooms of its user. The transport is
//! engineioxide, the Engine.IO half of socketioxide; the other half, with its namespaces, rooms and adapters, is
//! not used: it has no way to close one client's transport, which is what sends a client to another node, and
//! runs each event in a task of its own, which loses their order.
//!
//! What clients ask for is in [`events`], how they are answered in [`answers`], what they are told in [`told`].
//! [`server`] stands before the transport, [`handler`] behind it, [`session`] serves one client.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::any;

use chapar_shared::Code;
use chapar_shared::protocol::ServerFrame;
use chapar_shared::protocol::command::ParseError;

use super::{Dialect, DialectId, Frames, Incoming, Outgoing, Utf8Bytes, View, reading};
use crate::node::Node;

mod answers;
mod company;
mod events;
mod handler;
mod outlet;
mod own;
mod packets;
mod parcels;
mod server;
mod session;
mod stream;
mod told;
mod writer;

pub(crate) use server::{PATH, Server};

/// See the module.
#[derive(Debug)]
pub(super) struct Service;

impl Dialect for Service {
    fn name(&self) -> &'static str {
        "service"
    }

    fn routes(&self, id: DialectId) -> Router<Arc<Node>> {
        let accept = async move |node: State<Arc<Node>>, request: Request| {
            server::accept(node, id, request).await
        };
        Router::new()
            .route(server::PATH, any(accept))
            .route(&format!("{}/", server::PATH), any(accept))
    }

    /// Reads an event without a callback.
    fn parse(&self, text: &str, _view: &View) -> Result<Incoming, ParseError> {
        let (name, asked) = events::read(text);
        let id = Some(answers::command_id(name, None));
        match asked {
            Ok(events::Asked::Command(frame)) => Ok(Incoming::Command(id, frame)),
            Err(problem) if problem.code != Code::UnknownOp => Err(ParseError::Malformed {
                id,
                detail: problem.code.to_string(),
            }),
            Ok(events::Asked::Online(_)) | Err(_) => Err(ParseError::UnknownOp { id }),
        }
    }

    fn encode(&self, outgoing: &Outgoing<'_>, view: &View) -> Frames {
        frames(match outgoing {
            Outgoing::Change(change) => told::change(change, view),
            Outgoing::Event { frame, actor } => told::event(frame, *actor),
            Outgoing::Server(ServerFrame::Reply(reply)) => answers::reply(reply),
            // Clients of this dialect keep no positions.
            Outgoing::Server(
                ServerFrame::Ready(_) | ServerFrame::Reset(_) | ServerFrame::Reconnect(_),
            ) => Vec::new(),
        })
    }
}

/// The texts of a connection's queue, in order.
fn frames(texts: Vec<String>) -> Frames {
    reading::frames(texts.into_iter().map(Utf8Bytes::from).collect())
}

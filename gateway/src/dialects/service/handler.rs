//! What the transport tells of its sessions: each gets a task of its own and an inbox. Called from the
//! transport's reading, so that nothing here waits; order is kept because one session is read by one caller at a
//! time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use engineioxide::handler::EngineIoHandler;
use engineioxide::socket::{DisconnectReason, Sid};
use engineioxide::{Socket, Str};
use socketioxide_core::Value;
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_parser_common::CommonParser;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use chapar_shared::Problem;

use super::session::{self, Greeting};
use super::stream::Lifeline;
use super::{answers, packets};

/// Packets of one session that wait for their turn. A client has to outrun the node by this many to lose one,
/// and is told.
const INBOX: usize = 256;

/// Binary attachments of one packet. No event has any; a client that sends some is told so by the event.
const MAX_ATTACHMENTS: usize = 8;

/// One session as the transport knows it.
pub(super) type Session = Socket<Line>;

/// What we keep in it.
#[derive(Debug, Default)]
pub(super) struct Line {
    parser: ParserState,
    /// `None` once it is closed.
    inbox: Mutex<Option<mpsc::Sender<Incoming>>>,
}

/// What a client sent.
#[derive(Debug)]
pub(super) enum Incoming {
    /// It wants into the namespace, with this JSON as `auth`.
    Connect(Option<Str>),
    /// `["name", …]`, and where to answer.
    Event { text: Str, ack: Option<i64> },
    /// It leaves the namespace.
    Disconnect,
}

/// The node's sessions.
#[derive(Debug)]
pub(super) struct Handler {
    limits: ParseConfig,
    sessions: Mutex<HashMap<Sid, Arc<Lifeline>>>,
}

impl Handler {
    /// For packets whose attachments are at most so many bytes together.
    pub(super) fn new(max_payload_bytes: usize) -> Self {
        Self {
            limits: ParseConfig {
                max_incoming_binary_buf_size: max_payload_bytes,
                max_incoming_binaries: MAX_ATTACHMENTS,
                packet_completion_timeout: Duration::from_secs(10),
            },
            sessions: Mutex::default(),
        }
    }

    /// How many sessions there are, signed in or not.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// A session that lives.
    pub(super) fn lifeline(&self, session: Sid) -> Option<Arc<Lifeline>> {
        self.lock().get(&session).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Lifeline>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(session: &Session, packet: Packet) {
        let is_root = &*packet.ns == "/";
        match packet.inner {
            PacketData::Connect(auth) if is_root => {
                let auth = auth.and_then(|auth| auth.as_str().cloned());
                session.data.push(session, Incoming::Connect(auth));
            }
            PacketData::Connect(_) => send(session, packets::no_such_namespace(&packet.ns)),
            PacketData::Disconnect if is_root => session.data.push(session, Incoming::Disconnect),
            PacketData::Event(Value::Str(text, _), ack)
            | PacketData::BinaryEvent(Value::Str(text, _), ack)
                if is_root =>
            {
                session.data.push(session, Incoming::Event { text, ack });
            }
            // Nothing is asked of clients that they could answer, and there is no other namespace.
            _ => {}
        }
    }
}

impl Line {
    fn inbox(&self) -> MutexGuard<'_, Option<mpsc::Sender<Incoming>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, session: &Session, incoming: Incoming) {
        let inbox = self.inbox();
        let Some(inbox) = &*inbox else { return };
        match inbox.try_send(incoming) {
            Err(TrySendError::Full(Incoming::Event { ack, .. })) => {
                let problem = Problem::rate_limited(Duration::from_secs(1));
                for packet in answers::refusal(ack, &answers::words(&problem)) {
                    send(session, packet);
                }
            }
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) | Ok(()) => {}
        }
    }
}

/// Sends at once what is not worth waiting for: a client that has no room for it has worse problems.
fn send(session: &Session, packet: String) {
    if session.emit(packet).is_err() {
        tracing::debug!("a client had no room for an answer");
    }
}

impl EngineIoHandler for Handler {
    type Data = Line;

    fn on_connect(self: Arc<Self>, session: Arc<Session>) {
        let greeting = session.req_parts.extensions.get::<Arc<Greeting>>().cloned();
        let Some(greeting) = greeting else {
            tracing::error!("a session began without its greeting");
            session.close(DisconnectReason::TransportError);
            return;
        };
        let (sender, inbox) = mpsc::channel(INBOX);
        *session.data.inbox() = Some(sender);
        self.lock()
            .insert(session.id, Arc::clone(&greeting.lifeline));
        let tracker = greeting.node.tracker.clone();
        tracker.spawn(session::serve(session, greeting, inbox));
    }

    fn on_disconnect(&self, session: Arc<Session>, _reason: DisconnectReason) {
        session.data.inbox().take();
        self.lock().remove(&session.id);
    }

    fn on_message(self: &Arc<Self>, text: Str, session: Arc<Session>) {
        match CommonParser.decode_str(&self.limits, &session.data.parser, text) {
            Ok(packet) => Self::take(&session, packet),
            Err(ParseError::NeedsMoreBinaryData) => {}
            Err(_) => session.close(DisconnectReason::PacketParsingError),
        }
    }

    fn on_binary(self: &Arc<Self>, bytes: Bytes, session: Arc<Session>) {
        match CommonParser.decode_bin(&self.limits, &session.data.parser, bytes) {
            Ok(packet) => Self::take(&session, packet),
            Err(ParseError::NeedsMoreBinaryData) => {}
            Err(_) => session.close(DisconnectReason::PacketParsingError),
        }
    }
}

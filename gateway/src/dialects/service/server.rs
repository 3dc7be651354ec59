//! `/socket.io/`: requests of Engine.IO (protocol 4), by WebSocket and by polling.
//!
//! The transport's library runs the sessions. Here is what comes before it: whether the origin may, whether the
//! node takes clients, whether the session is here at all, and the upgrade, whose stream is watched. The
//! library sees a request without its headers and query: it keeps what it sees for as long as the session
//! lives.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use engineioxide::config::EngineIoConfig;
use engineioxide::service::EngineIoService;
use engineioxide::socket::Sid;
use secrecy::SecretString;
use serde::Serialize;
use tower::Service;

use super::handler::Handler;
use super::session::Greeting;
use super::stream::{Guarded, Lifeline};
use crate::config::SocketIoConfig;
use crate::connection::Upgrade;
use crate::connection::credentials::{self, SocketQuery};
use crate::dialects::DialectId;
use crate::node::Node;

/// Where it is served.
pub(crate) const PATH: &str = "/socket.io";

/// The node's Socket.IO server.
#[derive(Debug)]
pub(crate) struct Server {
    handler: Arc<Handler>,
    engine: EngineIoService<Handler>,
}

impl Server {
    pub(crate) fn new(config: &SocketIoConfig) -> Self {
        let max = config.max_payload_bytes;
        let handler = Arc::new(Handler::new(max));
        let engine = EngineIoConfig::builder()
            .req_path(PATH)
            .ping_interval(config.ping_interval)
            .ping_timeout(config.ping_timeout)
            .max_payload(max as u64)
            .max_buffer_size(config.max_buffered_packets)
            .ws_max_message_size(max)
            .ws_max_frame_size(max)
            .build();
        Self {
            engine: EngineIoService::with_config(Arc::clone(&handler), engine),
            handler,
        }
    }
}

/// Why a request is refused, as Engine.IO says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    UnknownTransport,
    UnknownSession,
    BadMethod,
    BadRequest,
    Forbidden,
    UnsupportedProtocol,
    /// Not of the protocol: the balancer asks another node, or the client comes back.
    Unavailable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Refused {
            code: u8,
            message: &'static str,
        }
        let (status, code, message) = match self {
            Self::UnknownTransport => (400, 0, "Transport unknown"),
            Self::UnknownSession => (400, 1, "Session ID unknown"),
            Self::BadMethod => (400, 2, "Bad handshake method"),
            Self::BadRequest => (400, 3, "Bad request"),
            Self::Forbidden => (403, 4, "Forbidden"),
            Self::UnsupportedProtocol => (400, 5, "Unsupported protocol version"),
            Self::Unavailable => (503, 3, "Not available right now"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, axum::Json(Refused { code, message })).into_response()
    }
}

/// What the query says.
#[derive(Debug, PartialEq)]
struct Target {
    is_websocket: bool,
    session: Option<Sid>,
}

impl Target {
    fn read(query: &str) -> Result<Self, Refusal> {
        let field = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let is_websocket = match field("transport") {
            Some("websocket") => true,
            Some("polling") => false,
            _ => return Err(Refusal::UnknownTransport),
        };
        if field("EIO") != Some("4") {
            return Err(Refusal::UnsupportedProtocol);
        }
        let session = field("sid")
            .map(|sid| sid.parse().map_err(|_| Refusal::UnknownSession))
            .transpose()?;
        Ok(Self {
            is_websocket,
            session,
        })
    }

    /// The request that the library sees.
    fn uri(&self) -> String {
        let transport = if self.is_websocket {
            "websocket"
        } else {
            "polling"
        };
        let session = self.session.map(|sid| format!("&sid={sid}"));
        let session = session.unwrap_or_default();
        format!("{PATH}/?EIO=4&transport={transport}{session}")
    }
}

/// Any request below [`PATH`].
pub(super) async fn accept(
    State(node): State<Arc<Node>>,
    dialect: DialectId,
    request: Request,
) -> Response {
    match answer(&node, dialect, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(
    node: &Arc<Node>,
    dialect: DialectId,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let allowed = &node.config.allowed_origins;
    if credentials::is_foreign(headers, allowed) {
        return Err(Refusal::Forbidden);
    }
    let target = Target::read(request.uri().query().unwrap_or_default())?;
    let is_draining = node.is_draining.load(Ordering::Acquire);
    let (lifeline, greeting) = match target.session {
        Some(session) => {
            // A balancer that knows clients by their address sends those of a draining node to the next one, and
            // asks it again only after a while: the session may be there.
            let elsewhere = if is_draining {
                Refusal::Unavailable
            } else {
                Refusal::UnknownSession
            };
            let lifeline = node.socketio.handler.lifeline(session);
            (lifeline.ok_or(elsewhere)?, None)
        }
        None if request.method() != Method::GET => return Err(Refusal::BadMethod),
        None => {
            let is_full = node.socketio.handler.len() >= node.config.socketio.max_sessions;
            if is_full || is_draining {
                return Err(Refusal::Unavailable);
            }
            let lifeline = Arc::new(Lifeline::default());
            let greeting = Greeting {
                node: Arc::clone(node),
                dialect,
                lifeline: Arc::clone(&lifeline),
                token: credentials::token(headers, query_token(request.uri()), allowed),
                language: credentials::language(headers),
                base: credentials::base(headers),
            };
            (lifeline, Some(Arc::new(greeting)))
        }
    };
    let bare = |body: Body, method: Method| {
        let mut bare = Request::new(body);
        *bare.method_mut() = method;
        *bare.uri_mut() = target.uri().parse().expect("a path, words and an id");
        if let Some(greeting) = greeting {
            bare.extensions_mut().insert(greeting);
        }
        bare
    };
    if target.is_websocket {
        let bare = bare(Body::empty(), Method::GET).map(drop);
        return upgrade(node, request, bare, lifeline).await;
    }
    let (parts, body) = request.into_parts();
    let mut bare = bare(body, parts.method);
    if let Some(kind) = parts.headers.get(CONTENT_TYPE) {
        bare.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    let is_upload = bare.method() == Method::POST;
    let answering = Service::call(&mut node.socketio.engine.clone(), bare);
    // A poll is answered by the heartbeat at the latest; a body comes as slowly as its sender likes.
    let answered = if is_upload {
        tokio::time::timeout(node.config.write_timeout, answering)
            .await
            .map_err(|_| Refusal::BadRequest)?
    } else {
        answering.await
    };
    lifeline.note_progress();
    let response = answered.unwrap_or_else(|never| match never {});
    Ok(response.map(Body::new))
}

/// Accepts the WebSocket and hands its stream to the library, watched.
async fn upgrade(
    node: &Arc<Node>,
    request: Request,
    bare: Request<()>,
    lifeline: Arc<Lifeline>,
) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let upgrade = Upgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|_| Refusal::BadRequest)?;
    let (patience, mut engine) = (node.config.write_timeout, node.socketio.engine.clone());
    let serve = async move |stream| {
        let stream = Guarded::new(stream, lifeline, patience);
        if Service::call(&mut engine, (stream, bare)).await.is_err() {
            tracing::error!("the transport refused a request that was checked");
        }
    };
    Ok(upgrade.accept_stream(node, serve))
}

fn query_token(uri: &Uri) -> Option<SecretString> {
    let Query(query) = Query::<SocketQuery>::try_from_uri(uri).ok()?;
    query.token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_a_transport_and_perhaps_a_session() {
        let sid = Sid::new();
        let target = Target::read(&format!("token=x&EIO=4&transport=polling&sid={sid}")).unwrap();
        assert_eq!(target.session, Some(sid));
        assert_eq!(
            target.uri(),
            format!("/socket.io/?EIO=4&transport=polling&sid={sid}")
        );
        let target = Target::read("EIO=4&transport=websocket&t=1").unwrap();
        assert_eq!(target.uri(), "/socket.io/?EIO=4&transport=websocket");
        for (query, refusal) in [
            ("", Refusal::UnknownTransport),
            ("EIO=4&transport=carrier-pigeon", Refusal::UnknownTransport),
            ("transport=polling", Refusal::UnsupportedProtocol),
            ("EIO=3&transport=polling", Refusal::UnsupportedProtocol),
            ("EIO=4&transport=polling&sid=x", Refusal::UnknownSession),
            ("EIO=4&transport=polling&sid=", Refusal::UnknownSession),
        ] {
            assert_eq!(Target::read(query), Err(refusal), "{query}");
        }
    }
}

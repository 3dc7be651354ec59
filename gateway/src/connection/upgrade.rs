//! The opening handshake of RFC 6455 §4.2, which gives the bare stream: what reads and writes it is ours.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::socket::Socket;
use crate::node::Node;

/// A request that asks for a WebSocket, and may have it.
#[derive(Debug)]
pub(crate) struct Upgrade {
    stream: OnUpgrade,
    accept: HeaderValue,
}

/// Why a request cannot become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAnUpgrade {
    Method,
    /// Without the headers of an upgrade to WebSocket.
    Headers,
    Version,
    Key,
    /// The HTTP connection cannot be upgraded.
    Connection,
}

impl Upgrade {
    /// Answers the request; `serve` gets the socket once that is written, as a task of the node.
    pub(crate) fn accept<F>(
        self,
        node: &Node,
        max_message: usize,
        serve: impl FnOnce(Socket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let stream = self.stream;
        node.tracker.spawn(async move {
            match stream.await {
                Ok(stream) => serve(Socket::new(TokioIo::new(stream), max_message)).await,
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "not upgraded");
                }
            }
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NotAnUpgrade;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let headers = &parts.headers;
        if parts.method != Method::GET {
            return Err(NotAnUpgrade::Method);
        }
        if !has_word(headers, &header::CONNECTION, "upgrade")
            || !has_word(headers, &header::UPGRADE, "websocket")
        {
            return Err(NotAnUpgrade::Headers);
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&HeaderValue::from_static("13")) {
            return Err(NotAnUpgrade::Version);
        }
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .ok_or(NotAnUpgrade::Key)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
            .map_err(|_| NotAnUpgrade::Key)?;
        let stream = parts
            .extensions
            .remove::<OnUpgrade>()
            .ok_or(NotAnUpgrade::Connection)?;
        Ok(Self { stream, accept })
    }
}

/// Whether a list of words in a header has this one.
fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|it| it.trim().eq_ignore_ascii_case(word))
}

impl IntoResponse for NotAnUpgrade {
    fn into_response(self) -> Response {
        let version = HeaderValue::from_static("13");
        let upgrade = HeaderValue::from_static("websocket");
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED.into_response(),
            Self::Headers | Self::Connection => (
                StatusCode::UPGRADE_REQUIRED,
                [(header::UPGRADE, upgrade)],
                "this is a WebSocket",
            )
                .into_response(),
            Self::Version => (
                StatusCode::UPGRADE_REQUIRED,
                [
                    (header::UPGRADE, upgrade),
                    (header::SEC_WEBSOCKET_VERSION, version),
                ],
                "WebSocket version 13 is spoken here",
            )
                .into_response(),
            Self::Key => (StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing").into_response(),
        }
    }
}

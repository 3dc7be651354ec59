//! The WebSocket handshake (RFC 6455 §4.2) and the socket it gives.
//!
//! axum's own gives no access to the stream below the frames, which is read and written here without buffers of
//! its own.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::socket::Socket;
use crate::gate::Place;
use crate::node::Node;

/// The stream of an upgraded request.
pub(crate) type Stream = TokioIo<Upgraded>;

/// A request that asks to become a WebSocket and may.
#[derive(Debug)]
pub(crate) struct Upgrade {
    accept: HeaderValue,
    stream: OnUpgrade,
    /// Kept as long as the stream is.
    place: Option<Place>,
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let refused = |status: StatusCode, text: &'static str| (status, text).into_response();
        let headers = &parts.headers;
        if !has_token(headers, &header::CONNECTION, "upgrade")
            || !has_token(headers, &header::UPGRADE, "websocket")
        {
            let mut response = refused(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket.");
            let (upgrade, websocket) = (header::UPGRADE, HeaderValue::from_static("websocket"));
            response.headers_mut().insert(upgrade, websocket);
            return Err(response);
        }
        if headers
            .get(header::SEC_WEBSOCKET_VERSION)
            .is_none_or(|version| version != "13")
        {
            let mut response = refused(StatusCode::BAD_REQUEST, "Only WebSocket version 13.");
            let (version, known) = (
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            );
            response.headers_mut().insert(version, known);
            return Err(response);
        }
        let accept = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .map(|key| derive_accept_key(key.as_bytes()))
            .and_then(|accept| HeaderValue::try_from(accept).ok());
        let Some(accept) = accept else {
            return Err(refused(
                StatusCode::BAD_REQUEST,
                "The request has no WebSocket key.",
            ));
        };
        let place = parts.extensions.remove::<Place>();
        match parts.extensions.remove::<OnUpgrade>() {
            Some(stream) => Ok(Self {
                accept,
                stream,
                place,
            }),
            None => Err(refused(
                StatusCode::UPGRADE_REQUIRED,
                "This connection cannot be upgraded.",
            )),
        }
    }
}

/// Whether a header names something in its list, in any case (RFC 9110 §7.6.1).
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|it| it.trim().eq_ignore_ascii_case(token))
}

impl Upgrade {
    /// Answers that the protocol changes, and serves the socket in a task of the node's. `max` is the longest
    /// message that its dialect takes. A client that goes before the change drops `serve`.
    pub(super) fn accept<F>(
        self,
        node: &Arc<Node>,
        max: usize,
        serve: impl FnOnce(Socket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        self.accept_stream(node, move |stream| serve(Socket::new(stream, max)))
    }

    /// The same for a stream whose frames somebody else reads.
    pub(crate) fn accept_stream<F>(
        self,
        node: &Arc<Node>,
        serve: impl FnOnce(Stream) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let (stream, place, timeout) = (self.stream, self.place, node.config.open_timeout);
        node.tracker.spawn(async move {
            let _place = place;
            // It ends with the request's connection, which ends at the latest with the drain.
            match tokio::time::timeout(timeout, stream).await {
                Ok(Ok(stream)) => serve(TokioIo::new(stream)).await,
                Ok(Err(error)) => tracing::debug!(error = %error, "a socket was not upgraded"),
                Err(_) => tracing::debug!("a socket was not upgraded in time"),
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

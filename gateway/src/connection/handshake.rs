//! From the upgrade to `ready`. The upgrade always succeeds; what is wrong with it is told by a close code,
//! because browsers show a page nothing of a refused upgrade.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use chapar_shared::protocol::command::Hello;
use chapar_shared::protocol::{ClientFrame, CloseCode};
use chapar_shared::token::{Claims, TokenError};
use chapar_shared::{Language, Timestamp};

use super::open::{self, Opening};
use super::{End, Scope, reader, writer};
use crate::dialects::{DialectId, View};
use crate::measures;
use crate::node::Node;

/// A frame longer than the limit by no more than this is read, so that its sender can be told by a close
/// frame; what is longer still breaks the connection after it.
const FRAME_SLACK: usize = 64 << 10;

/// Read buffer of a connection: what an idle one costs (the library's default is 128 KiB).
const READ_BUFFER: usize = 4096;

/// No frame that is sent is longer.
const MAX_WRITE_BUFFER: usize = 16 << 20;

/// What came with the upgrade request.
#[derive(Debug)]
pub(super) struct Greeting {
    token: Option<SecretString>,
    is_origin_allowed: bool,
    language: Language,
}

#[derive(Debug, Deserialize)]
pub(crate) struct UpgradeQuery {
    token: Option<SecretString>,
}

/// `GET /v1/ws`.
pub(crate) async fn upgrade(
    State(node): State<Arc<Node>>,
    query: Result<Query<UpgradeQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let greeting = Greeting {
        token: bearer(&headers).or_else(|| query.ok().and_then(|Query(query)| query.token)),
        is_origin_allowed: is_origin_allowed(&headers, &node.config.allowed_origins),
        language: language(&headers),
    };
    let max = node.limits.max_frame_bytes.saturating_add(FRAME_SLACK);
    let tracker = node.tracker.clone();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(node.config.write_buffer_bytes)
        .max_write_buffer_size(MAX_WRITE_BUFFER.max(node.config.write_buffer_bytes * 2))
        .max_frame_size(max)
        .max_message_size(max)
        .on_upgrade(move |socket| tracker.track_future(serve(node, greeting, socket)))
}

async fn serve(node: Arc<Node>, greeting: Greeting, mut socket: WebSocket) {
    measures::accepted();
    let greeted = async {
        if node.is_draining.load(Ordering::Acquire) {
            return Err(End::Close(CloseCode::GoingAway));
        }
        if !greeting.is_origin_allowed {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
        let hello = hello(&node, &mut socket).await?;
        let claims = verify(&node, &greeting, &hello).map_err(End::Close)?;
        let opening = Opening {
            claims,
            dialect: DialectId::NATIVE,
            scope: Scope::Whole,
            view: View::default(),
            language: greeting.language,
            hello: Some(hello),
        };
        open::open(&node, opening).await.map_err(End::Close)
    };
    let greeted = tokio::select! {
        () = node.shutdown.cancelled() => Err(End::Close(CloseCode::GoingAway)),
        greeted = greeted => greeted,
    };
    match greeted {
        Ok(opened) => reader::serve(node, opened, socket).await,
        Err(End::Close(code)) => {
            writer::close(&mut socket, DialectId::NATIVE, code).await;
            reader::linger(&mut socket).await;
        }
        Err(End::Gone) => {}
    }
}

/// The first frame.
async fn hello(node: &Node, socket: &mut WebSocket) -> Result<Hello, End> {
    let first = async {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(text))) => break Ok(text),
                Some(Ok(Message::Binary(_))) => break Err(End::Close(CloseCode::Unauthenticated)),
                Some(Err(error)) if reader::is_too_large(&error) => {
                    break Err(End::Close(CloseCode::FrameTooLarge));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break Err(End::Gone),
            }
        }
    };
    let text = tokio::time::timeout(node.config.hello_timeout, first)
        .await
        .unwrap_or(Err(End::Close(CloseCode::Unauthenticated)))?;
    if text.len() > node.limits.max_frame_bytes {
        return Err(End::Close(CloseCode::FrameTooLarge));
    }
    match DialectId::NATIVE.get().parse(&text, &View::default()) {
        Ok((_, ClientFrame::Hello(hello))) => Ok(hello),
        _ => Err(End::Close(CloseCode::Unauthenticated)),
    }
}

/// The claims of `hello`'s token, else of the upgrade's.
fn verify(node: &Node, greeting: &Greeting, hello: &Hello) -> Result<Claims, CloseCode> {
    let token = hello
        .token
        .as_deref()
        .or(greeting.token.as_ref().map(ExposeSecret::expose_secret))
        .ok_or(CloseCode::Unauthenticated)?;
    node.keyring
        .verify(token, Timestamp::now())
        .map_err(|error| match error {
            TokenError::Expired => CloseCode::TokenExpired,
            TokenError::Invalid => CloseCode::Unauthenticated,
        })
}

/// The language of the texts for a client.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map(Language::from_accept)
        .unwrap_or_default()
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| SecretString::from(token.trim()))
}

/// Whether a browser page of this origin may connect. Only browsers send `Origin`, and they do not let pages
/// forge it.
pub(crate) fn is_origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    if !allowed.is_empty() {
        return allowed
            .iter()
            .any(|it| it == "*" || it.eq_ignore_ascii_case(origin));
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = origin
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.authority().cloned());
    match (authority, host) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// The token of a request whose origin was found good: its header's, its query's, else its cookie's, where a page
/// of that origin sent it.
pub(crate) fn token(headers: &HeaderMap, uri: &Uri) -> Option<SecretString> {
    let query = || {
        let Query(query) = Query::<UpgradeQuery>::try_from_uri(uri).ok()?;
        query.token
    };
    bearer(headers)
        .or_else(query)
        .or_else(|| cookie(headers).filter(|_| headers.contains_key(header::ORIGIN)))
}

/// The cookie of a browser that signed in to the web pages.
fn cookie(headers: &HeaderMap) -> Option<SecretString> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == "sessionid").then(|| value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn origins_are_the_host_or_listed() {
        let same = headers(&[
            ("host", "chat.example:8080"),
            ("origin", "http://chat.example:8080"),
        ]);
        let other = headers(&[("host", "chat.example"), ("origin", "https://evil.example")]);
        let null = headers(&[("host", "chat.example"), ("origin", "null")]);
        let none = headers(&[("host", "chat.example")]);
        let listed = ["https://evil.example".to_owned()];
        assert!(is_origin_allowed(&same, &[]));
        assert!(is_origin_allowed(&none, &[]) && is_origin_allowed(&none, &listed));
        assert!(!is_origin_allowed(&other, &[]) && !is_origin_allowed(&null, &[]));
        assert!(is_origin_allowed(&other, &listed) && !is_origin_allowed(&same, &listed));
        assert!(is_origin_allowed(&null, &["*".to_owned()]));
    }

    #[test]
    fn bearer_is_read_whatever_its_case() {
        let token = bearer(&headers(&[("authorization", "bearer abc")])).unwrap();
        assert_eq!(token.expose_secret(), "abc");
        assert!(bearer(&headers(&[("authorization", "Basic abc")])).is_none());
    }
}

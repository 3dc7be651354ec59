//! From the upgrade to `ready`. The upgrade always succeeds; what is wrong with it is told by a close code,
//! because browsers show a page nothing of a refused upgrade.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use tokio_tungstenite::tungstenite::{self, Message};

use chapar_shared::protocol::command::Hello;
use chapar_shared::protocol::{ClientFrame, CloseCode};
use chapar_shared::token::{Claims, TokenError};
use chapar_shared::{Language, Timestamp};

use super::credentials::{self, SocketQuery};
use super::gate::Gate;
use super::open::{self, Opening};
use super::reader::Served;
use super::upgrade::{Socket, Upgrade};
use super::{End, Scope, reader, writer};
use crate::dialects::{DialectId, Incoming, View};
use crate::measures;
use crate::node::Node;

/// What came with the upgrade request.
#[derive(Debug)]
pub(super) struct Greeting {
    token: Option<SecretString>,
    is_origin_allowed: bool,
    language: Language,
}

/// `GET /v1/ws`.
pub(crate) async fn upgrade(
    State(node): State<Arc<Node>>,
    query: Result<Query<SocketQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    let query = query.ok().and_then(|Query(query)| query.token);
    let allowed = &node.config.allowed_origins;
    let greeting = Greeting {
        token: credentials::token(&headers, query, allowed),
        is_origin_allowed: credentials::is_origin_allowed(&headers, allowed),
        language: credentials::language(&headers),
    };
    let serving = Arc::clone(&node);
    let max = node.limits.max_frame_bytes;
    upgrade.accept(&node, max, Gate::open, |socket| {
        serve(serving, greeting, socket)
    })
}

async fn serve(node: Arc<Node>, greeting: Greeting, mut socket: Socket) {
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
        Ok(opened) => {
            let served = Served {
                opened,
                places: None,
            };
            reader::serve(node, served, socket).await;
        }
        Err(End::Close(code)) => {
            writer::close(&mut socket, DialectId::NATIVE, code).await;
            reader::linger(&mut socket).await;
        }
        Err(End::Gone) => {}
    }
}

/// The first frame.
async fn hello(node: &Node, socket: &mut Socket) -> Result<Hello, End> {
    let first = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(text))) => break Ok(text),
                Some(Ok(Message::Binary(_))) => break Err(End::Close(CloseCode::Unauthenticated)),
                Some(Err(tungstenite::Error::Capacity(_))) => {
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
        Ok(Incoming::Command(_, ClientFrame::Hello(hello))) => Ok(hello),
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

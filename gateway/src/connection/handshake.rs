//! From the upgrade to `ready`. Once the gate let a client in, its upgrade succeeds; what is wrong with it is told by
//! a close code, because browsers show a page nothing of a refused upgrade.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};

use chapar_shared::protocol::command::Hello;
use chapar_shared::protocol::{ClientFrame, CloseCode};
use chapar_shared::token::{Claims, TokenError};
use chapar_shared::{Language, Timestamp};

use super::credentials::{self, SocketQuery};
use super::open::{self, Opening};
use super::socket::{Socket, Unreadable};
use super::upgrade::Upgrade;
use super::{End, Scope, serve};
use crate::dialects::{DialectId, Incoming, View};
use crate::measures;
use crate::node::Node;
use crate::wire::Malformed;

/// What came with the upgrade request.
#[derive(Debug)]
pub(super) struct Greeting {
    token: Option<SecretString>,
    is_foreign: bool,
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
        is_foreign: credentials::is_foreign(&headers, allowed),
        language: credentials::language(&headers),
    };
    let serving = Arc::clone(&node);
    let max = node.limits.max_frame_bytes;
    upgrade.accept(&node, max, |socket| greet(serving, greeting, socket))
}

async fn greet(node: Arc<Node>, greeting: Greeting, mut socket: Socket) {
    measures::accepted(DialectId::NATIVE);
    let greeted = async {
        if node.is_draining.load(Ordering::Acquire) {
            return Err(End::Close(CloseCode::GoingAway));
        }
        if greeting.is_foreign {
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
    // On the heap, because it takes much room and is over soon: the task keeps the room of what it holds itself.
    let greeted = tokio::select! {
        () = node.shutdown.cancelled() => Err(End::Close(CloseCode::GoingAway)),
        greeted = Box::pin(greeted) => greeted,
    };
    match greeted {
        Ok(opened) => serve::serve(node, opened, socket).await,
        Err(End::Close(code)) => serve::close(&node, socket, DialectId::NATIVE, code).await,
        Err(End::Gone) => measures::left(DialectId::NATIVE),
    }
}

/// The first frame.
async fn hello(node: &Node, socket: &mut Socket) -> Result<Hello, End> {
    let first = tokio::time::timeout(node.config.hello_timeout, socket.next()).await;
    let text = match first {
        Ok(Ok(Some(text))) => text,
        Ok(Err(Unreadable::Gone)) => return Err(End::Gone),
        Ok(Err(Unreadable::Malformed(Malformed::TooLarge))) => {
            return Err(End::Close(CloseCode::FrameTooLarge));
        }
        Ok(Ok(None) | Err(Unreadable::Malformed(_))) | Err(_) => {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
    };
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

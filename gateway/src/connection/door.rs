//! From the upgrade to a served socket, in dialects whose path says what the socket is for. Everything is
//! checked before the protocol changes, so that whoever may not come in gets an ordinary HTTP answer: 403,
//! whatever the reason, so that it tells nothing of rooms that are hidden.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use chapar_shared::internal::{ResolveRequest, Target};
use chapar_shared::protocol::CloseCode;
use chapar_shared::{Code, Language};

use super::credentials::{self, SocketQuery};
use super::open::{self, Opened, Opening};
use super::places::Places;
use super::upgrade::Upgrade;
use super::{Scope, serve, unread};
use crate::backend::BackendError;
use crate::dialects::{DialectId, View};
use crate::measures;
use crate::node::Node;

/// A request for a dialect's socket.
#[derive(Debug)]
pub(crate) struct Knock {
    headers: HeaderMap,
    query: SocketQuery,
    upgrade: Upgrade,
}

impl<S: Send + Sync> FromRequestParts<S> for Knock {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let query = Query::<SocketQuery>::from_request_parts(parts, state).await;
        Ok(Self {
            query: query.map(|Query(query)| query).unwrap_or_default(),
            upgrade: Upgrade::from_request_parts(parts, state).await?,
            headers: std::mem::take(&mut parts.headers),
        })
    }
}

/// Why a socket is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Forbidden(Code),
    TooMany,
    Unavailable,
}

impl Knock {
    /// The dialect that the query asks for.
    pub(crate) fn dialect(&self) -> Option<&str> {
        self.query.dialect.as_deref()
    }

    /// Opens a socket for what its path names, or says why not.
    pub(crate) async fn enter(
        self,
        node: Arc<Node>,
        dialect: DialectId,
        target: Target,
    ) -> Response {
        measures::accepted(dialect);
        let language = credentials::language(&self.headers);
        let opening = open_for(&node, &self.headers, self.query, dialect, target);
        let opened = tokio::select! {
            () = node.shutdown.cancelled() => Err(Refusal::Unavailable),
            opened = tokio::time::timeout(node.config.open_timeout, opening) => {
                opened.unwrap_or(Err(Refusal::Unavailable))
            }
        };
        match opened {
            Ok(opened) => accept(&node, opened, self.upgrade),
            Err(refusal) => refusal.answer(language),
        }
    }
}

async fn open_for(
    node: &Arc<Node>,
    headers: &HeaderMap,
    query: SocketQuery,
    dialect: DialectId,
    target: Target,
) -> Result<Opened, Refusal> {
    if node.is_draining.load(Ordering::Acquire) {
        return Err(Refusal::Unavailable);
    }
    let allowed = &node.config.allowed_origins;
    let claims = credentials::verify(headers, query.token, allowed, &node.keyring)
        .map_err(Refusal::Forbidden)?;
    let request = ResolveRequest {
        user: claims.user,
        session: claims.session,
        target,
    };
    let resolved = node.backend.resolve(request).await.map_err(|error| {
        let BackendError::Refused(problem) = error else {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a socket's room could not be read"
            );
            return Refusal::Unavailable;
        };
        match problem.code {
            Code::RateLimited => Refusal::TooMany,
            Code::Unavailable | Code::Internal => Refusal::Unavailable,
            Code::Banned => Refusal::Forbidden(Code::Banned),
            _ => Refusal::Forbidden(Code::Forbidden),
        }
    })?;
    let opening = Opening {
        claims,
        dialect,
        scope: resolved.room.map_or(Scope::User, Scope::Room),
        view: View {
            room: resolved.room,
            username: resolved.username,
            peer: resolved.peer,
            base: credentials::base(headers),
        },
        language: credentials::language(headers),
        hello: None,
    };
    let opened = open::open(node, opening).await.map_err(|code| match code {
        CloseCode::Revoked => Refusal::Forbidden(Code::Forbidden),
        CloseCode::TooManyConnections => Refusal::TooMany,
        _ => Refusal::Unavailable,
    })?;
    if dialect.get().begins_with_unread() {
        unread::tell(node, &opened)
            .await
            .map_err(|_| Refusal::Unavailable)?;
    }
    Ok(opened)
}

fn accept(node: &Arc<Node>, opened: Opened, upgrade: Upgrade) -> Response {
    let limits = &node.limits;
    let small = limits.max_frame_bytes;
    let takes_files = opened.connection.dialect.get().takes_files();
    let max = if takes_files {
        let bytes = usize::try_from(limits.max_upload_bytes).unwrap_or(usize::MAX / 4);
        bytes.div_ceil(3) * 4 + small
    } else {
        small
    };
    let places =
        takes_files.then(|| Places::new(&opened.user.files, &node.files, node.config.file_timeout));
    let serving = Arc::clone(node);
    upgrade.accept(node, max, |socket| {
        serve::serve(serving, opened, socket.with_places(places))
    })
}

impl Refusal {
    fn answer(self, language: Language) -> Response {
        let (status, code) = match self {
            Self::Forbidden(code) => (StatusCode::FORBIDDEN, code),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, Code::RateLimited),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        };
        let body = Json(json!({ "detail": code.text(language), "code": code }));
        let mut response = (status, body).into_response();
        if status != StatusCode::FORBIDDEN {
            let value = header::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

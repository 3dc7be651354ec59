//! The internal listener: what gateways ask, as JSON over HTTP. Never on the public address.
//!
//! `POST /internal/v1/{open_all,submit,notify,heads,changes,user,room,acquainted,companions,resolve,upload}` with the
//! types of [`chapar_shared::internal`] and `Authorization: Bearer <cluster secret>`. What is refused or fails
//! is answered with the problem's status and a [`Problem`] in its own form, which the gateway puts into words.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tower_http::catch_panic::CatchPanicLayer;

use chapar_shared::{Code, Problem};

use crate::backend::Backend;
use crate::error::Error;

#[cfg(test)]
mod doors;
#[cfg(test)]
mod tests;

/// Section `api.internal` of the configuration.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct InternalConfig {
    /// Largest body of a gateway's request; 8 MiB. Must hold a gateway's largest batch.
    pub max_body_bytes: usize,
}

impl Default for InternalConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 8 << 20,
        }
    }
}

macro_rules! call {
    ($method:ident) => {
        async |State(backend): State<Backend>, Body(request)| answer(backend.$method(request).await)
    };
}

/// The routes, for callers that know `secret`.
pub fn router(backend: Backend, secret: &SecretString, config: &InternalConfig) -> Router {
    // Of one length whatever was sent, so that comparing takes one time.
    let secret: Arc<[u8; 32]> = Arc::new(digest(secret.expose_secret().as_bytes()));
    let known = move |request: Request, next: Next| {
        let is_known = is_known(&request, &secret);
        async move {
            if is_known {
                next.run(request).await
            } else {
                refuse(&Code::Unauthenticated.into())
            }
        }
    };
    let uploads = Router::new()
        .route("/internal/v1/upload", post(call!(upload)))
        .layer(DefaultBodyLimit::max(backend.max_upload_body()));
    Router::new()
        .route("/internal/v1/open_all", post(call!(open_all)))
        .route("/internal/v1/submit", post(call!(submit)))
        .route("/internal/v1/notify", post(call!(notify)))
        .route("/internal/v1/heads", post(call!(heads)))
        .route("/internal/v1/changes", post(call!(changes)))
        .route("/internal/v1/user", post(call!(user)))
        .route("/internal/v1/room", post(call!(room)))
        .route("/internal/v1/acquainted", post(call!(acquainted)))
        .route("/internal/v1/companions", post(call!(companions)))
        .route("/internal/v1/resolve", post(call!(resolve)))
        .fallback(async || refuse(&Code::NotFound.into()))
        .method_not_allowed_fallback(async || refuse(&Code::MethodNotAllowed.into()))
        .layer(DefaultBodyLimit::max(config.max_body_bytes))
        .merge(uploads)
        .layer(CatchPanicLayer::custom(|_| refuse(&Code::Internal.into())))
        .layer(middleware::from_fn(known))
        .with_state(backend)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn is_known(request: &Request, secret: &[u8; 32]) -> bool {
    let value = request.headers().get(header::AUTHORIZATION);
    let shown = value.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    shown.is_some_and(|shown| digest(shown).ct_eq(secret).into())
}

/// A JSON body of a gateway's, whatever it says of its type.
struct Body<T>(T);

impl<T: DeserializeOwned> axum::extract::FromRequest<Backend> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &Backend) -> Result<Self, Response> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                refuse(&match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge.into(),
                    _ => Code::MalformedRequest.into(),
                })
            })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|_| refuse(&Code::MalformedRequest.into()))
    }
}

fn answer(result: Result<impl Serialize, Error>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => refuse(&error.into_problem()),
    }
}

fn refuse(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.code.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(problem)).into_response()
}

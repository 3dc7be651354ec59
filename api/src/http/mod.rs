//! HTTP: handlers translate, the domain decides.
//!
//! Every answer that is not a success is a problem ([`error`]), whoever made it: a handler, an extractor, the
//! router or a panic.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{SwaggerUi, Url};

use chapar_shared::{Code, Limits};

use crate::config::{DialectsConfig, HttpConfig};
use crate::domain::{Accounts, Feed, Files, Messages, Notifications, Rooms, Sessions, Users};
use crate::media::Links;
use error::Failure;

pub mod dialects;
pub mod error;
pub mod extract;
pub mod internal;
pub mod openapi;
pub mod v1;

/// What handlers take their parts from. Cheap to clone.
#[derive(Clone, Debug, FromRef)]
pub struct ApiState {
    /// Registration and login.
    pub accounts: Accounts,
    /// Who calls.
    pub sessions: Sessions,
    /// People.
    pub users: Users,
    /// Uploads.
    pub files: Files,
    /// Rooms and who is in them.
    pub rooms: Rooms,
    /// Messages.
    pub messages: Messages,
    /// What users should see.
    pub notifications: Notifications,
    /// What changed since.
    pub feed: Feed,
    /// Makes signed addresses of files.
    pub links: Links,
    /// What stands before the node.
    pub http: Arc<HttpConfig>,
    /// What the older systems' protocols need.
    pub dialects: Arc<DialectsConfig>,
    /// The deployment's limits.
    pub limits: Arc<Limits>,
}

/// The public routes with their description. It has the fallbacks for unknown paths and methods: whatever is
/// merged with it has none of its own.
pub fn public_router(state: ApiState) -> Router {
    let (router, description) = described(&state).split_for_parts();
    let description = Arc::new(completed(description));
    router
        .route(
            "/v1/openapi.json",
            get(move || async move { Json(Arc::unwrap_or_clone(description)) }),
        )
        .route(
            "/v1/asyncapi.json",
            get(async || Json(chapar_shared::asyncapi::document())),
        )
        .route(
            "/openapi.json",
            get(async || Json(dialects::service::description())),
        )
        .merge(
            SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::new([
                Url::new("Chapar", "/v1/openapi.json"),
                Url::new("Chat Service", "/openapi.json"),
            ])),
        )
        .merge(dialects::router(&state))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(DefaultBodyLimit::max(state.limits.max_body_bytes))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn(error::localise))
        .with_state(state)
}

/// The description of the public routes, as it is served.
pub fn description(state: &ApiState) -> OpenApi {
    completed(described(state).into_openapi())
}

fn described(state: &ApiState) -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::base()).merge(v1::router(state))
}

fn completed(mut description: OpenApi) -> OpenApi {
    openapi::complete(&mut description);
    description
}

/// The layer that gives up on a request after `http.request_timeout`. What it had begun in the store may yet be
/// committed.
async fn deadline(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    tokio::time::timeout(state.http.request_timeout, next.run(request))
        .await
        .unwrap_or_else(|_| Failure::from(Code::Unavailable).into_response())
}

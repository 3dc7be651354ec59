//! Public keys, for services that verify access tokens by themselves.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiState;
use super::super::extract::Json;
use crate::domain::Sessions;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(keys))
}

/// The keys that verify access tokens
///
/// A JSON Web Key Set (RFC 7517); empty where tokens are signed with a shared secret.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "get_keys",
    tag = "auth",
    responses((status = 200, description = "The key set.", body = serde_json::Value)),
)]
async fn keys(State(sessions): State<Sessions>) -> impl IntoResponse {
    let caching = [(header::CACHE_CONTROL, "public, max-age=300")];
    (caching, Json(sessions.keys()))
}

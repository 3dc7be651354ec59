//! Notifications.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::NotificationId;
use chapar_shared::protocol::objects::Notification;

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::{Caller, Json, List, Paging, PagingParams};
use crate::domain::{Notifications, present};
use crate::media::Links;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
}

/// The caller's notifications, newest first
#[utoipa::path(
    get,
    path = "/v1/notifications",
    operation_id = "list_notifications",
    tag = "notifications",
    params(PagingParams),
    security(("bearer" = [])),
    responses((status = 200, description = "A page.", body = List<Notification>)),
)]
async fn list(
    State(notifications): State<Notifications>,
    State(links): State<Links>,
    caller: Caller,
    paging: Paging<NotificationId>,
) -> Result<Json<List<Notification>>, Failure> {
    let page = notifications
        .list(caller.user, paging.after, paging.limit)
        .await?;
    let shown = |one| present::notification(&one, &links);
    Ok(Json(List::of(page, shown)))
}

/// Up to where notifications were read.
#[derive(Debug, Deserialize, ToSchema)]
struct Read {
    /// The newest one read.
    up_to: NotificationId,
}

/// Reads all notifications up to one
#[utoipa::path(
    put,
    path = "/v1/notifications/read",
    operation_id = "read_notifications",
    tag = "notifications",
    security(("bearer" = [])),
    request_body = Read,
    responses((status = 204, description = "They are read.")),
)]
async fn read(
    State(notifications): State<Notifications>,
    caller: Caller,
    Json(read): Json<Read>,
) -> Result<StatusCode, Failure> {
    notifications.read(caller.user, read.up_to).await?;
    Ok(StatusCode::NO_CONTENT)
}

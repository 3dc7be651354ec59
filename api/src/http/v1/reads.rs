//! How far a room was read, and what changed in it.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::{Number, Problem, RoomId, Seq, Violation};

use super::super::error::Failure;
use super::super::extract::{Caller, Json, Paging, Path, Query};
use super::super::{ApiState, openapi};
use crate::domain::{Feed, Rooms};

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(changes))
}

/// Up to where a room was read.
#[derive(Debug, Deserialize, ToSchema)]
struct Mark {
    /// The number of the last message read.
    #[schema(minimum = 0)]
    number: Number,
}

/// Where the caller's read mark is.
#[derive(Debug, Serialize, ToSchema)]
struct Marked {
    /// Never before where it was, never beyond the newest message.
    read_number: Number,
}

/// Marks a room as read
#[utoipa::path(
    put,
    path = "/v1/rooms/{room_id}/read",
    operation_id = "mark_read",
    tag = "rooms",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which.")),
    request_body = Mark,
    responses(
        (status = 200, description = "Where the mark is now.", body = Marked),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn read(
    State(rooms): State<Rooms>,
    caller: Caller,
    Path(room): Path<RoomId>,
    Json(mark): Json<Mark>,
) -> Result<Json<Marked>, Failure> {
    let read_number = rooms.mark_read(caller.user, room, mark.number).await?;
    Ok(Json(Marked { read_number }))
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// The last position known; 0 for everything.
    #[serde(default)]
    #[param(required = false, minimum = 0)]
    since: Seq,
    /// The `since` of the first page, where this is a later one; `since` by default. Messages that are newer
    /// than it are `message.created`, also those that earlier pages left out because they were changed later.
    #[param(required = false, minimum = 0)]
    from: Option<Seq>,
    /// Items of the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    #[expect(
        dead_code,
        reason = "read by the paging extractor; stands here for the description"
    )]
    limit: Option<i64>,
}

/// What changed in a room.
#[derive(Debug, Serialize, ToSchema)]
struct Changes {
    /// Events as on the WebSocket, by ascending `seq`; each thing once, in its latest state.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Box<RawValue>>,
    /// Everything from `since` to here is covered: the position to pass on.
    next: Seq,
    /// The room's position in the same snapshot.
    seq: Seq,
    /// Whether there is more after `next`.
    more: bool,
}

/// What changed in a room since a position
#[utoipa::path(
    get,
    path = "/v1/rooms/{room_id}/changes",
    operation_id = "list_changes",
    tag = "rooms",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which."), Span),
    responses(
        (status = 200, description = "A page.", body = Changes),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn changes(
    State(feed): State<Feed>,
    caller: Caller,
    Path(room): Path<RoomId>,
    paging: Paging<Seq>,
    Query(span): Query<Span>,
) -> Result<Json<Changes>, Failure> {
    let Span { since, from, .. } = span;
    for (field, value, max) in [
        ("since", since, (1 << 53) - 1),
        ("from", from.unwrap_or(since), since),
    ] {
        if !(0..=max).contains(&value) {
            let range = Violation::OutOfRange { min: 0, max };
            return Err(Problem::invalid(field, range).into());
        }
    }
    let page = feed
        .changes_for(caller.user, room, since, from, paging.limit)
        .await?;
    Ok(Json(Changes {
        items: page.items.into_iter().map(|change| change.frame).collect(),
        next: page.next,
        seq: page.seq,
        more: page.more,
    }))
}

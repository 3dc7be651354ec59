//! Rooms.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::protocol::objects::{RoomKind, RoomView};
use chapar_shared::{Problem, RoomId, UserId, Violation};

use super::super::error::Failure;
use super::super::extract::{Caller, Json, List, Paging, PagingParams, Path, Query};
use super::super::{ApiState, openapi};
use crate::domain::rooms::{RoomCursor, RoomDraft, RoomPatch};
use crate::domain::{Rooms, present};
use crate::media::Links;

#[cfg(test)]
pub(crate) mod tests;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(discover))
        .routes(routes!(get, patch, delete))
        .routes(routes!(direct))
}

/// The caller's rooms, latest activity first
#[utoipa::path(
    get,
    path = "/v1/rooms",
    operation_id = "list_rooms",
    tag = "rooms",
    params(PagingParams),
    security(("bearer" = [])),
    responses((status = 200, description = "A page.", body = List<RoomView>)),
)]
async fn list(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    paging: Paging<RoomCursor>,
) -> Result<Json<List<RoomView>>, Failure> {
    let page = rooms.list(caller.user, paging.after, paging.limit).await?;
    let view = |sight| present::room_view(&sight, &links);
    Ok(Json(List::of(page, view)))
}

/// Longest text that is looked for, in characters.
const MAX_QUERY: usize = 200;

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Discover {
    /// Part of a name, slug or description; everything where it is empty.
    #[serde(default)]
    #[param(required = false, max_length = 200)]
    q: String,
}

/// Public rooms, latest activity first, to the minute
#[utoipa::path(
    get,
    path = "/v1/rooms/discover",
    operation_id = "discover_rooms",
    tag = "rooms",
    params(Discover, PagingParams),
    security(("bearer" = [])),
    responses((status = 200, description = "A page.", body = List<RoomView>)),
)]
async fn discover(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    paging: Paging<RoomCursor>,
    Query(query): Query<Discover>,
) -> Result<Json<List<RoomView>>, Failure> {
    if query.q.chars().count() > MAX_QUERY {
        let violation = Violation::TooLong {
            max: MAX_QUERY as u64,
        };
        return Err(Problem::invalid("q", violation).into());
    }
    let page = rooms
        .discover(caller.user, &query.q, paging.after, paging.limit)
        .await?;
    let view = |sight| present::room_view(&sight, &links);
    Ok(Json(List::of(page, view)))
}

/// A room to make.
#[derive(Debug, Deserialize, ToSchema)]
struct NewRoom {
    /// `public` or `private`.
    #[schema(schema_with = made_kinds)]
    kind: RoomKind,
    /// Needed where public, and unique among public rooms; one line, not all digits.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Made from the name where it is left out. Letters of any script, digits, `-` and `_`, not all digits.
    #[schema(min_length = 1, max_length = 100)]
    slug: Option<String>,
    /// What it is for.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Who is in it from the start, besides the caller; at most 100.
    #[serde(default)]
    members: Vec<UserId>,
}

/// Direct rooms are made by their own route.
fn made_kinds() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["public", "private"]))
        .build()
}

/// Makes a room, owned by the caller
#[utoipa::path(
    post,
    path = "/v1/rooms",
    operation_id = "create_room",
    tag = "rooms",
    security(("bearer" = [])),
    request_body = NewRoom,
    responses(
        (status = 201, description = "Made.", body = RoomView),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn create(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    Json(new): Json<NewRoom>,
) -> Result<(StatusCode, Json<RoomView>), Failure> {
    let draft = RoomDraft {
        kind: new.kind,
        name: new.name,
        slug: new.slug,
        description: new.description,
        members: new.members,
    };
    let sight = rooms.create(caller.user, draft).await?;
    let view = present::room_view(&sight, &links);
    Ok((StatusCode::CREATED, Json(view)))
}

/// The one direct room of the caller and another user
#[utoipa::path(
    put,
    path = "/v1/direct/{user_id}",
    operation_id = "open_direct_room",
    tag = "rooms",
    security(("bearer" = [])),
    params(("user_id" = UserId, Path, description = "The other one.")),
    responses(
        (status = 200, description = "It was there.", body = RoomView),
        (status = 201, description = "Made.", body = RoomView),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn direct(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    Path(user): Path<UserId>,
) -> Result<(StatusCode, Json<RoomView>), Failure> {
    let (sight, is_new) = rooms.direct(caller.user, user).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(present::room_view(&sight, &links))))
}

/// A room that the caller may read
#[utoipa::path(
    get,
    path = "/v1/rooms/{room_id}",
    operation_id = "get_room",
    tag = "rooms",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which.")),
    responses(
        (status = 200, description = "The room.", body = RoomView),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn get(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    Path(room): Path<RoomId>,
) -> Result<Json<RoomView>, Failure> {
    let sight = rooms.get(caller.user, room).await?;
    Ok(Json(present::room_view(&sight, &links)))
}

/// What to change of a room; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
struct ChangedRoom {
    /// As when it was made.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// As when it was made.
    #[schema(min_length = 1, max_length = 100)]
    slug: Option<String>,
    /// What it is for.
    #[schema(max_length = 500)]
    description: Option<String>,
}

/// Renames or describes a room
///
/// Admins and the owner.
#[utoipa::path(
    patch,
    path = "/v1/rooms/{room_id}",
    operation_id = "update_room",
    tag = "rooms",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which.")),
    request_body = ChangedRoom,
    responses(
        (status = 200, description = "The room after it.", body = RoomView),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn patch(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    Path(room): Path<RoomId>,
    Json(changed): Json<ChangedRoom>,
) -> Result<Json<RoomView>, Failure> {
    let patch = RoomPatch {
        name: changed.name,
        slug: changed.slug,
        description: changed.description,
    };
    let sight = rooms.patch(caller.user, room, patch).await?;
    Ok(Json(present::room_view(&sight, &links)))
}

/// Ends a room
///
/// Its owner.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room_id}",
    operation_id = "delete_room",
    tag = "rooms",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which.")),
    responses(
        (status = 204, description = "Ended."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
    ),
)]
async fn delete(
    State(rooms): State<Rooms>,
    caller: Caller,
    Path(room): Path<RoomId>,
) -> Result<StatusCode, Failure> {
    rooms.delete(caller.user, room).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Who is in a room, and who is kept out.

use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::protocol::objects::{Member, Role, RoomView};
use chapar_shared::{Code, RoomId, UserId};

use super::super::error::Failure;
use super::super::extract::{Caller, Json, List, Paging, PagingParams, Path};
use super::super::{ApiState, openapi};
use crate::domain::rooms::MemberCursor;
use crate::domain::{Rooms, present};
use crate::media::Links;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put, remove))
        .routes(routes!(ban, unban))
}

/// A user by id, or `me`.
fn user(text: &str, caller: &Caller) -> Result<UserId, Code> {
    match text {
        "me" => Ok(caller.user),
        id => UserId::from_str(id).map_err(|_| Code::UserNotFound),
    }
}

/// Members in the order in which they came
#[utoipa::path(
    get,
    path = "/v1/rooms/{room_id}/members",
    operation_id = "list_members",
    tag = "members",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which room."), PagingParams),
    responses(
        (status = 200, description = "A page.", body = List<Member>),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn list(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    Path(room): Path<RoomId>,
    paging: Paging<MemberCursor>,
) -> Result<Json<List<Member>>, Failure> {
    let page = rooms
        .members(caller.user, room, paging.after, paging.limit)
        .await?;
    let member = |(person, role)| Member {
        user: present::user(&person, &links),
        role,
    };
    Ok(Json(List::of(page, member)))
}

/// What a member becomes.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct ChangedMember {
    /// `member` for who comes in, where it is left out; otherwise the role they have.
    role: Option<Role>,
    /// For oneself: whether to get no notifications of the room.
    muted: Option<bool>,
}

/// Adds a member, sets a role, joins, or mutes
///
/// Admins and the owner add, the owner sets roles. For `me` or the own id: joins a public room, or sets
/// whether one is notified.
#[utoipa::path(
    put,
    path = "/v1/rooms/{room_id}/members/{user_id}",
    operation_id = "put_member",
    tag = "members",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Which room."),
        ("user_id" = String, Path, description = "Whom: an id, or `me`."),
    ),
    request_body = Option<ChangedMember>,
    responses(
        (status = 200, description = "The room after it.", body = RoomView),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn put(
    State(rooms): State<Rooms>,
    State(links): State<Links>,
    caller: Caller,
    Path((room, target)): Path<(RoomId, String)>,
    changed: Option<Json<ChangedMember>>,
) -> Result<Json<RoomView>, Failure> {
    let ChangedMember { role, muted } = changed.map(|Json(it)| it).unwrap_or_default();
    let target = user(&target, &caller)?;
    if target != caller.user {
        if muted.is_some() {
            return Err(Code::Forbidden.into());
        }
        rooms.put_member(caller.user, room, target, role).await?;
    } else if role.is_some() || rooms.get(caller.user, room).await?.me.is_none() {
        rooms.put_member(caller.user, room, target, role).await?;
    }
    let sight = match muted {
        Some(is_muted) => rooms.set_muted(caller.user, room, is_muted).await?,
        None => rooms.get(caller.user, room).await?,
    };
    Ok(Json(present::room_view(&sight, &links)))
}

/// Removes a member, or leaves
///
/// Admins and the owner remove. A direct room is not left but hidden until its next message. The last one
/// to leave ends the room.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room_id}/members/{user_id}",
    operation_id = "remove_member",
    tag = "members",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Which room."),
        ("user_id" = String, Path, description = "Whom: an id, or `me`."),
    ),
    responses(
        (status = 204, description = "They are not in it."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
    ),
)]
async fn remove(
    State(rooms): State<Rooms>,
    caller: Caller,
    Path((room, target)): Path<(RoomId, String)>,
) -> Result<StatusCode, Failure> {
    let target = user(&target, &caller)?;
    rooms.remove_member(caller.user, room, target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes somebody and keeps them out
///
/// Admins and the owner.
#[utoipa::path(
    put,
    path = "/v1/rooms/{room_id}/bans/{user_id}",
    operation_id = "ban_user",
    tag = "members",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Which room."),
        ("user_id" = UserId, Path, description = "Whom."),
    ),
    responses(
        (status = 204, description = "They are kept out."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn ban(
    State(rooms): State<Rooms>,
    caller: Caller,
    Path((room, target)): Path<(RoomId, UserId)>,
) -> Result<StatusCode, Failure> {
    rooms.ban(caller.user, room, target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets somebody come again
///
/// Admins and the owner.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room_id}/bans/{user_id}",
    operation_id = "unban_user",
    tag = "members",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Which room."),
        ("user_id" = UserId, Path, description = "Whom."),
    ),
    responses(
        (status = 204, description = "They are not kept out."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
    ),
)]
async fn unban(
    State(rooms): State<Rooms>,
    caller: Caller,
    Path((room, target)): Path<(RoomId, UserId)>,
) -> Result<StatusCode, Failure> {
    rooms.unban(caller.user, room, target).await?;
    Ok(StatusCode::NO_CONTENT)
}

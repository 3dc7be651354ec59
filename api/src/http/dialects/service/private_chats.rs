//! Chats of two.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::ToSchema;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{Code, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Site};
use super::super::{Payload, Window, naming, own_rooms};
use super::objects::{PrivateChat, message, name_of};
use crate::store::RoomSight;

/// One's private chats
#[utoipa::path(
    get,
    path = "/chat/private_chats/",
    operation_id = "list_private_chats",
    tag = "chat",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The chats, oldest first.", body = Vec<PrivateChat>),
        (status = 401, description = "No token, or none that is good."),
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    window: Window,
) -> Result<Json<Vec<PrivateChat>>, Failure> {
    let is_private = |sight: &RoomSight| sight.room.kind == RoomKind::Direct;
    let sights = own_rooms(&state, caller.user, window, is_private).await?;
    Ok(Json(private_chats(&state, &site, &caller, sights).await?))
}

/// With whom.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body, which may also be a form")]
pub(super) struct PrivateChatBody {
    /// E-mail or username.
    member: String,
}

/// Begin a private chat
///
/// There is one for each two people: asked for again it is the same.
#[utoipa::path(
    post,
    path = "/chat/private_chats/",
    operation_id = "begin_private_chat",
    tag = "chat",
    security(("bearer" = [])),
    request_body = PrivateChatBody,
    responses(
        (status = 201, description = "The chat.", body = PrivateChat),
        (status = 401, description = "No token, or none that is good."),
        (status = 404, description = "There is no such user."),
        (status = 422, description = "What is wrong with each field."),
    ),
)]
pub(super) async fn begin(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    payload: Payload,
) -> Result<(StatusCode, Json<PrivateChat>), Failure> {
    let mut fields = payload.fields();
    let member = fields.text("member");
    fields.finish()?;
    let peer = state.users.by_name(&member).await?;
    let begun = state.rooms.direct(caller.user, peer.id).await;
    let (sight, _) = begun.map_err(naming(&[("user_id", "member")]))?;
    let chats = private_chats(&state, &site, &caller, vec![sight]).await;
    let chat = chats?.pop().ok_or(Code::RoomNotFound)?;
    Ok((StatusCode::CREATED, Json(chat)))
}

async fn private_chats(
    state: &ApiState,
    site: &Site,
    caller: &Caller,
    sights: Vec<RoomSight>,
) -> Result<Vec<PrivateChat>, Failure> {
    let mut latest = state.messages.latest(caller.user, &sights).await?;
    let peers = sights.iter().filter_map(|sight| sight.peer.as_ref());
    let peers: Vec<UserId> = peers.map(|peer| peer.id).collect();
    let mut online = HashSet::new();
    for some in peers.chunks(state.limits.max_watched.max(1)) {
        online.extend(state.users.presence(caller.0, some).await?.online);
    }
    let chat = |sight: RoomSight| {
        let peer = sight.peer?;
        let last = latest.remove(&sight.room.id);
        Some(PrivateChat {
            id: sight.room.id.to_string(),
            other_user_email: name_of(&peer),
            is_online: online.contains(&peer.id),
            other_username: peer.username,
            last_message: last.and_then(|last| message(state, site, &last)),
        })
    };
    Ok(sights.into_iter().filter_map(chat).collect())
}

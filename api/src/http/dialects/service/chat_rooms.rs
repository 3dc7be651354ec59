//! Chat rooms.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::ToSchema;

use chapar_shared::protocol::objects::RoomKind;

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Path, Site};
use super::super::{Payload, Window, naming, own_rooms};
use super::messages::latest;
use super::objects::{ChatRoom, chat_room, chat_rooms, room_id};
use crate::domain::rooms::RoomDraft;
use crate::domain::users::Naming;
use crate::store::RoomSight;

/// One's chat rooms
///
/// Private chats stand in a list of their own.
#[utoipa::path(
    get,
    path = "/chat/chat_rooms/",
    operation_id = "list_chat_rooms",
    tag = "chat",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The rooms, without messages, oldest first.", body = Vec<ChatRoom>),
        (status = 401, description = "No token, or none that is good."),
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    window: Window,
) -> Result<Json<Vec<ChatRoom>>, Failure> {
    let is_room = |sight: &RoomSight| sight.room.kind != RoomKind::Direct;
    let sights = own_rooms(&state, caller.user, window, is_room).await?;
    Ok(Json(chat_rooms(&state, sights).await?))
}

/// A chat room to make.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body, which may also be a form")]
pub(super) struct ChatRoomBody {
    /// What it is called.
    #[schema(max_length = 100)]
    name: String,
    /// What it is for.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// E-mails or usernames; its maker is in it anyway.
    #[schema(max_items = 100)]
    members: Option<Vec<String>>,
}

/// Make a chat room
#[utoipa::path(
    post,
    path = "/chat/chat_rooms/",
    operation_id = "create_chat_room",
    tag = "chat",
    security(("bearer" = [])),
    request_body = ChatRoomBody,
    responses(
        (status = 201, description = "The room.", body = ChatRoom),
        (status = 400, description = "A member who is not there."),
        (status = 401, description = "No token, or none that is good."),
        (status = 422, description = "What is wrong with each field."),
    ),
)]
pub(super) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    payload: Payload,
) -> Result<(StatusCode, Json<ChatRoom>), Failure> {
    let mut fields = payload.fields();
    let (name, description) = (fields.text("name"), fields.maybe_text("description"));
    let members = fields.texts("members").into_iter();
    fields.finish()?;
    let members: Vec<Naming> = members
        .filter(|member| !member.trim().is_empty())
        .map(Naming::Name)
        .collect();
    let mut members = state.users.named(&members).await?;
    members.retain(|member| *member != caller.user);
    let draft = RoomDraft {
        kind: RoomKind::Private,
        name: Some(name),
        slug: None,
        description,
        members,
    };
    let made = state.rooms.create(caller.user, draft).await;
    let sight = made.map_err(naming(&[]))?;
    let room = chat_room(&state, sight, Vec::new()).await?;
    Ok((StatusCode::CREATED, Json(room)))
}

/// One chat room with its latest messages
#[utoipa::path(
    get,
    path = "/chat/chat_rooms/{room_id}",
    operation_id = "get_chat_room",
    tag = "chat",
    security(("bearer" = [])),
    params(("room_id" = String, Path, description = "Which.")),
    responses(
        (status = 200, description = "The room.", body = ChatRoom),
        (status = 401, description = "No token, or none that is good."),
        (status = 404, description = "`Chat room not found or access denied`."),
    ),
)]
pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path(room): Path<String>,
    window: Window,
) -> Result<Json<ChatRoom>, Failure> {
    let sight = state.rooms.own(caller.user, room_id(&room)?).await?;
    let messages = latest(&state, &site, caller.user, sight.room.id, window).await?;
    Ok(Json(chat_room(&state, sight, messages).await?))
}

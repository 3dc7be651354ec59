//! Rooms.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{Language, RoomId, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Lang, Path};
use super::super::{Payload, Window, naming};
use super::author;
use crate::domain::rooms::RoomDraft;
use crate::store::RoomSight;

/// A room.
#[derive(Debug, Serialize)]
pub(super) struct ChatRoom {
    id: RoomId,
    name: String,
    /// Ascending.
    users: Vec<UserId>,
    /// There are more people in it than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    users_truncated: bool,
}

async fn shown(state: &ApiState, sights: Vec<RoomSight>) -> Result<Vec<ChatRoom>, Failure> {
    let mut people = state.rooms.rosters(&sights).await?;
    let chat_room = |sight: RoomSight| {
        let room = sight.room;
        let people = people.remove(&room.id).unwrap_or_default();
        let mut users: Vec<UserId> = people.into_iter().map(|person| person.id).collect();
        users.sort_unstable();
        ChatRoom {
            id: room.id,
            name: room.name,
            users_truncated: i64::try_from(users.len()).is_ok_and(|told| told < room.member_count),
            users,
        }
    };
    Ok(sights.into_iter().map(chat_room).collect())
}

/// The newest public ones and the caller's own, by ascending id.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    window: Window,
) -> Result<Json<Vec<ChatRoom>>, Failure> {
    let before = window.before.map(RoomId);
    let listed = state.rooms.listed(caller.user, "", before, window.limit);
    let mut sights = listed.await?;
    sights.reverse();
    Ok(Json(shown(&state, sights).await?))
}

/// Makes a public one, with the caller in it.
pub(super) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    payload: Payload,
) -> Result<(StatusCode, Json<ChatRoom>), Failure> {
    author::check(&state, caller.0, &payload).await?;
    let mut fields = payload.fields();
    let draft = RoomDraft {
        kind: RoomKind::Public,
        name: Some(fields.text("name")),
        slug: None,
        description: None,
        members: fields.ids("users").into_iter().map(UserId).collect(),
    };
    fields.finish()?;
    let made = state.rooms.create(caller.user, draft).await;
    let sight = made.map_err(naming(&[("members", "users")]))?;
    let mut made = shown(&state, vec![sight]).await?;
    let made = made.pop().expect("as many as were given");
    Ok((StatusCode::CREATED, Json(made)))
}

/// Comes into a public room.
pub(super) async fn join(
    State(state): State<ApiState>,
    caller: Caller,
    Lang(language): Lang,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    state.rooms.enter(caller.user, &name).await?;
    let detail = match language {
        Language::En => "You are in the room.",
        Language::Fa => "به اتاق پیوستید.",
    };
    Ok(Json(json!({ "detail": detail })))
}

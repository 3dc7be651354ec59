//! Messages of a chat room.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::{IntoParams, ToSchema};

use chapar_shared::internal::SendCommand;
use chapar_shared::{Code, RoomId, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Path, Site};
use super::super::{Payload, Window, history};
use super::objects::{Message, message, room_id};

/// Which of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what the window is read from")]
pub(super) struct WindowParams {
    /// How many at most.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<i64>,
    /// Those before the message of this id.
    before: Option<String>,
}

/// Messages of a chat room
#[utoipa::path(
    get,
    path = "/chat/chat_rooms/{room_id}/messages",
    operation_id = "list_messages",
    tag = "chat",
    security(("bearer" = [])),
    params(("room_id" = String, Path, description = "Which room."), WindowParams),
    responses(
        (status = 200, description = "The newest, oldest first.", body = Vec<Message>),
        (status = 401, description = "No token, or none that is good."),
        (status = 404, description = "`Chat room not found or access denied`."),
        (status = 422, description = "What is wrong with each parameter."),
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path(room): Path<String>,
    window: Window,
) -> Result<Json<Vec<Message>>, Failure> {
    let room = state.rooms.own(caller.user, room_id(&room)?).await?.room;
    Ok(Json(
        latest(&state, &site, caller.user, room.id, window).await?,
    ))
}

/// Those of the window that were not deleted.
pub(super) async fn latest(
    state: &ApiState,
    site: &Site,
    caller: UserId,
    room: RoomId,
    window: Window,
) -> Result<Vec<Message>, Failure> {
    let messages = history(state, caller, room, window).await?;
    let shown = messages.iter().filter_map(|one| message(state, site, one));
    Ok(shown.collect())
}

/// A message to send.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body, which may also be a form")]
pub(super) struct MessageBody {
    /// The text.
    #[schema(max_length = 4000)]
    content: String,
}

/// Send a message
///
/// The author is the caller and the time is now, whatever the body says of `sender` and `timestamp`.
#[utoipa::path(
    post,
    path = "/chat/chat_rooms/{room_id}/messages",
    operation_id = "send_message",
    tag = "chat",
    security(("bearer" = [])),
    params(("room_id" = String, Path, description = "Where to.")),
    request_body = MessageBody,
    responses(
        (status = 201, description = "Sent.", body = Message),
        (status = 401, description = "No token, or none that is good."),
        (status = 404, description = "`Chat room not found or access denied`."),
        (status = 422, description = "What is wrong with each field."),
        (status = 429, description = "Too many messages."),
    ),
)]
pub(super) async fn send(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path(room): Path<String>,
    payload: Payload,
) -> Result<(StatusCode, Json<Message>), Failure> {
    let room = state.rooms.own(caller.user, room_id(&room)?).await?.room.id;
    let mut fields = payload.fields();
    let content = fields.text("content");
    fields.finish()?;
    let command = SendCommand {
        room,
        content,
        nonce: None,
        is_nonce_hidden: false,
        reply_to: None,
        attachments: Vec::new(),
    };
    let sent = state.messages.send(caller.user, command).await?;
    let sent = message(&state, &site, &sent.message);
    Ok((
        StatusCode::CREATED,
        Json(sent.ok_or(Code::MessageNotFound)?),
    ))
}

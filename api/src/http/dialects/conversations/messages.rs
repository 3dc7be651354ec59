//! Messages of a conversation.

use axum::extract::State;
use axum::http::StatusCode;

use chapar_shared::internal::SendCommand;
use chapar_shared::{Code, MessageId, RoomId, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Path, Site};
use super::super::{Payload, Window, history};
use super::objects::{self, Message};
use crate::store::MessageRecord;

/// The newest, oldest first.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path(room): Path<RoomId>,
    window: Window,
) -> Result<Json<Vec<Message>>, Failure> {
    state.rooms.own(caller.user, room).await?;
    let messages = history(&state, caller.user, room, window).await?;
    let message = |message| objects::message(&state, &site, message);
    Ok(Json(messages.into_iter().map(message).collect()))
}

/// Sends one. Files are added to it afterwards.
pub(super) async fn send(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path(room): Path<RoomId>,
    payload: Payload,
) -> Result<(StatusCode, Json<Message>), Failure> {
    state.rooms.own(caller.user, room).await?;
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
    let message = objects::message(&state, &site, sent.into_message());
    Ok((StatusCode::CREATED, Json(message)))
}

/// Gives one's own new text.
pub(super) async fn edit(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path((room, message)): Path<(RoomId, MessageId)>,
    payload: Payload,
) -> Result<Json<Message>, Failure> {
    own(&state, caller.user, room, message).await?;
    let mut fields = payload.fields();
    let content = fields.text("content");
    fields.finish()?;
    let messages = &state.messages;
    let trace = chapar_trace::current();
    let edited = messages.edit(caller.user, room, message, &content, trace.as_deref());
    Ok(Json(objects::message(&state, &site, edited.await?)))
}

/// Deletes one's own.
pub(super) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path((room, message)): Path<(RoomId, MessageId)>,
) -> Result<StatusCode, Failure> {
    own(&state, caller.user, room, message).await?;
    let trace = chapar_trace::current();
    let messages = &state.messages;
    let deleted = messages.delete(caller.user, room, message, trace.as_deref());
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A message of the caller's own in a conversation of theirs. Here nobody else changes one, whatever their role:
/// clients of this dialect know of none.
pub(super) async fn own(
    state: &ApiState,
    caller: UserId,
    room: RoomId,
    message: MessageId,
) -> Result<MessageRecord, Failure> {
    state.rooms.own(caller, room).await?;
    let message = state.messages.get(caller, room, message).await?;
    if message.sender.id == caller {
        Ok(message)
    } else {
        Err(Code::Forbidden.into())
    }
}

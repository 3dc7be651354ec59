//! Messages of rooms.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use chapar_shared::{Code, MessageId, Problem, RoomId, Timestamp, UserId, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::Caller;
use super::super::{Params, Payload, Window, history, text_message};
use super::author;
use crate::error::Error;
use crate::store::MessageRecord;

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    id: MessageId,
    chatroom: RoomId,
    user: UserId,
    content: String,
    timestamp: Timestamp,
}

impl From<MessageRecord> for Message {
    fn from(message: MessageRecord) -> Self {
        Self {
            id: message.id,
            chatroom: message.room,
            user: message.sender.id,
            content: message.content,
            timestamp: message.created_at,
        }
    }
}

/// The newest of a room that the caller is in, oldest first; deleted ones left out.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    params: Params,
    window: Window,
) -> Result<Json<Vec<Message>>, Failure> {
    let mut fields = params.fields();
    let room = RoomId(fields.id("chatroom"));
    fields.finish()?;
    let sight = state.rooms.get(caller.user, room).await?;
    if sight.me.is_none() {
        return Err(Code::NotAMember.into());
    }
    let mut messages = history(&state, caller.user, room, window).await?;
    messages.retain(|message| message.deleted_at.is_none());
    Ok(Json(messages.into_iter().map(Message::from).collect()))
}

/// Sends one to a room that the caller is in.
pub(super) async fn send(
    State(state): State<ApiState>,
    caller: Caller,
    payload: Payload,
) -> Result<(StatusCode, Json<Message>), Failure> {
    author::check(&state, caller.0, &payload).await?;
    let mut fields = payload.fields();
    let room = RoomId(fields.id("chatroom"));
    let content = fields.text("content");
    fields.finish()?;
    let sent = state
        .messages
        .send(caller.user, text_message(room, &content));
    let sent = sent.await.map_err(|error| match error {
        // The room is a field of the body, and no part of the path.
        Error::Refused(problem) if problem.code == Code::RoomNotFound => {
            Problem::invalid("chatroom", Violation::Unknown).into()
        }
        other => other,
    })?;
    Ok((StatusCode::CREATED, Json(sent.into_message().into())))
}

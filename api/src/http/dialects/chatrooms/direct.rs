//! Messages between two people.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use chapar_shared::{Code, MessageId, Problem, Timestamp, UserId, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::Caller;
use super::super::{Params, Payload, Window, history, naming, send_direct};
use super::author;
use crate::error::Error;
use crate::store::MessageRecord;

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct DirectMessage {
    id: MessageId,
    sender: UserId,
    receiver: UserId,
    content: String,
    timestamp: Timestamp,
}

fn shown((message, receiver): (MessageRecord, UserId)) -> DirectMessage {
    DirectMessage {
        id: message.id,
        sender: message.sender.id,
        receiver,
        content: message.content,
        timestamp: message.created_at,
    }
}

/// The newest of all the caller's direct rooms or of the one with `receiver`, oldest first; deleted ones left out.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    params: Params,
    window: Window,
) -> Result<Json<Vec<DirectMessage>>, Failure> {
    let mut fields = params.fields();
    let receiver = fields.maybe_text("receiver");
    fields.finish()?;
    let user = caller.user;
    let Some(receiver) = receiver.filter(|receiver| !receiver.is_empty()) else {
        let before = window.before.map(MessageId);
        let mut messages = state.messages.direct(user, before, window.limit).await?;
        messages.reverse();
        return Ok(Json(messages.into_iter().map(shown).collect()));
    };
    let peer = person(&state, &receiver).await?;
    let Some(sight) = state.rooms.direct_of(user, peer).await? else {
        return Ok(Json(Vec::new()));
    };
    let messages = history(&state, user, sight.room.id, window).await?;
    let messages = messages.into_iter().filter(|one| one.deleted_at.is_none());
    let with_receiver = |message: MessageRecord| {
        let receiver = if message.sender.id == user {
            peer
        } else {
            user
        };
        shown((message, receiver))
    };
    Ok(Json(messages.map(with_receiver).collect()))
}

/// Sends one; the first makes the direct room.
pub(super) async fn send(
    State(state): State<ApiState>,
    caller: Caller,
    payload: Payload,
) -> Result<(StatusCode, Json<DirectMessage>), Failure> {
    author::check(&state, caller.0, &payload).await?;
    let mut fields = payload.fields();
    let receiver = fields.text("receiver");
    let content = fields.text("content");
    fields.finish()?;
    let peer = person(&state, &receiver).await?;
    let sent = send_direct(&state, caller.user, peer, &content).await;
    let message = sent.map_err(naming(&[("user_id", "receiver")]))?;
    Ok((StatusCode::CREATED, Json(shown((message, peer)))))
}

/// Whom `receiver` means: the id of somebody, else a username.
async fn person(state: &ApiState, receiver: &str) -> Result<UserId, Failure> {
    let receiver = receiver.trim();
    if let Ok(id) = receiver.parse() {
        match state.users.user(UserId(id)).await {
            Err(Error::Refused(problem)) if problem.code == Code::UserNotFound => {}
            other => return Ok(other?.id),
        }
    }
    match state.users.by_username(receiver).await {
        Err(Error::Refused(problem)) if problem.code == Code::UserNotFound => {
            Err(Problem::invalid("receiver", Violation::Unknown).into())
        }
        other => Ok(other?.id),
    }
}

//! Messages and reactions.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::internal::SendCommand;
use chapar_shared::protocol::objects::Message;
use chapar_shared::{AttachmentId, MessageId, Number, Problem, RoomId, Seq, Violation};

use super::super::error::Failure;
use super::super::extract::{Caller, Json, Paging, Path, Query};
use super::super::{ApiState, openapi};
use crate::domain::{Messages, present};
use crate::media::Links;
use crate::store::messages::Around;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(history, send))
        .routes(routes!(get, edit, delete))
        .routes(routes!(react, unreact))
}

/// Which messages; at most one of `before`, `after` and `around`, the newest where there is none.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The messages just before this number.
    #[param(minimum = 0)]
    before: Option<Number>,
    /// The messages just after this number.
    #[param(minimum = 0)]
    after: Option<Number>,
    /// Half of the messages before this number, half after it, and it.
    #[param(minimum = 0)]
    around: Option<Number>,
    /// Items of the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    #[expect(
        dead_code,
        reason = "read by the paging extractor; stands here for the description"
    )]
    limit: Option<i64>,
}

/// A page of a room's messages.
#[derive(Debug, Serialize, ToSchema)]
struct History {
    /// Newest first, deleted ones included.
    items: Vec<Message>,
    /// The number to go on at: with `after` if that was asked for, else with `before`. `null` at the end.
    #[schema(required)]
    next: Option<Number>,
    /// The room's position in the same snapshot: ignore its events up to here.
    seq: Seq,
}

/// Messages of a room, newest first
#[utoipa::path(
    get,
    path = "/v1/rooms/{room_id}/messages",
    operation_id = "list_messages",
    tag = "messages",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Which room."), Which),
    responses(
        (status = 200, description = "A page.", body = History),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn history(
    State(messages): State<Messages>,
    State(links): State<Links>,
    caller: Caller,
    Path(room): Path<RoomId>,
    paging: Paging<Number>,
    Query(which): Query<Which>,
) -> Result<Json<History>, Failure> {
    let around = match (which.before, which.after, which.around) {
        (None, None, None) => Around::Latest,
        (Some(number), None, None) => Around::Before(number),
        (None, Some(number), None) => Around::After(number),
        (None, None, Some(number)) => Around::Around(number),
        _ => return Err(Problem::invalid("before", Violation::Format).into()),
    };
    let page = messages
        .history(caller.user, room, around, paging.limit)
        .await?;
    let next = match around {
        Around::After(_) if page.items.len() == paging.limit as usize => {
            page.items.first().map(|newest| newest.number)
        }
        Around::After(_) => None,
        // Numbers are dense from 1 and deleted messages stay.
        _ => page
            .items
            .last()
            .map(|oldest| oldest.number)
            .filter(|number| *number > 1),
    };
    Ok(Json(History {
        items: page
            .items
            .iter()
            .map(|message| present::message(message, &links))
            .collect(),
        next,
        seq: page.seq,
    }))
}

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
struct NewMessage {
    /// May be empty with attachments.
    #[serde(default)]
    #[schema(max_length = 4000)]
    content: String,
    /// Idempotency key of the client's: a repeat gives the first message. At most 64 bytes.
    #[schema(min_length = 1, max_length = 64)]
    nonce: Option<String>,
    /// A message of the same room.
    reply_to: Option<MessageId>,
    /// Uploads of the caller's own that stand in no message; at most 10.
    #[serde(default)]
    attachments: Vec<AttachmentId>,
}

/// Sends a message
#[utoipa::path(
    post,
    path = "/v1/rooms/{room_id}/messages",
    operation_id = "send_message",
    tag = "messages",
    security(("bearer" = [])),
    params(("room_id" = RoomId, Path, description = "Where to.")),
    request_body = NewMessage,
    responses(
        (status = 200, description = "It was sent before with this nonce.", body = Message),
        (status = 201, description = "Sent.", body = Message),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
        (status = 429, response = openapi::RateLimited),
    ),
)]
async fn send(
    State(messages): State<Messages>,
    State(links): State<Links>,
    caller: Caller,
    Path(room): Path<RoomId>,
    Json(new): Json<NewMessage>,
) -> Result<(StatusCode, Json<Message>), Failure> {
    let command = SendCommand {
        room,
        content: new.content,
        nonce: new.nonce,
        is_nonce_hidden: false,
        reply_to: new.reply_to,
        attachments: new.attachments,
    };
    let sent = messages.send(caller.user, command).await?;
    let status = if sent.is_repeat {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(present::message(&sent.message, &links))))
}

/// One message, deleted ones included
#[utoipa::path(
    get,
    path = "/v1/rooms/{room_id}/messages/{message_id}",
    operation_id = "get_message",
    tag = "messages",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Its room."),
        ("message_id" = MessageId, Path, description = "Which."),
    ),
    responses(
        (status = 200, description = "The message.", body = Message),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn get(
    State(messages): State<Messages>,
    State(links): State<Links>,
    caller: Caller,
    Path((room, message)): Path<(RoomId, MessageId)>,
) -> Result<Json<Message>, Failure> {
    let message = messages.get(caller.user, room, message).await?;
    Ok(Json(present::message(&message, &links)))
}

/// A message's new text.
#[derive(Debug, Deserialize, ToSchema)]
struct ChangedMessage {
    /// May be empty with attachments.
    #[schema(max_length = 4000)]
    content: String,
}

/// Gives a message new text
///
/// Its author.
#[utoipa::path(
    patch,
    path = "/v1/rooms/{room_id}/messages/{message_id}",
    operation_id = "edit_message",
    tag = "messages",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Its room."),
        ("message_id" = MessageId, Path, description = "Which."),
    ),
    request_body = ChangedMessage,
    responses(
        (status = 200, description = "The message after it.", body = Message),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn edit(
    State(messages): State<Messages>,
    State(links): State<Links>,
    caller: Caller,
    Path((room, message)): Path<(RoomId, MessageId)>,
    Json(changed): Json<ChangedMessage>,
) -> Result<Json<Message>, Failure> {
    let trace = chapar_trace::current();
    let message = messages
        .edit(
            caller.user,
            room,
            message,
            &changed.content,
            trace.as_deref(),
        )
        .await?;
    Ok(Json(present::message(&message, &links)))
}

/// Deletes a message
///
/// Its author; admins (but not the owner's) and the owner.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room_id}/messages/{message_id}",
    operation_id = "delete_message",
    tag = "messages",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Its room."),
        ("message_id" = MessageId, Path, description = "Which."),
    ),
    responses(
        (status = 204, description = "It is deleted."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn delete(
    State(messages): State<Messages>,
    caller: Caller,
    Path((room, message)): Path<(RoomId, MessageId)>,
) -> Result<StatusCode, Failure> {
    let trace = chapar_trace::current();
    messages
        .delete(caller.user, room, message, trace.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reacts to a message
#[utoipa::path(
    put,
    path = "/v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}",
    operation_id = "add_reaction",
    tag = "messages",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Its room."),
        ("message_id" = MessageId, Path, description = "Which."),
        ("emoji" = String, Path, min_length = 1, max_length = 32, description = "At most 32 bytes, percent-encoded."),
    ),
    responses(
        (status = 204, description = "The reaction is there."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn react(
    State(messages): State<Messages>,
    caller: Caller,
    Path((room, message, emoji)): Path<(RoomId, MessageId, String)>,
) -> Result<StatusCode, Failure> {
    let trace = chapar_trace::current();
    messages
        .react(caller.user, room, message, &emoji, true, trace.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a reaction back
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}",
    operation_id = "remove_reaction",
    tag = "messages",
    security(("bearer" = [])),
    params(
        ("room_id" = RoomId, Path, description = "Its room."),
        ("message_id" = MessageId, Path, description = "Which."),
        ("emoji" = String, Path, min_length = 1, max_length = 32, description = "At most 32 bytes, percent-encoded."),
    ),
    responses(
        (status = 204, description = "The reaction is not there."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn unreact(
    State(messages): State<Messages>,
    caller: Caller,
    Path((room, message, emoji)): Path<(RoomId, MessageId, String)>,
) -> Result<StatusCode, Failure> {
    let trace = chapar_trace::current();
    messages
        .react(caller.user, room, message, &emoji, false, trace.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Files of a message.

use axum::extract::{Request, State};
use axum::http::StatusCode;

use chapar_shared::{Code, MessageId, Problem, RoomId, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Path, Site};
use super::super::{Payload, naming};
use super::messages::own;
use super::objects::{self, Attachment};

/// All of them.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path((room, message)): Path<(RoomId, MessageId)>,
) -> Result<Json<Vec<Attachment>>, Failure> {
    state.rooms.own(caller.user, room).await?;
    let message = state.messages.get(caller.user, room, message).await?;
    let files = message.attachments.iter();
    let files = files.map(|file| objects::attachment(&state, &site, file));
    Ok(Json(files.collect()))
}

/// Adds one to a message of one's own. Who may not is told before the file is read.
pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path((room, message)): Path<(RoomId, MessageId)>,
    request: Request,
) -> Result<(StatusCode, Json<Attachment>), Failure> {
    let before = own(&state, caller.user, room, message).await?;
    if before.deleted_at.is_some() {
        return Err(Code::MessageNotFound.into());
    }
    let payload = Payload::with_file(request, &state, caller.0, "file").await?;
    let file = payload.file();
    let file = file.ok_or_else(|| Problem::invalid("file", Violation::Required))?;
    let attached = state.messages.attach(caller.user, room, message, file.id);
    let message = attached.await.map_err(naming(&[("attachments", "file")]))?;
    let kept = message.attachments.iter().find(|one| one.id == file.id);
    let kept = kept.ok_or(Code::MessageNotFound)?;
    let attachment = objects::attachment(&state, &site, kept);
    Ok((StatusCode::CREATED, Json(attachment)))
}

//! Files that stand in no message: their address is sent as text.

use axum::extract::{Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use chapar_shared::{Problem, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Site};
use super::super::Payload;

/// The file.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the multipart body, which is read as a stream"
)]
pub(super) struct MediaBody {
    /// Its content counts and not its claimed type; its claimed name is shown without path.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Where it can be fetched.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Media {
    /// Absolute and signed: good for who has it, for a week at least.
    file_url: String,
}

/// Upload a file
///
/// Whoever has the address can fetch the file for as long as the address is good (`expires`, in seconds since 1970);
/// the file is kept as long. Until then it counts to what its owner's files may take together.
#[utoipa::path(
    post,
    path = "/chat/upload_media/",
    operation_id = "upload_media",
    tag = "chat",
    security(("bearer" = [])),
    request_body(content = MediaBody, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Kept.", body = Media),
        (status = 401, description = "No token, or none that is good."),
        (status = 413, description = "The file is too large."),
        (status = 422, description = "There is no file."),
    ),
)]
pub(super) async fn upload(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    request: Request,
) -> Result<Json<Media>, Failure> {
    let payload = Payload::with_shown_file(request, &state, caller.0, "file").await?;
    let file = payload.file();
    let file = file.ok_or_else(|| Problem::invalid("file", Violation::Required))?;
    let file_url = site.absolute(&file.url);
    Ok(Json(Media { file_url }))
}

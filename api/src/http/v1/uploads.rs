//! Receiving files.

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::protocol::objects::Attachment;
use chapar_shared::{Code, Problem, Violation};

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::{Caller, Json, multipart};
use super::super::openapi;
use crate::domain::files::Upload;

pub(super) fn router(state: &ApiState) -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .layer(DefaultBodyLimit::max(multipart::max_bytes(&state.limits)))
}

/// A file to keep. Its claimed type does not count, its claimed name is shown as it is, without path.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the multipart body, which is read as a stream"
)]
struct UploadBody {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Upload a file
///
/// To be named in a message, or as one's avatar if it is an image; removed if it is not within 24 hours.
#[utoipa::path(
    post,
    path = "/v1/uploads",
    operation_id = "upload_file",
    tag = "files",
    security(("bearer" = [])),
    request_body(content = UploadBody, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Kept.", body = Attachment),
        (status = 422, response = openapi::Invalid),
        (status = 429, response = openapi::RateLimited),
    ),
)]
async fn upload(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<Attachment>), Failure> {
    let is_multipart = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| {
            kind.trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/form-data")
        });
    if !is_multipart {
        return Err(Code::UnsupportedMediaType.into());
    }
    let limit = state.limits.max_upload_bytes;
    let body = Multipart::from_request(request, &state).await;
    let mut body = body.map_err(|_| Code::MalformedRequest)?;
    let deadline = Instant::now() + state.files.upload_timeout();
    loop {
        let field = timeout_at(deadline, body.next_field()).await;
        let field = field.map_err(|_| Code::Unavailable)?;
        let field = field.map_err(|error| multipart::refused(&error, limit))?;
        let Some(field) = field else {
            return Err(Problem::invalid("file", Violation::Required).into());
        };
        if field.name() == Some("file") {
            let upload = Upload {
                name: field.file_name().unwrap_or_default().to_owned(),
                chunks: multipart::chunks(field, limit),
            };
            let attachment = state.files.receive(caller.0, upload).await?;
            return Ok((StatusCode::CREATED, Json(attachment)));
        }
    }
}

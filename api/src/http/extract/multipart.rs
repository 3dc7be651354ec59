//! Files in multipart bodies, as the domain takes them.

use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use chapar_shared::{Code, Limits, Problem};

/// What a multipart body has around its file, at most.
const AROUND_BYTES: u64 = 64 << 10;

/// Largest body with a file.
pub(crate) fn max_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.max_upload_bytes + AROUND_BYTES).unwrap_or(usize::MAX)
}

/// A part's content as it comes; `limit` is told of where it is too large.
pub(crate) fn chunks(
    field: Field<'_>,
    limit: u64,
) -> impl Stream<Item = Result<Bytes, Problem>> + Send + Unpin {
    field.map(move |chunk| chunk.map_err(|error| refused(&error, limit)))
}

/// Why a body could not be read on.
pub(crate) fn refused(error: &MultipartError, limit: u64) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::limit(Code::TooLarge, limit)
    } else {
        Code::MalformedRequest.into()
    }
}

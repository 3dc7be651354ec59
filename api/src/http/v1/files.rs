//! Serving files by their signed addresses: to whoever has one, for as long as it is good.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use object_store::GetRange;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::AttachmentId;

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::{Path, Query};
use super::super::openapi;
use crate::domain::Files;
use crate::domain::files::Served;
use crate::error::Error;
use crate::media::kind;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(file))
        .routes(routes!(thumbnail))
}

/// What makes an address good.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Signed {
    /// Seconds since 1970.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    expires: i64,
    /// Ours, over kind, id and `expires`.
    signature: String,
}

/// A file
///
/// Recognised images, audio and video are shown in place, all else is downloaded. One byte range is answered 206.
#[utoipa::path(
    get,
    path = "/v1/files/{id}",
    operation_id = "get_file",
    tag = "files",
    params(("id" = AttachmentId, Path, description = "The file."), Signed),
    responses(
        (status = 200, description = "The bytes.", body = String, content_type = "*/*"),
        (status = 206, description = "The bytes of the range.", body = String, content_type = "*/*"),
        (status = 304, description = "As the client has it."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn file(
    State(files): State<Files>,
    Path(id): Path<AttachmentId>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    serve(&files, Served::Whole, id, &signed, &headers).await
}

/// An image's thumbnail
///
/// At most 320 pixels on each side.
#[utoipa::path(
    get,
    path = "/v1/thumbnails/{id}",
    operation_id = "get_thumbnail",
    tag = "files",
    params(("id" = AttachmentId, Path, description = "The image."), Signed),
    responses(
        (status = 200, description = "The image.", body = String, content_type = "image/*"),
        (status = 206, description = "The bytes of the range.", body = String, content_type = "image/*"),
        (status = 304, description = "As the client has it."),
        (status = 403, response = openapi::Forbidden),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn thumbnail(
    State(files): State<Files>,
    Path(id): Path<AttachmentId>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    serve(&files, Served::Thumbnail, id, &signed, &headers).await
}

async fn serve(
    files: &Files,
    kind: Served,
    id: AttachmentId,
    signed: &Signed,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let file = files
        .signed(kind, id, signed.expires, &signed.signature)
        .await?;
    let etag = match kind {
        Served::Whole => format!("\"f{id}\""),
        Served::Thumbnail => format!("\"t{id}\""),
    };
    let age = (signed.expires - files.now().as_secs()).max(0);
    let caching = [
        (header::ETAG, text(&etag)),
        // A file never changes, its address does.
        (
            header::CACHE_CONTROL,
            text(&format!("private, max-age={age}, immutable")),
        ),
    ];
    if names(headers, header::IF_NONE_MATCH, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let is_same =
        !headers.contains_key(header::IF_RANGE) || names(headers, header::IF_RANGE, &etag);
    let asked = headers
        .get(header::RANGE)
        .filter(|_| is_same && kind == Served::Whole);
    let range = asked.and_then(|range| range_of(range.to_str().ok()?, file.size.cast_unsigned()));
    let found = files.read(kind, &file, range.clone()).await?;
    let (status, whole) = (found.range.clone(), found.meta.size);
    let length = status.end - status.start;

    let (content_type, disposition, body) = match kind {
        Served::Whole if kind::is_inline(&file.content_type) => {
            let name = disposition("inline", &file.name);
            (
                file.content_type.clone(),
                name,
                Body::from_stream(found.into_stream()),
            )
        }
        Served::Whole => {
            let name = disposition("attachment", &file.name);
            (
                kind::OPAQUE.to_owned(),
                name,
                Body::from_stream(found.into_stream()),
            )
        }
        Served::Thumbnail => {
            let bytes = found.bytes().await;
            let bytes = bytes.map_err(|error| Error::internal("reading a thumbnail", error))?;
            (
                kind::recognise(&bytes).to_owned(),
                "inline".to_owned(),
                bytes.into(),
            )
        }
    };
    let mut response = (caching, body).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, text(&content_type));
    out.insert(header::CONTENT_DISPOSITION, text(&disposition));
    out.insert(header::CONTENT_LENGTH, length.into());
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    out.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    if range.is_some() {
        let range = format!("bytes {}-{}/{whole}", status.start, status.end - 1);
        out.insert(header::CONTENT_RANGE, text(&range));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(kind::OPAQUE))
}

fn names(headers: &HeaderMap, name: header::HeaderName, etag: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*")
}

/// The one range of a `Range` header (RFC 9110 §14.2). `None`, so all of the file, for several, for what cannot be
/// read and for what lies beyond the end: a server may ignore the header.
fn range_of(header: &str, size: u64) -> Option<GetRange> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    match (first.is_empty(), last.is_empty()) {
        (false, true) => {
            let first = first.parse().ok().filter(|first| *first < size)?;
            Some(GetRange::Offset(first))
        }
        (true, false) => {
            let count: u64 = last.parse().ok().filter(|count| *count > 0)?;
            (size > 0).then_some(GetRange::Suffix(count.min(size)))
        }
        (false, false) => {
            let first: u64 = first.parse().ok().filter(|first| *first < size)?;
            let last: u64 = last.parse().ok().filter(|last| *last >= first)?;
            Some(GetRange::Bounded(first..last.saturating_add(1).min(size)))
        }
        (true, true) => None,
    }
}

/// `attr-char` of RFC 8187.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// RFC 6266, with the name in ASCII for old clients and in UTF-8 for the others.
fn disposition(kind: &str, name: &str) -> String {
    let ascii: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '_',
        })
        .collect();
    let encoded = utf8_percent_encode(name, NAME);
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_within_the_file_are_read_and_others_ignored() {
        assert_eq!(
            range_of("bytes=0-99", 1000),
            Some(GetRange::Bounded(0..100))
        );
        assert_eq!(
            range_of("bytes=900-5000", 1000),
            Some(GetRange::Bounded(900..1000))
        );
        assert_eq!(range_of("bytes=5-", 1000), Some(GetRange::Offset(5)));
        assert_eq!(range_of("bytes=-5", 1000), Some(GetRange::Suffix(5)));
        assert_eq!(range_of("bytes=-5000", 1000), Some(GetRange::Suffix(1000)));
        for ignored in [
            "bytes=1000-",
            "bytes=9-5",
            "bytes=-0",
            "bytes=-",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes=a-b",
        ] {
            assert_eq!(range_of(ignored, 1000), None, "{ignored}");
        }
        assert_eq!(range_of("bytes=-5", 0), None);
    }

    #[test]
    fn names_of_any_script_stand_in_the_header() {
        assert_eq!(
            disposition("attachment", "گزارش 1.pdf"),
            "attachment; filename=\"_____ 1.pdf\"; filename*=UTF-8''%DA%AF%D8%B2%D8%A7%D8%B1%D8%B4%201.pdf"
        );
        assert!(disposition("inline", "a\"b\r\nc").starts_with("inline; filename=\"a_b__c\";"));
    }
}

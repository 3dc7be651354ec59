//! Bodies as the older systems took them: JSON, a form, or a multipart form with at most one file.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use chapar_shared::protocol::objects::Attachment;
use chapar_shared::{Code, Problem};

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::multipart::{chunks, refused};
use super::fields::{Entry, Fields};
use crate::domain::Actor;
use crate::domain::files::Upload;

/// Fields of one body, at most; forms of people have a few.
const MAX_FIELDS: usize = 1000;

/// A body's fields and its file.
///
/// As an extractor it takes no file: a file's bytes are passed over. Malformed: 400; too large: 413; of another
/// type: 415. No body at all is one without fields.
#[derive(Debug, Default)]
pub struct Payload {
    entries: HashMap<String, Entry>,
    file: Option<Attachment>,
}

/// Where a file in the body goes.
#[derive(Clone, Copy, Debug)]
struct FileField<'a> {
    name: &'a str,
    owner: Actor,
    /// Its address is all that anybody will have of it.
    is_shown: bool,
}

impl FromRequest<ApiState> for Payload {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Failure> {
        Self::read(request, state, None).await
    }
}

impl Payload {
    /// Reads a body whose field `name` may hold a file, which is kept at once as an upload of `owner`'s: it goes to
    /// the storage as it comes. If the request fails afterwards, it is an upload that stands in no message, and
    /// is removed as any such.
    ///
    /// # Errors
    /// As the extractor; what [`Files::receive`](crate::domain::Files::receive) refuses.
    pub async fn with_file(
        request: Request,
        state: &ApiState,
        owner: Actor,
        name: &str,
    ) -> Result<Self, Failure> {
        let file = FileField {
            name,
            owner,
            is_shown: false,
        };
        Self::read(request, state, Some(file)).await
    }

    /// Reads a body whose field `name` may hold a file, of which the address alone is given out: it is kept for as
    /// long as that is good.
    ///
    /// # Errors
    /// As [`Payload::with_file`].
    pub async fn with_shown_file(
        request: Request,
        state: &ApiState,
        owner: Actor,
        name: &str,
    ) -> Result<Self, Failure> {
        let file = FileField {
            name,
            owner,
            is_shown: true,
        };
        Self::read(request, state, Some(file)).await
    }

    /// The body's fields.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.entries)
    }

    /// The file, if there was one.
    pub fn file(&self) -> Option<&Attachment> {
        self.file.as_ref()
    }

    async fn read(
        request: Request,
        state: &ApiState,
        file: Option<FileField<'_>>,
    ) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_json = kind == "application/json"
            || kind.starts_with("application/") && kind.ends_with("+json");
        match kind.as_str() {
            "multipart/form-data" => Self::multipart(request, state, file).await,
            "application/x-www-form-urlencoded" => {
                let body = whole(request, state).await?;
                Ok(Self::of_pairs(form_urlencoded::parse(&body).into_owned()))
            }
            _ if request.body().is_end_stream() => Ok(Self::default()),
            _ if is_json => {
                let body = whole(request, state).await?;
                Self::of_json(&body).ok_or_else(|| Code::MalformedRequest.into())
            }
            _ => Err(Code::UnsupportedMediaType.into()),
        }
    }

    fn of_json(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            return None;
        };
        let entries = object
            .into_iter()
            .map(|(name, value)| (name, Entry::Json(value)));
        Some(Self {
            entries: entries.collect(),
            file: None,
        })
    }

    fn of_pairs(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let mut payload = Self::default();
        for (name, value) in pairs.take(MAX_FIELDS) {
            payload.add(name, value);
        }
        payload
    }

    fn add(&mut self, name: String, value: String) {
        let entry = self
            .entries
            .entry(name)
            .or_insert_with(|| Entry::Form(Vec::new()));
        if let Entry::Form(values) = entry {
            values.push(value);
        }
    }

    async fn multipart(
        request: Request,
        state: &ApiState,
        file: Option<FileField<'_>>,
    ) -> Result<Self, Failure> {
        let max_file = state.limits.max_upload_bytes;
        let max_texts = state.limits.max_body_bytes;
        let multipart = Multipart::from_request(request, state).await;
        let mut multipart = multipart.map_err(|_| Code::MalformedRequest)?;
        let deadline = Instant::now() + state.files.upload_timeout();
        let mut payload = Self::default();
        let (mut texts, mut count) = (0, 0);
        loop {
            let part = timeout_at(deadline, multipart.next_field()).await;
            let part = part.map_err(|_| Code::Unavailable)?;
            let Some(mut part) = part.map_err(|error| refused(&error, max_file))? else {
                return Ok(payload);
            };
            count += 1;
            let name = part.name().unwrap_or_default().to_owned();
            let claimed = part.file_name().map(ToOwned::to_owned);
            match (claimed, file) {
                // A form without a chosen file sends one without a name and without content.
                (Some(claimed), Some(file))
                    if name == file.name && !claimed.is_empty() && payload.file.is_none() =>
                {
                    let upload = Upload {
                        name: claimed,
                        chunks: chunks(part, max_file),
                    };
                    payload.file = Some(if file.is_shown {
                        state.files.receive_shown(file.owner, upload).await?
                    } else {
                        state.files.receive(file.owner, upload).await?
                    });
                }
                (Some(_), _) => {}
                (None, _) if count > MAX_FIELDS => return Err(Code::MalformedRequest.into()),
                (None, _) => {
                    let mut bytes = Vec::new();
                    loop {
                        let chunk = timeout_at(deadline, part.chunk()).await;
                        let chunk = chunk.map_err(|_| Code::Unavailable)?;
                        let Some(chunk) = chunk.map_err(|error| refused(&error, max_file))? else {
                            break;
                        };
                        texts += chunk.len();
                        if texts > max_texts {
                            return Err(Problem::limit(Code::TooLarge, max_texts as u64).into());
                        }
                        bytes.extend_from_slice(&chunk);
                    }
                    let value = String::from_utf8(bytes).map_err(|_| Code::MalformedRequest)?;
                    payload.add(name, value);
                }
            }
        }
    }
}

/// The body in one piece, up to the limit that the router set.
async fn whole(request: Request, state: &ApiState) -> Result<Bytes, Failure> {
    let max = state.limits.max_body_bytes as u64;
    match Bytes::from_request(request, state).await {
        Ok(body) if body.len() as u64 > max => Err(Problem::limit(Code::TooLarge, max).into()),
        Ok(body) => Ok(body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::limit(Code::TooLarge, max).into())
        }
        Err(_) => Err(Code::MalformedRequest.into()),
    }
}

/// The fields of the query.
#[derive(Debug)]
pub struct Params(Payload);

impl Params {
    /// Reads them.
    pub fn fields(&self) -> Fields<'_> {
        self.0.fields()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        Ok(Self(Payload::of_pairs(pairs)))
    }
}

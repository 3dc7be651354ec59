//! Bodies, paths and queries, with our rejections.

use axum::extract::rejection::{BytesRejection, FailedToBufferBody, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use chapar_shared::{Code, Problem};

use super::super::ApiState;
use super::super::error::Failure;
use crate::error::Error;

/// A JSON body. Malformed or of other types: 400; too large: 413; not `application/json`: 415.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Failure> {
        match <axum::Json<T> as FromRequest<ApiState>>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refused(&rejection, state).into()),
        }
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<ApiState> for Json<T> {
    type Rejection = Failure;

    /// `None` for a request without a body, and for `null`; a body without a content type is refused all the same.
    async fn from_request(request: Request, state: &ApiState) -> Result<Option<Self>, Failure> {
        use axum::body::HttpBody;

        if request.body().is_end_stream() {
            return Ok(None);
        }
        let Json(value) =
            <Json<Option<T>> as FromRequest<ApiState>>::from_request(request, state).await?;
        Ok(value.map(Self))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn refused(rejection: &JsonRejection, state: &ApiState) -> Problem {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Code::UnsupportedMediaType.into(),
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(
            FailedToBufferBody::LengthLimitError(_),
        )) => Problem::limit(Code::TooLarge, state.limits.max_body_bytes as u64),
        _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::limit(Code::TooLarge, state.limits.max_body_bytes as u64)
        }
        _ => Code::MalformedRequest.into(),
    }
}

/// Parts of the path. One that cannot be read (not a number, not UTF-8) names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) if rejection.status().is_server_error() => {
                Err(Error::internal("reading the path", rejection).into())
            }
            Err(_) => Err(Code::NotFound.into()),
        }
    }
}

/// The query. One that cannot be read is 400; unknown parameters are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(_) => Err(Code::MalformedRequest.into()),
        }
    }
}

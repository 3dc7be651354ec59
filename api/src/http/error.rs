//! Every refusal and failure as `application/problem+json` (RFC 9457), in the request's language.
//!
//! Handlers and extractors fail with [`Failure`]; 404, 405, rejections of bodies and panics become one too.
//! [`localise`] is the outermost layer: it knows the request's language, which the answer does not.

use std::any::Any;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use chapar_shared::{Code, Language, Problem};

use crate::error::Error;

/// What a handler fails with.
#[derive(Debug)]
pub struct Failure(Problem);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into().into_problem())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = render(&self.0, Language::En);
        response.extensions_mut().insert(Told(self.0));
        response
    }
}

/// The problem that an answer tells, for [`localise`].
#[derive(Clone, Debug)]
struct Told(Problem);

/// The layer that puts problems into the language of the request.
pub async fn localise(request: Request, next: Next) -> Response {
    let language = language(request.headers());
    let mut response = next.run(request).await;
    if let Some(Told(problem)) = response.extensions_mut().remove::<Told>() {
        let (mut parts, _) = response.into_parts();
        let (told, body) = render(&problem, language).into_parts();
        // What the answer had besides the problem stays, as `Allow` of a 405.
        parts.headers.extend(told.headers);
        parts.headers.remove(header::CONTENT_LENGTH);
        response = Response::from_parts(parts, body);
    }
    response
}

/// The language of a request.
pub fn language(headers: &axum::http::HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map(Language::from_accept)
        .unwrap_or_default()
}

fn render(problem: &Problem, language: Language) -> Response {
    let status =
        StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(problem.to_json(language))).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(match language {
            Language::En => "en",
            Language::Fa => "fa",
        }),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, challenge(problem.code));
    }
    let retry_after_ms = match (status, problem.retry_after_ms) {
        (_, Some(millis)) => Some(millis),
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, None) => Some(1000),
        _ => None,
    };
    if let Some(millis) = retry_after_ms {
        headers.insert(header::RETRY_AFTER, millis.div_ceil(1000).into());
    }
    response
}

/// RFC 6750 §3: no error code where no token was given.
fn challenge(code: Code) -> HeaderValue {
    HeaderValue::from_static(match code {
        Code::TokenExpired => {
            r#"Bearer realm="chapar", error="invalid_token", error_description="expired""#
        }
        Code::SessionRevoked => {
            r#"Bearer realm="chapar", error="invalid_token", error_description="revoked""#
        }
        _ => r#"Bearer realm="chapar""#,
    })
}

/// The answer for paths that do not exist.
pub async fn not_found() -> Failure {
    Code::NotFound.into()
}

/// The answer for methods that a path does not have; the router adds `Allow`.
pub async fn method_not_allowed() -> Failure {
    Code::MethodNotAllowed.into()
}

/// The answer for a handler that panicked. The panic hook has logged where.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it so")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic = message, "a handler panicked");
    Failure(Code::Internal.into()).into_response()
}

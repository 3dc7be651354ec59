//! Every refusal and failure as `application/problem+json` (RFC 9457), or in the form of the dialect whose path it
//! is, in the request's language.
//!
//! Handlers and extractors fail with [`Failure`]; 404, 405, rejections of bodies and panics become one too.
//! [`localise`] is the outermost layer: it knows the request's path and language, which the answer does not.

use std::any::Any;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use chapar_shared::{Code, Language, Problem};

use super::dialects::{self, Asked, Names, Refusal};
use crate::error::Error;

/// What a handler fails with.
#[derive(Clone, Debug)]
pub struct Failure {
    problem: Problem,
    names: Names,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            problem: error.into().into_problem(),
            names: &[],
        }
    }
}

impl Failure {
    /// The whole of it.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// How the request names the fields.
    pub fn names(&self) -> Names {
        self.names
    }

    /// The same, where the domain's fields have these other names in the request: pairs of the domain's and the
    /// request's.
    #[must_use]
    pub fn named(self, names: Names) -> Self {
        Self { names, ..self }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = completed(
            form(&self.problem, Language::En),
            &self.problem,
            Language::En,
        );
        // For `localise`.
        response.extensions_mut().insert(self);
        response
    }
}

/// The layer that puts failures into the form of their path and the language of the request.
pub async fn localise(request: Request, next: Next) -> Response {
    let language = language(request.headers());
    let dialect = dialects::of(request.uri().path());
    let asked = dialect.map(|dialect| (dialect, Asked::of(&request, language)));
    let mut response = next.run(request).await;
    let Some(Failure { problem, names }) = response.extensions_mut().remove::<Failure>() else {
        return response;
    };
    let told = match &asked {
        Some((dialect, asked)) => (dialect.refuse)(&Refusal {
            problem: &problem,
            names,
            asked,
        }),
        None => form(&problem, language),
    };
    let (told, body) = completed(told, &problem, language).into_parts();
    let (mut parts, _) = response.into_parts();
    // What the answer had besides the problem stays, as `Allow` of a 405.
    for own in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::WWW_AUTHENTICATE,
        header::RETRY_AFTER,
    ] {
        parts.headers.remove(own);
    }
    parts.status = told.status;
    parts.headers.extend(told.headers);
    Response::from_parts(parts, body)
}

/// The language of a request.
pub fn language(headers: &axum::http::HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map(Language::from_accept)
        .unwrap_or_default()
}

/// The native form.
fn form(problem: &Problem, language: Language) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status(problem), kind, Json(problem.to_json(language))).into_response()
}

/// The status of a problem's code.
pub(super) fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The answer with the headers that every form has.
fn completed(mut response: Response, problem: &Problem, language: Language) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(match language {
            Language::En => "en",
            Language::Fa => "fa",
        }),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED && !headers.contains_key(header::WWW_AUTHENTICATE) {
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
    Failure::from(Code::Internal).into_response()
}

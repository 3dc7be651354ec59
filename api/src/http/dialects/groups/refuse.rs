//! Refusals: a map of fields or `error` as JSON, or a page; who is not signed in is led to where one does that.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use chapar_shared::{Code, Language};

use super::super::super::error::status;
use super::super::{Asked, Refusal, django};
use super::{HOME, answer, next, pages};

/// A problem in that form.
pub(super) fn refuse(refusal: &Refusal<'_>) -> Response {
    let status = match status(refusal.problem) {
        // Signing in is a form here like any other.
        _ if refusal.problem.code == Code::InvalidCredentials => StatusCode::BAD_REQUEST,
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    if refusal.asked.wants_page {
        return page(refusal, status);
    }
    let fields = refusal.fields(django::text);
    let body = if fields.is_empty() {
        json!({ "error": refusal.detail() })
    } else {
        json!(fields)
    };
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="api""#),
        );
    }
    response
}

fn page(refusal: &Refusal<'_>, status: StatusCode) -> Response {
    let asked = refusal.asked;
    if status == StatusCode::UNAUTHORIZED {
        let back = match asked.method {
            Method::GET => asked
                .uri
                .path_and_query()
                .map_or(HOME, |path| path.as_str()),
            _ => HOME,
        };
        return answer::see_other(&next::login(back));
    }
    // Pages are Persian, whatever the browser prefers.
    let asked = Asked {
        language: Language::Fa,
        ..asked.clone()
    };
    let refusal = Refusal {
        asked: &asked,
        ..*refusal
    };
    pages::refusal(status, &told(&refusal))
}

/// What is wrong, a sentence each.
pub(super) fn told(refusal: &Refusal<'_>) -> Vec<String> {
    let fields = refusal.fields(django::text);
    if fields.is_empty() {
        return vec![refusal.detail()];
    }
    let sentences = fields.iter().flat_map(|(field, texts)| {
        let label = pages::label(field);
        texts.iter().map(move |text| format!("{label}: {text}"))
    });
    sentences.collect()
}

//! Refusals as `FastAPI` writes them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use chapar_shared::{Code, Language, Problem, Violation};

use super::super::super::error::status;
use super::super::Refusal;

/// A problem in that form: what is wrong with fields as a list in the words of pydantic 2, all else as a sentence.
/// Where the original had a sentence of its own it stays that one, in every language: programs compare it.
pub(super) fn refuse(refusal: &Refusal<'_>) -> Response {
    let problem = refusal.problem;
    let (status, detail) = match problem.code {
        Code::MalformedRequest => {
            let item = json!({
                "type": "json_invalid", "loc": ["body"], "msg": "JSON decode error", "input": {},
            });
            (StatusCode::UNPROCESSABLE_ENTITY, json!([item]))
        }
        // A member who is not there is no fault of the request's form.
        Code::Invalid if names_nobody(problem) => {
            let nobody = Problem::from(Code::UserNotFound);
            let detail = sentence(&nobody, refusal.asked.language);
            (StatusCode::BAD_REQUEST, json!(detail))
        }
        Code::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, items(refusal)),
        _ => {
            let status = match status(problem) {
                StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                status => status,
            };
            let detail = sentence(problem, refusal.asked.language);
            (status, json!(detail))
        }
    };
    let mut response = (status, Json(json!({ "detail": detail }))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn names_nobody(problem: &Problem) -> bool {
    let members = problem.errors.get("members");
    members.is_some_and(|found| found.contains(&Violation::Unknown))
}

fn sentence(problem: &Problem, language: Language) -> String {
    match problem.code {
        Code::EmailTaken => "Email already registered".to_owned(),
        Code::UsernameTaken => "Username already registered".to_owned(),
        Code::InvalidCredentials => "Incorrect email or password".to_owned(),
        Code::Unauthenticated => "Not authenticated".to_owned(),
        Code::TokenExpired | Code::SessionRevoked => "Could not validate credentials".to_owned(),
        Code::RoomNotFound => "Chat room not found or access denied".to_owned(),
        Code::NotFound => "Not Found".to_owned(),
        Code::MethodNotAllowed => "Method Not Allowed".to_owned(),
        _ => problem.detail(language),
    }
}

fn items(refusal: &Refusal<'_>) -> Value {
    let item = |(field, violation): (&String, &Violation)| {
        let place = match field.as_str() {
            "limit" | "before" => "query",
            _ => "body",
        };
        let (kind, text, context) = words(field, violation, refusal.asked.language);
        let mut item = json!({
            "type": kind,
            "loc": [place, refusal.name(field)],
            "msg": text,
            // It may hold a password, and is nothing that the client does not have.
            "input": null,
        });
        if let Some((name, value)) = context {
            item["ctx"] = json!({ name: value });
        }
        item
    };
    let errors = refusal.problem.errors.iter();
    let all = errors.flat_map(|(field, found)| found.iter().map(move |one| (field, one)));
    all.map(item).collect()
}

/// The type, the message and what stands in it.
fn words(
    field: &str,
    violation: &Violation,
    language: Language,
) -> (&'static str, String, Option<(&'static str, u64)>) {
    match *violation {
        Violation::Required => ("missing", "Field required".to_owned(), None),
        Violation::TooLong { max } => (
            "string_too_long",
            format!("String should have at most {max} characters"),
            Some(("max_length", max)),
        ),
        Violation::TooShort { min } => (
            "string_too_short",
            format!("String should have at least {min} characters"),
            Some(("min_length", min)),
        ),
        Violation::TooMany { max } => (
            "too_long",
            format!("List should have at most {max} items after validation"),
            Some(("max_length", max)),
        ),
        Violation::Format => match field {
            "email" => (
                "value_error",
                "value is not a valid email address".to_owned(),
                None,
            ),
            "members" => ("list_type", "Input should be a valid list".to_owned(), None),
            "limit" | "before" => (
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer".to_owned(),
                None,
            ),
            _ => (
                "string_type",
                "Input should be a valid string".to_owned(),
                None,
            ),
        },
        ref other => {
            let text = format!("Value error, {}", other.text(language));
            ("value_error", text, None)
        }
    }
}

//! What two dialects say alike: refusals as Django REST framework writes them (a map of fields, or `detail`), and
//! the tokens of Simple JWT.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use chapar_shared::protocol::objects::Tokens;
use chapar_shared::{Code, Language, Violation};

use super::super::error::status;
use super::Refusal;

/// The tokens of a login, as Simple JWT names them; not for caches on the way.
#[derive(Debug, Serialize)]
pub struct Pair {
    refresh: String,
    access: String,
}

impl From<Tokens> for Pair {
    fn from(tokens: Tokens) -> Self {
        Self {
            refresh: tokens.refresh_token,
            access: tokens.access_token,
        }
    }
}

impl IntoResponse for Pair {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}

/// A problem in that form. There is neither 409 nor 422 in it: what is not acceptable is 400.
pub fn refuse(refusal: &Refusal<'_>) -> Response {
    let fields = refusal.fields(text);
    let status = match status(refusal.problem) {
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    let mut body = if fields.is_empty() {
        json!({ "detail": refusal.detail() })
    } else {
        json!(fields)
    };
    if matches!(
        refusal.problem.code,
        Code::InvalidRefreshToken | Code::TokenExpired | Code::SessionRevoked
    ) {
        // Clients of Simple JWT know by it that they must sign in again.
        body["code"] = json!("token_not_valid");
    }
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="api""#),
        );
    }
    response
}

/// What is wrong with a field, as a sentence.
pub fn text(violation: &Violation, language: Language) -> String {
    match (violation, language) {
        (Violation::Required, Language::En) => "This field is required.".into(),
        (Violation::Required, Language::Fa) => "این فیلد الزامی است.".into(),
        (Violation::TooLong { max }, Language::En) => {
            format!("Ensure this field has no more than {max} characters.")
        }
        (Violation::TooLong { max }, Language::Fa) => {
            format!("طول این فیلد نباید بیش از {max} نویسه باشد.")
        }
        (Violation::TooShort { min }, Language::En) => {
            format!("Ensure this field has at least {min} characters.")
        }
        (Violation::TooShort { min }, Language::Fa) => {
            format!("طول این فیلد باید حداقل {min} نویسه باشد.")
        }
        (Violation::Format, Language::En) => "Enter a valid value.".into(),
        (Violation::Format, Language::Fa) => "یک مقدار معتبر وارد کنید.".into(),
        (Violation::Unknown, Language::En) => "Object does not exist.".into(),
        (Violation::Unknown, Language::Fa) => "چنین چیزی وجود ندارد.".into(),
        (other, Language::En) => format!("Not valid: {}.", other.text(language)),
        (other, Language::Fa) => format!("معتبر نیست: {}.", other.text(language)),
    }
}

//! Accounts and tokens.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, ClientAddr, Device, Json};
use super::super::{Payload, naming};
use super::objects::{User, user};
use crate::domain::accounts::Registration;
use crate::domain::sessions::{Life, Origin};

/// A new account.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body, which may also be a form")]
pub(super) struct SignupBody {
    /// Letters and digits of any script and `@ . + - _`; unique, also among e-mails.
    #[schema(min_length = 1, max_length = 64)]
    username: String,
    /// Unique, also among usernames.
    #[schema(max_length = 254, format = Email)]
    email: String,
    /// At least 8 characters.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
    /// What people call them; the username where there is none.
    #[schema(max_length = 100)]
    full_name: Option<String>,
}

/// Register
#[utoipa::path(
    post,
    path = "/auth/signup",
    tag = "auth",
    request_body = SignupBody,
    responses(
        (status = 201, description = "Registered; sign in next.", body = User),
        (status = 400, description = "`Email already registered` or `Username already registered`."),
        (status = 422, description = "What is wrong with each field."),
    ),
)]
pub(super) async fn signup(
    State(state): State<ApiState>,
    ClientAddr(address): ClientAddr,
    payload: Payload,
) -> Result<(StatusCode, Json<User>), Failure> {
    let mut fields = payload.fields();
    let registration = Registration {
        username: fields.text("username"),
        email: Some(fields.text("email")),
        password: fields.text("password"),
        display_name: fields.maybe_text("full_name"),
    };
    fields.finish()?;
    let made = state.accounts.enrol(registration, address).await;
    let made = made.map_err(naming(&[("display_name", "full_name")]))?;
    let person = made.person;
    let user = user(person.id, person.username, person.email);
    Ok((StatusCode::CREATED, Json(user)))
}

/// What one signs in with.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is a form or JSON")]
pub(super) struct LoginBody {
    /// The e-mail or the username.
    username: String,
    /// Their password.
    #[schema(format = Password)]
    password: String,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    access_token: String,
    /// `bearer`.
    token_type: String,
}

/// Tokens are for the one who asked, not for caches on the way.
const PRIVATE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Sign in
///
/// `email` is as good as `username`; each may hold either. A form or JSON.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body(content = LoginBody, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Signed in.", body = Token),
        (status = 401, description = "`Incorrect email or password`."),
        (status = 422, description = "What is wrong with each field."),
        (status = 429, description = "Too many failures."),
    ),
)]
pub(super) async fn login(
    State(state): State<ApiState>,
    ClientAddr(address): ClientAddr,
    Device(device): Device,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let login = match fields.maybe_text("username") {
        Some(username) if !username.is_empty() => username,
        _ => match fields.maybe_text("email") {
            Some(email) if !email.is_empty() => email,
            _ => fields.text("username"),
        },
    };
    let password = fields.text("password");
    fields.finish()?;
    let origin = Origin { device, address };
    let accounts = &state.accounts;
    let tokens = accounts.login(&login, &password, origin, Life::Dialect);
    let token = Token {
        access_token: tokens.await?.access_token,
        token_type: "bearer".to_owned(),
    };
    Ok((PRIVATE, Json(token)))
}

/// Sign in
///
/// The same as `/auth/login`.
#[utoipa::path(
    post,
    path = "/auth/token",
    tag = "auth",
    request_body(content = LoginBody, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Signed in.", body = Token),
        (status = 401, description = "`Incorrect email or password`."),
        (status = 422, description = "What is wrong with each field."),
        (status = 429, description = "Too many failures."),
    ),
)]
pub(super) async fn token(
    state: State<ApiState>,
    address: ClientAddr,
    device: Device,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    login(state, address, device, payload).await
}

/// The caller
#[utoipa::path(
    get,
    path = "/auth/users/me",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The caller.", body = User),
        (status = 401, description = "No token, or none that is good."),
    ),
)]
pub(super) async fn me(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<User>, Failure> {
    let me = state.users.me(caller.0).await?;
    Ok(Json(user(me.user.id, me.user.username, me.email)))
}

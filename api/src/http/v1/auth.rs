//! Registration, login, sessions.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::protocol::objects::{Session, Tokens};
use chapar_shared::{Code, SessionId};

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::{Caller, ClientAddr, Device, Json, List, Path};
use super::super::openapi;
use crate::domain::accounts::Registration;
use crate::domain::sessions::{Life, Origin};
use crate::domain::{Accounts, Sessions};
use crate::store::sessions::Revoke;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(sessions))
        .routes(routes!(revoke))
}

/// Tokens are for the one who asked, not for caches on the way.
const PRIVATE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
struct RegisterBody {
    /// Letters and digits of any script and `@ . + - _`; unique without regard to case and Unicode form, also
    /// among e-mails.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = r"^[\p{L}\p{M}\p{N}@.+\-_]+$"
    )]
    username: String,
    /// At least 8 characters.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
    /// Unique, also among usernames; for signing in. `null` or left out: none.
    #[schema(max_length = 254, format = Email)]
    email: Option<String>,
    /// What people call them; the username where there is none.
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$")]
    display_name: Option<String>,
}

/// Register
///
/// Makes an account and signs in.
#[utoipa::path(
    post,
    path = "/v1/auth/register",
    tag = "auth",
    request_body = RegisterBody,
    responses(
        (status = 201, description = "Registered and signed in.", body = Tokens),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
        (status = 429, response = openapi::RateLimited),
    ),
)]
async fn register(
    State(accounts): State<Accounts>,
    ClientAddr(address): ClientAddr,
    Device(device): Device,
    Json(body): Json<RegisterBody>,
) -> Result<impl IntoResponse, Failure> {
    let registration = Registration {
        username: body.username,
        password: body.password,
        email: body.email,
        display_name: body.display_name,
    };
    let tokens = accounts
        .register(registration, Origin { device, address }, Life::Native)
        .await?;
    Ok((StatusCode::CREATED, PRIVATE, Json(tokens)))
}

/// What one signs in with.
#[derive(Debug, Deserialize, ToSchema)]
struct LoginBody {
    /// Username or e-mail.
    login: String,
    /// Their password.
    #[schema(format = Password)]
    password: String,
}

/// Sign in
///
/// The answer and the time it takes are the same whether there is such an account or not. Failures are limited by
/// account and address.
#[utoipa::path(
    post,
    path = "/v1/auth/login",
    tag = "auth",
    request_body = LoginBody,
    responses(
        (status = 200, description = "Signed in.", body = Tokens),
        (status = 401, response = openapi::Unauthenticated),
        (status = 429, response = openapi::RateLimited),
    ),
)]
async fn login(
    State(accounts): State<Accounts>,
    ClientAddr(address): ClientAddr,
    Device(device): Device,
    Json(body): Json<LoginBody>,
) -> Result<impl IntoResponse, Failure> {
    let origin = Origin { device, address };
    let login = accounts.login(&body.login, &body.password, origin, Life::Native);
    let tokens = login.await?;
    Ok((PRIVATE, Json(tokens)))
}

/// The token to renew.
#[derive(Debug, Deserialize, ToSchema)]
struct RefreshBody {
    /// As it was given last.
    refresh_token: String,
}

/// Renew tokens
///
/// A refresh token is used once and gives the next. Shown again within 10 seconds, while its successor was not used,
/// it gives the same successor; later that is taken for theft and ends the session.
#[utoipa::path(
    post,
    path = "/v1/auth/refresh",
    tag = "auth",
    request_body = RefreshBody,
    responses(
        (status = 200, description = "The next pair.", body = Tokens),
        (status = 401, response = openapi::Unauthenticated),
    ),
)]
async fn refresh(
    State(sessions): State<Sessions>,
    Json(body): Json<RefreshBody>,
) -> Result<impl IntoResponse, Failure> {
    let tokens = sessions.refresh(&body.refresh_token, Life::Native).await?;
    Ok((PRIVATE, Json(tokens)))
}

/// Sign out
///
/// Ends the session of the token; its sockets close.
#[utoipa::path(
    post,
    path = "/v1/auth/logout",
    tag = "auth",
    security(("bearer" = [])),
    responses((status = 204, description = "Signed out.")),
)]
async fn logout(State(sessions): State<Sessions>, caller: Caller) -> Result<StatusCode, Failure> {
    sessions
        .revoke(caller.user, Revoke::One(caller.session))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's sessions
///
/// All devices that are signed in, newest first; at most 1,000, on one page.
#[utoipa::path(
    get,
    path = "/v1/auth/sessions",
    operation_id = "list_sessions",
    tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, description = "The sessions.", body = List<Session>)),
)]
async fn sessions(
    State(sessions): State<Sessions>,
    caller: Caller,
) -> Result<Json<List<Session>>, Failure> {
    let items = sessions.list(caller.0).await?;
    Ok(Json(List { items, next: None }))
}

/// End a session
///
/// Its tokens are no good any more and its sockets close.
#[utoipa::path(
    delete,
    path = "/v1/auth/sessions/{id}",
    operation_id = "end_session",
    tag = "auth",
    security(("bearer" = [])),
    params(("id" = SessionId, Path, description = "The session.")),
    responses(
        (status = 204, description = "Ended."),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn revoke(
    State(sessions): State<Sessions>,
    caller: Caller,
    Path(session): Path<SessionId>,
) -> Result<StatusCode, Failure> {
    if sessions.revoke(caller.user, Revoke::One(session)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}

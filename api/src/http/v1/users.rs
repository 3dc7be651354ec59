//! People: oneself and others.

use axum::extract::State;
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::protocol::objects::{OwnUser, User};
use chapar_shared::{AttachmentId, UserId};

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::{Caller, ClientAddr, Json, List, Paging, PagingParams, Path, Query};
use super::super::openapi;
use crate::domain::Users;
use crate::domain::users::ProfilePatch;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(me, update))
        .routes(routes!(user))
        .routes(routes!(search))
}

/// Oneself
#[utoipa::path(
    get,
    path = "/v1/users/me",
    operation_id = "get_me",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, description = "The caller.", body = OwnUser)),
)]
async fn me(State(users): State<Users>, caller: Caller) -> Result<Json<OwnUser>, Failure> {
    Ok(Json(users.me(caller.0).await?))
}

/// What to change of oneself; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(clippy::option_option, reason = "`null` is not the same as left out")]
struct UpdateBody {
    /// Empty: the username.
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$")]
    display_name: Option<String>,
    /// `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 254, format = Email)]
    email: Option<Option<String>>,
    /// An uploaded image of one's own; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<AttachmentId>)]
    avatar: Option<Option<AttachmentId>>,
    /// A new password, with `current_password`; all other sessions end.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: Option<String>,
    /// The present one.
    #[schema(format = Password)]
    current_password: Option<String>,
}

/// Tells `null` from what is left out.
#[expect(clippy::option_option, reason = "`null` is not the same as left out")]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change oneself
#[utoipa::path(
    patch,
    path = "/v1/users/me",
    operation_id = "update_me",
    tag = "users",
    security(("bearer" = [])),
    request_body = UpdateBody,
    responses(
        (status = 200, description = "The caller as they are now.", body = OwnUser),
        (status = 409, response = openapi::Conflict),
        (status = 422, response = openapi::Invalid),
        (status = 429, response = openapi::RateLimited),
    ),
)]
async fn update(
    State(users): State<Users>,
    caller: Caller,
    ClientAddr(address): ClientAddr,
    Json(body): Json<UpdateBody>,
) -> Result<Json<OwnUser>, Failure> {
    let patch = ProfilePatch {
        display_name: body.display_name,
        first_name: None,
        last_name: None,
        email: body.email,
        avatar: body.avatar,
        password: body.password,
        current_password: body.current_password,
    };
    Ok(Json(users.update(caller.0, patch, address).await?))
}

/// A user
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    operation_id = "get_user",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The user.")),
    responses(
        (status = 200, description = "The user.", body = User),
        (status = 404, response = openapi::NotFound),
    ),
)]
async fn user(
    State(users): State<Users>,
    _: Caller,
    Path(user): Path<UserId>,
) -> Result<Json<User>, Failure> {
    Ok(Json(users.user(user).await?))
}

/// What users are looked for by.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// A part of the username or display name, without regard to case, vowel marks, and Arabic or Persian
    /// spelling; all users where there is none.
    #[param(max_length = 100)]
    q: Option<String>,
}

/// Look for users
///
/// By ascending id.
#[utoipa::path(
    get,
    path = "/v1/users",
    operation_id = "search_users",
    tag = "users",
    security(("bearer" = [])),
    params(SearchParams, PagingParams),
    responses(
        (status = 200, description = "A page of users.", body = List<User>),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn search(
    State(users): State<Users>,
    _: Caller,
    Query(params): Query<SearchParams>,
    paging: Paging<UserId>,
) -> Result<Json<List<User>>, Failure> {
    let query = params.q.unwrap_or_default();
    let page = users.search(&query, paging.after, paging.limit).await?;
    Ok(Json(List::of(page, |user| user)))
}

//! Who is online.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use chapar_shared::{Code, Timestamp, UserId};

use super::super::ApiState;
use super::super::error::Failure;
use super::super::extract::{Caller, Json, Query};
use super::super::openapi;
use crate::domain::Users;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(presence))
}

/// About whom is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PresenceParams {
    /// Ids with commas between them; at most 200.
    #[param(pattern = r"^[0-9]{1,15}(,[0-9]{1,15}){0,199}$")]
    users: String,
}

/// Who is online.
#[derive(Debug, Serialize, ToSchema)]
struct Presences {
    /// By ascending id.
    online: Vec<UserId>,
    /// When those who are not were last seen, by id, where it is known.
    last_seen: BTreeMap<String, Timestamp>,
}

/// Who is online
///
/// Of people with whom one shares a room; others are left out.
#[utoipa::path(
    get,
    path = "/v1/presence",
    operation_id = "get_presence",
    tag = "users",
    security(("bearer" = [])),
    params(PresenceParams),
    responses(
        (status = 200, description = "Those of them who are online.", body = Presences),
        (status = 422, response = openapi::Invalid),
    ),
)]
async fn presence(
    State(users): State<Users>,
    caller: Caller,
    Query(params): Query<PresenceParams>,
) -> Result<Json<Presences>, Failure> {
    let ids = params.users.split(',').map(str::parse);
    let ids: Result<Vec<UserId>, _> = ids.collect();
    let ids = ids.map_err(|_| Code::MalformedRequest)?;
    let found = users.presence(caller.0, &ids).await?;
    let last_seen = found.last_seen.into_iter();
    Ok(Json(Presences {
        online: found.online,
        last_seen: last_seen.map(|(user, at)| (user.to_string(), at)).collect(),
    }))
}

//! Oneself.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use chapar_shared::{Code, Problem, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, ClientAddr, Site};
use super::super::Payload;
use super::answer::{Browser, see_other};
use super::{objects, pages};
use crate::domain::users::ProfilePatch;
use crate::error::Error;

pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
) -> Result<Response, Failure> {
    let user = state.users.own(caller.0).await?;
    let user = objects::profile(&state, &site, user);
    Ok(if is_browser {
        pages::profile(&state, &user)
    } else {
        Json(user).into_response()
    })
}

/// Changes what the body names; an avatar is an image that comes with it.
pub(super) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
    ClientAddr(address): ClientAddr,
    request: Request,
) -> Result<Response, Failure> {
    let payload = Payload::with_file(request, &state, caller.0, "avatar").await?;
    let mut fields = payload.fields();
    let (first_name, last_name) = (
        fields.maybe_text("first_name"),
        fields.maybe_text("last_name"),
    );
    let avatar = match payload.file() {
        Some(file) => Some(Some(file.id)),
        // As Django's forms name the box that takes a file away.
        None if fields.has("avatar-clear") => Some(None),
        None => None,
    };
    fields.finish()?;
    let patch = ProfilePatch {
        first_name,
        last_name,
        avatar,
        ..ProfilePatch::default()
    };
    let updated = state.users.update(caller.0, patch, address).await;
    updated.map_err(|error| match error {
        // The file is there, and is no image.
        Error::Refused(problem)
            if problem.code == Code::Invalid && problem.errors.contains_key("avatar") =>
        {
            Problem::invalid("avatar", Violation::Format).into()
        }
        other => other,
    })?;
    if is_browser {
        return Ok(see_other("/chat/profile/"));
    }
    let user = state.users.own(caller.0).await?;
    Ok(Json(objects::profile(&state, &site, user)).into_response())
}

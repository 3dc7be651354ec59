//! Registration, signing in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use chapar_shared::protocol::objects::Tokens;
use chapar_shared::{Code, Problem, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, ClientAddr, Device, OwnOrigin, Site};
use super::super::{Names, Params, Payload};
use super::answer::{Browser, see_other};
use super::{LOGIN, cookie, next, pages};
use crate::domain::accounts::Registration;
use crate::domain::sessions::{Life, Origin};
use crate::store::sessions::Revoke;

/// The form for signing in.
pub(super) async fn login_page(params: Params) -> Response {
    let back = params.fields().maybe_text("next").unwrap_or_default();
    pages::login(StatusCode::OK, "", &next::local(&back), &[])
}

/// Signs in: tokens for a program, and the cookie for either.
pub(super) async fn login(
    State(state): State<ApiState>,
    _: OwnOrigin,
    Browser(is_browser): Browser,
    site: Site,
    (ClientAddr(address), Device(device)): (ClientAddr, Device),
    params: Params,
    payload: Payload,
) -> Result<Response, Failure> {
    let mut fields = payload.fields();
    let (username, password) = (fields.text("username"), fields.text("password"));
    let back = fields.maybe_text("next");
    let back = back.or_else(|| params.fields().maybe_text("next"));
    let back = next::local(&back.unwrap_or_default());
    let signed_in = match fields.finish() {
        Ok(()) => {
            let origin = Origin { device, address };
            let accounts = &state.accounts;
            let tokens = accounts.login(&username, &password, origin, Life::Browser);
            tokens.await.map_err(Failure::from)
        }
        Err(problem) => Err(problem.into()),
    };
    match signed_in {
        Ok(tokens) if is_browser => {
            let cookie = cookie_of(&state, &site, &tokens).await?;
            Ok(([(header::SET_COOKIE, cookie)], see_other(&back)).into_response())
        }
        Ok(tokens) => {
            let cookie = cookie_of(&state, &site, &tokens).await?;
            let body = json!({
                "username": tokens.user.user.username,
                "access": tokens.access_token,
                "refresh": tokens.refresh_token,
            });
            let private = HeaderValue::from_static("no-store");
            let headers = [
                (header::SET_COOKIE, cookie),
                (header::CACHE_CONTROL, private),
            ];
            Ok((headers, Json(body)).into_response())
        }
        Err(failure) if is_browser && is_of_the_form(&failure) => {
            let errors = pages::sentences(&failure);
            Ok(pages::login(
                StatusCode::BAD_REQUEST,
                &username,
                &back,
                &errors,
            ))
        }
        Err(failure) => Err(failure),
    }
}

async fn cookie_of(state: &ApiState, site: &Site, tokens: &Tokens) -> Result<HeaderValue, Failure> {
    let actor = state.sessions.authenticate(&tokens.access_token).await?;
    Ok(cookie::of(state, site, actor))
}

/// What is told beside the form, which is shown again; anything else is a page of its own.
fn is_of_the_form(failure: &Failure) -> bool {
    matches!(
        failure.problem().code,
        Code::Invalid | Code::InvalidCredentials | Code::UsernameTaken | Code::EmailTaken
    )
}

/// The form for registering.
pub(super) async fn register_page() -> Response {
    pages::register(StatusCode::OK, "", "", &[])
}

/// Makes an account. A person is signed in by it, a program does that itself.
pub(super) async fn register(
    State(state): State<ApiState>,
    _: OwnOrigin,
    Browser(is_browser): Browser,
    site: Site,
    (ClientAddr(address), Device(device)): (ClientAddr, Device),
    payload: Payload,
) -> Result<Response, Failure> {
    let mut fields = payload.fields();
    let is_twice = fields.has("password1") || fields.has("password2") || !fields.has("password");
    let username = fields.text("username");
    let password = if is_twice {
        let (first, second) = (fields.text("password1"), fields.text("password2"));
        if first != second && !first.is_empty() && !second.is_empty() {
            fields.refuse_as("password2", Violation::Differs);
        }
        first
    } else {
        fields.text("password")
    };
    let email = fields.maybe_text("email").unwrap_or_default();
    let registration = Registration {
        username: username.clone(),
        password,
        // A form sends an empty one where none was filled in.
        email: Some(email.clone()).filter(|email| !email.trim().is_empty()),
        display_name: None,
    };
    let names: Names = if is_twice {
        &[("password", "password1")]
    } else {
        &[]
    };
    let checked = fields.finish();
    if !is_browser {
        checked?;
        let made = state.accounts.enrol(registration, address).await;
        let person = made
            .map_err(|error| Failure::from(error).named(names))?
            .person;
        let body = json!({ "id": person.id, "username": person.username });
        return Ok((StatusCode::CREATED, Json(body)).into_response());
    }
    let made = match checked {
        Ok(()) => {
            let origin = Origin { device, address };
            let made = state.accounts.register(registration, origin, Life::Browser);
            made.await
                .map_err(|error| Failure::from(error).named(names))
        }
        Err(problem) => Err(Failure::from(problem)),
    };
    match made {
        Ok(tokens) => {
            let cookie = cookie_of(&state, &site, &tokens).await?;
            Ok(([(header::SET_COOKIE, cookie)], see_other(super::HOME)).into_response())
        }
        Err(failure) if is_of_the_form(&failure) => {
            let errors = pages::sentences(&failure);
            let status = StatusCode::BAD_REQUEST;
            Ok(pages::register(status, &username, &email, &errors))
        }
        Err(failure) => Err(failure),
    }
}

/// Ends the session, if it lives, and takes the cookie away.
pub(super) async fn logout(
    State(state): State<ApiState>,
    caller: Result<Caller, Failure>,
    _: OwnOrigin,
    Browser(is_browser): Browser,
    site: Site,
) -> Result<Response, Failure> {
    match caller {
        Ok(caller) => {
            let which = Revoke::One(caller.session);
            state.sessions.revoke(caller.user, which).await?;
        }
        // Signed out already.
        Err(failure) if is_signed_out(failure.problem()) => {}
        Err(failure) => return Err(failure),
    }
    let cookie = [(header::SET_COOKIE, cookie::removed(&state, &site))];
    Ok(if is_browser {
        (cookie, see_other(LOGIN)).into_response()
    } else {
        (cookie, StatusCode::NO_CONTENT).into_response()
    })
}

fn is_signed_out(problem: &Problem) -> bool {
    problem.code.status() == StatusCode::UNAUTHORIZED.as_u16()
}

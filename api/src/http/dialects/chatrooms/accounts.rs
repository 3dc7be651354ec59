//! Registration, login and renewal.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;

use chapar_shared::protocol::objects::Tokens;

use super::super::super::error::Failure;
use super::super::super::extract::{ClientAddr, Device};
use super::super::Payload;
use crate::domain::accounts::Registration;
use crate::domain::sessions::{Life, Origin};
use crate::domain::{Accounts, Sessions};

/// Tokens are for the one who asked, not for caches on the way.
const PRIVATE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// The tokens of a login.
#[derive(Debug, Serialize)]
struct Pair {
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

pub(super) async fn register(
    State(accounts): State<Accounts>,
    ClientAddr(address): ClientAddr,
    Device(device): Device,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let email = fields.maybe_text("email");
    let registration = Registration {
        username: fields.text("username"),
        password: fields.text("password"),
        // A form sends an empty one where none was filled in.
        email: email.filter(|email| !email.trim().is_empty()),
        display_name: None,
    };
    fields.finish()?;
    let origin = Origin { device, address };
    let tokens = accounts.register(registration, origin, Life::Dialect);
    Ok((PRIVATE, Json(Pair::from(tokens.await?))))
}

pub(super) async fn login(
    State(accounts): State<Accounts>,
    ClientAddr(address): ClientAddr,
    Device(device): Device,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let (username, password) = (fields.text("username"), fields.text("password"));
    fields.finish()?;
    let origin = Origin { device, address };
    let tokens = accounts.login(&username, &password, origin, Life::Dialect);
    Ok((PRIVATE, Json(Pair::from(tokens.await?))))
}

pub(super) async fn refresh(
    State(sessions): State<Sessions>,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let refresh = fields.text("refresh");
    fields.finish()?;
    let tokens = sessions.refresh(&refresh, Life::Dialect).await?;
    Ok((PRIVATE, Json(Pair::from(tokens))))
}

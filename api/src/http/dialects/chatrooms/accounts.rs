//! Registration, login and renewal.

use axum::extract::State;
use axum::response::IntoResponse;

use super::super::super::error::Failure;
use super::super::super::extract::{ClientAddr, Device};
use super::super::Payload;
use super::super::django::Pair;
use crate::domain::accounts::Registration;
use crate::domain::sessions::{Life, Origin};
use crate::domain::{Accounts, Sessions};

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
    Ok(Pair::from(tokens.await?))
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
    Ok(Pair::from(tokens.await?))
}

pub(super) async fn refresh(
    State(sessions): State<Sessions>,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let refresh = fields.text("refresh");
    fields.finish()?;
    let tokens = sessions.refresh(&refresh, Life::Dialect).await?;
    Ok(Pair::from(tokens))
}

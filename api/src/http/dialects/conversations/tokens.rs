//! Tokens, as djoser gives them with Simple JWT.

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{ClientAddr, Device, Json};
use super::super::Payload;
use super::super::django::Pair;
use crate::domain::sessions::{Life, Origin};
use crate::error::Error;

/// Signs in.
pub(super) async fn create(
    State(state): State<ApiState>,
    ClientAddr(address): ClientAddr,
    Device(device): Device,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let (username, password) = (fields.text("username"), fields.text("password"));
    fields.finish()?;
    let origin = Origin { device, address };
    let accounts = &state.accounts;
    let tokens = accounts.login(&username, &password, origin, Life::Dialect);
    Ok(Pair::from(tokens.await?))
}

/// A new access token. The refresh token stays good, since clients of Simple JWT keep the one they have.
pub(super) async fn refresh(
    State(state): State<ApiState>,
    payload: Payload,
) -> Result<impl IntoResponse, Failure> {
    let mut fields = payload.fields();
    let token = fields.text("refresh");
    fields.finish()?;
    let tokens = state.sessions.renew(&token, Life::Dialect).await?;
    Ok(Pair::from(tokens))
}

/// Whether a token, of either kind, is good.
pub(super) async fn verify(
    State(state): State<ApiState>,
    payload: Payload,
) -> Result<Json<Value>, Failure> {
    let mut fields = payload.fields();
    let token = fields.text("token");
    fields.finish()?;
    match state.sessions.authenticate(&token).await {
        Ok(_) => {}
        Err(Error::Refused(problem)) if problem.code.status() == 401 => {
            state.sessions.check_refresh_token(&token).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Json(json!({})))
}

//! Tokens, as djoser gives them with Simple JWT.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Value, json};

use chapar_shared::protocol::objects::Tokens;

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{ClientAddr, Device, Json};
use super::super::Payload;
use crate::domain::sessions::{Life, Origin};
use crate::error::Error;

/// Both tokens.
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

/// Tokens are for the one who asked, not for caches on the way.
const PRIVATE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

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
    Ok((PRIVATE, Json(Pair::from(tokens.await?))))
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
    Ok((PRIVATE, Json(Pair::from(tokens))))
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

//! Who calls.

use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use chapar_shared::Code;

use super::super::error::Failure;
use crate::domain::{Actor, Sessions};

/// The user and session of the request's access token (`Authorization: Bearer`), the session found live within
/// the last second. 401 otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Actor);

impl Deref for Caller {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Sessions: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let token = bearer(parts).ok_or(Code::Unauthenticated)?;
        Ok(Self(Sessions::from_ref(state).authenticate(token).await?))
    }
}

/// RFC 6750 §2.1; the scheme's name in any case (RFC 9110 §11.1).
fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts
        .headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

//! Who calls.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use cookie::Cookie;

use chapar_shared::Code;

use super::super::error::Failure;
use super::origin::{self, Verdict};
use crate::config::HttpConfig;
use crate::domain::{Actor, Sessions};

/// The cookie that holds a browser's access token.
pub(crate) const SESSION_COOKIE: &str = "sessionid";

/// The user and session of the request's access token (`Authorization: Bearer`, else the cookie `sessionid`),
/// the session found live within the last second. 401 otherwise. With the cookie, which a browser adds by
/// itself, what changes something must come from a page of an allowed origin: 403 otherwise.
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
    Arc<HttpConfig>: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let sessions = Sessions::from_ref(state);
        if let Some(token) = bearer(&parts.headers) {
            return Ok(Self(sessions.authenticate(token).await?));
        }
        let token = session_cookie(&parts.headers).ok_or(Code::Unauthenticated)?;
        let actor = sessions.authenticate(token).await?;
        let is_safe = matches!(parts.method, Method::GET | Method::HEAD);
        let config = Arc::<HttpConfig>::from_ref(state);
        if is_safe || origin::verdict(&parts.headers, &config) == Verdict::Own {
            Ok(Self(actor))
        } else {
            Err(Code::ForbiddenOrigin.into())
        }
    }
}

/// RFC 6750 §2.1; the scheme's name in any case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten()
        .find(|cookie| cookie.name() == SESSION_COOKIE)
        .and_then(|cookie| cookie.value_raw())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_cookie(&headers), None);
        headers.append(COOKIE, "csrftoken=x; sessionid2=no".parse().unwrap());
        headers.append(COOKIE, "a; sessionid=ab.c-d_e; b=\"1\"".parse().unwrap());
        assert_eq!(session_cookie(&headers), Some("ab.c-d_e"));
        headers.clear();
        headers.append(COOKIE, "sessionid=".parse().unwrap());
        assert_eq!(session_cookie(&headers), None);
    }
}

//! The session cookie.

use axum::http::HeaderValue;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use secrecy::ExposeSecret;

use super::super::super::ApiState;
use super::super::super::extract::{SESSION_COOKIE, Site};
use crate::config::CookieSecure;
use crate::domain::Actor;

/// `Set-Cookie` for a browser that acts by this session from now on.
pub(super) fn of(state: &ApiState, site: &Site, actor: Actor) -> HeaderValue {
    let kept = state.sessions.cookie_token(actor);
    let lifetime = Duration::try_from(kept.lifetime).unwrap_or(Duration::MAX);
    written(state, site, kept.token.expose_secret(), lifetime)
}

/// `Set-Cookie` that takes it away.
pub(super) fn removed(state: &ApiState, site: &Site) -> HeaderValue {
    written(state, site, "", Duration::ZERO)
}

fn written(state: &ApiState, site: &Site, token: &str, lifetime: Duration) -> HeaderValue {
    let is_secure = match state.dialects.cookie_secure {
        CookieSecure::Auto => site.is_secure(),
        CookieSecure::Always => true,
        CookieSecure::Never => false,
    };
    let cookie = Cookie::build((SESSION_COOKIE, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_secure)
        .max_age(lifetime);
    let mut value = HeaderValue::from_str(&cookie.to_string())
        .expect("a token and the attributes are visible ASCII");
    value.set_sensitive(true);
    value
}

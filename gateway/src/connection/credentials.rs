//! Who asks for a socket, as the request says: token, page, language, and how it reached the node.
//!
//! A browser sends a cookie whichever page asks, so a cookie counts only for pages that are known. Only browsers
//! send `Origin`, and they do not let pages forge it.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use chapar_shared::token::{Claims, Keyring, TokenError};
use chapar_shared::{Code, Language, Timestamp};

/// The cookie that holds a browser's access token.
const SESSION_COOKIE: &str = "sessionid";

/// What may stand in the query.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SocketQuery {
    pub(crate) token: Option<SecretString>,
    pub(crate) dialect: Option<String>,
}

/// The page that asks for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    /// None: not a browser.
    None,
    /// Of the host that the request names.
    Own,
    /// Of an origin that is listed.
    Listed,
    /// Of an origin that is not, where every one is allowed.
    Any,
    Foreign,
}

/// The access token of the header, the query, or, for a known page, the cookie.
pub(crate) fn token(
    headers: &HeaderMap,
    query: Option<SecretString>,
    allowed: &[String],
) -> Option<SecretString> {
    bearer(headers).or(query).or_else(|| {
        let is_known = matches!(page(headers, allowed), Page::Own | Page::Listed);
        session_cookie(headers).filter(|_| is_known)
    })
}

/// The claims of a dialect's socket.
///
/// # Errors
/// `forbidden_origin`, `unauthenticated`, `token_expired`.
pub(crate) fn verify(
    headers: &HeaderMap,
    query: Option<SecretString>,
    allowed: &[String],
    keyring: &Keyring,
) -> Result<Claims, Code> {
    if page(headers, allowed) == Page::Foreign {
        return Err(Code::ForbiddenOrigin);
    }
    let token = token(headers, query, allowed).ok_or(Code::Unauthenticated)?;
    keyring
        .verify(token.expose_secret(), Timestamp::now())
        .map_err(|error| match error {
            TokenError::Expired => Code::TokenExpired,
            TokenError::Invalid => Code::Unauthenticated,
        })
}

/// Whether the page that asks is of an origin that may not have a socket: neither the request's host nor listed.
pub(crate) fn is_foreign(headers: &HeaderMap, allowed: &[String]) -> bool {
    page(headers, allowed) == Page::Foreign
}

/// The language of texts for the client.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map(Language::from_accept)
        .unwrap_or_default()
}

/// Scheme and host as the client named them.
pub(crate) fn base(headers: &HeaderMap) -> Option<Arc<str>> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    // Of several proxies the first is the one that the client spoke with. Who lies here is believed about
    // addresses in frames of their own.
    let forwarded = header("x-forwarded-proto").and_then(|value| value.split(',').next());
    let is_https = forwarded.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let scheme = if is_https { "https" } else { "http" };
    let host = header(header::HOST.as_str())?;
    Some(format!("{scheme}://{host}").into())
}

fn page(headers: &HeaderMap, allowed: &[String]) -> Page {
    let Some(origin) = headers.get(header::ORIGIN) else {
        // Browsers leave it out where a page reads from its own host, as one that polls does.
        let site = headers.get("sec-fetch-site");
        let is_own = site.is_some_and(|site| site == "same-origin");
        return if is_own { Page::Own } else { Page::None };
    };
    let Ok(origin) = origin.to_str() else {
        return Page::Foreign;
    };
    if allowed.iter().any(|it| it.eq_ignore_ascii_case(origin)) {
        return Page::Listed;
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = origin
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.authority().cloned());
    if let (Some(authority), Some(host)) = (authority, host)
        && authority.as_str().eq_ignore_ascii_case(host)
    {
        return Page::Own;
    }
    if allowed.iter().any(|it| it == "*") {
        Page::Any
    } else {
        Page::Foreign
    }
}

fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| SecretString::from(token.trim()))
}

fn session_cookie(headers: &HeaderMap) -> Option<SecretString> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == SESSION_COOKIE && !value.is_empty())
        .map(|(_, value)| SecretString::from(value.trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn origins_are_the_host_or_listed() {
        let same = headers(&[
            ("host", "chat.example:8080"),
            ("origin", "http://chat.example:8080"),
        ]);
        let other = headers(&[("host", "chat.example"), ("origin", "https://evil.example")]);
        let null = headers(&[("host", "chat.example"), ("origin", "null")]);
        let none = headers(&[("host", "chat.example")]);
        let listed = ["https://evil.example".to_owned()];
        assert!(!is_foreign(&same, &[]));
        assert!(!is_foreign(&none, &[]) && !is_foreign(&none, &listed));
        assert!(is_foreign(&other, &[]) && is_foreign(&null, &[]));
        assert!(!is_foreign(&other, &listed) && !is_foreign(&same, &listed));
        let any = ["*".to_owned()];
        assert!(!is_foreign(&null, &any) && !is_foreign(&same, &any));
    }

    #[test]
    fn a_cookie_counts_for_known_pages_alone() {
        let polls = headers(&[
            ("cookie", "sessionid=abc"),
            ("sec-fetch-site", "same-origin"),
        ]);
        assert!(token(&polls, None, &[]).is_some());
        let of = |origin: Option<&'static str>, allowed: &[&str]| {
            let mut pairs = vec![
                ("host", "chat.example"),
                ("cookie", "csrftoken=x; sessionid=abc"),
            ];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            let allowed: Vec<String> = allowed.iter().copied().map(str::to_owned).collect();
            token(&headers(&pairs), None, &allowed).is_some()
        };
        assert!(of(Some("https://chat.example"), &[]));
        assert!(of(
            Some("https://app.example"),
            &["https://app.example", "*"]
        ));
        assert!(of(Some("https://chat.example"), &["*"]));
        assert!(!of(Some("https://evil.example"), &[]));
        assert!(!of(Some("https://evil.example"), &["*"]));
        assert!(!of(Some("null"), &["*"]));
        assert!(!of(None, &[]));
    }

    #[test]
    fn bearer_is_read_whatever_its_case_and_comes_before_the_cookie() {
        let both = headers(&[("authorization", "bearer abc"), ("cookie", "sessionid=x")]);
        let query = Some(SecretString::from("query"));
        let read = token(&both, query.clone(), &[]).unwrap();
        assert_eq!(read.expose_secret(), "abc");
        let basic = headers(&[("authorization", "Basic abc")]);
        assert!(token(&basic, None, &[]).is_none());
        assert_eq!(token(&basic, query, &[]).unwrap().expose_secret(), "query");
    }

    #[test]
    fn the_base_is_what_the_client_named() {
        let of = |pairs| base(&headers(pairs)).unwrap();
        assert_eq!(&*of(&[("host", "a:8000")]), "http://a:8000");
        let proxied = [("host", "a"), ("x-forwarded-proto", "https, http")];
        assert_eq!(&*of(&proxied), "https://a");
        assert!(base(&headers(&[])).is_none());
    }
}

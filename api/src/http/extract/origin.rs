//! Which web page makes a request, where that matters: a browser adds a cookie to requests of any page, so a
//! cookie proves who the user is, and not that they meant it.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{HOST, ORIGIN, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use std::sync::Arc;

use chapar_shared::Code;

use super::super::error::Failure;
use crate::config::HttpConfig;

/// The request does not come from a page of another origin. 403 otherwise. For what sets a cookie and has no
/// [`Caller`](super::Caller) yet; a client that names no origin is no browser.
#[derive(Clone, Copy, Debug)]
pub struct OwnOrigin;

impl<S: Send + Sync> FromRequestParts<S> for OwnOrigin
where
    Arc<HttpConfig>: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match verdict(&parts.headers, &Arc::<HttpConfig>::from_ref(state)) {
            Verdict::Foreign => Err(Code::ForbiddenOrigin.into()),
            Verdict::Own | Verdict::Unknown => Ok(Self),
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A page of this node or of a configured origin.
    Own,
    /// Some other page.
    Foreign,
    /// It does not say.
    Unknown,
}

/// What `Origin` says, else `Sec-Fetch-Site`, else `Referer`: the order in which browsers can be relied upon.
pub(super) fn verdict(headers: &HeaderMap, config: &HttpConfig) -> Verdict {
    let header = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("null"))
    };
    let host = header(HOST.as_str()).unwrap_or_default();
    if let Some(origin) = header(ORIGIN.as_str()) {
        return judged(origin, host, config);
    }
    if let Some(site) = header("sec-fetch-site") {
        return match site {
            "same-origin" => Verdict::Own,
            // Typed or bookmarked: no page at all.
            "none" => Verdict::Unknown,
            _ => Verdict::Foreign,
        };
    }
    match header(REFERER.as_str()) {
        Some(referer) => judged(referer, host, config),
        None => Verdict::Unknown,
    }
}

/// The address of an origin or of one of its pages. The `*` of `http.allowed_origins` counts for tokens, which a
/// page must have, and not for cookies, which it need not.
fn judged(address: &str, host: &str, config: &HttpConfig) -> Verdict {
    let Ok(uri) = address.parse::<Uri>() else {
        return Verdict::Foreign;
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Verdict::Foreign;
    };
    let origin = format!("{scheme}://{authority}");
    let mut known = config.allowed_origins.iter().chain(&config.public_url);
    let is_listed = known.any(|it| it.trim_end_matches('/').eq_ignore_ascii_case(&origin));
    if is_listed || authority.as_str().eq_ignore_ascii_case(host) {
        Verdict::Own
    } else {
        Verdict::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(pairs: &[(&'static str, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "chat.example:8000".parse().unwrap());
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        let config = HttpConfig {
            allowed_origins: vec!["https://app.example".into(), "*".into()],
            public_url: Some("https://public.example/".into()),
            ..HttpConfig::default()
        };
        verdict(&headers, &config)
    }

    #[test]
    fn own_and_listed_origins_are_known_and_no_others() {
        for origin in [
            "http://chat.example:8000",
            "https://app.example",
            "https://public.example",
        ] {
            assert_eq!(judge(&[("origin", origin)]), Verdict::Own, "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://chat.example",
            "http://chat.example:8000.evil.example",
            "http://user@chat.example:8000",
            "https://app.example.evil.example",
            "",
        ] {
            assert_eq!(judge(&[("origin", origin)]), Verdict::Foreign, "{origin}");
        }
    }

    #[test]
    fn without_an_origin_the_next_best_counts() {
        assert_eq!(judge(&[]), Verdict::Unknown);
        assert_eq!(judge(&[("sec-fetch-site", "same-origin")]), Verdict::Own);
        for site in ["same-site", "cross-site", "junk"] {
            assert_eq!(judge(&[("sec-fetch-site", site)]), Verdict::Foreign);
        }
        let own = ("referer", "http://chat.example:8000/chat/");
        assert_eq!(judge(&[own]), Verdict::Own);
        assert_eq!(judge(&[own, ("origin", "null")]), Verdict::Foreign);
        assert_eq!(
            judge(&[("referer", "https://evil.example/chat.example:8000/")]),
            Verdict::Foreign
        );
    }
}

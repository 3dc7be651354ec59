//! Where the client reached this node, for absolute addresses in answers and for what only https may carry.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

use super::super::ApiState;
use super::client;

/// Scheme and host as the client knows them: of `http.public_url` where it is set, else of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    base: String,
    is_secure: bool,
}

impl FromRequestParts<ApiState> for Site {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Infallible> {
        let http = &state.http;
        let peer = client::peer(parts);
        let is_proxied = http.trusted_proxies.iter().any(|net| net.contains(&peer));
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        // The first of several is the proxy that the client spoke with.
        let forwarded = header("x-forwarded-proto")
            .filter(|_| is_proxied)
            .and_then(|value| value.split(',').next())
            .map(str::trim);
        Ok(Self::of(
            http.public_url.as_deref(),
            header(HOST.as_str()).unwrap_or_default(),
            forwarded,
        ))
    }
}

impl Site {
    fn of(public_url: Option<&str>, host: &str, forwarded: Option<&str>) -> Self {
        let is_https = |url: &str| url.starts_with("https://");
        let is_secure = forwarded.map_or_else(
            || public_url.is_some_and(is_https),
            |scheme| scheme.eq_ignore_ascii_case("https"),
        );
        let base = match public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if host.is_empty() => String::new(),
            None => format!("{}://{host}", if is_secure { "https" } else { "http" }),
        };
        Self { base, is_secure }
    }

    /// The address with scheme and host, whether it had them or begins with `/`.
    pub fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        }
    }

    /// The client came over https.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_begin_as_the_client_reached_us() {
        let site = Site::of(None, "localhost:8000", None);
        assert_eq!(
            site.absolute("/v1/files/1"),
            "http://localhost:8000/v1/files/1"
        );
        assert_eq!(site.absolute("https://a.example/x"), "https://a.example/x");
        assert!(!site.is_secure());
        let site = Site::of(None, "chat.example", Some("https"));
        assert_eq!(site.absolute("/x"), "https://chat.example/x");
        assert!(site.is_secure());
        let site = Site::of(Some("https://chat.example/"), "10.0.0.1", None);
        assert_eq!(site.absolute("/x"), "https://chat.example/x");
        assert!(site.is_secure());
        assert!(!Site::of(Some("https://chat.example"), "10.0.0.1", Some("http")).is_secure());
    }
}

//! What browsers are told of pages of other origins: one rule for every public route of a node, those of clients
//! that poll a gateway included.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// For pages of `http.allowed_origins`; without any configured there are no such headers at all. Pages of listed
/// origins may use their visitor's cookie; with `*` no page of another origin may.
pub(super) fn cors(allowed_origins: &[String]) -> Option<CorsLayer> {
    if allowed_origins.is_empty() {
        return None;
    }
    let is_any = allowed_origins.iter().any(|origin| origin == "*");
    let origins = if is_any {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(allowed_origins.iter().filter_map(|it| it.parse().ok()))
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(!is_any)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT_LANGUAGE,
            HeaderName::from_static("traceparent"),
            // Common libraries of the dialects' clients send them unasked.
            HeaderName::from_static("x-csrftoken"),
            HeaderName::from_static("x-requested-with"),
        ])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(Duration::from_hours(1));
    Some(layer)
}

//! A log line, a span and two metrics for each request; request ids; what a panic is answered with. Not
//! the deadline of an answer: uploads and downloads have others than the rest, so routes bring theirs.
//!
//! The query string is never looked at: it may hold a token.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, COOKIE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use chapar_shared::{Code, Language, Problem};
use opentelemetry::trace::Status;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tracing::{Instrument, Metadata};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::metrics;

/// Whether an exporter's layer takes this for the span of a request.
pub fn is_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == SPAN && metadata.target() == module_path!()
}

const SPAN: &str = "request";

/// Names a request in logs, on every node it passes through.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who calls a listener.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Callers {
    /// Anybody. A trace that they sample goes on here in this share of cases: they must not decide what we keep.
    Public {
        /// 0 to 1.
        sampling: f64,
    },
    /// Nodes of this deployment. Their traces go on here; what they ask without one is not traced, or each
    /// comparison of heads would be.
    Nodes,
}

/// Wraps a listener's routes.
pub fn observed(router: Router, callers: Callers) -> Router {
    router
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| {
                // The panic hook has told where; what was thrown may hold anything.
                tracing::error!("a request's handler panicked");
                problem(Code::Internal, &HeaderMap::new())
            },
        ))
        .layer(middleware::from_fn(move |request, next| {
            observe(request, next, callers)
        }))
        .layer(SetSensitiveRequestHeadersLayer::new([
            AUTHORIZATION,
            COOKIE,
        ]))
}

async fn observe(mut request: Request, next: Next, callers: Callers) -> Response {
    let started = Instant::now();
    let method = method_name(request.method().as_str());
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let id_text = id.to_str().unwrap_or_default();
    let span = tracing::info_span!(
        SPAN,
        otel.kind = "server",
        otel.name = format_args!("{method} {path}"),
        request.id = id_text,
        method,
        path,
    );
    let is_probe = matches!(path.as_str(), "/healthz" | "/readyz" | "/metrics");
    let caller = request.headers().get(chapar_trace::TRACEPARENT);
    match (callers, caller.and_then(|value| value.to_str().ok())) {
        _ if is_probe => chapar_trace::drop_it(&span),
        (Callers::Public { sampling }, Some(caller)) => {
            chapar_trace::accept(&span, caller, rand::random::<f64>() < sampling);
        }
        (Callers::Public { .. }, None) => {}
        (Callers::Nodes, Some(caller)) => chapar_trace::accept(&span, caller, true),
        (Callers::Nodes, None) => chapar_trace::drop_it(&span),
    }
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(REQUEST_ID, id.clone());
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if chapar_trace::is_on() {
        // Logs have it in their line.
        span.set_attribute("http.response.status_code", i64::from(status));
        if response.status().is_server_error() {
            span.set_status(Status::error(""));
        }
    }
    let _entered = span.enter();
    let is_routine = match callers {
        // Sockets come in crowds after a restart.
        Callers::Public { .. } => response.status() == StatusCode::SWITCHING_PROTOCOLS,
        // Gateways ask hundreds of times a second.
        Callers::Nodes => response.status().is_success(),
    };
    if is_probe || is_routine {
        // They are counted.
        tracing::debug!(status, duration_ms, "answered");
    } else {
        tracing::info!(status, duration_ms, "answered");
    }
    metrics::answered(method, path, status, elapsed);
    response
}

/// A label has few values; anybody can invent a method.
fn method_name(method: &str) -> &'static str {
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("OTHER")
}

/// The caller's id if it is one, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_sane = |value: &&HeaderValue| {
        let is_sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=64).contains(&value.len()) && value.as_bytes().iter().all(is_sane)
    };
    match headers.get(REQUEST_ID).filter(is_sane) {
        Some(value) => value.clone(),
        None => HeaderValue::try_from(Uuid::now_v7().simple().to_string())
            .expect("digits make a header"),
    }
}

/// An answer of `application/problem+json` for what happens before or around any handler.
pub fn problem(code: Code, headers: &HeaderMap) -> Response {
    let language = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .map(Language::from_accept)
        .unwrap_or_default();
    let body = Problem::from(code).to_json(language).to_string();
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::{Callers, observed};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The statuses that are logged at the usual level.
    async fn logged(callers: Callers) -> Vec<String> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone());
        let _guard = tracing::subscriber::set_default(subscriber.finish());
        let routes = Router::new()
            .route("/good", get(async || StatusCode::OK))
            .route("/socket", get(async || StatusCode::SWITCHING_PROTOCOLS))
            .route("/bad", get(async || StatusCode::INTERNAL_SERVER_ERROR))
            .route("/healthz", get(async || StatusCode::OK));
        let routes = observed(routes, callers);
        for path in ["/good", "/socket", "/bad", "/healthz"] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            routes.clone().oneshot(request).await.unwrap();
        }
        let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let statuses = lines.split("status=").skip(1);
        statuses.map(|rest| rest[..3].to_owned()).collect()
    }

    #[tokio::test]
    async fn what_comes_in_crowds_is_not_logged() {
        let public = Callers::Public { sampling: 0.0 };
        assert_eq!(logged(public).await, ["200", "500"]);
        assert_eq!(logged(Callers::Nodes).await, ["101", "500"]);
    }
}

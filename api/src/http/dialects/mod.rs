//! The REST side of the older chat systems' protocols. A dialect translates: routes over the services of the
//! domain, and a form for what is refused. It holds no rule.
//!
//! A dialect owns path prefixes. Whatever happens below one of them, 404, 405, broken bodies and panics included,
//! is answered in the form of the dialect with the longest matching prefix. One more dialect is a module here and
//! a line in `ALL`.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::MethodRouter;

use chapar_shared::Language;

use super::extract::multipart;
use super::{ApiState, deadline};

mod chatrooms;
mod conversations;
mod direct;
pub mod django;
mod fields;
mod groups;
mod lists;
mod payload;
mod refusal;
pub mod service;

pub use direct::{send_direct, text_message};
pub use fields::Fields;
pub use lists::{Window, history, own_rooms};
pub use payload::{Params, Payload};
pub use refusal::{Names, Refusal, naming};

/// Every dialect.
static ALL: &[&Dialect] = &[
    &chatrooms::DIALECT,
    &conversations::DIALECT,
    &groups::DIALECT,
    &service::DIALECT,
];

/// One of the older protocols.
#[derive(Debug)]
pub struct Dialect {
    /// What it is called here.
    pub name: &'static str,
    /// The paths it owns with all below them; without a trailing slash.
    pub prefixes: &'static [&'static str],
    /// Its routes.
    pub routes: fn(&ApiState) -> Routes,
    /// How it tells a problem. `Retry-After`, `Content-Language` and, where there is none, the challenge of a 401
    /// are added to it.
    pub refuse: fn(&Refusal<'_>) -> Response,
}

/// A dialect's routes.
#[derive(Debug, Default)]
pub struct Routes {
    /// Answered within `http.request_timeout`, with bodies of at most `limits.max_body_bytes`.
    pub quick: Router<ApiState>,
    /// Those that take a file, with deadlines of their own and bodies as large as an upload.
    pub uploads: Router<ApiState>,
}

/// What of a request decides the form of a refusal.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For texts.
    pub language: Language,
    /// How.
    pub method: Method,
    /// What.
    pub uri: Uri,
    /// A person at a browser waits for the answer: it prefers HTML and did not send JSON.
    pub wants_page: bool,
}

impl Asked {
    /// Of a form that is shown again, where nothing else is known.
    pub fn page(language: Language) -> Self {
        Self {
            language,
            method: Method::GET,
            uri: Uri::default(),
            wants_page: true,
        }
    }

    /// Of this request.
    pub fn of(request: &axum::extract::Request, language: Language) -> Self {
        Self {
            language,
            method: request.method().clone(),
            uri: request.uri().clone(),
            wants_page: wants_page(request.headers()),
        }
    }
}

/// Whether a request asks for HTML rather than JSON: `Accept` says so, and its body is no JSON. Without `Accept`,
/// or where all is welcome, it is a program.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let is_json = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::CONTENT_TYPE).is_some_and(is_json) {
        return false;
    }
    let accept = text(header::ACCEPT).unwrap_or_default();
    let weight = |wanted: &str| {
        let weight = |item: &str| {
            let mut parts = item.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case(wanted) {
                return None;
            }
            let given = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            Some(given.unwrap_or(1.0))
        };
        accept.split(',').find_map(weight).unwrap_or_default()
    };
    let html = weight("text/html");
    html > 0.0 && html >= weight("application/json")
}

/// The dialect that owns a path.
pub fn of(path: &str) -> Option<&'static Dialect> {
    owner(ALL, path)
}

fn owner(all: &[&'static Dialect], path: &str) -> Option<&'static Dialect> {
    let is_within = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    all.iter()
        .flat_map(|dialect| dialect.prefixes.iter().map(move |prefix| (dialect, prefix)))
        .filter(|(_, prefix)| is_within(prefix))
        .max_by_key(|(_, prefix)| prefix.len())
        .map(|(dialect, _)| *dialect)
}

/// The routes of all dialects.
pub(super) fn router(state: &ApiState) -> Router<ApiState> {
    let (mut quick, mut uploads) = (Router::new(), Router::new());
    for dialect in ALL {
        let routes = (dialect.routes)(state);
        quick = quick.merge(routes.quick);
        uploads = uploads.merge(routes.uploads);
    }
    let limit = multipart::max_bytes(&state.limits);
    let deadline = middleware::from_fn_with_state(state.clone(), deadline);
    // A layer on no route at all is refused by the router.
    let quick = if quick.has_routes() {
        quick.layer(deadline)
    } else {
        quick
    };
    quick.merge(uploads.layer(DefaultBodyLimit::max(limit)))
}

/// Registers a path, given without a trailing slash, in both spellings: clients of these systems use either, and a
/// redirected POST would lose its body.
pub fn both(
    router: Router<ApiState>,
    path: &str,
    methods: MethodRouter<ApiState>,
) -> Router<ApiState> {
    router
        .route(path, methods.clone())
        .route(&format!("{path}/"), methods)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(_: &Refusal<'_>) -> Response {
        unreachable!()
    }

    #[test]
    fn the_longest_prefix_owns_a_path_by_whole_segments() {
        static WIDE: Dialect = Dialect {
            name: "wide",
            prefixes: &["/api", "/chat"],
            routes: |_| Routes::default(),
            refuse: never,
        };
        static NARROW: Dialect = Dialect {
            name: "narrow",
            prefixes: &["/chat/rooms"],
            ..WIDE
        };
        let name = |path| owner(&[&WIDE, &NARROW], path).map(|dialect| dialect.name);
        assert_eq!(name("/api"), Some("wide"));
        assert_eq!(name("/api/nowhere/"), Some("wide"));
        assert_eq!(name("/apis"), None);
        assert_eq!(name("/chat/rooms"), Some("narrow"));
        assert_eq!(name("/chat/rooms/7"), Some("narrow"));
        assert_eq!(name("/chat/roomsy"), Some("wide"));
        assert_eq!(name("/v1/rooms"), None);
        assert_eq!(name("/"), None);
    }

    #[test]
    fn pages_are_for_browsers() {
        let wants = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name = header::HeaderName::from_static(name);
                (name, value.parse().unwrap())
            });
            wants_page(&pairs.collect())
        };
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(wants(&[("accept", chromium)]));
        assert!(!wants(&[]));
        assert!(!wants(&[("accept", "*/*")]));
        assert!(!wants(&[("accept", "application/json, text/plain, */*")]));
        assert!(!wants(&[("accept", "application/json, text/html;q=0.5")]));
        assert!(!wants(&[("accept", "text/html;q=0")]));
        let form = "application/x-www-form-urlencoded";
        assert!(wants(&[("accept", chromium), ("content-type", form)]));
        let json = "application/json; charset=utf-8";
        assert!(!wants(&[("accept", chromium), ("content-type", json)]));
    }
}

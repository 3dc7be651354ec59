//! `GET /`: what runs here, and how two people chat with nothing but a shell. All of it is in the binary.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;

use crate::config::{Config, Roles, StoreKind};

const PAGE: &str = include_str!("start_page.html");
const STYLE: &str = include_str!("start_page.css");

/// Nothing but the page's own style sheet is loaded, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/` and its style sheet.
pub fn routes(config: &Config, roles: Roles) -> Router {
    let page = page(config, roles);
    let html = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    let css: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "max-age=3600"),
    ];
    Router::new()
        .route("/", get(async move || (html, page)))
        .route("/start-page.css", get(async move || (css, STYLE)))
}

/// The page of a node.
pub fn page(config: &Config, roles: Roles) -> String {
    let (store, store_fa) = match (roles.has_api(), config.store.kind()) {
        (false, _) => ("none (asks the api nodes)", "ندارد (از گره‌های api می‌پرسد)"),
        (true, Some(StoreKind::Postgres)) => ("Postgres", "Postgres"),
        (true, _) => ("SQLite", "SQLite"),
    };
    let (broker, broker_fa) = if config.broker.is_memory() {
        ("in this process", "در همین فرایند")
    } else {
        ("Redis", "Redis")
    };
    // Behind a load balancer a node's own figures are not reached.
    let (metrics, metrics_fa) = if roles == Roles::All {
        (
            "<a href=\"/metrics\">Metrics</a>\n",
            "<a href=\"/metrics\">سنجه‌ها</a>\n",
        )
    } else {
        ("", "")
    };
    PAGE.replace("{{metrics}}", metrics)
        .replace("{{metrics_fa}}", metrics_fa)
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{roles}}", roles.names())
        .replace("{{store}}", store)
        .replace("{{store_fa}}", store_fa)
        .replace("{{broker}}", broker)
        .replace("{{broker_fa}}", broker_fa)
        .replace("{{base}}", &escaped(&config.http.public_url()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The commands of a page, in order, as a visitor would paste them: the `<pre>` blocks of one kind (`shell`
/// for what runs in one bash after the other, `frames` for what is typed into an open socket).
pub fn commands(page: &str, kind: &str) -> Vec<String> {
    let opening = format!("<pre class=\"{kind}\">");
    page.split(opening.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once("</pre>"))
        .map(|(text, _)| {
            text.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_filled_in_and_its_commands_come_out_unescaped() {
        let mut config = Config::default();
        config.http.public_url = Some("http://chat.example".into());
        let page = page(&config, Roles::All);
        assert!(!page.contains("{{"), "a placeholder is left");
        let commands = commands(&page, "shell");
        assert!(commands.len() >= 4);
        assert!(commands[0].contains("BASE=http://chat.example"));
        assert!(commands.iter().all(|text| !text.contains("&amp;")));
    }

    #[test]
    fn the_page_loads_and_runs_nothing() {
        for forbidden in ["<script", "style=", "onclick", "src=", "@import", "url("] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
            assert!(!STYLE.contains(forbidden), "{forbidden}");
        }
    }
}

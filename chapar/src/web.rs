//! The web client at `/`: files of `web/dist`, which are in the binary with their compressed forms.
//!
//! A file whose name holds a hash of its content is kept for ever by browsers; the page and what else has a fixed
//! name is asked for again each time and mostly answered with 304. The policy of content lets the page load and
//! connect to nothing but this server, and run nothing that is not one of these files.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chapar_shared::Code;
use sha2::{Digest, Sha256};

use crate::config::HttpConfig;
use crate::telemetry::requests::problem;

/// Path and bytes of each file, the compressed forms (`.br`, `.gz`) beside the plain one.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

const PAGE: &str = "/index.html";
/// Names below it hold a hash of their content.
const HASHED: &str = "/assets/";

const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

#[derive(Debug)]
struct File {
    content_type: &'static str,
    /// Quoted, of the plain form.
    etag: HeaderValue,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

#[derive(Debug)]
struct Files {
    files: BTreeMap<&'static str, File>,
    policy: HeaderValue,
}

/// `/` and the files that it loads.
pub fn routes(config: &HttpConfig) -> Router {
    let files = collect(FILES);
    let mut router = Router::new().route("/", get(page));
    // Assets by one route, so that an unknown one is a plain 404 and not another node's page.
    router = router.route("/assets/{*name}", get(file));
    for path in files.keys() {
        if *path != PAGE && !path.starts_with(HASHED) {
            router = router.route(path, get(file));
        }
    }
    let policy = policy(config.public_url.as_deref());
    let files: &'static Files = Box::leak(Box::new(Files { files, policy }));
    router.with_state(files)
}

async fn page(State(all): State<&'static Files>, headers: HeaderMap) -> Response {
    let mut response = answer(&all.files[PAGE], ASK_AGAIN, &headers);
    let own = response.headers_mut();
    own.insert(CONTENT_SECURITY_POLICY, all.policy.clone());
    own.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let camera = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
    own.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(camera),
    );
    own.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

async fn file(State(all): State<&'static Files>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    match all.files.get(path) {
        Some(file) if path.starts_with(HASHED) => answer(file, FOREVER, &headers),
        Some(file) => answer(file, ASK_AGAIN, &headers),
        None => problem(Code::NotFound, &headers),
    }
}

fn answer(file: &File, cached: HeaderValue, asked: &HeaderMap) -> Response {
    let fixed = [
        (CACHE_CONTROL, cached),
        (ETAG, file.etag.clone()),
        (VARY, HeaderValue::from_static("accept-encoding")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    let known = asked.get_all(IF_NONE_MATCH).iter();
    let known = known.filter_map(|value| value.to_str().ok());
    if known.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/") == file.etag
    }) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    let (encoding, body) = match (file.brotli, file.gzip) {
        (Some(bytes), _) if takes(asked, "br") => (Some("br"), bytes),
        (_, Some(bytes)) if takes(asked, "gzip") => (Some("gzip"), bytes),
        _ => (None, file.plain),
    };
    let mut response = (fixed, body).into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(file.content_type);
    headers.insert(CONTENT_TYPE, content_type);
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Whether the client named this encoding and did not refuse it (RFC 9110 §12.5.3). `*` is not taken for a name:
/// the plain form is always good.
fn takes(asked: &HeaderMap, encoding: &str) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).iter();
    let mut items = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    items.any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or(part.strip_prefix("Q="));
            weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
        });
        is_named && !is_refused
    })
}

/// Own files alone, `blob:` for pictures that are about to be sent, and the origin that links to files name where
/// one is configured. Pages of other sites may not hold this one in a frame.
fn policy(public_url: Option<&str>) -> HeaderValue {
    let files = public_url.map(|url| format!(" {}", url.trim_end_matches('/')));
    let files = files.unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:{files}; \
         media-src 'self' blob:{files}; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn collect(all: &[(&'static str, &'static [u8])]) -> BTreeMap<&'static str, File> {
    let bytes: BTreeMap<&str, &'static [u8]> = all.iter().copied().collect();
    let form = |path: &str, suffix: &str| bytes.get(format!("{path}{suffix}").as_str()).copied();
    let plain = all
        .iter()
        .filter(|(path, _)| !matches!(path.rsplit('.').next(), Some("br" | "gz")));
    let file = |(path, plain): &(&'static str, &'static [u8])| {
        let file = File {
            content_type: content_type(path),
            etag: etag(plain),
            plain,
            brotli: form(path, ".br"),
            gzip: form(path, ".gz"),
        };
        (*path, file)
    };
    plain.map(file).collect()
}

fn etag(bytes: &[u8]) -> HeaderValue {
    let hash = &Sha256::digest(bytes)[..12];
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(hash));
    HeaderValue::from_str(&tag).expect("base64 is visible ASCII")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))])
    }

    #[test]
    fn an_encoding_is_taken_if_it_is_named_and_not_refused() {
        for (header, is_taken) in [
            ("gzip, deflate, br, zstd", true),
            ("BR;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.0, gzip", false),
            ("brotli", false),
            ("gzip", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(takes(&asked(header), "br"), is_taken, "{header}");
        }
        assert!(!takes(&HeaderMap::new(), "br"));
    }

    #[test]
    fn the_page_is_there_and_every_file_has_a_known_type() {
        let files = collect(FILES);
        assert!(files.contains_key(PAGE));
        for (path, file) in &files {
            let unknown = file.content_type == "application/octet-stream";
            assert!(!unknown, "{path} has no content type");
            let is_text = !matches!(file.content_type, "font/woff2" | "image/png");
            assert_eq!(file.brotli.is_some(), is_text, "{path}");
            assert_eq!(file.gzip.is_some(), is_text, "{path}");
        }
    }

    #[test]
    fn the_page_holds_no_script_and_no_style_of_its_own() {
        let page = std::str::from_utf8(collect(FILES)[PAGE].plain).unwrap();
        for forbidden in ["<style", " style=", "onload=", "onerror=", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for script in page.split("<script").skip(1) {
            let (attributes, rest) = script.split_once('>').unwrap();
            assert!(attributes.contains(" src=\"/"), "{attributes}");
            assert!(rest.starts_with("</script>"), "{rest}");
        }
    }

    #[test]
    fn the_policy_names_the_origin_of_files_where_there_is_one() {
        let own = policy(None);
        assert!(!own.to_str().unwrap().contains("http"));
        let public = policy(Some("https://chat.example/"));
        let public = public.to_str().unwrap();
        assert!(public.contains("img-src 'self' blob: data: https://chat.example;"));
        assert!(!public.contains("unsafe"));
    }
}

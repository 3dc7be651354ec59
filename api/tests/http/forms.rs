//! The form of requests and of refusals.

use std::fs;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Database, World, answer};

pub(crate) async fn problems_are_in_the_language_of_the_request(database: Database) {
    let world = World::start(database).await;
    let ask = async |language: &str| {
        let body = json!({"username": "", "password": "correct horse"});
        let request = world.post("/v1/auth/register", &body);
        answer(request.header("accept-language", language)).await
    };
    let en = ask("de, en;q=0.5").await;
    en.is_problem(422, "invalid");
    assert_eq!(en.body["detail"], "Some fields are not valid.");
    assert_eq!(en.body["errors"]["username"], json!(["required"]));
    let fa = ask("fa-IR, en;q=0.5").await;
    fa.is_problem(422, "invalid");
    assert_eq!(fa.body["detail"], "برخی فیلدها معتبر نیستند.");
    assert_eq!(fa.body["errors"]["username"], json!(["لازم است"]));
    assert_eq!(fa.body["title"], en.body["title"]);
    assert_eq!(fa.header("content-language"), "fa");
    for path in ["/v1/nowhere", "/v1/users/me"] {
        let request = world.get(path).header("accept-language", "fa");
        let refused = answer(request).await;
        assert!(!refused.body["detail"].as_str().unwrap().is_ascii());
    }
}

pub(crate) async fn what_cannot_be_read_is_refused(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let post = |body: &str| {
        let request = world.request(Method::POST, "/v1/auth/login");
        let request = request.header("content-type", "application/json");
        answer(request.body(body.to_owned()))
    };
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{\"login\": 5, \"password\": \"x\"}",
        "{\"login\": \"x\"}",
        "{\"login\": \"x\", \"password\": null}",
        "{\"login\": \"\\ud800\", \"password\": \"x\"}",
    ] {
        post(body).await.is_problem(400, "malformed_request");
    }
    let deep = "[".repeat(100_000);
    post(&deep).await.is_problem(400, "malformed_request");
    let large = format!("{{\"login\": \"{}\"}}", "x".repeat(300 << 10));
    let large = post(&large).await;
    large.is_problem(413, "too_large");
    assert!(large.body["detail"].as_str().unwrap().contains("262144"));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "junk"] {
        let request = world.request(Method::POST, "/v1/auth/login");
        let request = request.header("content-type", kind).body("{}");
        answer(request)
            .await
            .is_problem(415, "unsupported_media_type");
    }
    let bare = world.request(Method::POST, "/v1/auth/login").body("{}");
    answer(bare).await.is_problem(415, "unsupported_media_type");
    for id in [
        "x",
        "%00",
        "%FF",
        "1.5",
        "99999999999999999999999",
        "%2e%2e%2fetc",
        "سلام",
    ] {
        let path = format!("/v1/users/{id}");
        let refused = answer(world.get(&path).bearer_auth(&ali.access)).await;
        refused.is_problem(404, "not_found");
    }
    for id in ["-1", "0", "9223372036854775807", "-9223372036854775808"] {
        let path = format!("/v1/users/{id}");
        let refused = answer(world.get(&path).bearer_auth(&ali.access)).await;
        refused.is_problem(404, "user_not_found");
    }
    for query in [
        "q=%FF",
        "q=%00",
        "limit=&cursor=",
        "q=a&q=b",
        "limit=1&limit=2",
    ] {
        let path = format!("/v1/users?{query}");
        let answered = answer(world.get(&path).bearer_auth(&ali.access)).await;
        assert!(
            answered.status.as_u16() < 500,
            "{query}: {:?}",
            answered.body
        );
    }
}

pub(crate) async fn unknown_paths_and_methods_are_problems(database: Database) {
    let world = World::start(database).await;
    for path in [
        "/",
        "/v1",
        "/v1/nowhere",
        "/v2/users",
        "/v1/users/me/",
        "//",
    ] {
        answer(world.get(path)).await.is_problem(404, "not_found");
    }
    for (method, path, allowed) in [
        (Method::GET, "/v1/auth/login", "POST"),
        (Method::DELETE, "/v1/users/me", "GET"),
        (Method::PUT, "/v1/users/me", "PATCH"),
        (Method::TRACE, "/v1/users", "GET"),
        (Method::OPTIONS, "/v1/users", "GET"),
        (Method::from_bytes(b"BREW").unwrap(), "/v1/uploads", "POST"),
    ] {
        let refused = answer(world.request(method, path)).await;
        refused.is_problem(405, "method_not_allowed");
        assert!(refused.header("allow").contains(allowed), "{refused:?}");
    }
}

/// The copy of the description from which clients are generated is what the server says. With `CHAPAR_UPDATE_GOLDEN`
/// it becomes so.
fn is_committed(description: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let text = serde_json::to_string_pretty(description).unwrap() + "\n";
    if std::env::var_os("CHAPAR_UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        text == committed,
        "docs/openapi.json differs: CHAPAR_UPDATE_GOLDEN=1 cargo test -p chapar-api --test http description"
    );
}

pub(crate) async fn the_description_is_served_and_complete(database: Database) {
    let world = World::start(database).await;
    let served = answer(world.get("/v1/openapi.json")).await;
    assert_eq!(served.status, StatusCode::OK);
    is_committed(&served.body);
    let paths = served.body["paths"].as_object().unwrap();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let is = |status: &str| responses.contains_key(status);
            assert!(is("500") && is("503"), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["tags"].is_array(), "{method} {path}");
            if operation.get("requestBody").is_some() {
                assert!(is("400") && is("413") && is("415"), "{method} {path}");
            }
            // What the description says of credentials is so.
            let request = world.request(
                method.to_uppercase().parse().unwrap(),
                &path.replace("{id}", "1"),
            );
            let answered = answer(request).await;
            assert_eq!(
                answered.body["code"] == "unauthenticated",
                operation.get("security").is_some(),
                "{method} {path}"
            );
            assert!(
                is(answered.status.as_str()),
                "{method} {path}: {answered:?}"
            );
        }
    }
    let mut references = Vec::new();
    gather(&served.body, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(served.body.pointer(pointer).is_some(), "{reference}");
    }
    let docs = world.get("/docs/").send().await.unwrap();
    assert_eq!(docs.status(), StatusCode::OK);
    assert!(docs.text().await.unwrap().contains("swagger-ui"));
    let keys = answer(world.get("/.well-known/jwks.json")).await;
    assert_eq!(keys.body, json!({"keys": []}));
}

fn gather(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                references.push(reference.clone());
            }
            map.values().for_each(|value| gather(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| gather(value, references)),
        _ => {}
    }
}

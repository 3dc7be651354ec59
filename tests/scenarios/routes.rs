//! The routes: each has an authorisation case here, is described, and answers nobody without a token unless
//! it is listed as public.

use std::collections::BTreeSet;

use chapar_tests::{Rest, Site, User, scenarios};
use reqwest::Method;
use serde_json::{Value, json};

scenarios! {
    every_route_is_in_the_table_and_holds_to_it,
    the_documentation_needs_nothing_from_elsewhere,
    descriptions_are_served,
    every_answer_without_content_is_still_a_problem,
}

/// Open to everybody: what signs people in, what is signed itself, what describes the deployment.
const PUBLIC: [&str; 8] = [
    "POST /v1/auth/register",
    "POST /v1/auth/login",
    "POST /v1/auth/refresh",
    "GET /v1/files/{}",
    "GET /v1/thumbnails/{}",
    "GET /.well-known/jwks.json",
    "GET /v1/openapi.json",
    "GET /v1/asyncapi.json",
];

/// Only with a token: 401 without one, and with one that is not good.
const SIGNED_IN: [&str; 35] = [
    "POST /v1/auth/logout",
    "GET /v1/auth/sessions",
    "DELETE /v1/auth/sessions/{}",
    "GET /v1/users/me",
    "PATCH /v1/users/me",
    "GET /v1/users/{}",
    "GET /v1/users",
    "GET /v1/rooms",
    "POST /v1/rooms",
    "GET /v1/rooms/discover",
    "PUT /v1/direct/{}",
    "GET /v1/rooms/{}",
    "PATCH /v1/rooms/{}",
    "DELETE /v1/rooms/{}",
    "GET /v1/rooms/{}/members",
    "PUT /v1/rooms/{}/members/{}",
    "DELETE /v1/rooms/{}/members/{}",
    "PUT /v1/rooms/{}/members/me",
    "DELETE /v1/rooms/{}/members/me",
    "PUT /v1/rooms/{}/bans/{}",
    "DELETE /v1/rooms/{}/bans/{}",
    "GET /v1/rooms/{}/messages",
    "POST /v1/rooms/{}/messages",
    "PATCH /v1/rooms/{}/messages/{}",
    "DELETE /v1/rooms/{}/messages/{}",
    "PUT /v1/rooms/{}/messages/{}/reactions/{}",
    "DELETE /v1/rooms/{}/messages/{}/reactions/{}",
    "PUT /v1/rooms/{}/read",
    "GET /v1/rooms/{}/changes",
    "POST /v1/uploads",
    "GET /v1/notifications",
    "PUT /v1/notifications/read",
    "GET /v1/presence",
    "GET /v1/rooms/{}/messages/{}",
    "GET /v1/ws",
];

/// Which of the table a deployment may have or not.
const OPTIONAL: [&str; 7] = [
    "PUT /v1/rooms/{}/members/me",
    "DELETE /v1/rooms/{}/members/me",
    "GET /v1/rooms/{}/messages/{}",
    "GET /v1/ws",
    "GET /.well-known/jwks.json",
    "GET /v1/openapi.json",
    "GET /v1/asyncapi.json",
];

/// The routes of the description, parameters without their names.
fn described(description: &Value) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part })
            .collect();
        for method in ["get", "put", "post", "patch", "delete", "head", "options"] {
            if methods[method].is_object() {
                routes.insert(format!("{} {}", method.to_uppercase(), path.join("/")));
            }
        }
    }
    routes
}

async fn every_route_is_in_the_table_and_holds_to_it(site: Site) {
    let description = site
        .api(0)
        .get("/v1/openapi.json")
        .await
        .expect(200)
        .value();
    let routes = described(&description);
    let table: BTreeSet<String> = PUBLIC
        .iter()
        .chain(&SIGNED_IN)
        .map(|route| (*route).to_owned())
        .collect();
    let unknown: Vec<_> = routes.difference(&table).collect();
    assert!(
        unknown.is_empty(),
        "without an authorisation case: {unknown:#?}"
    );
    let missing: Vec<_> = table
        .difference(&routes)
        .filter(|route| !OPTIONAL.contains(&route.as_str()))
        .collect();
    assert!(missing.is_empty(), "not described: {missing:#?}");
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id.to_string();
    for route in SIGNED_IN.iter().filter(|route| routes.contains(**route)) {
        let (method, path) = route.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let path = path.replace("{}", &room);
        for rest in [site.api(1), site.api(1).with_token("nonsense")] {
            let answer = rest.call(method.clone(), &path, Some(&json!({}))).await;
            answer.expect_problem(401, "unauthenticated");
        }
    }
    // Nothing of all that was done.
    ali.get(&format!("/v1/rooms/{room}")).await.expect(200);
}

fn links(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for part in html.split(attribute).skip(1) {
            links.push(part.split('"').next().unwrap_or_default().to_owned());
        }
    }
    links
}

async fn the_documentation_needs_nothing_from_elsewhere(site: Site) {
    let api: Rest = site.api(1);
    let page = api.get("/docs/").await.expect(200);
    assert!(
        page.header("content-type").starts_with("text/html"),
        "{page:?}"
    );
    api.get("/docs").await.expect(200);
    let links = links(&page.text());
    assert!(links.iter().any(|link| link.contains(".js")), "{links:?}");
    for link in links {
        assert!(!link.contains("//"), "from elsewhere: {link}");
        let path = match link.strip_prefix('/') {
            Some(_) => link.clone(),
            None => format!("/docs/{}", link.trim_start_matches("./")),
        };
        let asset = api.get(&path).await.expect(200);
        assert!(!asset.body.is_empty(), "{asset:?}");
    }
}

async fn descriptions_are_served(site: Site) {
    for node in 0..2 {
        let openapi = site
            .api(node)
            .get("/v1/openapi.json")
            .await
            .expect(200)
            .value();
        assert!(
            openapi["openapi"].as_str().unwrap().starts_with("3."),
            "{}",
            openapi["openapi"]
        );
        for (path, methods) in openapi["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(operation["responses"].is_object(), "{method} {path}");
                assert!(
                    operation["summary"].is_string(),
                    "{method} {path} says nothing of itself"
                );
            }
        }
        let asyncapi = site
            .api(node)
            .get("/v1/asyncapi.json")
            .await
            .expect(200)
            .value();
        assert!(asyncapi["asyncapi"].as_str().unwrap().starts_with("3."));
    }
}

async fn every_answer_without_content_is_still_a_problem(site: Site) {
    let ali = User::register(&site, 0).await;
    for (method, path, status) in [
        (Method::GET, "/v1/rooms/x", 404),
        (Method::PUT, "/v1/rooms", 405),
        (Method::POST, "/v1/nothing", 404),
        (Method::PATCH, "/v1/rooms/1/messages", 405),
    ] {
        let answer = ali.rest().call(method, path, None).await;
        assert!(
            answer.status == status || answer.status == 400,
            "{answer:?}"
        );
        assert!(
            answer
                .header("content-type")
                .starts_with("application/problem+json"),
            "{answer:?}"
        );
    }
}

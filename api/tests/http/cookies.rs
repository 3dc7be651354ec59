//! The session cookie, on native routes as on any.

use chapar_shared::Limits;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{Database, Options, World, answer};

pub(crate) async fn a_cookie_signs_in_wherever_a_token_does(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let cookie = format!("theme=dark; sessionid={}", ali.access);
    let me = || world.get("/v1/users/me").header("cookie", &cookie);
    assert_eq!(answer(me()).await.body["username"], "ali");
    // What a page elsewhere asks for it does not see, as it has no leave to read it.
    let asked = answer(me().header("origin", "https://evil.example")).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(asked.header("access-control-allow-origin"), "");

    // A token is preferred, and a bad one is not made good by a cookie.
    let sara = world.register("sara").await;
    let both = answer(me().bearer_auth(&sara.access)).await;
    assert_eq!(both.body["username"], "sara");
    answer(me().bearer_auth("x"))
        .await
        .is_problem(401, "unauthenticated");
    let bad = world.get("/v1/users/me").header("cookie", "sessionid=x");
    answer(bad).await.is_problem(401, "unauthenticated");

    let out = world.request(Method::POST, "/v1/auth/logout");
    let out = out.header("cookie", &cookie).header("origin", &world.base);
    assert_eq!(answer(out).await.status, StatusCode::NO_CONTENT);
    answer(me()).await.is_problem(401, "session_revoked");
}

pub(crate) async fn a_cookie_changes_nothing_for_pages_elsewhere(database: Database) {
    let mut options = Options {
        limits: Limits::default(),
        ..Options::default()
    };
    options.config.http.allowed_origins = vec!["https://app.example".into(), "*".into()];
    let world = World::start_with(database, options).await;
    let ali = world.register("ali").await;
    let change = |header: Option<(&str, &str)>| {
        let body = json!({"display_name": "changed"});
        let request = world.request(Method::PATCH, "/v1/users/me").json(&body);
        let request = request.header("cookie", format!("sessionid={}", ali.access));
        match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    };
    for refused in [
        None,
        Some(("origin", "https://evil.example")),
        Some(("origin", "null")),
        Some(("sec-fetch-site", "cross-site")),
        Some(("referer", "https://evil.example/")),
    ] {
        answer(change(refused))
            .await
            .is_problem(403, "forbidden_origin");
    }
    assert_eq!(world.me(&ali.access).await.body["display_name"], "ali");
    for allowed in [
        ("origin", world.base.as_str()),
        ("origin", "https://app.example"),
        ("sec-fetch-site", "same-origin"),
        ("referer", &format!("{}/chat/", world.base)),
    ] {
        let changed = answer(change(Some(allowed))).await;
        assert_eq!(changed.status, StatusCode::OK, "{allowed:?}");
    }
    // A token is not sent by itself: where it comes from does not matter.
    let by_token = change(Some(("origin", "https://evil.example"))).bearer_auth(&ali.access);
    assert_eq!(answer(by_token).await.status, StatusCode::OK);
}

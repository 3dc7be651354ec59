//! Access tokens, refresh tokens, sessions.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chapar_shared::token::{Claims, Key, Keyring};
use chapar_shared::{SessionId, Timestamp, UserId};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{Database, SECRET, User, World, answer};

pub(crate) async fn a_refresh_token_is_used_once(database: Database) {
    let world = World::start(database).await;
    let mut user = world.register("ali").await;
    let first = user.refresh.clone();
    for _ in 0..3 {
        let renewed = world.refresh(&user.refresh).await;
        assert_eq!(renewed.status, StatusCode::OK);
        assert_eq!(renewed.header("cache-control"), "no-store");
        let next = User::of(&renewed.body);
        assert_ne!(next.refresh, user.refresh);
        assert_eq!(world.me(&next.access).await.status, StatusCode::OK);
        user = next;
    }
    for bad in ["", "x", "\u{0}", &user.access, &format!("{first}A")] {
        let refused = world.refresh(bad).await;
        refused.is_problem(401, "invalid_refresh_token");
    }
    // None of them ended the session.
    world.pass(Duration::from_hours(29 * 24));
    let renewed = world.refresh(&user.refresh).await;
    let user = User::of(&renewed.body);
    world.pass(Duration::from_hours(30 * 24));
    let expired = world.refresh(&user.refresh).await;
    expired.is_problem(401, "invalid_refresh_token");
}

pub(crate) async fn a_lost_answer_is_given_again(database: Database) {
    let world = World::start(database).await;
    let user = world.register("ali").await;
    let (one, two) = tokio::join!(world.refresh(&user.refresh), world.refresh(&user.refresh));
    let (one, two) = (User::of(&one.body), User::of(&two.body));
    assert_eq!(one.refresh, two.refresh);
    world.pass(Duration::from_secs(9));
    let again = User::of(&world.refresh(&user.refresh).await.body);
    assert_eq!(again.refresh, one.refresh);
    let next = world.refresh(&one.refresh).await;
    assert_eq!(next.status, StatusCode::OK);
}

pub(crate) async fn a_stolen_refresh_token_ends_the_session(database: Database) {
    let world = World::start(database).await;
    let late = world.register("late").await;
    let renewed = User::of(&world.refresh(&late.refresh).await.body);
    world.pass(Duration::from_secs(11));
    let reused = world.refresh(&late.refresh).await;
    reused.is_problem(401, "invalid_refresh_token");

    let soon = world.register("soon").await;
    let second = User::of(&world.refresh(&soon.refresh).await.body);
    let third = User::of(&world.refresh(&second.refresh).await.body);
    let reused = world.refresh(&soon.refresh).await;
    reused.is_problem(401, "invalid_refresh_token");

    let told = world.broker.take(soon.id);
    assert!(told[0].to_string().contains("revoked"), "{told:?}");
    for (access, refresh) in [
        (&renewed.access, &renewed.refresh),
        (&third.access, &third.refresh),
    ] {
        world.me(access).await.is_problem(401, "session_revoked");
        let gone = world.refresh(refresh).await;
        gone.is_problem(401, "invalid_refresh_token");
    }
}

pub(crate) async fn forged_and_foreign_tokens_are_refused(database: Database) {
    let world = World::start(database).await;
    let user = world.register("ali").await;
    let now = Timestamp::now();
    let session = session_of(&user.access);
    let claims = |expires| Claims {
        user: UserId(user.id),
        session: SessionId(session),
        expires,
    };
    let sign = |id: &str, secret: &str, issuer: &str, audience: &str| {
        let key = Key::HS256 {
            id: id.to_owned(),
            secret: secret.into(),
        };
        let ring = Keyring::new(&[key], issuer, audience).unwrap();
        ring.sign(&claims(now.plus(Duration::from_mins(5))), now)
    };
    let good = sign("1", SECRET, "chapar", "chapar");
    assert_eq!(world.me(&good).await.status, StatusCode::OK);
    let (head, rest) = good.split_once('.').unwrap();
    let body = rest.split_once('.').unwrap().0;
    let none = |header: &str| format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header));
    let other = "another secret of at least 32 bytes";
    for bad in [
        sign("1", other, "chapar", "chapar"),
        sign("2", SECRET, "chapar", "chapar"),
        sign("1", SECRET, "elsewhere", "chapar"),
        sign("1", SECRET, "chapar", "elsewhere"),
        none(r#"{"alg":"none","typ":"JWT"}"#),
        none(r#"{"alg":"none","typ":"JWT","kid":"1"}"#),
        none(r#"{"alg":"NONE","kid":"1"}"#),
        format!("{head}.{body}.AAAA"),
        "junk".to_owned(),
        String::new(),
        user.refresh.clone(),
    ] {
        world.me(&bad).await.is_problem(401, "unauthenticated");
    }
    for scheme in ["Basic YTpi", "Bearer", "bearer  "] {
        let request = world.get("/v1/users/me").header("authorization", scheme);
        answer(request).await.is_problem(401, "unauthenticated");
    }
    let missing = answer(world.get("/v1/users/me")).await;
    missing.is_problem(401, "unauthenticated");
    // Of a session of somebody else's, or of none.
    let sara = world.register("sara").await;
    let mixed = Claims {
        session: SessionId(session_of(&sara.access)),
        ..claims(now.plus(Duration::from_mins(5)))
    };
    let key = Key::HS256 {
        id: "1".to_owned(),
        secret: SECRET.into(),
    };
    let ring = Keyring::new(&[key], "chapar", "chapar").unwrap();
    let mixed = world.me(&ring.sign(&mixed, now)).await;
    mixed.is_problem(401, "session_revoked");
    world.pass(Duration::from_mins(15));
    let expired = world.me(&user.access).await;
    expired.is_problem(401, "token_expired");
    assert!(expired.header("www-authenticate").contains("invalid_token"));
}

fn session_of(token: &str) -> i64 {
    let body = token.split('.').nth(1).unwrap();
    let body = URL_SAFE_NO_PAD.decode(body).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["sid"].as_i64().unwrap()
}

pub(crate) async fn sessions_are_listed_and_ended(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let sara = world.register("sara").await;
    let request = world.post(
        "/v1/auth/login",
        &json!({"login": "ali", "password": "correct horse"}),
    );
    let phone = answer(request.header("user-agent", "x".repeat(300))).await;
    let phone = User::of(&phone.body);
    let list = answer(world.get("/v1/auth/sessions").bearer_auth(&phone.access)).await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(list.body["next"], json!(null));
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["device"], "x".repeat(200));
    assert_eq!(items[0]["address"], "127.0.0.1");
    assert_eq!(
        (&items[0]["current"], &items[1]["current"]),
        (&json!(true), &json!(false))
    );

    let end = async |token: &str, session: &serde_json::Value| {
        let path = format!("/v1/auth/sessions/{session}");
        answer(world.request(Method::DELETE, &path).bearer_auth(token)).await
    };
    let other = end(&sara.access, &items[1]["id"]).await;
    other.is_problem(404, "not_found");
    let ended = end(&phone.access, &items[1]["id"]).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let again = end(&phone.access, &items[1]["id"]).await;
    again.is_problem(404, "not_found");
    world
        .me(&ali.access)
        .await
        .is_problem(401, "session_revoked");
    assert_eq!(world.me(&phone.access).await.status, StatusCode::OK);
    let told = world.broker.take(ali.id);
    assert!(told[0].to_string().contains("revoked"), "{told:?}");
}

pub(crate) async fn a_new_password_ends_other_sessions(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let other = User::of(&world.login("ali", "correct horse").await.body);
    let change = async |body: serde_json::Value| {
        let request = world.request(Method::PATCH, "/v1/users/me");
        answer(request.bearer_auth(&ali.access).json(&body)).await
    };
    let missing = change(json!({"password": "battery staple"})).await;
    missing.is_problem(422, "invalid");
    assert!(missing.body["errors"]["current_password"].is_array());
    let wrong = json!({"password": "battery staple", "current_password": "wrong"});
    for _ in 0..5 {
        change(wrong.clone()).await.is_problem(422, "invalid");
    }
    change(wrong).await.is_problem(429, "rate_limited");

    let sara = world.register("sara").await;
    let body = json!({"password": "battery staple", "current_password": "correct horse"});
    let request = world.request(Method::PATCH, "/v1/users/me");
    let other_sara = User::of(&world.login("sara", "correct horse").await.body);
    let changed = answer(request.bearer_auth(&sara.access).json(&body)).await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    assert_eq!(world.me(&sara.access).await.status, StatusCode::OK);
    let gone = world.me(&other_sara.access).await;
    gone.is_problem(401, "session_revoked");
    let old = world.login("sara", "correct horse").await;
    old.is_problem(401, "invalid_credentials");
    let new = world.login("sara", "battery staple").await;
    assert_eq!(new.status, StatusCode::OK);
    assert_eq!(world.me(&other.access).await.status, StatusCode::OK);
}

//! Registration and login.

use std::time::{Duration, Instant};

use chapar_api::config::PasswordsConfig;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{Database, Options, User, World, answer};

pub(crate) async fn one_registers_signs_in_and_out(database: Database) {
    let world = World::start(database).await;
    let body = json!({
        "username": "علی", "password": "گذرواژه‌ی من", "email": "Ali@Example.com", "display_name": " علی ک. ",
        "unknown": true,
    });
    let made = answer(world.post("/v1/auth/register", &body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(made.body["token_type"], "Bearer");
    assert_eq!(made.body["expires_in"], 900);
    assert_eq!(made.body["user"]["display_name"], "علی ک.");
    assert_eq!(made.body["user"]["email"], "Ali@Example.com");
    assert_eq!(made.body["user"]["avatar_url"], json!(null));

    for login in ["علی", "ali@example.com", " ALI@EXAMPLE.COM "] {
        let signed_in = world.login(login, "گذرواژه‌ی من").await;
        assert_eq!(signed_in.status, StatusCode::OK, "{login}");
        let user = User::of(&signed_in.body);
        let me = world.me(&user.access).await;
        assert_eq!(me.body, made.body["user"]);
        let out = world.request(Method::POST, "/v1/auth/logout");
        let out = answer(out.bearer_auth(&user.access)).await;
        assert_eq!(out.status, StatusCode::NO_CONTENT);
        // At once, though it was just found live.
        world
            .me(&user.access)
            .await
            .is_problem(401, "session_revoked");
        let refreshed = world.refresh(&user.refresh).await;
        refreshed.is_problem(401, "invalid_refresh_token");
        assert_eq!(world.broker.take(user.id).len(), 1);
    }
}

pub(crate) async fn names_are_unique_in_every_spelling(database: Database) {
    let world = World::start(database).await;
    let register = async |username: &str, email: Option<&str>| {
        let body = json!({"username": username, "email": email, "password": "correct horse"});
        answer(world.post("/v1/auth/register", &body)).await
    };
    let made = register("Ströhle", Some("s@example.com")).await;
    assert_eq!(made.status, StatusCode::CREATED);
    for same in [
        "STRÖHLE",
        "stro\u{308}hle",
        "Ｓtröhle",
        "s@example.com",
        "S@EXAMPLE.COM",
    ] {
        register(same, None).await.is_problem(409, "username_taken");
    }
    for same in ["S@Example.com", " s@example.com "] {
        let taken = register("other", Some(same)).await;
        taken.is_problem(409, "email_taken");
    }
    assert_eq!(register("other", None).await.status, StatusCode::CREATED);
    // Only somebody else's.
    let own = register("me@example.com", Some("ME@example.com")).await;
    assert_eq!(own.status, StatusCode::CREATED);
}

pub(crate) async fn what_is_not_acceptable_is_told_by_field(database: Database) {
    let world = World::start(database).await;
    let long = "x".repeat(129);
    for (field, value) in [
        ("username", ""),
        ("username", "a b"),
        ("username", "a\u{200b}b"),
        ("username", "a\0b"),
        ("username", "deleted-5"),
        ("username", &"x".repeat(65)),
        ("password", "short"),
        ("password", &long),
        ("email", "no"),
        ("email", ""),
        ("email", "a@b\0c"),
        ("display_name", "two\nlines"),
        ("display_name", "nul\0"),
        ("display_name", &long),
    ] {
        let mut body = json!({"username": "ali", "password": "correct horse"});
        body[field] = json!(value);
        let refused = answer(world.post("/v1/auth/register", &body)).await;
        refused.is_problem(422, "invalid");
        let errors = refused.body["errors"].as_object().unwrap();
        assert_eq!(errors.keys().collect::<Vec<_>>(), [field], "{value:?}");
    }
    let body = json!({"username": "", "password": "", "email": "@"});
    let refused = answer(world.post("/v1/auth/register", &body)).await;
    assert_eq!(refused.body["errors"].as_object().unwrap().len(), 3);
}

pub(crate) async fn a_wrong_login_tells_nothing(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let wrong = world.login("ali", "wrong horse").await;
    wrong.is_problem(401, "invalid_credentials");
    for login in ["nobody", "", "a\0b", "\u{200b}", &"x".repeat(100_000)] {
        let unknown = world.login(login, "correct horse").await;
        unknown.is_problem(401, "invalid_credentials");
        assert_eq!(unknown.body, wrong.body);
    }
    world.api.admin().set_banned("ali", true).await.unwrap();
    let banned = world.login("ali", "correct horse").await;
    assert_eq!(banned.body, wrong.body);
    world
        .me(&ali.access)
        .await
        .is_problem(401, "session_revoked");
}

pub(crate) async fn guesses_are_limited_by_account_and_address(database: Database) {
    let mut options = Options::default();
    let loopback = "127.0.0.1".parse::<std::net::IpAddr>().unwrap();
    options.config.http.trusted_proxies = vec![loopback.into()];
    let world = World::start_with(database, options).await;
    world.register("ali").await;
    world.register("sara").await;
    let guess = async |login: &str, password: &str, address: &str| {
        let body = json!({"login": login, "password": password});
        let request = world.post("/v1/auth/login", &body);
        answer(request.header("x-forwarded-for", address)).await
    };
    for login in ["ali", "ALI", "ali", "Ali", "ali"] {
        let wrong = guess(login, "wrong", "9.9.9.9, 1.1.1.1").await;
        wrong.is_problem(401, "invalid_credentials");
    }
    let limited = guess("ali", "correct horse", "8.8.8.8, 1.1.1.1").await;
    limited.is_problem(429, "rate_limited");
    assert_eq!(limited.header("retry-after"), "2");
    // Neither another address nor another account is held up, and success costs nothing.
    for _ in 0..10 {
        let good = guess("ali", "correct horse", "2.2.2.2").await;
        assert_eq!(good.status, StatusCode::OK);
    }
    let good = guess("sara", "correct horse", "1.1.1.1").await;
    assert_eq!(good.status, StatusCode::OK);
    // From many addresses the account itself is limited.
    for network in 0..55 {
        let address = format!("2001:db8:0:{network:x}::1");
        let wrong = guess("ali", "wrong", &address).await;
        wrong.is_problem(401, "invalid_credentials");
    }
    let limited = guess("ali", "correct horse", "3.3.3.3").await;
    limited.is_problem(429, "rate_limited");
}

pub(crate) async fn registrations_are_limited_by_the_address_behind_trusted_proxies(
    database: Database,
) {
    let mut options = Options::default();
    options.limits.registrations.capacity = 2;
    let world = World::start_with(database, options).await;
    let register = async |username: &str, address: &str| {
        let body = json!({"username": username, "password": "correct horse"});
        let request = world.post("/v1/auth/register", &body);
        answer(request.header("x-forwarded-for", address)).await
    };
    // No proxy is trusted, so what the header says does not count.
    for (username, address) in [("one", "1.1.1.1"), ("two", "2.2.2.2")] {
        let made = register(username, address).await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    let limited = register("three", "3.3.3.3").await;
    limited.is_problem(429, "rate_limited");
}

pub(crate) async fn a_flood_of_logins_holds_up_nothing_else(database: Database) {
    let mut options = Options::default();
    options.config.passwords = PasswordsConfig {
        permits: 1,
        max_waiting: 8,
        ..PasswordsConfig::default()
    };
    let world = World::start_with(database, options).await;
    let ali = world.register("ali").await;
    let logins = (0..60).map(|number| {
        let login = format!("nobody{number}");
        let world = &world;
        async move { world.login(&login, "wrong horse").await }
    });
    let logins = futures_util::future::join_all(logins);
    tokio::pin!(logins);
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    let done = loop {
        let started = Instant::now();
        tokio::select! {
            done = &mut logins => break done,
            me = world.me(&ali.access) => {
                assert_eq!(me.status, StatusCode::OK);
                slowest = slowest.max(started.elapsed());
                answered += 1;
            }
        }
    };
    let shed = done.iter().filter(|login| login.status == 503).count();
    for login in &done {
        match login.status.as_u16() {
            503 => login.is_problem(503, "unavailable"),
            _ => login.is_problem(401, "invalid_credentials"),
        }
    }
    assert!(shed > 0 && shed < 60, "{shed} shed");
    assert!(
        answered > 3,
        "{answered} answered, the slowest in {slowest:?}"
    );
}

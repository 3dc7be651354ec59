//! The dialect *service*.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::dialects::{Client, form, keys};
use crate::world::{Answer, Database, User, World, answer};

#[track_caller]
pub(crate) fn says(answer: &Answer, status: u16, detail: &str) {
    let expected = json!({ "detail": detail });
    assert_eq!((answer.status.as_u16(), &answer.body), (status, &expected));
    if status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[track_caller]
pub(crate) fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert_eq!(keys(&answer.body), ["detail"]);
    assert!(answer.body["detail"].is_string(), "{:?}", answer.body);
}

/// The type and place of everything that is wrong.
#[track_caller]
pub(crate) fn items(answer: &Answer) -> Vec<(String, Value)> {
    assert_eq!(answer.status, 422, "{:?}", answer.body);
    let items = answer.body["detail"].as_array().unwrap().iter();
    items
        .map(|item| {
            assert!(item["msg"].is_string() && item["input"].is_null(), "{item}");
            let kind = item["type"].as_str().unwrap().to_owned();
            (kind, item["loc"].clone())
        })
        .collect()
}

pub(crate) async fn sign_up(world: &World, name: &str) -> User {
    let email = format!("{name}@example.com");
    let body = json!({"username": name, "email": email, "password": "password123"});
    let made = answer(world.post("/auth/signup", &body)).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert_eq!(keys(&made.body), ["email", "id", "username"]);
    assert_eq!(made.body["email"], email);
    let login = world.request(Method::POST, "/auth/login");
    let token = answer(form(
        login,
        &format!("username={email}&password=password123"),
    ))
    .await;
    User {
        id: made.body["id"].as_str().unwrap().parse().unwrap(),
        access: token.body["access_token"].as_str().unwrap().to_owned(),
        refresh: String::new(),
    }
}

pub(crate) async fn one_signs_up_and_in(database: Database) {
    let world = World::start(database).await;
    let ali = sign_up(&world, "علی").await;
    let a = Client::new(&world, &ali);
    let me = a.get("/auth/users/me").await.body;
    let expected = json!({"id": ali.id.to_string(), "username": "علی", "email": "علی@example.com"});
    assert_eq!(me, expected);
    // Signing up signs nobody in.
    let sessions = a.get("/v1/auth/sessions").await.body;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    assert_eq!(a.get("/auth/users/me/").await.body, expected);
    let native = world.register("plain").await;
    let plain = Client::new(&world, &native)
        .get("/auth/users/me")
        .await
        .body;
    assert_eq!(plain["email"], Value::Null);

    for path in ["/auth/login", "/auth/login/", "/auth/token", "/auth/token/"] {
        for body in [
            json!({"username": "علی", "password": "password123"}),
            json!({"username": "علی@EXAMPLE.com", "password": "password123"}),
            json!({"email": "علی@example.com", "password": "password123"}),
            json!({"email": "علی", "username": "", "password": "password123"}),
        ] {
            let token = answer(world.post(path, &body)).await;
            assert_eq!(token.status, 200, "{path} {body} {:?}", token.body);
            assert_eq!(keys(&token.body), ["access_token", "token_type"]);
            assert_eq!(token.body["token_type"], "bearer");
            assert_eq!(token.header("cache-control"), "no-store");
            let access = token.body["access_token"].as_str().unwrap();
            assert_eq!(world.me(access).await.body["username"], "علی");
        }
    }
    for login in ["علی", "nobody@example.com"] {
        let body = json!({"email": login, "password": "wrong password"});
        let refused = answer(world.post("/auth/login", &body)).await;
        says(&refused, 401, "Incorrect email or password");
    }
    world.pass(Duration::from_hours(25));
    let ended = a.get("/auth/users/me").await;
    says(&ended, 401, "Could not validate credentials");
}

pub(crate) async fn a_sign_up_is_refused_in_the_words_of_the_original(database: Database) {
    let world = World::start(database).await;
    sign_up(&world, "sara").await;
    let refused = async |body: Value| {
        let request = world.post("/auth/signup/", &body);
        answer(request.header("accept-language", "fa")).await
    };
    let body = json!({"username": "other", "email": "SARA@example.com", "password": "password123"});
    says(&refused(body).await, 400, "Email already registered");
    let body = json!({"username": "Sara", "email": "o@example.com", "password": "password123"});
    says(&refused(body).await, 400, "Username already registered");

    let place = |field| json!(["body", field]);
    let missing = |field| ("missing".to_owned(), place(field));
    assert_eq!(
        items(&refused(json!({})).await),
        [missing("email"), missing("password"), missing("username")]
    );
    let body = json!({
        "username": ["x"], "email": "no address", "password": "secret!", "full_name": "x".repeat(101),
    });
    // What its own reading finds comes first, then the rest.
    assert_eq!(
        items(&refused(body.clone()).await),
        [("string_type".to_owned(), place("username"))]
    );
    let mut body = body;
    body["username"] = json!("two words");
    let refused = refused(body).await;
    assert_eq!(
        items(&refused),
        [
            ("string_too_long".to_owned(), place("full_name")),
            ("value_error".to_owned(), place("email")),
            ("string_too_short".to_owned(), place("password")),
            ("value_error".to_owned(), place("username")),
        ]
    );
    assert!(!refused.body.to_string().contains("secret!"));
    assert_eq!(refused.body["detail"][2]["ctx"], json!({"min_length": 8}));
    assert_eq!(
        refused.body["detail"][2]["msg"],
        "String should have at least 8 characters"
    );
    let login = answer(world.post("/auth/login", &json!({}))).await;
    assert_eq!(items(&login), [missing("password"), missing("username")]);
    let empty = form(world.request(Method::POST, "/auth/token"), "password=x");
    assert_eq!(items(&answer(empty).await), [missing("username")]);
}

pub(crate) async fn refusals_have_the_form_of_fastapi(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let a = Client::new(&world, &ali);
    for path in [
        "/auth/users/me",
        "/chat/private_chats/",
        "/chat/chat_rooms/",
        "/chat/chat_rooms/1",
        "/chat/chat_rooms/1/messages",
    ] {
        says(&answer(world.get(path)).await, 401, "Not authenticated");
    }
    says(&a.get("/auth/nothing").await, 404, "Not Found");
    says(&a.get("/chat/chat_rooms/1/nothing").await, 404, "Not Found");
    says(
        &a.delete("/chat/chat_rooms/").await,
        405,
        "Method Not Allowed",
    );
    let post = |kind: &str, body: &str| {
        let request = a.request(Method::POST, "/chat/chat_rooms/");
        let request = request.header("content-type", kind);
        answer(request.body(body.to_owned()))
    };
    let broken = post("application/json", "{").await;
    assert_eq!(broken.status, 422);
    assert_eq!(broken.body["detail"][0]["type"], "json_invalid");
    is_refused(&post("text/plain", "x").await, 415);
    is_refused(&post("application/json", &" ".repeat(300 << 10)).await, 413);
    // The token routes of another system lie within.
    let other = answer(world.post("/auth/jwt/create", &json!({}))).await;
    assert_eq!(other.status, 400);
}

pub(crate) async fn its_description_is_served(database: Database) {
    let world = World::start(database).await;
    let document = answer(world.get("/openapi.json")).await;
    assert_eq!(document.status, 200);
    assert!(document.body["openapi"].as_str().unwrap().starts_with("3."));
    let paths = keys(&document.body["paths"]);
    assert_eq!(
        paths,
        [
            "/auth/login",
            "/auth/signup",
            "/auth/token",
            "/auth/users/me",
            "/chat/chat_rooms/",
            "/chat/chat_rooms/{room_id}",
            "/chat/chat_rooms/{room_id}/messages",
            "/chat/private_chats/",
            "/chat/upload_media/",
        ]
    );
    // Nothing in it names what is not there.
    let mut found = Vec::new();
    references(&document.body, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let target = document.body.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference}");
    }
    let page = world.get("/docs/").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let script = world
        .get("/docs/swagger-initializer.js")
        .send()
        .await
        .unwrap();
    let script = script.text().await.unwrap();
    assert!(script.contains("\"/openapi.json\"") && script.contains("\"/v1/openapi.json\""));
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(target) if name == "$ref" => found.push(target),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

//! The dialect *chatrooms*.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::dialects::{Client, form, keys};
use crate::world::{Answer, Database, User, World, answer};

#[track_caller]
fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert!(answer.body["detail"].is_string(), "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    if status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"api\"");
    }
}

/// It is a map of exactly these fields, each with texts.
#[track_caller]
fn is_invalid(answer: &Answer, fields: &[&str]) {
    assert_eq!(answer.status, 400, "{:?}", answer.body);
    assert_eq!(keys(&answer.body), fields, "{:?}", answer.body);
    for field in fields {
        assert!(answer.body[field][0].is_string(), "{:?}", answer.body);
    }
}

async fn register(world: &World, username: &str) -> User {
    let body = json!({"username": username, "password": "correct horse"});
    let registered = answer(world.post("/api/register/", &body)).await;
    assert_eq!(registered.status, 200, "{:?}", registered.body);
    assert_eq!(keys(&registered.body), ["access", "refresh"]);
    let access = registered.body["access"].as_str().unwrap().to_owned();
    User {
        id: world.me(&access).await.body["id"].as_i64().unwrap(),
        refresh: registered.body["refresh"].as_str().unwrap().to_owned(),
        access,
    }
}

pub(crate) async fn one_registers_and_signs_in_however_it_is_written(database: Database) {
    let world = World::start(database).await;
    register(&world, "علی").await;
    let post = |path: &str| world.request(Method::POST, path);
    let encoded = "username=%D8%B3%D8%A7%D8%B1%D8%A7&password=correct+horse&email=";
    let by_form = answer(form(post("/api/register"), encoded)).await;
    assert_eq!(by_form.status, 200, "{:?}", by_form.body);
    let parts = || {
        Form::new()
            .text("username", "omid")
            .text("password", "correct horse")
    };
    let by_parts = answer(post("/api/register/").multipart(parts())).await;
    assert_eq!(by_parts.status, 200, "{:?}", by_parts.body);
    let login = answer(post("/api/login/").multipart(parts())).await;
    assert_eq!(keys(&login.body), ["access", "refresh"]);
    assert_eq!(login.header("cache-control"), "no-store");
    assert_eq!(login.header("set-cookie"), "");
    let by_form = answer(form(post("/api/login"), encoded)).await;
    assert_eq!(by_form.status, 200);
    let token = by_form.body["access"].as_str().unwrap();
    assert_eq!(world.me(token).await.body["username"], "سارا");
    assert_eq!(world.me(token).await.body["email"], Value::Null);
}

pub(crate) async fn what_is_wrong_with_an_account_is_told_by_field(database: Database) {
    let world = World::start(database).await;
    register(&world, "ali").await;
    let post = async |path, body| answer(world.post(path, &body)).await;
    let short = json!({"username": "a b", "password": "short", "email": "x"});
    is_invalid(
        &post("/api/register/", short).await,
        &["email", "password", "username"],
    );
    let missing = post("/api/register/", json!({})).await;
    is_invalid(&missing, &["password", "username"]);
    assert_eq!(missing.body["username"], json!(["This field is required."]));
    let taken = json!({"username": "ALI", "password": "correct horse"});
    is_invalid(&post("/api/register/", taken).await, &["username"]);
    let persian = world
        .post("/api/login/", &json!({}))
        .header("accept-language", "fa-IR");
    let persian = answer(persian).await;
    assert_eq!(persian.body["username"], json!(["این فیلد الزامی است."]));

    let wrong = json!({"username": "ali", "password": "wrong horse"});
    is_refused(&post("/api/login/", wrong).await, 401);
    let broken = world.request(Method::POST, "/api/login/");
    let broken = broken.header("content-type", "application/json").body("{");
    is_refused(&answer(broken).await, 400);
    let plain = world
        .request(Method::POST, "/api/login/")
        .body("username=ali");
    is_refused(
        &answer(plain.header("content-type", "text/plain")).await,
        415,
    );
    let large = json!({"username": "x".repeat(300 << 10), "password": "x"});
    is_refused(&post("/api/login/", large).await, 413);
    is_refused(&answer(world.get("/api/login/")).await, 405);
    is_refused(&answer(world.get("/api/nowhere/")).await, 404);
    for path in [
        "/api/chatrooms/",
        "/api/messages/?chatroom=1",
        "/api/directmessages/",
    ] {
        is_refused(&answer(world.get(path)).await, 401);
        is_refused(&answer(world.get(path).bearer_auth("x")).await, 401);
    }
}

pub(crate) async fn tokens_live_a_day_and_are_renewed(database: Database) {
    let world = World::start(database).await;
    let ali = register(&world, "ali").await;
    world.pass(Duration::from_hours(23));
    assert_eq!(world.me(&ali.access).await.status, 200);
    world.pass(Duration::from_hours(2));
    let client = Client::new(&world, &ali);
    is_refused(&client.get("/api/chatrooms/").await, 401);
    let body = json!({"refresh": ali.refresh});
    let renewed = answer(world.post("/api/token/refresh/", &body)).await;
    assert_eq!(keys(&renewed.body), ["access", "refresh"]);
    world.pass(Duration::from_hours(23));
    let access = renewed.body["access"].as_str().unwrap();
    assert_eq!(world.me(access).await.status, 200);
    let forged = answer(world.post("/api/token/refresh", &json!({"refresh": "x"}))).await;
    is_refused(&forged, 401);
    let missing = answer(world.post("/api/token/refresh", &json!({}))).await;
    is_invalid(&missing, &["refresh"]);
}

pub(crate) async fn rooms_are_public_and_listed_to_all(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "ali").await,
        register(&world, "sara").await,
    );
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let made = of_ali
        .post(
            "/api/chatrooms/",
            &json!({"name": "اتاق یک", "users": [sara.id]}),
        )
        .await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert_eq!(keys(&made.body), ["id", "name", "users"]);
    assert_eq!(made.body["name"], "اتاق یک");
    assert_eq!(made.body["users"], json!([ali.id, sara.id]));
    let by_form = format!("name=two&users={}&users={}", ali.id, sara.id);
    let by_form = of_ali.form("/api/chatrooms", &by_form).await;
    assert_eq!(by_form.body["users"], json!([ali.id, sara.id]));
    let alone = of_sara
        .post("/api/chatrooms/", &json!({"name": "three"}))
        .await;
    assert_eq!(alone.body["users"], json!([sara.id]));

    // Rooms without a name and direct ones are none here, private ones of others neither.
    for (kind, name) in [("private", ""), ("private", "own"), ("public", "native")] {
        let body = json!({"kind": kind, "name": name});
        assert_eq!(of_sara.post("/v1/rooms", &body).await.status, 201);
    }
    of_ali
        .post(
            "/api/directmessages/",
            &json!({"receiver": sara.id, "content": "x"}),
        )
        .await;
    let names = async |client: Client<'_>, path: &str| {
        let listed = client.get(path).await.body;
        let names = listed.as_array().unwrap().iter();
        names
            .map(|room| room["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = ["اتاق یک", "two", "three", "own", "native"];
    assert_eq!(names(of_sara, "/api/chatrooms/").await, all);
    assert_eq!(
        names(of_ali, "/api/chatrooms").await,
        ["اتاق یک", "two", "three", "native"]
    );
    assert_eq!(
        names(of_sara, "/api/chatrooms/?limit=2").await,
        ["own", "native"]
    );
    let before = format!("/api/chatrooms/?limit=1&before={}", alone.body["id"]);
    assert_eq!(names(of_sara, &before).await, ["two"]);
    let listed = of_ali.get("/api/chatrooms/").await.body;
    assert_eq!(listed[0], made.body);
    // Of a public room its people are told to who is not in it, too.
    assert_eq!(listed[2]["users"], json!([sara.id]));

    let post = async |body| of_ali.post("/api/chatrooms/", &body).await;
    is_invalid(
        &post(json!({"name": "اتاق یک", "users": []})).await,
        &["name"],
    );
    is_invalid(&post(json!({"users": "x"})).await, &["name", "users"]);
    is_invalid(
        &post(json!({"name": "new", "users": [999_999]})).await,
        &["users"],
    );
    is_invalid(&post(json!({"name": "123"})).await, &["name"]);
    is_refused(&post(json!({"name": "new", "user": sara.id})).await, 403);
    is_invalid(&of_ali.get("/api/chatrooms/?before=x").await, &["before"]);
}

pub(crate) async fn public_rooms_are_joined_by_name(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "ali").await,
        register(&world, "sara").await,
    );
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let room = of_ali
        .post("/api/chatrooms/", &json!({"name": "اتاق ما-۲"}))
        .await
        .body;
    let join = async |name: &str| of_sara.post(name, &json!({})).await;
    let joined = join("/api/join/اتاق%20ما-۲/").await;
    assert_eq!(joined.status, 200, "{:?}", joined.body);
    assert_eq!(keys(&joined.body), ["detail"]);
    assert_eq!(
        join("/api/join/%D8%A7%D8%AA%D8%A7%D9%82%20%D9%85%D8%A7-%DB%B2")
            .await
            .status,
        200
    );
    let listed = of_ali.get("/api/chatrooms/").await.body;
    assert_eq!(listed[0]["users"], json!([ali.id, sara.id]));
    is_refused(&join("/api/join/nowhere/").await, 404);
    is_refused(&of_sara.get("/api/join/nowhere/").await, 405);
    let private = json!({"kind": "private", "name": "پنهان"});
    of_ali.post("/v1/rooms", &private).await;
    is_refused(&join("/api/join/پنهان/").await, 404);
    assert_eq!(
        of_ali.post("/api/join/پنهان/", &json!({})).await.status,
        200
    );
    let ban = format!("/v1/rooms/{}/bans/{}", room["id"], sara.id);
    let banned = answer(of_ali.request(Method::PUT, &ban)).await;
    assert_eq!(banned.status, 204);
    is_refused(&join("/api/join/اتاق%20ما-۲/").await, 403);
}

pub(crate) async fn messages_are_of_their_tokens_user(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "ali").await,
        register(&world, "سارا").await,
    );
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let room = of_ali
        .post("/api/chatrooms/", &json!({"name": "r"}))
        .await
        .body["id"]
        .clone();
    let body = json!({"chatroom": room, "user": ali.id, "content": " سلام "});
    let sent = of_ali.post("/api/messages/", &body).await;
    assert_eq!(sent.status, 201, "{:?}", sent.body);
    assert_eq!(
        keys(&sent.body),
        ["chatroom", "content", "id", "timestamp", "user"]
    );
    assert_eq!(sent.body["content"], "سلام");
    assert_eq!(
        (&sent.body["chatroom"], &sent.body["user"]),
        (&room, &json!(ali.id))
    );
    assert!(sent.body["timestamp"].as_str().unwrap().ends_with('Z'));
    let list = format!("/api/messages/?chatroom={room}");
    is_refused(&of_sara.get(&list).await, 403);
    is_refused(
        &of_sara
            .post("/api/messages/", &json!({"chatroom": room, "content": "x"}))
            .await,
        403,
    );
    of_sara.post("/api/join/r/", &json!({})).await;
    let by_form = format!("chatroom={room}&content=%D8%AF%D9%88&user=%D8%B3%D8%A7%D8%B1%D8%A7");
    assert_eq!(of_sara.form("/api/messages", &by_form).await.status, 201);
    for author in [
        json!(ali.id),
        json!("ali"),
        json!({"id": sara.id}),
        json!([sara.id]),
    ] {
        let body = json!({"chatroom": room, "user": author, "content": "forged"});
        is_refused(&of_sara.post("/api/messages/", &body).await, 403);
    }
    let third = of_ali
        .post(
            "/api/messages/",
            &json!({"chatroom": room, "content": "سه"}),
        )
        .await
        .body;
    let contents = async |path: &str| {
        let listed = of_sara.get(path).await.body;
        let all = listed.as_array().unwrap().iter();
        all.map(|one| one["content"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(contents(&list).await, ["سلام", "دو", "سه"]);
    assert_eq!(contents(&format!("{list}&limit=1")).await, ["سه"]);
    assert_eq!(
        contents(&format!("{list}&limit=1&before={}", third["id"])).await,
        ["دو"]
    );
    assert_eq!(of_sara.get(&list).await.body[0], sent.body);
    let delete = format!("/v1/rooms/{room}/messages/{}", sent.body["id"]);
    assert_eq!(of_ali.delete(&delete).await.status, 204);
    assert_eq!(contents(&list).await, ["دو", "سه"]);

    let post = async |body| of_ali.post("/api/messages/", &body).await;
    is_invalid(&post(json!({})).await, &["chatroom", "content"]);
    is_invalid(
        &post(json!({"chatroom": 999_999, "content": "x"})).await,
        &["chatroom"],
    );
    is_invalid(
        &post(json!({"chatroom": room, "content": "x".repeat(4001)})).await,
        &["content"],
    );
    is_invalid(&of_ali.get("/api/messages/").await, &["chatroom"]);
    is_invalid(&of_ali.get(&format!("{list}&limit=0")).await, &["limit"]);
    is_refused(&of_ali.get("/api/messages/?chatroom=999999").await, 404);
}

pub(crate) async fn direct_messages_are_between_two(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "ali").await,
        register(&world, "سارا").await,
    );
    let omid = register(&world, "12345").await;
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let path = "/api/directmessages/";
    let sent = of_ali
        .post(
            path,
            &json!({"receiver": sara.id, "content": "سلام", "sender": "ali"}),
        )
        .await;
    assert_eq!(sent.status, 201, "{:?}", sent.body);
    assert_eq!(
        keys(&sent.body),
        ["content", "id", "receiver", "sender", "timestamp"]
    );
    assert_eq!(
        (&sent.body["sender"], &sent.body["receiver"]),
        (&json!(ali.id), &json!(sara.id))
    );
    let back = of_sara
        .form("/api/directmessages", "receiver=ALI&content=back")
        .await;
    assert_eq!(back.body["receiver"], ali.id);
    // Names of digits are names where they are nobody's id.
    let third = of_ali
        .post(path, &json!({"receiver": "12345", "content": "third"}))
        .await;
    assert_eq!(third.body["receiver"], omid.id);
    let all = json!([sent.body, back.body, third.body]);
    assert_eq!(of_ali.get(path).await.body, all);
    assert_eq!(of_sara.get(path).await.body, json!([sent.body, back.body]));
    assert_eq!(
        of_ali.get(&format!("{path}?limit=1")).await.body,
        json!([third.body])
    );
    let before = format!("{path}?before={}", back.body["id"]);
    assert_eq!(of_ali.get(&before).await.body, json!([sent.body]));
    let with = of_ali.get(&format!("{path}?receiver={}", sara.id)).await;
    assert_eq!(with.body, json!([sent.body, back.body]));
    assert_eq!(
        of_sara.get(&format!("{path}?receiver=12345")).await.body,
        json!([])
    );

    let post = async |body| of_ali.post(path, &body).await;
    is_invalid(&post(json!({"content": "x"})).await, &["receiver"]);
    is_invalid(
        &post(json!({"receiver": "nobody", "content": "x"})).await,
        &["receiver"],
    );
    is_invalid(
        &post(json!({"receiver": ali.id, "content": "x"})).await,
        &["receiver"],
    );
    is_invalid(
        &post(json!({"receiver": sara.id, "content": " "})).await,
        &["content"],
    );
    is_refused(
        &post(json!({"receiver": sara.id, "content": "x", "sender": sara.id})).await,
        403,
    );
    is_invalid(
        &of_ali.get(&format!("{path}?receiver=nobody")).await,
        &["receiver"],
    );
    // What could not be sent made no room.
    let refused = json!({"receiver": omid.id, "content": "x".repeat(4001)});
    is_invalid(&of_sara.post(path, &refused).await, &["content"]);
    assert_eq!(
        of_sara.get("/v1/rooms").await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

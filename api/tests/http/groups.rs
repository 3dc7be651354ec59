//! The dialect *groups*, as programs see it.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use chapar_broker::PresenceState;
use chapar_shared::UserId;

use crate::dialects::{Client, fetch, form, keys};
use crate::files::png;
use crate::world::{Answer, Database, Options, User, World, answer};

const GROUP: [&str; 6] = ["created_by", "id", "members_count", "name", "slug", "type"];
const MESSAGE: [&str; 5] = ["file", "id", "message", "timestamp", "user"];

#[track_caller]
fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert!(answer.body["error"].is_string(), "{:?}", answer.body);
}

#[track_caller]
fn is_invalid(answer: &Answer, fields: &[&str]) {
    assert_eq!(answer.status, 400, "{:?}", answer.body);
    assert_eq!(keys(&answer.body), fields, "{:?}", answer.body);
    for field in fields {
        assert!(answer.body[field][0].is_string(), "{:?}", answer.body);
    }
}

async fn register(world: &World, username: &str) -> User {
    let body =
        json!({"username": username, "password1": "correct horse", "password2": "correct horse"});
    let made = answer(world.post("/chat/register/", &body)).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert_eq!(keys(&made.body), ["id", "username"]);
    let body = json!({"username": username, "password": "correct horse"});
    let login = answer(world.post("/chat/login/", &body)).await;
    assert_eq!(login.status, 200, "{:?}", login.body);
    User {
        id: made.body["id"].as_i64().unwrap(),
        access: login.body["access"].as_str().unwrap().to_owned(),
        refresh: login.body["refresh"].as_str().unwrap().to_owned(),
    }
}

pub(crate) async fn accounts_are_made_and_signed_in_to(database: Database) {
    let world = World::start(database).await;
    register(&world, "علی").await;
    let post = async |path, body| answer(world.post(path, &body)).await;
    let single = json!({"username": "sara", "password": "correct horse", "email": "s@a.example"});
    assert_eq!(post("/chat/register", single).await.status, 201);
    let encoded = "username=omid&password1=correct+horse&password2=correct+horse&email=";
    let by_form = form(world.request(Method::POST, "/chat/register/"), encoded);
    assert_eq!(answer(by_form).await.status, 201);

    let differ = json!({"username": "x", "password1": "correct horse", "password2": "other horse"});
    is_invalid(&post("/chat/register/", differ).await, &["password2"]);
    let taken = json!({"username": "SARA", "password": "correct horse"});
    is_invalid(&post("/chat/register/", taken).await, &["username"]);
    let short = json!({"username": "y", "password1": "short", "password2": "short"});
    is_invalid(&post("/chat/register/", short).await, &["password1"]);
    let none = post("/chat/register/", json!({})).await;
    is_invalid(&none, &["password1", "password2", "username"]);

    is_refused(
        &post(
            "/chat/login/",
            json!({"username": "علی", "password": "wrong horse"}),
        )
        .await,
        400,
    );
    is_invalid(
        &post("/chat/login/", json!({"username": "علی"})).await,
        &["password"],
    );
    is_refused(&answer(world.get("/chat/logout/")).await, 405);
    is_refused(&answer(world.get("/chat/nowhere/")).await, 404);
    let unsigned = answer(world.get("/chat/")).await;
    is_refused(&unsigned, 401);
    assert_eq!(unsigned.header("www-authenticate"), "Bearer realm=\"api\"");
    let broken = world
        .request(Method::POST, "/chat/login/")
        .header("content-type", "application/json");
    is_refused(&answer(broken.body("[1")).await, 400);
    let persian = world.get("/chat/").header("accept-language", "fa");
    assert_eq!(answer(persian).await.body["error"], "ابتدا وارد شوید.");
}

pub(crate) async fn a_cookie_is_a_session_until_it_is_signed_out(database: Database) {
    let world = World::start(database).await;
    register(&world, "ali").await;
    let body = json!({"username": "ali", "password": "correct horse"});
    let login = answer(world.post("/chat/login/", &body)).await;
    assert_eq!(keys(&login.body), ["access", "refresh", "username"]);
    let set = login.header("set-cookie").to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Secure"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("sessionid="));
    let get = async |path: &str| answer(world.get(path).header("cookie", &cookie)).await;
    assert_eq!(get("/chat/profile/").await.body["username"], "ali");
    assert_eq!(get("/v1/users/me").await.body["username"], "ali");
    assert_eq!(get("/api/chatrooms/").await.status, 200);
    world.pass(Duration::from_hours(13 * 24));
    assert_eq!(get("/chat/profile/").await.status, 200);

    let post = |path: &str, origin: Option<&str>| {
        let request = world.post(path, &json!({"group_name": "g", "type": "public"}));
        let request = request.header("cookie", &cookie);
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
    };
    for foreign in [None, Some("https://evil.example"), Some("null")] {
        is_refused(&answer(post("/chat/create_group/", foreign)).await, 403);
        is_refused(&answer(post("/chat/logout/", foreign)).await, 403);
    }
    assert_eq!(
        answer(post("/chat/create_group/", Some(&world.base)))
            .await
            .status,
        201
    );
    let foreign = world
        .post("/chat/login/", &body)
        .header("origin", "https://evil.example");
    is_refused(&answer(foreign).await, 403);

    let out = answer(post("/chat/logout/", Some(&world.base))).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("sessionid=; "), "{out:?}");
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    is_refused(&get("/chat/profile/").await, 401);
    // Once more is as good.
    assert_eq!(
        answer(post("/chat/logout/", Some(&world.base)))
            .await
            .status,
        204
    );

    let login = answer(world.post("/chat/login/", &body)).await;
    let cookie = login
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    world.pass(Duration::from_hours(14 * 24));
    let expired = answer(world.get("/chat/").header("cookie", cookie)).await;
    is_refused(&expired, 401);
}

pub(crate) async fn a_cookie_given_over_https_is_for_https_alone(database: Database) {
    let mut options = Options::default();
    options.config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let world = World::start_with(database, options).await;
    register(&world, "ali").await;
    let login = async |scheme: &str| {
        let body = json!({"username": "ali", "password": "correct horse"});
        let request = world.post("/chat/login/", &body);
        let login = answer(request.header("x-forwarded-proto", scheme)).await;
        login.header("set-cookie").to_owned()
    };
    assert!(login("https").await.contains("; Secure"));
    assert!(!login("http").await.contains("Secure"));
}

pub(crate) async fn groups_are_made_found_and_deleted(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "علی").await,
        register(&world, "sara").await,
    );
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let create = async |body| of_ali.post("/chat/create_group/", &body).await;
    let body = json!({"group_name": "گروه دوستان من", "type": "public"});
    let made = create(body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert_eq!(keys(&made.body), GROUP);
    assert_eq!(made.body["slug"], "گروه-دوستان-من");
    assert_eq!(
        (&made.body["type"], &made.body["created_by"]),
        (&json!("public"), &json!("علی"))
    );
    let private = json!({"group_name": "پنهان", "slug": "نامک-گروه", "type": "private"});
    assert_eq!(create(private).await.body["slug"], "نامک-گروه");
    let by_form = of_ali
        .form("/chat/create_group", "group_name=Third&slug=&type=private")
        .await;
    assert_eq!(by_form.body["slug"], "third", "{:?}", by_form.body);

    let taken = json!({"group_name": "other", "slug": "third", "type": "public"});
    is_invalid(&create(taken).await, &["slug"]);
    let taken = json!({"group_name": "گروه دوستان من", "type": "public"});
    is_invalid(&create(taken).await, &["group_name"]);
    is_invalid(
        &create(json!({"group_name": "x", "type": "secret"})).await,
        &["type"],
    );
    is_invalid(
        &create(json!({"slug": "a b"})).await,
        &["group_name", "type"],
    );
    is_invalid(
        &create(json!({"group_name": "x", "slug": "a b", "type": "public"})).await,
        &["slug"],
    );

    let dashboard = of_sara.get("/chat/").await.body;
    assert_eq!(keys(&dashboard), ["groups", "private_chats", "user"]);
    assert_eq!(dashboard["groups"], json!([made.body]));
    assert_eq!(dashboard["user"]["username"], "sara");
    let names = async |client: Client<'_>, term: &str| {
        let request = world.get_with("/chat/", &[("search_term", term)]);
        let found = answer(request.bearer_auth(&client.user.access)).await.body;
        let groups = found["groups"].as_array().unwrap().iter();
        groups
            .map(|group| group["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(of_ali, "").await,
        ["گروه دوستان من", "پنهان", "Third"]
    );
    assert_eq!(names(of_ali, "پنهان").await, ["پنهان"]);
    assert_eq!(names(of_sara, "پنهان").await, Vec::<String>::new());
    assert_eq!(names(of_sara, "گروه").await, ["گروه دوستان من"]);

    let page = of_sara.get("/chat/group/گروه-دوستان-من/").await.body;
    assert_eq!(keys(&page), ["group", "members", "messages"]);
    assert_eq!(page["group"], made.body);
    assert_eq!(page["members"], json!(["علی"]));
    assert_eq!(
        of_sara.get("/chat/group/گروه%20دوستان%20من").await.body,
        page
    );
    is_refused(&of_sara.get("/chat/group/نامک-گروه/").await, 404);
    is_refused(&of_sara.get("/chat/group/nowhere/").await, 404);

    let path = "/chat/delete_group/گروه-دوستان-من/";
    is_refused(&of_ali.get(path).await, 405);
    assert_eq!(of_ali.get("/chat/group/گروه-دوستان-من/").await.status, 200);
    is_refused(&of_sara.delete(path).await, 403);
    is_refused(&of_sara.delete("/chat/delete_group/نامک-گروه/").await, 404);
    assert_eq!(of_ali.delete(path).await.status, 204);
    is_refused(&of_ali.delete(path).await, 404);
    assert_eq!(
        of_ali
            .post("/chat/delete_group/third", &json!({}))
            .await
            .status,
        204
    );
}

pub(crate) async fn members_are_added_and_public_groups_let_in(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "ali").await,
        register(&world, "سارا").await,
    );
    let omid = register(&world, "omid").await;
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let of_omid = Client::new(&world, &omid);
    for (name, kind) in [("hidden", "private"), ("open", "public")] {
        let body = json!({"group_name": name, "type": kind});
        assert_eq!(of_ali.post("/chat/create_group/", &body).await.status, 201);
    }
    let hidden = "/chat/group/hidden/";
    is_refused(&of_sara.post(hidden, &json!({"message": "x"})).await, 404);
    let add = json!({"add_member": true, "username": "سارا"});
    let added = of_ali.post(hidden, &add).await;
    assert_eq!(added.status, 200, "{:?}", added.body);
    assert_eq!(added.body["members"], json!(["ali", "سارا"]));
    assert_eq!(
        of_sara
            .post(hidden, &json!({"message": "سلام"}))
            .await
            .status,
        201
    );
    is_refused(
        &of_sara
            .post(hidden, &json!({"add_member": 1, "username": "omid"}))
            .await,
        403,
    );
    let by_form = of_ali.form(hidden, "add_member=omid").await;
    assert_eq!(by_form.status, 200, "{:?}", by_form.body);
    is_invalid(
        &of_ali
            .post(hidden, &json!({"add_member": 1, "username": "nobody"}))
            .await,
        &["username"],
    );
    is_invalid(
        &of_ali.post(hidden, &json!({"add_member": ""})).await,
        &["add_member"],
    );

    // Writing into a public group is coming into it.
    assert_eq!(
        of_omid
            .post("/chat/group/open/", &json!({"message": "hi"}))
            .await
            .status,
        201
    );
    let members = of_ali.get("/chat/group/open/").await.body["members"].clone();
    assert_eq!(members, json!(["ali", "omid"]));
    is_invalid(
        &of_sara
            .post("/chat/group/open/", &json!({"message": " "}))
            .await,
        &["message"],
    );
    let long = json!({"message": "x".repeat(4001)});
    is_invalid(
        &of_sara.post("/chat/group/open/", &long).await,
        &["message"],
    );
    is_invalid(
        &of_sara.post("/chat/group/open/", &json!({})).await,
        &["message"],
    );
    assert_eq!(
        of_ali.get("/chat/group/open/").await.body["members"],
        members
    );
    let joined = of_sara
        .post("/chat/group/open/", &json!({"join": true}))
        .await;
    assert_eq!(joined.body["members"], json!(["ali", "omid", "سارا"]));
    let room = joined.body["group"]["id"].clone();
    let ban = format!("/v1/rooms/{room}/bans/{}", omid.id);
    assert_eq!(answer(of_ali.request(Method::PUT, &ban)).await.status, 204);
    is_refused(
        &of_omid
            .post("/chat/group/open/", &json!({"message": "again"}))
            .await,
        403,
    );
}

pub(crate) async fn messages_of_groups_are_text_and_files(database: Database) {
    let world = World::start(database).await;
    let ali = register(&world, "علی").await;
    let of_ali = Client::new(&world, &ali);
    let body = json!({"group_name": "g", "type": "public"});
    let room = of_ali.post("/chat/create_group/", &body).await.body["id"].clone();
    let path = "/chat/group/g/";
    // What these name is not believed.
    let body = json!({"message": " سلام ", "user": "other", "timestamp": "2001-01-01"});
    let first = of_ali.post(path, &body).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    assert_eq!(keys(&first.body), MESSAGE);
    assert_eq!(
        (&first.body["user"], &first.body["message"]),
        (&json!("علی"), &json!("سلام"))
    );
    assert_eq!(first.body["file"], Value::Null);
    let parts = Form::new().text("message", "دو");
    let second = answer(of_ali.request(Method::POST, path).multipart(parts)).await;
    assert_eq!(second.status, 201, "{:?}", second.body);
    let mut files = Vec::new();
    for name in ["../../etc/passwd", "گزارش.txt"] {
        let kept = of_ali.upload("/v1/uploads", name, b"text".to_vec()).await;
        assert_eq!(kept.status, 201, "{:?}", kept.body);
        files.push(kept.body["id"].clone());
    }
    let body = json!({"content": "with files", "attachments": files});
    let third = of_ali
        .post(&format!("/v1/rooms/{room}/messages"), &body)
        .await
        .body;
    let messages = of_ali.get(path).await.body["messages"].clone();
    let texts: Vec<_> = messages
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["message"])
        .collect();
    assert_eq!(texts, ["سلام", "دو", "with files", ""]);
    assert_eq!(
        (&messages[2]["id"], &messages[3]["id"]),
        (&third["id"], &third["id"])
    );
    for item in [2, 3] {
        let (status, bytes) = fetch(&world, messages[item]["file"].as_str().unwrap()).await;
        assert_eq!((status, bytes.as_slice()), (200, b"text".as_slice()));
    }
    let window = format!("{path}?limit=1&before={}", third["id"]);
    assert_eq!(
        of_ali.get(&window).await.body["messages"],
        json!([second.body])
    );
    let delete = format!("/v1/rooms/{room}/messages/{}", first.body["id"]);
    assert_eq!(of_ali.delete(&delete).await.status, 204);
    assert_eq!(of_ali.get(path).await.body["messages"][0], second.body);
}

pub(crate) async fn private_chats_are_between_two(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (
        register(&world, "ali").await,
        register(&world, "سارا").await,
    );
    let (of_ali, of_sara) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let with_sara = "/chat/chat/private/سارا/";
    let empty = of_ali.get(with_sara).await;
    assert_eq!(empty.status, 200);
    assert_eq!(empty.body["messages"], json!([]));
    assert_eq!(of_ali.get("/chat/").await.body["private_chats"], json!([]));
    let body = json!({"message": "سلام", "user": "سارا", "sender": "x", "recipient": "y"});
    let sent = of_ali.post(with_sara, &body).await;
    assert_eq!(sent.status, 201, "{:?}", sent.body);
    for (field, value) in [
        ("user", "ali"),
        ("sender", "ali"),
        ("recipient", "سارا"),
        ("message", "سلام"),
    ] {
        assert_eq!(sent.body[field], value);
    }
    let back = of_sara.form("/chat/chat/private/ALI", "message=back").await;
    assert_eq!(
        (&back.body["sender"], &back.body["recipient"]),
        (&json!("سارا"), &json!("ali"))
    );
    let seen = of_sara.get("/chat/chat/private/ali/").await.body;
    assert_eq!(keys(&seen), ["is_online", "messages", "username"]);
    assert_eq!(seen["messages"], json!([sent.body, back.body]));

    let online = PresenceState {
        is_online: true,
        last_seen: None,
    };
    world
        .presence
        .0
        .lock()
        .unwrap()
        .insert(UserId(sara.id), online);
    let chats = of_ali.get("/chat/").await.body["private_chats"].clone();
    assert_eq!(
        keys(&chats[0]),
        ["is_online", "last_message", "unread", "username"]
    );
    assert_eq!(
        (&chats[0]["username"], &chats[0]["is_online"]),
        (&json!("سارا"), &json!(true))
    );
    assert_eq!(
        (&chats[0]["unread"], &chats[0]["last_message"]["message"]),
        (&json!(1), &json!("back"))
    );
    let none = world.get_with("/chat/", &[("search_term", "nobody")]);
    let none = answer(none.bearer_auth(&ali.access)).await;
    assert_eq!(none.body["private_chats"], json!([]));

    is_refused(&of_ali.get("/chat/chat/private/nobody/").await, 404);
    is_refused(
        &of_ali
            .post("/chat/chat/private/nobody/", &json!({"message": "x"}))
            .await,
        404,
    );
    is_invalid(
        &of_ali
            .post("/chat/chat/private/ali/", &json!({"message": "x"}))
            .await,
        &["username"],
    );
    is_invalid(&of_ali.post(with_sara, &json!({})).await, &["message"]);
    is_invalid(
        &of_ali
            .post(with_sara, &json!({"message": "x".repeat(4001)}))
            .await,
        &["message"],
    );
}

pub(crate) async fn a_profile_keeps_names_and_an_image_apart(database: Database) {
    let world = World::start(database).await;
    let ali = register(&world, "ali").await;
    let of_ali = Client::new(&world, &ali);
    let path = "/chat/profile/";
    let fields = [
        "avatar_url",
        "email",
        "first_name",
        "id",
        "last_name",
        "username",
    ];
    let before = of_ali.get(path).await.body;
    assert_eq!(keys(&before), fields);
    assert_eq!(before["avatar_url"], Value::Null);
    let avatar = |name: &str, bytes: Vec<u8>| {
        let part = Part::bytes(bytes).file_name(name.to_owned());
        let form = Form::new().text("first_name", "علی").part("avatar", part);
        answer(
            of_ali
                .request(Method::POST, path)
                .multipart(form.text("last_name", "رضایی")),
        )
    };
    let changed = avatar("../من.png", png(40, 30)).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
    assert_eq!(changed.body["first_name"], "علی");
    assert_eq!(changed.body["last_name"], "رضایی");
    let url = changed.body["avatar_url"].as_str().unwrap();
    assert_eq!(fetch(&world, url).await, (200, png(40, 30)));
    assert_eq!(
        world.me(&ali.access).await.body["display_name"],
        "علی رضایی"
    );

    let html = b"<html><script>alert(1)</script></html>".to_vec();
    is_invalid(&avatar("me.png", html).await, &["avatar"]);
    assert_eq!(of_ali.get(path).await.body, changed.body);
    // What is not named stays.
    let named = of_ali.post(path, &json!({"last_name": ""})).await.body;
    assert_eq!(
        (&named["first_name"], &named["last_name"]),
        (&json!("علی"), &json!(""))
    );
    assert_eq!(named["avatar_url"], changed.body["avatar_url"]);
    assert_eq!(world.me(&ali.access).await.body["display_name"], "علی");
    is_invalid(
        &of_ali
            .post(path, &json!({"first_name": "x".repeat(101)}))
            .await,
        &["first_name"],
    );
    let cleared = of_ali
        .form(path, "avatar-clear=on&first_name=&last_name=")
        .await;
    assert_eq!(cleared.body["avatar_url"], Value::Null);
    assert_eq!(world.me(&ali.access).await.body["display_name"], "ali");
    is_refused(&answer(world.request(Method::POST, path)).await, 401);
}

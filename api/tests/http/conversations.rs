//! The dialect *conversations*.

use std::time::Duration;

use chapar_shared::Limits;
use reqwest::Method;
use serde_json::{Value, json};

use crate::dialects::{Client, fetch, form, holds, keys};
use crate::world::{Answer, Database, Options, World, answer};

const CONVERSATION: [&str; 5] = [
    "created_at",
    "id",
    "last_message",
    "participant_ids",
    "participants",
];
const MESSAGE: [&str; 8] = [
    "attachments",
    "content",
    "id",
    "is_deleted",
    "is_edited",
    "sender",
    "sender_id",
    "timestamp",
];

#[track_caller]
fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert!(answer.body["detail"].is_string(), "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    if status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"api\"");
    }
}

#[track_caller]
fn blames(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 400, "{:?}", answer.body);
    assert_eq!(keys(&answer.body), [field]);
    assert!(answer.body[field][0].is_string(), "{:?}", answer.body);
}

async fn begin(client: Client<'_>, participants: Value) -> (u16, Value) {
    let body = json!({ "participants": participants });
    let answer = client.post("/api/conversations/", &body).await;
    (answer.status.as_u16(), answer.body)
}

pub(crate) async fn two_people_have_one_conversation(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (world.register("علی").await, world.register("sara").await);
    let (a, s) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let (status, made) = begin(a, json!([sara.id])).await;
    assert_eq!(status, 201, "{made:?}");
    assert_eq!(keys(&made), CONVERSATION);
    assert_eq!(made["participants"], json!(["علی", "sara"]));
    assert_eq!(made["participant_ids"], json!([ali.id, sara.id]));
    assert_eq!(made["last_message"], Value::Null);
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));

    // By whomever, in whatever spelling and body.
    assert_eq!(
        begin(s, json!([ali.id, sara.id])).await,
        (200, made.clone())
    );
    assert_eq!(begin(s, json!(["علی"])).await, (200, made.clone()));
    assert_eq!(
        begin(s, json!([ali.id.to_string()])).await,
        (200, made.clone())
    );
    assert_eq!(begin(a, json!(sara.id)).await, (200, made.clone()));
    let body = format!("participants={}&participants={}", ali.id, sara.id);
    for path in [
        "/api/conversations",
        "/api/conversations/",
        "/api/chat/conversations",
        "/api/chat/conversations/",
    ] {
        let found = a.form(path, &body).await;
        assert_eq!((found.status.as_u16(), &found.body), (200, &made));
        assert_eq!(s.get(path).await.body, json!([made]));
        let id = &made["id"];
        let one = format!("{}/{id}", path.trim_end_matches('/'));
        assert_eq!(s.get(&one).await.body, made);
        assert_eq!(s.get(&format!("{one}/")).await.body, made);
    }
}

pub(crate) async fn more_people_have_a_room_and_one_may_leave(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (world.register("ali").await, world.register("sara").await);
    let reza = world.register("رضا").await;
    let (a, r) = (Client::new(&world, &ali), Client::new(&world, &reza));
    let (status, made) = begin(a, json!([sara.id, "رضا", sara.id])).await;
    assert_eq!(status, 201, "{made:?}");
    assert_eq!(made["participants"], json!(["ali", "sara", "رضا"]));
    let (status, other) = begin(a, json!([sara.id, reza.id])).await;
    assert_eq!(status, 201);
    assert_ne!(made["id"], other["id"]);
    let room = a.get(&format!("/v1/rooms/{}", made["id"])).await.body;
    assert_eq!(
        (&room["kind"], &room["name"]),
        (&json!("private"), &json!(""))
    );

    let path = format!("/api/conversations/{}/", made["id"]);
    assert_eq!(r.delete(&path).await.status, 204);
    for gone in [r.get(&path).await, r.delete(&path).await] {
        is_refused(&gone, 404);
    }
    assert_eq!(r.get("/api/conversations/").await.body, json!([other]));
    assert_eq!(
        a.get(&path).await.body["participants"],
        json!(["ali", "sara"])
    );
    // The newest by id, oldest first.
    let ids = async |query: &str| {
        let list = a.get(&format!("/api/conversations/{query}")).await.body;
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["id"].clone()).collect::<Value>()
    };
    let (first, second) = (&made["id"], &other["id"]);
    assert_eq!(ids("").await, json!([first, second]));
    assert_eq!(ids("?limit=1").await, json!([second]));
    assert_eq!(
        ids(&format!("?limit=9999&before={second}")).await,
        json!([first])
    );
}

pub(crate) async fn a_conversation_of_two_is_hidden_until_its_next_message(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (world.register("ali").await, world.register("sara").await);
    let (a, s) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let (_, made) = begin(a, json!([sara.id])).await;
    let path = format!("/api/conversations/{}/", made["id"]);
    assert_eq!(a.delete(&path).await.status, 204);
    assert_eq!(a.get("/api/conversations/").await.body, json!([]));
    assert_eq!(
        s.get("/api/conversations/")
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let text = json!({"content": "هستی؟"});
    assert_eq!(s.post(&format!("{path}messages/"), &text).await.status, 201);
    let list = a.get("/api/conversations/").await.body;
    assert_eq!(list[0]["last_message"]["content"], "هستی؟");
}

pub(crate) async fn who_cannot_be_named_is_told(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let sara =
        json!({"username": "sara", "password": "correct horse", "email": "sara@example.com"});
    answer(world.post("/v1/auth/register", &sara)).await;
    let a = Client::new(&world, &ali);
    for participants in [
        // Who has which e-mail is not for everybody to ask.
        json!(["sara@example.com"]),
        json!([]),
        json!([""]),
        json!(null),
        json!([999_999]),
        json!(["nobody"]),
        json!([ali.id, 999_998, 999_999]),
        json!([[1]]),
        json!({"id": 1}),
        json!((1..200).collect::<Vec<_>>()),
    ] {
        let body = json!({ "participants": participants });
        blames(&a.post("/api/conversations/", &body).await, "participants");
    }
    blames(
        &a.post("/api/conversations/", &json!({})).await,
        "participants",
    );
    blames(&a.form("/api/conversations/", "").await, "participants");
    assert_eq!(a.get("/api/conversations/").await.body, json!([]));
}

pub(crate) async fn messages_are_changed_by_their_authors_alone(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (world.register("ali").await, world.register("سارا").await);
    let reza = world.register("reza").await;
    let (a, s) = (Client::new(&world, &ali), Client::new(&world, &sara));
    // Ali owns the room, which gives no power here.
    let (_, made) = begin(a, json!([sara.id, reza.id])).await;
    let path = format!("/api/conversations/{}/messages", made["id"]);
    let sent = s
        .post(&path, &json!({"content": "سلام!", "sender": "ali"}))
        .await;
    assert_eq!(sent.status, 201, "{:?}", sent.body);
    let sent = sent.body;
    assert_eq!(keys(&sent), MESSAGE);
    assert_eq!(
        (&sent["sender"], &sent["sender_id"]),
        (&json!("سارا"), &json!(sara.id))
    );
    assert_eq!(
        (&sent["content"], &sent["attachments"]),
        (&json!("سلام!"), &json!([]))
    );
    assert_eq!(
        (&sent["is_edited"], &sent["is_deleted"]),
        (&json!(false), &json!(false))
    );
    let posted = a.form(&format!("{path}/"), "content=%D8%AF%D9%88").await;
    assert_eq!(
        (posted.status.as_u16(), &posted.body["content"]),
        (201, &json!("دو"))
    );
    assert_eq!(a.get(&path).await.body, json!([sent, posted.body]));
    // One pipeline: it is there for everybody else too.
    let native = a
        .get(&format!("/v1/rooms/{}/messages", made["id"]))
        .await
        .body;
    assert_eq!(native["items"][1]["id"], sent["id"]);

    let one = format!("{path}/{}/", sent["id"]);
    let text = json!({"content": "درود"});
    is_refused(&a.patch(&one, &text).await, 403);
    is_refused(&a.delete(&one).await, 403);
    let edited = s.patch(one.trim_end_matches('/'), &text).await;
    assert_eq!(edited.status, 200, "{:?}", edited.body);
    assert_eq!(
        (&edited.body["content"], &edited.body["is_edited"]),
        (&json!("درود"), &json!(true))
    );
    for body in [
        json!({}),
        json!({"content": "  "}),
        json!({"content": ["x"]}),
    ] {
        blames(&s.patch(&one, &body).await, "content");
        blames(&s.post(&path, &body).await, "content");
    }
    let long = json!({"content": "x".repeat(4001)});
    blames(&s.post(&path, &long).await, "content");

    assert_eq!(s.delete(&one).await.status, 204);
    let list = a.get(&path).await.body;
    assert_eq!(
        (&list[0]["content"], &list[0]["is_deleted"]),
        (&json!(""), &json!(true))
    );
    is_refused(&s.patch(&one, &text).await, 404);
    let rooms = a.get("/api/conversations/").await.body;
    assert_eq!(rooms[0]["last_message"]["id"], posted.body["id"]);
}

pub(crate) async fn messages_are_listed_newest_last(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (world.register("ali").await, world.register("sara").await);
    let a = Client::new(&world, &ali);
    let (_, made) = begin(a, json!([sara.id])).await;
    let path = format!("/api/conversations/{}/messages/", made["id"]);
    let mut ids = Vec::new();
    for text in ["۱", "۲", "۳", "۴"] {
        let sent = a.post(&path, &json!({ "content": text })).await.body;
        ids.push(sent["id"].clone());
    }
    let list = async |query: String| {
        let list = a.get(&format!("{path}{query}")).await.body;
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(list(String::new()).await, ids);
    assert_eq!(list("?limit=2".to_owned()).await, ids[2..]);
    assert_eq!(list(format!("?limit=2&before={}", ids[3])).await, ids[1..3]);
    blames(&a.get(&format!("{path}?limit=0")).await, "limit");
    blames(&a.get(&format!("{path}?limit=x")).await, "limit");
    blames(&a.get(&format!("{path}?before=999999")).await, "before");
}

pub(crate) async fn what_is_not_ones_own_is_not_there(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (world.register("ali").await, world.register("sara").await);
    let eve = world.register("eve").await;
    let (a, e) = (Client::new(&world, &ali), Client::new(&world, &eve));
    let (_, theirs) = begin(a, json!([sara.id])).await;
    let (_, own) = begin(e, json!([ali.id])).await;
    let public = json!({"kind": "public", "name": "همگانی"});
    let public = a.post("/v1/rooms", &public).await.body["id"].clone();
    let theirs = theirs["id"].clone();
    let send = async |room: &Value| {
        let path = format!("/api/conversations/{room}/messages/");
        a.post(&path, &json!({"content": "راز"})).await.body["id"].clone()
    };
    let text = json!({"content": "x"});
    for (room, message) in [
        (&theirs, send(&theirs).await),
        (&public, send(&public).await),
        (&json!(999_999), json!(1)),
        (&own["id"], send(&theirs).await),
        (&own["id"], json!(999_999)),
    ] {
        let base = format!("/api/conversations/{room}/");
        let one = format!("{base}messages/{message}/");
        let files = format!("{one}attachments/");
        let mut answers = vec![
            e.patch(&one, &text).await,
            e.delete(&one).await,
            e.get(&files).await,
            e.upload(&files, "a.txt", b"x".to_vec()).await,
        ];
        if *room != own["id"] {
            answers.push(e.get(&base).await);
            answers.push(e.delete(&base).await);
            answers.push(e.get(&format!("{base}messages/")).await);
            answers.push(e.post(&format!("{base}messages/"), &text).await);
        }
        for refused in answers {
            is_refused(&refused, 404);
        }
    }
    holds(&world, 0).await;
    // Any room that one is in is a conversation.
    let join = format!("/v1/rooms/{public}/members/{}", eve.id);
    assert!(
        answer(e.request(Method::PUT, &join))
            .await
            .status
            .is_success()
    );
    let path = format!("/api/conversations/{public}/messages/");
    assert_eq!(e.post(&path, &text).await.status, 201);
    assert_eq!(e.get(&path).await.body[1]["content"], "x");
}

pub(crate) async fn files_are_added_to_ones_own_messages(database: Database) {
    let mut options = Options::default();
    options.limits = Limits {
        max_upload_bytes: 100,
        max_attachments: 2,
        ..options.limits
    };
    let world = World::start_with(database, options).await;
    let (ali, sara) = (world.register("ali").await, world.register("sara").await);
    let (a, s) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let (_, made) = begin(a, json!([sara.id])).await;
    let messages = format!("/api/chat/conversations/{}/messages", made["id"]);
    let sent = a.post(&messages, &json!({"content": "گزارش"})).await.body;
    let path = format!("{messages}/{}/attachments", sent["id"]);
    assert_eq!(a.get(&path).await.body, json!([]));

    let added = a
        .upload(&format!("{path}/"), "../../گزارش.pdf", b"%PDF-1.7".to_vec())
        .await;
    assert_eq!(added.status, 201, "{:?}", added.body);
    assert_eq!(keys(&added.body), ["file", "id", "uploaded_at"]);
    assert!(added.body["uploaded_at"].as_str().unwrap().ends_with('Z'));
    let url = added.body["file"].as_str().unwrap();
    assert_eq!(fetch(&world, url).await, (200, b"%PDF-1.7".to_vec()));
    for list in [
        s.get(&path).await.body,
        s.get(&format!("{path}/")).await.body,
    ] {
        assert_eq!(list, json!([added.body]));
    }
    let list = s.get(&messages).await.body;
    assert_eq!(list[0]["attachments"], json!([added.body]));
    let native = format!("/v1/rooms/{}/messages", made["id"]);
    let native = s.get(&native).await.body["items"][0]["attachments"][0].clone();
    assert_eq!(native["name"], "گزارش.pdf");
    assert_eq!(native["content_type"], "application/pdf");

    // Content counts and not the name, and what was refused is not kept.
    is_refused(&s.upload(&path, "a.png", b"x".to_vec()).await, 403);
    is_refused(&a.upload(&path, "a.png", vec![0; 101]).await, 413);
    blames(&a.post(&path, &json!({"file": "x"})).await, "file");
    holds(&world, 1).await;
    let html = b"<script>alert(1)</script>".to_vec();
    let added = a.upload(&path, "a.png", html).await;
    let shown = world.client.get(added.body["file"].as_str().unwrap());
    let shown = shown.send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "application/octet-stream");
    blames(&a.upload(&path, "third.txt", b"x".to_vec()).await, "file");

    let one = format!("{messages}/{}/", sent["id"]);
    assert_eq!(a.delete(&one).await.status, 204);
    assert_eq!(a.get(&path).await.body, json!([]));
    is_refused(&a.upload(&path, "a.txt", b"x".to_vec()).await, 404);
}

pub(crate) async fn tokens_are_made_renewed_and_verified(database: Database) {
    let world = World::start(database).await;
    world.register("علی").await;
    let login = json!({"username": "علی", "password": "correct horse"});
    let pair = answer(world.post("/auth/jwt/create/", &login)).await;
    assert_eq!(pair.status, 200, "{:?}", pair.body);
    assert_eq!(keys(&pair.body), ["access", "refresh"]);
    assert_eq!(pair.header("cache-control"), "no-store");
    let create = world.request(Method::POST, "/auth/jwt/create");
    let by_form = form(create, "username=%D8%B9%D9%84%DB%8C&password=correct+horse");
    assert_eq!(answer(by_form).await.status, 200);

    let wrong = json!({"username": "علی", "password": "wrong horse"});
    is_refused(&answer(world.post("/auth/jwt/create/", &wrong)).await, 401);
    let missing = answer(world.post("/auth/jwt/create/", &json!({}))).await;
    assert_eq!(missing.status, 400);
    assert_eq!(keys(&missing.body), ["password", "username"]);
    assert_eq!(missing.body["username"], json!(["This field is required."]));

    // The same refresh token works as often as a client likes.
    world.pass(Duration::from_hours(23));
    assert_eq!(
        world.me(pair.body["access"].as_str().unwrap()).await.status,
        200
    );
    world.pass(Duration::from_hours(2));
    assert_eq!(
        world.me(pair.body["access"].as_str().unwrap()).await.status,
        401
    );
    let refresh = json!({"refresh": pair.body["refresh"]});
    for path in ["/auth/jwt/refresh/", "/auth/jwt/refresh"] {
        let renewed = answer(world.post(path, &refresh)).await;
        assert_eq!(renewed.status, 200, "{:?}", renewed.body);
        assert_eq!(renewed.body["refresh"], pair.body["refresh"]);
        let access = renewed.body["access"].as_str().unwrap();
        assert_eq!(world.me(access).await.body["username"], "علی");
        for good in [&renewed.body["access"], &renewed.body["refresh"]] {
            let verified = answer(world.post("/auth/jwt/verify/", &json!({"token": good}))).await;
            assert_eq!((verified.status.as_u16(), verified.body), (200, json!({})));
        }
    }
    // One that was rotated away natively ends the session, here as there.
    let next = world.refresh(pair.body["refresh"].as_str().unwrap()).await;
    world.pass(Duration::from_mins(1));
    for (path, body) in [
        ("/auth/jwt/verify", json!({"token": pair.body["refresh"]})),
        ("/auth/jwt/verify", json!({"token": "junk"})),
        ("/auth/jwt/verify", json!({"token": pair.body["access"]})),
        ("/auth/jwt/refresh", json!({"refresh": "junk"})),
        ("/auth/jwt/refresh", refresh),
        (
            "/auth/jwt/refresh",
            json!({"refresh": next.body["refresh_token"]}),
        ),
    ] {
        let refused = answer(world.post(path, &body)).await;
        is_refused(&refused, 401);
        assert_eq!(refused.body["code"], "token_not_valid", "{path} {body}");
    }
    for (path, field) in [
        ("/auth/jwt/verify/", "token"),
        ("/auth/jwt/refresh/", "refresh"),
    ] {
        blames(&answer(world.post(path, &json!({}))).await, field);
    }
}

pub(crate) async fn refusals_have_the_form_of_django_rest(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let a = Client::new(&world, &ali);
    for path in [
        "/api/conversations/",
        "/api/chat/conversations/1/",
        "/api/conversations/1/messages/",
        "/api/conversations/1/messages/1/attachments/",
    ] {
        is_refused(&answer(world.get(path)).await, 401);
        let forged = world.get(path).bearer_auth("forged");
        is_refused(&answer(forged).await, 401);
    }
    is_refused(&a.get("/api/conversations/1/nothing/").await, 404);
    is_refused(&a.get("/api/conversations/one/").await, 404);
    is_refused(
        &a.get("/api/conversations/99999999999999999999/").await,
        404,
    );
    is_refused(&a.delete("/api/conversations/").await, 405);
    is_refused(&answer(world.get("/auth/jwt/create/")).await, 405);
    let post = |kind: &str, body: &str| {
        let request = a.request(Method::POST, "/api/conversations/");
        let request = request.header("content-type", kind);
        answer(request.body(body.to_owned()))
    };
    is_refused(&post("application/json", "{").await, 400);
    is_refused(&post("application/json", "[1]").await, 400);
    is_refused(&post("text/plain", "x").await, 415);
    is_refused(&post("application/json", &" ".repeat(300 << 10)).await, 413);
    let fa = a.request(Method::POST, "/api/conversations/");
    let fa = answer(fa.header("accept-language", "fa").json(&json!({}))).await;
    assert_eq!(fa.body, json!({"participants": ["این فیلد الزامی است."]}));
}

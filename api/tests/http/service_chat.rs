//! Chats of the dialect *service*.

use std::time::Duration;

use chapar_broker::PresenceState;
use chapar_shared::envelope::Channel;
use chapar_shared::internal::ChangesRequest;
use chapar_shared::{Limits, RoomId, UserId};
use reqwest::Method;
use serde_json::json;

use crate::dialects::{Client, fetch, holds, keys};
use crate::service::{is_refused, items, says, sign_up};
use crate::world::{Database, Options, User, World, answer};

pub(crate) async fn private_chats_tell_who_is_online(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (sign_up(&world, "ali").await, sign_up(&world, "سارا").await);
    let plain = world.register("plain").await;
    let (a, s) = (Client::new(&world, &ali), Client::new(&world, &sara));
    assert_eq!(a.get("/chat/private_chats/").await.body, json!([]));
    let made = a
        .post(
            "/chat/private_chats/",
            &json!({"member": "سارا@example.com"}),
        )
        .await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made.body,
        json!({
            "id": id, "other_user_email": "سارا@example.com", "other_username": "سارا",
            "is_online": false, "last_message": null,
        })
    );
    let again = s.form("/chat/private_chats", "member=ali").await;
    assert_eq!(
        (again.status.as_u16(), &again.body["id"]),
        (201, &json!(id))
    );
    let second = a
        .post("/chat/private_chats", &json!({"member": "plain"}))
        .await;
    assert_eq!(second.body["other_user_email"], "plain");

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
    let messages = format!("/chat/chat_rooms/{id}/messages");
    let sent = s.post(&messages, &json!({"content": "سلام"})).await;
    assert_eq!(sent.status, 201, "{:?}", sent.body);
    for path in ["/chat/private_chats/", "/chat/private_chats"] {
        let list = a.get(path).await.body;
        assert_eq!(list.as_array().unwrap().len(), 2);
        assert_eq!(
            (&list[0]["id"], &list[0]["is_online"]),
            (&json!(id), &json!(true))
        );
        assert_eq!(list[0]["last_message"], sent.body);
        assert_eq!(list[1]["is_online"], false);
    }
    let seen = Client::new(&world, &plain)
        .get("/chat/private_chats/")
        .await
        .body;
    assert_eq!(seen[0]["other_user_email"], "ali@example.com");
    let before = second.body["id"].as_str().unwrap();
    let page = format!("/chat/private_chats/?limit=1&before={before}");
    assert_eq!(a.get(&page).await.body[0]["id"], json!(id));

    is_refused(
        &a.post(
            "/chat/private_chats/",
            &json!({"member": "nobody@example.com"}),
        )
        .await,
        404,
    );
    let oneself = a
        .post("/chat/private_chats/", &json!({"member": "ali"}))
        .await;
    assert_eq!(
        items(&oneself),
        [("value_error".to_owned(), json!(["body", "member"]))]
    );
    let missing = a.post("/chat/private_chats/", &json!({})).await;
    assert_eq!(
        items(&missing),
        [("missing".to_owned(), json!(["body", "member"]))]
    );
}

pub(crate) async fn chat_rooms_are_their_members_alone(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (sign_up(&world, "ali").await, sign_up(&world, "سارا").await);
    let (plain, eve) = (world.register("plain").await, world.register("eve").await);
    let (a, s, e) = (
        Client::new(&world, &ali),
        Client::new(&world, &sara),
        Client::new(&world, &eve),
    );
    let body = json!({
        "name": "اتاق ما", "description": "برای گفتگو",
        "members": ["سارا@example.com", "plain", "ali@example.com", "سارا"],
    });
    let made = a.post("/chat/chat_rooms/", &body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "id": id, "name": "اتاق ما", "description": "برای گفتگو",
        "members": ["ali@example.com", "سارا@example.com", "plain"], "messages": [],
    });
    assert_eq!(made.body, expected);
    let alone = a
        .form("/chat/chat_rooms", "name=%D8%AA%D9%86%D9%87%D8%A7")
        .await;
    assert_eq!(
        (&alone.body["name"], &alone.body["members"]),
        (&json!("تنها"), &json!(["ali@example.com"]))
    );
    a.post("/chat/private_chats/", &json!({"member": "سارا"}))
        .await;
    for path in ["/chat/chat_rooms/", "/chat/chat_rooms"] {
        assert_eq!(a.get(path).await.body, json!([expected, alone.body]));
        assert_eq!(s.get(path).await.body, json!([expected]));
        assert_eq!(e.get(path).await.body, json!([]));
    }
    let one = format!("/chat/chat_rooms/{id}");
    let sent = s
        .post(&format!("{one}/messages"), &json!({"content": "سلام"}))
        .await;
    for path in [one.clone(), format!("{one}/")] {
        let shown = a.get(&path).await.body;
        assert_eq!(keys(&shown), keys(&expected));
        assert_eq!(shown["messages"], json!([sent.body]));
        says(
            &e.get(&path).await,
            404,
            "Chat room not found or access denied",
        );
    }
    let native = Client::new(&world, &plain)
        .get(&format!("/v1/rooms/{id}"))
        .await;
    assert_eq!(native.body["kind"], "private");

    // Public rooms are no exception, and no id is an error of ours.
    let public = json!({"kind": "public", "name": "همگانی"});
    let public = a.post("/v1/rooms", &public).await.body["id"].to_string();
    for id in [
        id.as_str(),
        &public,
        "999999",
        "0",
        "x",
        "%D8%B3",
        "99999999999999999999",
    ] {
        let path = format!("/chat/chat_rooms/{id}");
        let text = json!({"content": "x"});
        for refused in [
            e.get(&path).await,
            e.get(&format!("{path}/messages")).await,
            e.post(&format!("{path}/messages"), &text).await,
        ] {
            says(&refused, 404, "Chat room not found or access denied");
        }
    }
}

pub(crate) async fn a_chat_room_that_cannot_be_made_is_told_why(database: Database) {
    let world = World::start(database).await;
    let ali = sign_up(&world, "ali").await;
    let a = Client::new(&world, &ali);
    let unknown = json!({"name": "r", "members": ["nobody@example.com"]});
    is_refused(&a.post("/chat/chat_rooms/", &unknown).await, 400);
    let place = |field| json!(["body", field]);
    for (body, kind, field) in [
        (json!({}), "missing", "name"),
        (json!({"name": ""}), "missing", "name"),
        (json!({"name": {}}), "string_type", "name"),
        (json!({"name": "12"}), "value_error", "name"),
        (
            json!({"name": "r", "members": {"a": 1}}),
            "list_type",
            "members",
        ),
        (
            json!({"name": "r", "members": vec!["plain"; 200]}),
            "too_long",
            "members",
        ),
        (
            json!({"name": "r", "description": "x".repeat(501)}),
            "string_too_long",
            "description",
        ),
    ] {
        let refused = a.post("/chat/chat_rooms/", &body).await;
        assert_eq!(items(&refused), [(kind.to_owned(), place(field))], "{body}");
    }
}

pub(crate) async fn messages_of_a_chat_room_are_of_all_systems(database: Database) {
    let world = World::start(database).await;
    let (ali, plain) = (sign_up(&world, "ali").await, world.register("plain").await);
    let (a, p) = (Client::new(&world, &ali), Client::new(&world, &plain));
    let body = json!({"name": "r", "members": ["plain"]});
    let id = a.post("/chat/chat_rooms/", &body).await.body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/chat/chat_rooms/{id}/messages");
    let body =
        json!({"content": "یک", "sender": "eve@example.com", "timestamp": "2001-01-01T00:00:00Z"});
    let one = a.post(&path, &body).await;
    assert_eq!(one.status, 201, "{:?}", one.body);
    let one = one.body;
    assert_eq!(keys(&one), ["content", "id", "sender", "timestamp"]);
    assert_eq!(
        (&one["sender"], &one["content"]),
        (&json!("ali@example.com"), &json!("یک"))
    );
    assert!(one["id"].is_string() && !one["timestamp"].as_str().unwrap().starts_with("2001"));
    let two = p
        .form(&format!("{path}/"), "content=%D8%AF%D9%88")
        .await
        .body;
    assert_eq!(
        (&two["sender"], &two["content"]),
        (&json!("plain"), &json!("دو"))
    );

    // A file of another system is shown as its address, a deleted message not at all.
    let native = format!("/v1/rooms/{id}/messages");
    let file = p
        .upload("/v1/uploads", "a.pdf", b"%PDF-1.7".to_vec())
        .await
        .body["id"]
        .clone();
    let body = json!({"content": "پرونده", "attachments": [file]});
    p.post(&native, &body).await;
    let deleted = p.post(&native, &json!({"content": "نه"})).await.body["id"].clone();
    assert_eq!(p.delete(&format!("{native}/{deleted}")).await.status, 204);
    let list = a.get(&path).await.body;
    assert_eq!(list.as_array().unwrap().len(), 3);
    assert_eq!(list, a.get(&format!("{path}/")).await.body);
    assert_eq!((&list[0], &list[1]), (&one, &two));
    let (text, url) = list[2]["content"]
        .as_str()
        .unwrap()
        .split_once('\n')
        .unwrap();
    assert_eq!(text, "پرونده");
    assert_eq!(fetch(&world, url).await, (200, b"%PDF-1.7".to_vec()));
    let before = one["id"].as_str().unwrap().parse::<i64>().unwrap() + 1;
    let page = a.get(&format!("{path}?limit=1&before={before}")).await.body;
    assert_eq!(page, json!([one]));

    let place = |at, field| json!([at, field]);
    for (query, kind) in [("limit=0", "value_error"), ("limit=x", "int_parsing")] {
        let refused = a.get(&format!("{path}?{query}")).await;
        assert_eq!(
            items(&refused),
            [(kind.to_owned(), place("query", "limit"))]
        );
    }
    for (body, kind) in [
        (json!({}), "missing"),
        (json!({"content": " "}), "missing"),
        (json!({"content": []}), "string_type"),
        (json!({"content": "x".repeat(4001)}), "string_too_long"),
    ] {
        let refused = a.post(&path, &body).await;
        assert_eq!(
            items(&refused),
            [(kind.to_owned(), place("body", "content"))]
        );
    }
}

pub(crate) async fn an_uploads_address_is_good_as_long_as_it_says(database: Database) {
    let mut options = Options::default();
    options.limits = Limits {
        max_upload_bytes: 100,
        max_user_files_bytes: 150,
        ..options.limits
    };
    let world = World::start_with(database, options).await;
    let ali = sign_up(&world, "ali").await;
    let a = Client::new(&world, &ali);
    let path = "/chat/upload_media/";
    let kept = a.upload(path, "../../عکس.png", b"%PDF-1.7".to_vec()).await;
    assert_eq!(kept.status, 200, "{:?}", kept.body);
    assert_eq!(keys(&kept.body), ["file_url"]);
    let url = kept.body["file_url"].as_str().unwrap();
    assert_eq!(fetch(&world, url).await, (200, b"%PDF-1.7".to_vec()));
    let shown = world.client.get(url).send().await.unwrap();
    let disposition = shown.headers()["content-disposition"].to_str().unwrap();
    assert!(!disposition.contains(".."), "{disposition}");

    let files = &world.api.state().files;
    world.pass(Duration::from_hours(6 * 24));
    assert_eq!(files.remove_unused(10).await.unwrap(), 0);
    assert_eq!(fetch(&world, url).await.0, 200);
    world.pass(Duration::from_hours(5 * 24));
    assert_eq!(fetch(&world, url).await.0, 403);
    assert_eq!(files.remove_unused(10).await.unwrap(), 1);
    assert_eq!(world.objects(), 0);

    let body = json!({"email": "ali", "password": "password123"});
    let token = answer(world.post("/auth/login", &body)).await;
    let ali = User {
        access: token.body["access_token"].as_str().unwrap().to_owned(),
        ..ali
    };
    let a = Client::new(&world, &ali);
    assert_eq!(
        a.upload("/chat/upload_media", "a", vec![0; 100])
            .await
            .status,
        200
    );
    is_refused(&a.upload(path, "a", vec![0; 100]).await, 400);
    is_refused(&a.upload(path, "a", vec![0; 101]).await, 413);
    let missing = a.post(path, &json!({})).await;
    assert_eq!(
        items(&missing),
        [("missing".to_owned(), json!(["body", "file"]))]
    );
    says(
        &answer(world.request(Method::POST, path)).await,
        401,
        "Not authenticated",
    );
    holds(&world, 1).await;
}

pub(crate) async fn nodes_tell_each_other_who_by_all_names(database: Database) {
    let world = World::start(database).await;
    let (ali, sara) = (sign_up(&world, "ali").await, sign_up(&world, "سارا").await);
    let (a, s) = (Client::new(&world, &ali), Client::new(&world, &sara));
    let body = json!({"name": "r", "members": ["سارا"]});
    let id = a.post("/chat/chat_rooms/", &body).await.body["id"].clone();
    let room = RoomId(id.as_str().unwrap().parse().unwrap());
    let path = format!("/chat/chat_rooms/{room}/messages");
    world.broker.take_of(&Channel::Room(room));
    let sent = s.post(&path, &json!({"content": "سلام"})).await.body;
    let expected = json!({"id": sara.id, "username": "سارا", "email": "سارا@example.com"});
    let live = world.broker.take_of(&Channel::Room(room));
    let [live] = &live[..] else {
        panic!("{live:?}");
    };
    let changes = ChangesRequest {
        room,
        since: 2,
        origin: None,
        limit: 10,
    };
    let page = world.api.backend().changes(changes).await.unwrap();
    let [replayed] = &page.items[..] else {
        panic!("{page:?}");
    };
    let replayed = serde_json::to_value(replayed).unwrap();
    for change in [&live["change"], &replayed] {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(change["actor"][name], *value, "{change}");
        }
        let message = &change["frame"]["data"]["id"];
        assert_eq!(message.to_string(), sent["id"].as_str().unwrap());
    }
}

//! Sockets of the older dialects: what each is told, what it may say, and how it comes and goes.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use chapar_shared::Limits;
use chapar_shared::internal::Command;

use super::world::{Client, World, config, until};

const LIFE: Duration = Duration::from_mins(15);

/// Both kinds of socket of room 1, of users 1 and 2.
async fn pair(world: &World) -> (Client, Client) {
    let plain = world.door(0, 1, "/ws/chat/1/?dialect=groups").await;
    let conversation = world.door(0, 2, "/ws/chat/1").await;
    (plain.ok().unwrap(), conversation.ok().unwrap())
}

#[tokio::test]
async fn each_socket_hears_a_message_once_in_its_own_form() {
    let world = World::new().await;
    world.store.send(1, "پیش از همه");
    let (mut plain, mut conversation) = pair(&world).await;
    let mut native = world.client(0, 3).await;
    conversation
        .send(&json!({"type": "chat_message", "message": "سلام"}))
        .await;
    let time = "1970-01-01T00:00:00.000000Z";
    // Nothing of what was before it, and no greeting.
    assert_eq!(
        conversation.next().await,
        json!({"type": "chat.message", "message": {
            "id": 2, "sender": "کاربر2", "content": "سلام", "timestamp": time, "attachments": [],
        }})
    );
    assert_eq!(
        plain.next().await,
        json!({
            "message": "سلام", "username": "کاربر2", "user": "کاربر2", "avatar_url": null,
            "timestamp": time, "id": 2,
        })
    );
    assert_eq!(native.event("message.created").await["data"]["id"], 2);
    plain
        .send(&json!({"message": "علیک", "user": "دیگری", "timestamp": "x"}))
        .await;
    assert_eq!(plain.next().await["username"], "کاربر1");
    assert_eq!(conversation.next().await["message"]["sender"], "کاربر1");
}

#[tokio::test]
async fn edits_and_deletes_are_told_where_the_dialect_knows_them() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    let id = world.store.send(1, "غلت");
    world.store.edit(1, id, "غلط");
    world.store.delete(1, id);
    let last = world.store.send(1, "پایان");
    assert_eq!(conversation.next().await["message"]["content"], "غلت");
    assert_eq!(
        conversation.next().await,
        json!({"type": "message.edited", "message": {"id": id, "content": "غلط"}})
    );
    assert_eq!(
        conversation.next().await,
        json!({"type": "message.deleted", "message_id": id})
    );
    assert_eq!(conversation.next().await["message"]["id"], last);
    assert_eq!(plain.next().await["id"], id);
    assert_eq!(plain.next().await["id"], last);
}

#[tokio::test]
async fn a_message_with_files_is_several_plain_frames_and_one_of_a_conversation() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    // Who came under another name gets addresses under that.
    let token = format!("Bearer {}", world.token(3, 30, LIFE));
    let headers = [("authorization", &*token), ("host", "chat.example")];
    let elsewhere = world.knock(0, "/ws/chat/1?dialect=groups", &headers).await;
    let id = world.store.send_files(1, 2, "دو پرونده", &["الف", "ب"]);
    let base = format!("http://{}", world.nodes[0].address);
    assert_eq!(plain.next().await["message"], "دو پرونده");
    for name in ["الف", "ب"] {
        let file = plain.next().await;
        assert_eq!(file["file"], format!("{base}/files/{name}"));
        assert_eq!(
            (&file["filename"], &file["username"], &file["id"]),
            (&json!(name), &json!("کاربر2"), &json!(id))
        );
        assert_eq!(file.get("message"), None);
    }
    let mut elsewhere = elsewhere.ok().unwrap();
    elsewhere.next().await;
    assert_eq!(
        elsewhere.next().await["file"],
        "http://chat.example/files/الف"
    );
    let message = conversation.next().await["message"].clone();
    assert_eq!(message["attachments"].as_array().unwrap().len(), 2);
    assert_eq!(message["attachments"][1]["file"], format!("{base}/files/ب"));
    assert_eq!(message["attachments"][1]["id"], 7);
    world.store.send_files(1, 2, "", &["ج"]);
    assert_eq!(plain.next().await["filename"], "ج");
}

#[tokio::test]
async fn direct_rooms_say_who_wrote_to_whom() {
    let world = World::new().await;
    let mut direct = world.door(0, 1, "/ws/direct/کاربر2/").await.ok().unwrap();
    let path = "/ws/private_chat_کاربر1_کاربر2";
    let mut private = world.door(0, 1, path).await.ok().unwrap();
    private.send(&json!({"message": "سلام"})).await;
    let told = direct.next().await;
    assert_eq!(told["sender"], "کاربر1");
    let keys: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "message", "sender", "timestamp"]);
    let told = private.next().await;
    let keys: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
    let all = ["id", "message", "recipient", "sender", "timestamp", "user"];
    assert_eq!(
        (keys, &told["user"]),
        (all.map(str::to_owned).into(), &json!("کاربر1"))
    );
    assert_eq!(world.door(0, 1, "/ws/nothing/").await.err(), Some(404));
}

#[tokio::test]
async fn typing_reaches_the_others_with_a_name() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    let mut other = world.door(0, 3, "/ws/chat/1/").await.ok().unwrap();
    conversation
        .send(&json!({"type": "typing", "is_typing": true}))
        .await;
    assert_eq!(
        other.next().await,
        json!({"type": "user.typing", "user": "کاربر2", "is_typing": true})
    );
    world.store.send(1, "پس از آن");
    assert_eq!(plain.next().await["message"], "پس از آن");
    assert_eq!(conversation.next().await["type"], "chat.message");
}

#[tokio::test]
async fn commands_are_about_the_sockets_own_room() {
    let world = World::new().await;
    let (_, mut conversation) = pair(&world).await;
    for frame in [
        json!({"type": "edit_message", "message_id": 9, "content": "x", "room": 2}),
        json!({"type": "delete_message", "message_id": 9, "room": 2}),
        json!({"type": "chat_message", "message": "x", "room": 2}),
    ] {
        conversation.send(&frame).await;
    }
    conversation.next().await;
    let submitted = world.store.calls().submitted;
    assert_eq!(submitted.len(), 3);
    for submission in submitted {
        let room = match submission.command {
            Command::Send(send) => send.room,
            Command::Edit { room, .. } | Command::Delete { room, .. } => room,
            other => panic!("{other:?}"),
        };
        assert_eq!(room.0, 1);
    }
}

#[tokio::test]
async fn a_wrong_frame_gets_an_error_and_the_socket_lives_on() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    let wrong = [
        "nonsense",
        "",
        "[]",
        "7",
        "null",
        "\"x\"",
        "{}",
        "{",
        "[\"x\",null,null]",
        "{\"message\":7}",
        "{\"message\":null}",
        "{\"type\":7}",
        "{\"type\":\"fly\"}",
        "{\"type\":\"chat_message\"}",
        "{\"type\":\"edit_message\",\"message_id\":\"x\",\"content\":\"y\"}",
        "{\"type\":\"typing\",\"is_typing\":1}",
    ];
    for text in wrong {
        plain.send_text(text).await;
        let told = plain.next().await;
        assert_eq!(told["code"], "malformed_frame", "{text}");
        assert!(told["error"].is_string(), "{told}");
        conversation.send_text(text).await;
        let told = conversation.next().await;
        assert_eq!(told["type"], "error", "{text}");
        assert!(
            told["code"].is_string() && told["detail"].is_string(),
            "{told}"
        );
    }
    plain.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(plain.next().await["code"], "malformed_frame");
    plain.send(&json!({"message": ""})).await;
    assert_eq!(plain.next().await["code"], "invalid");
    plain.send(&json!({"message": "هنوز"})).await;
    assert_eq!(plain.next().await["message"], "هنوز");
}

#[tokio::test]
async fn a_flood_of_wrong_frames_closes_1008() {
    let world = World::new().await;
    let (mut plain, _) = pair(&world).await;
    for _ in 0..60 {
        plain.send_text("nonsense").await;
    }
    assert_eq!(plain.closed().await, 1008);
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_1009() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    let long = "x".repeat(70_000);
    plain.send(&json!({"message": long})).await;
    assert_eq!(plain.closed().await, 1009);
    conversation
        .send(&json!({"type": "chat_message", "message": long}))
        .await;
    assert_eq!(conversation.closed().await, 1009);
}

#[tokio::test]
async fn who_may_not_come_in_gets_403() {
    let world = World::new().await;
    world.store.join(2, 7);
    world.store.join(2, 100);
    let good = format!("Bearer {}", world.token(1, 10, LIFE));
    let expired = format!("?token={}", world.token(1, 10, Duration::ZERO));
    let revoked = format!("?token={}", world.token(1, 999, LIFE));
    for (path, headers) in [
        ("/ws/chat/1/".to_owned(), vec![]),
        ("/ws/chat/1/?token=x.y.z".to_owned(), vec![]),
        (format!("/ws/chat/1/{expired}"), vec![]),
        (format!("/ws/chat/1/{revoked}"), vec![]),
        ("/ws/chat/7/".to_owned(), vec![("authorization", &*good)]),
        ("/ws/chat/99/".to_owned(), vec![("authorization", &*good)]),
        ("/ws/chat/هیچ/".to_owned(), vec![("authorization", &*good)]),
        (
            "/ws/notifications/کاربر2".to_owned(),
            vec![("authorization", &*good)],
        ),
        (
            "/ws/chat/1/".to_owned(),
            vec![
                ("authorization", &*good),
                ("origin", "https://evil.example"),
            ],
        ),
    ] {
        let refused = world.knock(0, &path, &headers).await.err();
        assert_eq!(refused, Some(403), "{path} {headers:?}");
    }
    assert_eq!(world.nodes[0].gateway.connections(), 0);
    // A public room lets everybody in.
    let mut public = world.door(0, 1, "/ws/chat/100/").await.ok().unwrap();
    world.store.send(100, "خوش آمدی");
    assert_eq!(public.next().await["message"]["content"], "خوش آمدی");
}

#[tokio::test]
async fn a_cookie_opens_for_pages_that_are_known() {
    let config = chapar_gateway::Config {
        allowed_origins: vec!["https://app.example".into()],
        ..config()
    };
    let world = World::with(config, Limits::default()).await;
    let cookie = format!("a=b; sessionid={}", world.token(1, 10, LIFE));
    let own = format!("http://{}", world.nodes[0].address);
    for (origin, is_known) in [
        (Some(&*own), true),
        (Some("https://app.example"), true),
        (Some("https://evil.example"), false),
        (None, false),
    ] {
        let mut headers = vec![("cookie", &*cookie)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let opened = world.knock(0, "/ws/chat/1/", &headers).await;
        assert_eq!(opened.err(), (!is_known).then_some(403), "{origin:?}");
    }
    let headers = [("cookie", &*cookie), ("origin", "https://app.example")];
    let mut native = world.socket(0, "", &headers).await;
    native.send(&json!({"op": "hello"})).await;
    assert_eq!(native.next().await["op"], "ready");
}

#[tokio::test]
async fn leaving_the_room_closes_its_socket_and_no_other() {
    let world = World::new().await;
    world.store.join(1, 2);
    let (mut plain, mut conversation) = pair(&world).await;
    let mut other = world.door(0, 1, "/ws/chat/2").await.ok().unwrap();
    world.store.remove(1, 1);
    assert_eq!(plain.closed().await, 1008);
    world.store.send(1, "بی او");
    world.store.send(2, "با او");
    assert_eq!(conversation.next().await["message"]["content"], "بی او");
    assert_eq!(other.next().await["message"]["content"], "با او");
}

#[tokio::test]
async fn sessions_bans_and_tokens_end_sockets() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    let short = format!("?token={}", world.token(3, 30, Duration::from_secs(2)));
    let expiring = world.knock(0, &format!("/ws/chat/1/{short}"), &[]).await;
    world.store.revoke(1, 10);
    assert_eq!(plain.closed().await, 1008);
    world.store.shut(2);
    assert_eq!(conversation.closed().await, 1008);
    assert_eq!(expiring.ok().unwrap().closed().await, 1008);
}

#[tokio::test]
async fn a_drain_closes_1012_and_a_draining_node_answers_503() {
    let world = World::new().await;
    let (mut plain, conversation) = pair(&world).await;
    drop(conversation);
    let tasks = tokio_util::task::TaskTracker::new();
    let closing = tasks.spawn(async move { plain.closed().await });
    world.nodes[0].gateway.drain().await;
    assert_eq!(closing.await.unwrap(), 1012);
    assert_eq!(world.door(0, 1, "/ws/chat/1/").await.err(), Some(503));
}

#[tokio::test]
async fn too_many_sockets_of_a_user_are_refused_before_the_upgrade() {
    let limits = Limits {
        max_sockets: 1,
        ..Limits::default()
    };
    let world = World::with(config(), limits).await;
    let one = world.door(0, 1, "/ws/chat/1/").await.ok().unwrap();
    assert_eq!(world.door(0, 1, "/ws/chat/1/").await.err(), Some(429));
    drop(one);
    until("a place is free", || {
        world.nodes[0].gateway.connections() == 0
    })
    .await;
    assert!(world.door(0, 1, "/ws/chat/1/").await.is_ok());
}

#[tokio::test]
async fn unread_notifications_come_first_and_each_once() {
    let world = World::new().await;
    let old: Vec<i64> = (0..120).map(|_| world.store.notify(1)).collect();
    world.store.read_notifications(1, old[9]);
    let mut first = world
        .door(0, 1, "/ws/notifications/کاربر1/")
        .await
        .ok()
        .unwrap();
    let new = world.store.notify(1);
    let mut ids = Vec::new();
    while ids.last() != Some(&new) {
        let told = first.next().await;
        assert_eq!(
            (
                &told["message"],
                &told["sender"],
                &told["kind"],
                &told["room"]
            ),
            (
                &json!("متن"),
                &json!("کاربر1"),
                &json!("mention"),
                &json!(1)
            )
        );
        ids.push(told["id"].as_i64().unwrap());
    }
    let mut all = old[10..].to_vec();
    all.push(new);
    assert_eq!(ids, all);
    // A second socket of a user whose notifications the node knows.
    let mut second = world
        .door(0, 1, "/ws/notifications/کاربر1")
        .await
        .ok()
        .unwrap();
    let last = world.store.notify(1);
    all.push(last);
    for id in all {
        assert_eq!(second.next().await["id"], id);
    }
    assert_eq!(first.next().await["id"], last);
    // What is sent in becomes one.
    first.send(&json!({"message": "x", "sender": "y"})).await;
    assert_eq!(second.next().await["id"], first.next().await["id"]);
    first
        .send(&json!({"message": "x", "recipient": "هیچ"}))
        .await;
    assert_eq!(first.next().await["code"], "user_not_found");
    first.send(&json!({"recipient": "هیچ"})).await;
    assert_eq!(first.next().await["code"], "malformed_frame");
    // Nothing of rooms.
    world.store.send(1, "هیچ");
    world.store.join(1, 5);
    let newest = world.store.notify(1);
    assert_eq!(first.next().await["id"], newest);
}

#[tokio::test]
async fn a_lost_publish_is_made_good() {
    let world = World::new().await;
    let (mut plain, mut conversation) = pair(&world).await;
    world.bus.set_fate(super::bus::Fate::Lose);
    let lost = world.store.send(1, "گم‌شده");
    world.bus.set_fate(super::bus::Fate::Pass);
    let seen = world.store.send(1, "رسیده");
    for id in [lost, seen] {
        assert_eq!(plain.next().await["id"], id);
        assert_eq!(conversation.next().await["message"]["id"], id);
    }
}

#[tokio::test]
async fn what_is_said_to_somebody_who_just_came_is_told_where_no_position_is() {
    let world = World::new().await;
    world.store.join(2, 7);
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut socket = world.door(0, 1, path).await.ok().unwrap();
    assert!(socket.text().await.starts_with('0'));
    socket.send_text("40").await;
    // A ping may come between.
    while !socket.text().await.starts_with("40") {}
    // Before the node knows of the coming: it reads the room when all of this was said.
    world.store.send(7, "پیش از آمدن");
    world.store.join(1, 7);
    world.store.send(7, "خوش آمدی");
    let told = loop {
        let text = socket.text().await;
        if text.contains("chat_response") {
            break text;
        }
    };
    assert!(told.contains("خوش آمدی"), "{told}");
}

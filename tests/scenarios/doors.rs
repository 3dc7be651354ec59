//! Sockets of the older systems' clients, each opened at a path and for one thing.

use chapar::testing::Place;
use chapar_tests::door::{Door, without};
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::{Site, User, scenarios};
use serde_json::{Value, json};

scenarios! {
    a_plain_socket_tells_every_member_and_the_author,
    a_conversation_says_all_it_knows,
    one_message_reaches_every_dialect_once,
    a_room_is_named_by_slug_name_or_id,
    wrong_frames_leave_sockets_alive,
    a_message_of_another_room_is_not_touched,
    files_come_and_go_in_frames,
    two_people_have_sockets_of_their_own,
    notifications_are_told_once_unread_ones_first,
    who_may_not_come_in_is_refused_before_the_upgrade,
    whoever_goes_from_the_room_loses_its_socket,
    sign_out_and_bans_close_sockets,
}

async fn two(site: &Site) -> (User, User) {
    (User::register(site, 0).await, User::register(site, 1).await)
}

async fn chat(user: &User, room: impl std::fmt::Display) -> Door {
    Door::open(user, user.home, &format!("/ws/chat/{room}/")).await
}

async fn a_plain_socket_tells_every_member_and_the_author(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.public_room(&[]).await.room;
    ali.send(room.id, "پیش از همه").await;
    let path = format!("/ws/chat/{}", room.name);
    let mut ali_is = Door::open(&ali, 0, &path).await;
    // Opening it is coming in.
    let mut sara_is = Door::open(&sara, 1, &path).await;
    assert!(sara.see(room.id).await.me.is_some());
    let frame = json!({"message": "سلام 🌱", "user": "دیگری", "timestamp": "دیروز"});
    sara_is.send(frame).await;
    for door in [&mut ali_is, &mut sara_is] {
        let told = without(door.next().await, &["id", "timestamp"]);
        let name = &sara.username;
        let all = json!({"message": "سلام 🌱", "username": name, "user": name, "avatar_url": null});
        assert_eq!(told, all);
    }
    // What came by REST, with what the dialect does not know in between.
    let message = ali.send(room.id, "از راه دیگر").await;
    ali.edit(room.id, message.id, "ویراسته").await;
    ali.react(room.id, message.id, "👍").await;
    ali.erase(room.id, message.id).await;
    ali_is.send(json!({"message": "پایان"})).await;
    for door in [&mut ali_is, &mut sara_is] {
        assert_eq!(door.next().await["message"], "از راه دیگر");
        assert_eq!(door.next().await["message"], "پایان");
    }
}

async fn a_conversation_says_all_it_knows(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.private_room(&[&sara]).await.room;
    let (mut ali_is, mut sara_is) = (chat(&ali, room.id).await, chat(&sara, room.id).await);
    ali_is
        .send(json!({"type": "typing", "is_typing": true}))
        .await;
    let typing = json!({"type": "user.typing", "user": ali.username, "is_typing": true});
    assert_eq!(sara_is.next().await, typing);
    ali_is
        .send(json!({"type": "chat_message", "message": "  سلام "}))
        .await;
    let mut id = Value::Null;
    for door in [&mut ali_is, &mut sara_is] {
        let told = door.next().await;
        assert_eq!(told["type"], "chat.message");
        id = told["message"]["id"].clone();
        let message = without(told["message"].clone(), &["id", "timestamp"]);
        let all = json!({"sender": ali.username, "content": "سلام", "attachments": []});
        assert_eq!(message, all);
    }
    ali_is
        .send(json!({"type": "edit_message", "message_id": id, "content": "درود"}))
        .await;
    for door in [&mut ali_is, &mut sara_is] {
        let edited = json!({"type": "message.edited", "message": {"id": id, "content": "درود"}});
        assert_eq!(door.next().await, edited);
    }
    // Only the author may.
    for frame in [
        json!({"type": "edit_message", "message_id": id, "content": "دزدی"}),
        json!({"type": "delete_message", "message_id": id}),
    ] {
        sara_is.send(frame).await;
        let refused = sara_is.next().await;
        assert_eq!(
            without(refused, &["detail"]),
            json!({"type": "error", "code": "forbidden"})
        );
    }
    ali_is
        .send(json!({"type": "delete_message", "message_id": id}))
        .await;
    for door in [&mut ali_is, &mut sara_is] {
        let deleted = json!({"type": "message.deleted", "message_id": id});
        assert_eq!(door.next().await, deleted);
    }
}

async fn one_message_reaches_every_dialect_once(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.public_room(&[&sara]).await.room;
    let native = sara.connect().await;
    let mut plain = Door::open(&ali, 1, &format!("/ws/chat/{}/", room.name)).await;
    let mut typed = chat(&sara, room.id).await;
    let path = format!("/ws/chat/{}/?dialect=groups", room.id);
    let mut groups = Door::open(&sara, 0, &path).await;
    for at in 0..10 {
        let text = format!("پیام {at}");
        match at % 3 {
            0 => plain.send(json!({"message": text})).await,
            1 => {
                let frame = json!({"type": "chat_message", "message": text});
                typed.send(frame).await;
            }
            _ => {
                native.say(room.id, &text).await;
            }
        }
        assert_eq!(plain.next().await["message"], text);
        assert_eq!(groups.next().await["message"], text);
        assert_eq!(typed.next_but_typing().await["message"]["content"], text);
    }
}

async fn a_room_is_named_by_slug_name_or_id(site: Site) {
    let (ali, sara) = two(&site).await;
    let view = ali.private_room(&[&sara]).await;
    let room = view.room;
    let mut listener = chat(&sara, room.id).await;
    let slug = room.slug.clone().unwrap_or_default();
    for path in [
        format!("/ws/chat/{slug}"),
        format!("/ws/chat/{}/", room.name),
        format!("/ws/chat/{}?dialect=chatrooms", room.id),
    ] {
        let mut door = Door::open(&ali, 1, &path).await;
        door.send(json!({"message": path})).await;
        assert_eq!(door.next().await["message"], path);
        assert_eq!(listener.next().await["message"]["content"], path);
    }
    let path = format!("/ws/chat/{slug}/?dialect=conversations");
    let mut door = Door::open(&ali, 1, &path).await;
    door.send(json!({"type": "chat_message", "message": "x"}))
        .await;
    assert_eq!(door.next().await["type"], "chat.message");
}

async fn wrong_frames_leave_sockets_alive(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.public_room(&[&sara]).await.room;
    let mut plain = Door::open(&ali, 0, &format!("/ws/chat/{}/", room.name)).await;
    let mut typed = chat(&sara, room.id).await;
    let long = "x".repeat(20 << 10);
    let frames = [
        "این JSON نیست".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        json!({"message": 7}).to_string(),
        json!({"message": ""}).to_string(),
        json!({"message": long}).to_string(),
        json!({"file": "این base64 نیست", "filename": "x"}).to_string(),
    ];
    for text in &frames {
        plain.send_text(text).await;
        let told = plain.next().await;
        assert!(
            told["error"].is_string() && told["code"].is_string(),
            "{told}"
        );
    }
    let frames = [
        "این JSON نیست".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        json!({"message": "x"}).to_string(),
        json!({"type": "fly"}).to_string(),
        json!({"type": "chat_message"}).to_string(),
        json!({"type": "chat_message", "message": long}).to_string(),
        json!({"type": "edit_message", "message_id": "x", "content": "y"}).to_string(),
        json!({"type": "delete_message", "message_id": 1_i64 << 50}).to_string(),
        json!({"type": "typing", "is_typing": "yes"}).to_string(),
    ];
    for text in &frames {
        typed.send_text(text).await;
        let told = typed.next().await;
        assert_eq!(told["type"], "error", "{text}");
        assert!(
            told["code"].is_string() && told["detail"].is_string(),
            "{told}"
        );
    }
    typed
        .send(json!({"type": "chat_message", "message": "زنده"}))
        .await;
    assert_eq!(typed.next().await["message"]["content"], "زنده");
    assert_eq!(plain.next().await["message"], "زنده");
}

async fn a_message_of_another_room_is_not_touched(site: Site) {
    let (ali, sara) = two(&site).await;
    let own = ali.private_room(&[&sara]).await.room;
    let other = ali.private_room(&[]).await.room;
    let message = ali.send(other.id, "دست نزنید").await;
    let mut door = chat(&ali, own.id).await;
    for frame in [
        json!({"type": "edit_message", "message_id": message.id, "content": "x"}),
        json!({"type": "delete_message", "message_id": message.id}),
    ] {
        door.send(frame).await;
        assert_eq!(door.next().await["code"], "message_not_found");
    }
    let history = ali.history(other.id).await;
    assert_eq!((history.len(), &*history[0].content), (1, "دست نزنید"));
}

async fn files_come_and_go_in_frames(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.public_room(&[&sara]).await.room;
    let path = format!("/ws/chat/{}/", room.name);
    let mut ali_is = Door::open(&ali, 0, &path).await;
    let mut sara_is = Door::open(&sara, 1, &path).await;
    let mut typed = chat(&sara, room.id).await;
    ali_is
        .send(json!({"file": "data:text/plain;base64,c2FsYW0h", "filename": "../نامه.txt"}))
        .await;
    let told = sara_is.next().await;
    let address = told["file"].as_str().unwrap_or_default().to_owned();
    assert!(address.starts_with("http://"), "{told}");
    let name = &ali.username;
    assert_eq!(
        without(told, &["file", "id", "timestamp"]),
        json!({"filename": "نامه.txt", "username": name, "user": name})
    );
    // The link is the permission.
    let answer = site.api(1).get(&address).await.expect(200);
    assert_eq!(&*answer.body, b"salam!");
    let told = typed.next().await["message"].clone();
    assert_eq!(
        (&told["content"], &told["attachments"][0]["file"]),
        (&json!(""), &json!(address))
    );
    assert_eq!(ali_is.next().await["filename"], "نامه.txt");
    // As large as a file may be.
    let large = "A".repeat((10 << 20) / 3 * 4);
    sara_is
        .send(json!({"file": large, "filename": "بزرگ.bin"}))
        .await;
    assert_eq!(ali_is.next().await["filename"], "بزرگ.bin");
    let larger = format!("{large}AAAAAAAA");
    ali_is.send(json!({"file": larger, "filename": "x"})).await;
    assert_eq!(ali_is.next().await["code"], "too_large");
}

async fn two_people_have_sockets_of_their_own(site: Site) {
    let (ali, sara) = two(&site).await;
    let mut direct = Door::open(&ali, 0, &format!("/ws/direct/{}/", sara.username)).await;
    let pair = format!(
        "/ws/private_chat/private_chat_{}_{}/",
        ali.username, sara.username
    );
    let mut private = Door::open(&sara, 1, &pair).await;
    private
        .send(json!({"message": "سلام", "recipient": "دیگری"}))
        .await;
    assert_eq!(
        without(direct.next().await, &["id", "timestamp"]),
        json!({"message": "سلام", "sender": sara.username})
    );
    let (from, to) = (&sara.username, &ali.username);
    assert_eq!(
        without(private.next().await, &["id", "timestamp"]),
        json!({"message": "سلام", "user": from, "sender": from, "recipient": to})
    );
    direct.send(json!({"message": "علیک"})).await;
    assert_eq!(private.next().await["recipient"], sara.username);
    assert_eq!(direct.next().await["sender"], ali.username);
    // It is the one direct room of the two.
    let room = ali.direct_room(&sara).await.room;
    assert_eq!(ali.history(room.id).await.len(), 2);
    // Hidden, its socket closes; opened again, it is there again.
    ali.leave(room.id).await;
    assert_eq!(direct.closed().await, 1008);
    let mut again = Door::open(&ali, 0, &format!("/ws/chat/{}/", room.id)).await;
    private.send(json!({"message": "باز"})).await;
    assert_eq!(again.next().await["message"]["content"], "باز");
}

async fn notifications_are_told_once_unread_ones_first(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.private_room(&[&sara]).await.room;
    ali.send(room.id, &format!("سلام @{}", sara.username)).await;
    let path = format!("/ws/notifications/{}/", sara.username);
    let mut door = Door::open(&sara, 1, &path).await;
    let invite = door.next().await;
    assert_eq!(
        without(invite, &["id"]),
        json!({"message": room.name, "sender": ali.username, "kind": "invite", "room": room.id})
    );
    assert_eq!(door.next().await["kind"], "mention");
    let direct = ali.direct_room(&sara).await.room;
    ali.send(direct.id, "خصوصی").await;
    let told = door.next().await;
    assert_eq!(
        (&told["kind"], &told["room"]),
        (&json!("direct"), &json!(direct.id))
    );
    let path = format!("/ws/notifications/{}", ali.username);
    let mut sender = Door::open(&ali, 0, &path).await;
    sender
        .send(json!({"message": "بیا", "recipient": sara.username}))
        .await;
    let told = door.next().await;
    assert_eq!(
        (&told["message"], &told["sender"]),
        (&json!("بیا"), &json!(ali.username))
    );
    sender.send(json!({"message": "یادم باشد"})).await;
    assert_eq!(sender.next().await["message"], "یادم باشد");
    sender
        .send(json!({"message": "x", "recipient": "هیچ‌کس"}))
        .await;
    assert!(sender.next().await["error"].is_string());
}

async fn who_may_not_come_in_is_refused_before_the_upgrade(site: Site) {
    let (ali, sara) = two(&site).await;
    let private = ali.private_room(&[]).await.room;
    let public = ali.public_room(&[&sara]).await.room;
    ali.ban(public.id, &sara).await;
    let bearer = format!("Bearer {}", sara.token());
    let good = ("authorization", &*bearer);
    for (path, headers) in [
        (format!("/ws/chat/{}/", public.name), vec![]),
        (format!("/ws/chat/{}/?token=x", public.name), vec![]),
        (format!("/ws/chat/{}/", public.name), vec![good]),
        (format!("/ws/chat/{}/", public.id), vec![good]),
        (format!("/ws/chat/{}/", private.id), vec![good]),
        (format!("/ws/chat/{}/", private.name), vec![good]),
        ("/ws/chat/هیچ اتاقی/".to_owned(), vec![good]),
        ("/ws/direct/هیچ/".to_owned(), vec![good]),
        (format!("/ws/direct/{}/", sara.username), vec![good]),
        (format!("/ws/notifications/{}/", ali.username), vec![good]),
        (
            format!("/ws/notifications/{}/", sara.username),
            vec![good, ("origin", "https://evil.example")],
        ),
    ] {
        let refused = Door::knock(&site, 1, &path, &headers).await.err();
        assert_eq!(refused, Some(403), "{path}");
    }
    let query = format!(
        "/ws/notifications/{}/?token={}",
        sara.username,
        sara.token()
    );
    Door::knock(&site, 1, &query, &[])
        .await
        .expect("a token in the query will do");
}

async fn whoever_goes_from_the_room_loses_its_socket(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.private_room(&[&sara]).await.room;
    let mut removed = chat(&sara, room.id).await;
    let mut whole = chat(&ali, room.id).await;
    ali.remove(room.id, &sara).await;
    assert_eq!(removed.closed().await, 1008);
    let private = format!("/ws/chat/{}/", room.id);
    let bearer = format!("Bearer {}", sara.token());
    let refused = Door::knock(&site, 1, &private, &[("authorization", &bearer)]).await;
    assert_eq!(refused.err(), Some(403));
    ali.send(room.id, "بی او").await;
    assert_eq!(whole.next().await["message"]["content"], "بی او");
    ali.delete(&format!("/v1/rooms/{}", room.id))
        .await
        .expect(204);
    assert_eq!(whole.closed().await, 1008);
}

async fn sign_out_and_bans_close_sockets(site: Site) {
    let (ali, sara) = two(&site).await;
    let room = ali.public_room(&[&sara]).await.room;
    let phone = sara.sign_in(0).await;
    let mut first = chat(&sara, room.id).await;
    let mut second = Door::open(&phone, 0, &format!("/ws/chat/{}/", room.name)).await;
    sara.post("/v1/auth/logout", json!({})).await.expect(204);
    assert_eq!(first.closed().await, 1008);
    second.send(json!({"message": "هنوز"})).await;
    assert_eq!(second.next().await["message"], "هنوز");
    ali.ban(room.id, &sara).await;
    assert_eq!(second.closed().await, 1008);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_the_public_address_may_come_in_by_its_cookie() {
    let public = ("http.public_url", "https://chat.example");
    let site = Site::start(CLUSTER, Place::Tasks, &[public]).await;
    bounded(async {
        let ali = User::register(&site, 0).await;
        let path = format!("/ws/notifications/{}/", ali.username);
        let cookie = format!("sessionid={}", ali.token());
        for (origin, refusal) in [
            ("https://chat.example", None),
            ("https://evil.example", Some(403)),
        ] {
            let headers = [("cookie", &*cookie), ("origin", origin)];
            let refused = Door::knock(&site, 1, &path, &headers).await.err();
            assert_eq!(refused, refusal, "{origin}");
        }
    })
    .await;
    site.stop().await;
}

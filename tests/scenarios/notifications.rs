//! Notifications, read marks, typing.

use chapar_shared::protocol::{EventBody, Notification, NotificationKind};
use chapar_shared::{NotificationId, RoomId};
use chapar_tests::{DEADLINE, Site, Socket, User, scenarios};
use serde_json::json;

scenarios! {
    a_direct_message_a_mention_and_an_invitation_notify,
    a_muted_room_notifies_nobody,
    reading_a_room_reads_its_notifications,
    notifications_are_read_up_to_one_on_every_device,
    only_members_are_mentioned,
    read_marks_never_go_back_or_beyond_the_head,
    a_send_moves_the_senders_own_mark,
    a_read_mark_is_told_in_small_rooms_only => SMALL,
    typing_reaches_the_others_and_never_its_author,
    typing_is_not_relayed_in_large_rooms => SMALL,
}

const SMALL: [(&str, &str); 2] = [
    ("limits.max_typing_members", "2"),
    ("limits.max_read_event_members", "2"),
];

async fn told(socket: &Socket, mark: usize, kind: NotificationKind) -> Notification {
    let what = format!("{kind:?}");
    let event = socket
        .expect_event_after(mark, &what, DEADLINE, |event| {
            matches!(&event.body, EventBody::NotificationCreated(told) if told.kind == kind)
        })
        .await;
    match event.body {
        EventBody::NotificationCreated(told) => told,
        _ => unreachable!("it matched"),
    }
}

async fn list(user: &User) -> Vec<Notification> {
    user.get("/v1/notifications").await.expect(200).items()
}

async fn a_direct_message_a_mention_and_an_invitation_notify(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let socket = sara.connect().await;
    let room = ali.private_room(&[&sara]).await.room;
    let invite = told(&socket, 0, NotificationKind::Invite).await;
    assert_eq!(
        (invite.room, invite.message, invite.sender.id),
        (Some(room.id), None, ali.id)
    );
    assert_eq!(invite.text, room.name);
    let text = format!("سلام @{}!", sara.username.to_uppercase());
    let message = ali.send(room.id, &text).await;
    let mention = told(&socket, 0, NotificationKind::Mention).await;
    assert_eq!(
        (mention.message, &*mention.text),
        (Some(message.id), &*text)
    );
    let direct = ali.direct_room(&sara).await.room.id;
    let message = ali.send(direct, &format!("خصوصی @{}", sara.username)).await;
    let one = told(&socket, 0, NotificationKind::Direct).await;
    assert_eq!((one.room, one.message), (Some(direct), Some(message.id)));
    let listed = list(&sara).await;
    // Once for each message, however many reasons there are; newest first.
    let kinds: Vec<_> = listed.iter().map(|told| told.kind).collect();
    assert_eq!(
        kinds,
        [
            NotificationKind::Direct,
            NotificationKind::Mention,
            NotificationKind::Invite
        ]
    );
    assert!(listed.iter().all(|told| told.read_at.is_none()));
    assert!(
        list(&ali).await.is_empty(),
        "nobody is told of what they did themselves"
    );
}

/// Waits for the notification of a message that comes after all the others.
async fn fence(author: &User, reader: &User, socket: &Socket) {
    let room = author.private_room(&[reader]).await.room.id;
    socket
        .expect_event("fence", |event| {
            matches!(&event.body, EventBody::NotificationCreated(told) if told.room == Some(room))
        })
        .await;
}

async fn a_muted_room_notifies_nobody(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    let socket = sara.connect().await;
    let me = format!("/v1/rooms/{room}/members/me");
    sara.put(&me, json!({"muted": true})).await;
    assert!(sara.see(room).await.me.unwrap().muted);
    let mention = format!("@{}", sara.username);
    let silent = ali.send(room, &mention).await;
    fence(&ali, &sara, &socket).await;
    let of = |message| move |one: &Notification| one.message == Some(message);
    assert!(!list(&sara).await.iter().any(of(silent.id)));
    sara.put(&me, json!({"muted": false})).await;
    let loud = ali.send(room, &mention).await;
    let one = told(&socket, 0, NotificationKind::Mention).await;
    assert_eq!(one.message, Some(loud.id));
}

async fn reading_a_room_reads_its_notifications(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let (room, other) = (
        ali.private_room(&[&sara]).await.room.id,
        ali.private_room(&[&sara]).await.room.id,
    );
    let devices = [sara.connect_to(0, []).await, sara.connect_to(1, []).await];
    let mention = format!("@{}", sara.username);
    let first = ali.send(room, &mention).await;
    let second = ali.send(room, &mention).await;
    ali.send(other, &mention).await;
    devices[0]
        .ok(json!({"op": "read", "room": room, "number": first.number}))
        .await;
    for device in &devices {
        device
            .expect_event("notification.read", |event| {
                matches!(&event.body, EventBody::NotificationRead(read) if read.room == Some(room))
            })
            .await;
    }
    let listed = list(&sara).await;
    let is_read = |message| {
        let found = listed.iter().find(|told| told.message == Some(message));
        found.unwrap().read_at.is_some()
    };
    assert!(is_read(first.id) && !is_read(second.id), "{listed:#?}");
    assert!(
        listed
            .iter()
            .filter(|told| told.room == Some(other))
            .all(|told| told.read_at.is_none())
    );
}

async fn notifications_are_read_up_to_one_on_every_device(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.direct_room(&sara).await.room.id;
    let devices = [sara.connect_to(0, []).await, sara.connect_to(1, []).await];
    for number in 0..3 {
        ali.send(room, &format!("{number}")).await;
    }
    let listed = list(&sara).await;
    let up_to: NotificationId = listed[1].id;
    sara.put("/v1/notifications/read", json!({"up_to": up_to}))
        .await
        .expect(204);
    for device in &devices {
        device
            .expect_event("notification.read", |event| {
                matches!(&event.body, EventBody::NotificationRead(read) if read.up_to == up_to)
            })
            .await;
    }
    let read: Vec<_> = list(&sara)
        .await
        .iter()
        .map(|told| told.read_at.is_some())
        .collect();
    assert_eq!(read, [false, true, true]);
    // Another's notifications are not touched by a number.
    ali.put("/v1/notifications/read", json!({"up_to": listed[0].id}))
        .await
        .expect(204);
    assert!(list(&sara).await[0].read_at.is_none());
}

async fn only_members_are_mentioned(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[]).await.room.id;
    let socket = sara.connect().await;
    ali.send(
        room,
        &format!("@{} @هیچکس @{}", sara.username, ali.username),
    )
    .await;
    fence(&ali, &sara, &socket).await;
    assert!(
        list(&sara)
            .await
            .iter()
            .all(|told| told.kind == NotificationKind::Invite)
    );
    assert!(list(&ali).await.is_empty());
}

async fn read_number(user: &User, room: RoomId) -> (i64, i64) {
    let view = user.see(room).await;
    (view.me.unwrap().read_number, view.room.number)
}

async fn read_marks_never_go_back_or_beyond_the_head(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    for number in 0..5 {
        ali.send(room, &format!("{number}")).await;
    }
    assert_eq!(read_number(&sara, room).await, (0, 5), "five unread");
    let socket = sara.connect().await;
    for (asked, answered) in [(3, 3), (1, 3), (99, 5), (-1, 5)] {
        let read = json!({"op": "read", "room": room, "number": asked});
        match socket.command(read).await {
            Ok(ok) => assert_eq!(ok["read_number"], answered, "{asked}"),
            Err(error) => assert!(asked < 0 && error.code == "invalid", "{asked}: {error:?}"),
        }
    }
    let path = format!("/v1/rooms/{room}/read");
    let by_rest = sara
        .put(&path, json!({"number": 2}))
        .await
        .expect(200)
        .value();
    assert_eq!(by_rest["read_number"], 5);
    assert_eq!(read_number(&sara, room).await, (5, 5));
    // Deletes take no number: nothing becomes unread by them.
    ali.erase(room, ali.history(room).await[0].id).await;
    assert_eq!(read_number(&sara, room).await, (5, 5));
}

async fn a_send_moves_the_senders_own_mark(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    ali.send(room, "یک").await;
    ali.send(room, "دو").await;
    assert_eq!(read_number(&ali, room).await, (2, 2));
    assert_eq!(read_number(&sara, room).await, (0, 2));
    sara.send(room, "سه").await;
    assert_eq!(read_number(&sara, room).await, (3, 3));
    assert_eq!(read_number(&ali, room).await, (2, 3));
    let late = User::register(&site, 0).await;
    ali.add(room, &late).await;
    assert_eq!(
        read_number(&late, room).await,
        (3, 3),
        "joining starts at the head"
    );
}

async fn a_read_mark_is_told_in_small_rooms_only(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let third = User::register(&site, 0).await;
    let small = ali.private_room(&[&sara]).await.room.id;
    let large = ali.private_room(&[&sara, &third]).await.room.id;
    let (socket, other_device) = (ali.connect().await, sara.connect_to(0, []).await);
    for room in [large, small] {
        ali.send(room, "x").await;
        sara.put(&format!("/v1/rooms/{room}/read"), json!({"number": 1}))
            .await
            .expect(200);
    }
    let is_read = |room: RoomId| {
        move |event: &chapar_shared::protocol::Event| {
            event.room == Some(room) && matches!(&event.body, EventBody::Read(_))
        }
    };
    let event = socket.expect_event("read", is_read(small)).await;
    let EventBody::Read(mark) = event.body else {
        unreachable!()
    };
    assert_eq!((mark.user, mark.number, event.seq), (sara.id, 1, None));
    // One's own devices are told in rooms of any size.
    other_device.expect_event("own read", is_read(large)).await;
    assert!(!socket.events().iter().any(is_read(large)));
}

fn typing(room: RoomId, typing: bool) -> serde_json::Value {
    json!({"op": "typing", "room": room, "typing": typing})
}

async fn typing_reaches_the_others_and_never_its_author(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let eve = User::register(&site, 0).await;
    let room = ali.private_room(&[&sara]).await.room.id;
    let (author, reader) = (ali.connect_to(0, []).await, sara.connect().await);
    let (device, outsider) = (ali.connect_to(1, []).await, eve.connect().await);
    author.send(&typing(room, true)).await;
    let is_typing =
        |event: &chapar_shared::protocol::Event| matches!(&event.body, EventBody::Typing(_));
    let event = reader.expect_event("typing", is_typing).await;
    let EventBody::Typing(told) = event.body else {
        unreachable!()
    };
    assert_eq!(
        (told.user, told.typing, event.room, event.seq),
        (ali.id, true, Some(room), None)
    );
    author.ok(typing(room, false)).await;
    let mark = reader.mark();
    reader
        .expect_event_after(
            mark.min(1),
            "stopped",
            DEADLINE,
            |event| matches!(&event.body, EventBody::Typing(told) if !told.typing),
        )
        .await;
    assert_eq!(outsider.refused(typing(room, true)).await, "room_not_found");
    // The room's channel carries this message after the typing.
    let said = author.say(room, "نوشتم").await;
    for socket in [&author, &device] {
        socket.expect_seq(room, said.seq, DEADLINE).await;
        assert!(
            !socket.events().iter().any(is_typing),
            "never to its author, on any device"
        );
    }
    assert!(!outsider.events().iter().any(is_typing));
}

async fn typing_is_not_relayed_in_large_rooms(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let third = User::register(&site, 0).await;
    let room = ali.private_room(&[&sara, &third]).await.room.id;
    let (author, reader) = (ali.connect().await, sara.connect().await);
    author.ok(typing(room, true)).await;
    let said = author.say(room, "نوشتم").await;
    reader.expect_seq(room, said.seq, DEADLINE).await;
    let heard = reader.events();
    assert!(
        !heard
            .iter()
            .any(|event| matches!(event.body, EventBody::Typing(_))),
        "{heard:?}"
    );
}

//! Direct rooms: one for two people, never left, only hidden.

use chapar_shared::protocol::{EventBody, RoomKind, RoomView};
use chapar_tests::{DEADLINE, Site, User, scenarios};
use serde_json::json;
use tokio::task::JoinSet;

use crate::rooms::{joined, left};

scenarios! {
    two_people_have_one_direct_room,
    both_opening_it_at_once_get_the_same,
    a_hidden_room_comes_back_with_the_next_message,
    events_of_direct_rooms_are_the_same_for_both,
}

async fn two_people_have_one_direct_room(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let socket = sara.connect().await;
    let path = format!("/v1/direct/{}", sara.id);
    let made: RoomView = ali.put(&path, json!({})).await.expect(201).read();
    let again: RoomView = ali.put(&path, json!({})).await.expect(200).read();
    let theirs = sara.put(&format!("/v1/direct/{}", ali.id), json!({})).await;
    let theirs: RoomView = theirs.expect(200).read();
    assert_eq!(
        (made.room.id, made.room.id),
        (again.room.id, theirs.room.id)
    );
    assert_eq!((made.room.kind, made.room.slug), (RoomKind::Direct, None));
    assert_eq!(made.peer.map(|peer| peer.id), Some(sara.id));
    assert_eq!(theirs.peer.map(|peer| peer.id), Some(ali.id));
    let told = joined(&socket, 0, made.room.id).await;
    assert_eq!(told.peer.map(|peer| peer.id), Some(ali.id));
}

async fn both_opening_it_at_once_get_the_same(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let mut calls = JoinSet::new();
    for number in 0..20 {
        let (who, peer) = if number % 2 == 0 {
            (&ali, &sara)
        } else {
            (&sara, &ali)
        };
        let (rest, path) = (
            who.rest_at(number / 2 % 2),
            format!("/v1/direct/{}", peer.id),
        );
        calls.spawn(async move { rest.put(&path, json!({})).await });
    }
    let answers = calls.join_all().await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1, "{answers:?}");
    let first: RoomView = answers[0].read();
    for answer in &answers {
        assert_eq!(answer.read::<RoomView>().room.id, first.room.id);
    }
}

async fn a_hidden_room_comes_back_with_the_next_message(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.direct_room(&sara).await.room.id;
    let author = ali.connect().await;
    author.say(room, "پیش از پنهان شدن").await;
    let socket = sara.connect().await;
    sara.leave(room).await;
    left(&socket, 0, room).await;
    let rooms: Vec<RoomView> = sara.get("/v1/rooms").await.expect(200).items();
    assert!(rooms.is_empty(), "{rooms:?}");
    let mark = socket.mark();
    let said = author.say(room, "برگرد").await;
    let view = joined(&socket, mark, room).await;
    // The message that brought it back is in it: before where the stream begins, or on it.
    assert!(view.room.seq >= said.seq - 1, "{view:?}");
    let next = author.say(room, "دوباره").await;
    socket.expect_seq(room, next.seq, DEADLINE).await;
    let heard: Vec<_> = socket
        .changes(room)
        .iter()
        .filter_map(|event| event.seq)
        .collect();
    let expected: Vec<_> = (view.room.seq + 1..=next.seq).collect();
    let fresh: Vec<_> = heard
        .into_iter()
        .filter(|seq| *seq > said.seq - 1)
        .collect();
    assert_eq!(fresh, expected);
    let rooms: Vec<RoomView> = sara.get("/v1/rooms").await.expect(200).items();
    assert_eq!(rooms.len(), 1);
    // Opening it oneself shows it too.
    sara.leave(room).await;
    assert_eq!(sara.direct_room(&ali).await.room.id, room);
    let ready = sara.connect_to(0, []).await.ready();
    assert!(ready.rooms.iter().any(|one| one.id == room));
}

async fn events_of_direct_rooms_are_the_same_for_both(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.direct_room(&sara).await.room.id;
    let (first, second) = (ali.connect().await, sara.connect().await);
    let said = first.say(room, "سلام").await;
    second
        .ok(json!({"op": "react", "room": room, "message": said.id, "emoji": "👋"}))
        .await;
    first
        .ok(json!({"op": "edit", "room": room, "message": said.id, "content": "درود"}))
        .await;
    for socket in [&first, &second] {
        socket.expect_seq(room, said.seq + 2, DEADLINE).await;
    }
    assert_eq!(first.changes(room), second.changes(room));
    let EventBody::MessageEdited(edited) = &first.changes(room)[2].body else {
        panic!("{:?}", first.changes(room))
    };
    assert_eq!(edited.reactions[0].emoji, "👋");
}

//! Coming back after an absence: exactly what was missed, compacted, then live, from any gateway.

use std::collections::BTreeMap;

use chapar_shared::RoomId;
use chapar_shared::protocol::{Event, EventBody};
use chapar_tests::socket::event_message;
use chapar_tests::{DEADLINE, Hello, History, Site, Socket, User, scenarios};
use serde_json::json;

scenarios! {
    a_client_that_was_away_gets_what_it_missed_from_another_gateway,
    changes_made_meanwhile_arrive_compacted,
    members_and_the_room_itself_are_replayed_too,
    rooms_not_named_start_at_their_head,
    a_room_too_far_behind_is_reset,
    positions_of_another_epoch_are_reset,
    a_position_beyond_the_head_is_reset,
    rooms_left_meanwhile_are_told_after_ready,
    changes_by_rest_are_what_a_socket_replays,
    many_reconnects_while_sending_leave_no_hole,
}

async fn a_client_that_was_away_gets_what_it_missed_from_another_gateway(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let author = ali.connect_to(0, []).await;
    let before = sara.connect_to(1, []).await;
    author.say(room.id, "پیش از رفتن").await;
    before.expect_seq(room.id, room.seq + 1, DEADLINE).await;
    before.close().await;
    author
        .say_all(room.id, (0..500).map(|number| number.to_string()))
        .await;
    author.expect_seq(room.id, room.seq + 501, DEADLINE).await;
    // Sending goes on while the client comes back.
    let going_on = async {
        for number in 500..700 {
            author.say(room.id, &format!("{number}")).await;
        }
    };
    let coming_back = async { sara.connect_to(0, [(room.id, room.seq + 1)]).await };
    let ((), after) = tokio::join!(going_on, coming_back);
    after.expect_seq(room.id, room.seq + 701, DEADLINE).await;
    let history = History::of(&after, room.id);
    history.assert_dense(room.seq + 1, room.seq + 701);
    assert_eq!(history.created().len(), 700);
    assert!(after.ready_seq(room.id) >= room.seq + 501);
}

/// Leaves seven messages in different states and gives the position before the absence.
async fn change_much(ali: &User, sara: &User, room: RoomId) -> i64 {
    let (kept, edited, reacted, erased) = (
        ali.send(room, "kept").await,
        ali.send(room, "to be edited").await,
        ali.send(room, "to be reacted to").await,
        ali.send(room, "to be deleted").await,
    );
    let since = ali.see(room).await.room.seq;
    ali.edit(room, edited.id, "once").await;
    ali.edit(room, edited.id, "twice").await;
    sara.react(room, reacted.id, "👍").await;
    ali.react(room, reacted.id, "👍").await;
    ali.erase(room, erased.id).await;
    let new_and_edited = ali.send(room, "new").await;
    ali.edit(room, new_and_edited.id, "new and edited").await;
    let new_and_erased = ali.send(room, "new and gone").await;
    ali.erase(room, new_and_erased.id).await;
    ali.send(room, "new and as it was").await;
    let _ = kept;
    since
}

fn story(changes: &[Event]) -> Vec<(i64, &'static str, String)> {
    changes
        .iter()
        .map(|event| {
            let kind = match &event.body {
                EventBody::MessageCreated(_) => "created",
                EventBody::MessageEdited(_) => "edited",
                EventBody::MessageDeleted(_) => "deleted",
                EventBody::MessageReacted(_) => "reacted",
                _ => "other",
            };
            let text = event_message(event).map_or("", |message| &message.content);
            (event.seq.unwrap(), kind, text.to_owned())
        })
        .collect()
}

async fn changes_made_meanwhile_arrive_compacted(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    let since = change_much(&ali, &sara, room).await;
    let socket = sara.connect_to(1, [(room, since)]).await;
    socket.expect_seq(room, since + 10, DEADLINE).await;
    let history = History::of(&socket, room);
    history.assert_ascending();
    let expected = [
        (since + 2, "edited", "twice"),
        (since + 4, "reacted", "to be reacted to"),
        (since + 5, "deleted", ""),
        (since + 7, "created", "new and edited"),
        (since + 9, "deleted", ""),
        (since + 10, "created", "new and as it was"),
    ];
    let expected: Vec<_> = expected
        .map(|(seq, kind, text)| (seq, kind, text.to_owned()))
        .into();
    assert_eq!(story(history.changes()), expected);
    let EventBody::MessageReacted(reacted) = &history.changes()[1].body else {
        panic!("{history:?}")
    };
    assert!(reacted.change.is_none(), "a replay tells the state alone");
    assert_eq!(reacted.message.reactions[0].count, 2);
    for event in history.changes() {
        let message = event_message(event).unwrap();
        assert_eq!(event.seq, Some(message.changed_seq));
    }
    let all = sara.connect_to(0, [(room, 0)]).await;
    all.expect_seq(room, since + 10, DEADLINE).await;
    History::of(&all, room)
        .assert_ascending()
        .assert_equals_rest(&sara)
        .await;
}

async fn members_and_the_room_itself_are_replayed_too(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let (guest, stays) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    ali.add(room.id, &guest).await;
    ali.add(room.id, &stays).await;
    ali.promote(room.id, &stays, "admin").await;
    ali.remove(room.id, &guest).await;
    let body = json!({"name": "نام تازه", "description": "خط یک\nخط دو"});
    ali.patch(&format!("/v1/rooms/{}", room.id), body)
        .await
        .expect(200);
    let socket = sara.connect_to(1, [(room.id, room.seq)]).await;
    socket.expect_seq(room.id, room.seq + 5, DEADLINE).await;
    let changes = socket.changes(room.id);
    let seen: Vec<_> = changes
        .iter()
        .map(|event| event.seq.unwrap() - room.seq)
        .collect();
    assert_eq!(
        seen,
        [3, 4, 5],
        "each stands once, at its latest position: {changes:#?}"
    );
    // A member who is new to the client is told by the kind of the latest change, with the latest role.
    let (EventBody::MemberChanged(member) | EventBody::MemberJoined(member)) = &changes[0].body
    else {
        panic!("{changes:#?}")
    };
    assert_eq!(
        (member.user.id, member.role),
        (stays.id, chapar_shared::protocol::Role::Admin)
    );
    let EventBody::MemberLeft(member) = &changes[1].body else {
        panic!("{changes:#?}")
    };
    assert_eq!(member.user.id, guest.id);
    let EventBody::RoomChanged(renamed) = &changes[2].body else {
        panic!("{changes:#?}")
    };
    assert_eq!(
        (&*renamed.name, &*renamed.description),
        ("نام تازه", "خط یک\nخط دو")
    );
}

async fn rooms_not_named_start_at_their_head(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let (named, unnamed) = (
        ali.private_room(&[&sara]).await.room,
        ali.private_room(&[&sara]).await.room,
    );
    let old = ali.send(unnamed.id, "old").await;
    ali.send(named.id, "old").await;
    let socket = sara.connect_to(1, [(named.id, named.seq)]).await;
    assert_eq!(socket.ready_seq(unnamed.id), old.seq);
    let new = ali.send(unnamed.id, "new").await;
    socket.expect_seq(unnamed.id, new.seq, DEADLINE).await;
    History::of(&socket, unnamed.id).assert_dense(old.seq, new.seq);
    socket.expect_seq(named.id, named.seq + 1, DEADLINE).await;
    let ready = socket.ready();
    let room = ready
        .rooms
        .iter()
        .find(|room| room.id == unnamed.id)
        .unwrap();
    assert_eq!((room.number, room.read_number), (1, 0));
}

async fn a_room_too_far_behind_is_reset(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let author = ali.connect().await;
    author
        .say_all(room.id, (0..1001).map(|number| number.to_string()))
        .await;
    let head = room.seq + 1001;
    author.expect_seq(room.id, head, DEADLINE).await;
    let far = sara.connect_to(1, [(room.id, room.seq)]).await;
    assert_eq!(far.expect_reset(room.id).await.seq, head);
    let near = sara.connect_to(0, [(room.id, room.seq + 1)]).await;
    near.expect_seq(room.id, head, DEADLINE).await;
    History::of(&near, room.id).assert_dense(room.seq + 1, head);
    // After a reset the stream is live from the head that it named.
    let next = author.say(room.id, "next").await;
    far.expect_seq(room.id, next.seq, DEADLINE).await;
    History::of(&far, room.id).assert_dense(head, next.seq);
}

async fn connect_with(user: &User, node: usize, epoch: &str, since: (RoomId, i64)) -> Socket {
    let hello = Hello {
        token: Some(user.token()),
        epoch: Some(epoch.to_owned()),
        since: BTreeMap::from([since]),
    };
    Socket::connect(&user.site().ws_url(node), &hello).await
}

async fn positions_of_another_epoch_are_reset(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room;
    let message = ali.send(room.id, "x").await;
    let other = connect_with(&ali, 0, "another", (room.id, room.seq)).await;
    assert_eq!(other.expect_reset(room.id).await.seq, message.seq);
    let epoch = other.ready().epoch;
    let same = connect_with(&ali, 1, &epoch, (room.id, room.seq)).await;
    same.expect_seq(room.id, message.seq, DEADLINE).await;
}

async fn a_position_beyond_the_head_is_reset(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room;
    let socket = ali.connect_to(1, [(room.id, room.seq + 5)]).await;
    assert_eq!(socket.expect_reset(room.id).await.seq, room.seq);
    let next = ali.send(room.id, "next").await;
    socket.expect_seq(room.id, next.seq, DEADLINE).await;
}

async fn rooms_left_meanwhile_are_told_after_ready(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let mine = ali.private_room(&[]).await.room;
    let left = ali.private_room(&[&sara]).await.room;
    ali.remove(left.id, &sara).await;
    let unknown = RoomId(9_007_199_254_740_991);
    let since = [(left.id, left.seq), (mine.id, 1), (unknown, 7)];
    let socket = sara.connect_to(1, since).await;
    for (room, name) in [(left.id, &*left.name), (mine.id, ""), (unknown, "")] {
        let event = socket
            .expect_event(
                "room.left",
                |event| matches!(&event.body, EventBody::RoomLeft(gone) if gone.id == room),
            )
            .await;
        let EventBody::RoomLeft(gone) = event.body else {
            unreachable!()
        };
        // Nothing is told of a room that one was never in.
        assert!(room == left.id || gone.name == name, "{gone:?}");
    }
    assert!(socket.ready().rooms.is_empty());
    assert!(socket.changes(left.id).is_empty());
}

async fn changes_by_rest_are_what_a_socket_replays(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    let since = change_much(&ali, &sara, room).await;
    let mut events: Vec<Event> = Vec::new();
    let mut next = since;
    loop {
        let path = format!("/v1/rooms/{room}/changes?since={next}&limit=2");
        let answer = sara.get(&path).await.expect(200);
        let page = answer.value();
        events.extend(answer.items::<Event>());
        next = page["next"].as_i64().unwrap();
        assert_eq!(page["seq"], json!(since + 10));
        if !page["more"].as_bool().unwrap() {
            break;
        }
    }
    assert_eq!(next, since + 10);
    let socket = sara.connect_to(1, [(room, since)]).await;
    socket.expect_seq(room, since + 10, DEADLINE).await;
    assert_eq!(story(&events), story(&socket.changes(room)));
}

async fn many_reconnects_while_sending_leave_no_hole(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let author = ali.connect().await;
    let sending = async {
        for number in 0..300 {
            author.say(room.id, &format!("{number}")).await;
        }
    };
    let hopping = async {
        let mut seen = Vec::new();
        let mut position = room.seq;
        for hop in 0.. {
            // Dropped without a close frame, with whatever was on its way.
            let socket = sara.connect_to(hop % 2, [(room.id, position)]).await;
            let target = (position + 20).min(room.seq + 300);
            socket.expect_seq(room.id, target, DEADLINE).await;
            seen.extend(History::of(&socket, room.id).positions());
            position = *seen.last().unwrap();
            if position == room.seq + 300 {
                return seen;
            }
        }
        unreachable!("hops without end")
    };
    let ((), seen) = tokio::join!(sending, hopping);
    let expected: Vec<i64> = (room.seq + 1..=room.seq + 300).collect();
    assert_eq!(seen, expected);
}

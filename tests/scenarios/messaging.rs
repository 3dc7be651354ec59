//! Sending and receiving: one order, nothing missing, nothing twice, one message for a nonce.

use std::collections::BTreeSet;

use chapar_shared::protocol::{EventBody, Message};
use chapar_shared::{MessageId, RoomId};
use chapar_tests::socket::message_of;
use chapar_tests::{DEADLINE, History, Site, Socket, User, scenarios};
use serde_json::json;
use tokio::task::JoinSet;

scenarios! {
    two_users_on_two_gateways_see_two_thousand_messages_once_and_in_order,
    concurrent_sends_from_every_node_leave_the_room_dense,
    one_nonce_sent_a_hundred_times_at_once_is_one_message,
    a_nonce_with_another_body_is_refused,
    commands_of_one_connection_are_committed_in_their_order,
    changes_reach_everybody_live_and_dense,
    every_device_of_the_author_gets_the_event,
    a_refused_command_harms_none_beside_it,
    a_slow_client_is_closed_and_others_keep_receiving => [("gateway.write_timeout", "120s")],
}

const EACH: i64 = 1000;

/// Sends `EACH` messages and gives the acknowledged ids in order of sending.
async fn talk(socket: &Socket, room: RoomId, name: &str) -> Vec<MessageId> {
    let contents = (0..EACH).map(|number| format!("{name} {number}"));
    let said = socket.say_all(room, contents).await;
    said.into_iter().map(|message| message.id).collect()
}

async fn two_users_on_two_gateways_see_two_thousand_messages_once_and_in_order(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let (at_first, at_second) = (ali.connect().await, sara.connect().await);
    let (from_ali, from_sara) = tokio::join!(
        talk(&at_first, room.id, "علی"),
        talk(&at_second, room.id, "sara")
    );
    let head = room.seq + 2 * EACH;
    for socket in [&at_first, &at_second] {
        socket.expect_seq(room.id, head, DEADLINE).await;
        let history = History::of(socket, room.id);
        history
            .assert_dense(room.seq, head)
            .assert_holds(from_ali.iter().chain(&from_sara).copied());
        assert_eq!(history.created().len(), 2000);
        for (author, acknowledged) in [(&ali, &from_ali), (&sara, &from_sara)] {
            let created = history.created();
            let own = created
                .iter()
                .filter(|message| message.sender.id == author.id);
            let own: Vec<MessageId> = own.map(|message| message.id).collect();
            assert_eq!(&own, acknowledged, "in the order in which they were sent");
        }
    }
    History::of(&at_second, room.id)
        .assert_equals_rest(&ali)
        .await;
}

async fn concurrent_sends_from_every_node_leave_the_room_dense(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let socket = sara.connect().await;
    let mut sends = JoinSet::new();
    for worker in 0..40 {
        let rest = [&ali, &sara][worker % 2].rest_at(worker / 2 % 2);
        let path = format!("/v1/rooms/{}/messages", room.id);
        sends.spawn(async move {
            let mut sent: Vec<Message> = Vec::new();
            for number in 0..50 {
                let body = json!({"content": format!("{worker}/{number}")});
                sent.push(rest.post(&path, body).await.expect(201).read());
            }
            sent
        });
    }
    let sent: Vec<Message> = sends.join_all().await.into_iter().flatten().collect();
    let positions: BTreeSet<_> = sent.iter().map(|message| message.seq).collect();
    let expected: BTreeSet<_> = (room.seq + 1..=room.seq + 2000).collect();
    assert_eq!(positions, expected);
    let numbers: BTreeSet<_> = sent.iter().map(|message| message.number).collect();
    assert_eq!(numbers, (1..=2000).collect());
    socket.expect_seq(room.id, room.seq + 2000, DEADLINE).await;
    History::of(&socket, room.id)
        .assert_dense(room.seq, room.seq + 2000)
        .assert_holds(sent.iter().map(|message| message.id));
}

async fn one_nonce_sent_a_hundred_times_at_once_is_one_message(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let watcher = sara.connect().await;
    let sockets = [ali.connect_to(0, []).await, ali.connect_to(1, []).await];
    let mut by_socket = Vec::new();
    let mut by_rest = JoinSet::new();
    for at in 0..100 {
        let body = json!({"op": "send", "room": room.id, "content": "یک بار", "nonce": "n-۱"});
        if at % 2 == 0 {
            let socket = &sockets[at / 2 % 2];
            by_socket.push((socket, socket.submit(body).await));
        } else {
            let rest = ali.rest_at(at / 2 % 2);
            let path = format!("/v1/rooms/{}/messages", room.id);
            by_rest.spawn(async move { rest.post(&path, body).await });
        }
    }
    let mut ids = BTreeSet::new();
    let mut created = 0;
    for answer in by_rest.join_all().await {
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        created += usize::from(answer.status == 201);
        ids.insert(answer.read::<Message>().id);
    }
    for (socket, id) in by_socket {
        ids.insert(message_of(socket.reply(id).await.unwrap()).id);
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(created <= 1, "{created} answers said that it was new");
    ali.send(room.id, "بعد").await;
    watcher.expect_seq(room.id, room.seq + 2, DEADLINE).await;
    History::of(&watcher, room.id).assert_dense(room.seq, room.seq + 2);
    assert_eq!(ali.history(room.id).await.len(), 2);
}

async fn a_nonce_with_another_body_is_refused(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room;
    let path = format!("/v1/rooms/{}/messages", room.id);
    let first = ali
        .rest_at(0)
        .post(&path, json!({"content": "a", "nonce": "x"}))
        .await;
    let first: Message = first.expect(201).read();
    assert_eq!(first.nonce.as_deref(), Some("x"));
    let other = ali
        .rest_at(1)
        .post(&path, json!({"content": "b", "nonce": "x"}))
        .await;
    other.expect_problem(409, "nonce_conflict");
    // What decides is what was sent first, not what an edit made of it.
    ali.edit(room.id, first.id, "c").await;
    let again = ali
        .rest_at(1)
        .post(&path, json!({"content": "a", "nonce": "x"}))
        .await;
    assert_eq!(again.expect(200).read::<Message>().id, first.id);
    // A nonce is its sender's and its room's alone.
    let elsewhere = ali.private_room(&[]).await.room;
    let path = format!("/v1/rooms/{}/messages", elsewhere.id);
    ali.post(&path, json!({"content": "b", "nonce": "x"}))
        .await
        .expect(201);
}

async fn commands_of_one_connection_are_committed_in_their_order(site: Site) {
    let ali = User::register(&site, 0).await;
    let rooms = [
        ali.private_room(&[]).await.room.id,
        ali.private_room(&[]).await.room.id,
    ];
    let socket = ali.connect().await;
    let sends = (0..200).map(
        |number| json!({"op": "send", "room": rooms[number % 2], "content": format!("{number}")}),
    );
    for reply in socket.pipeline(sends).await {
        reply.unwrap();
    }
    for (at, room) in rooms.iter().enumerate() {
        let said: Vec<String> = ali
            .history(*room)
            .await
            .into_iter()
            .map(|m| m.content)
            .collect();
        let expected: Vec<String> = (0..100).map(|n| (2 * n + at).to_string()).collect();
        assert_eq!(said, expected);
    }
}

async fn changes_reach_everybody_live_and_dense(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let (at_first, at_second) = (ali.connect().await, sara.connect().await);
    let message = at_first.say(room.id, "سلام").await;
    let about = json!({"room": room.id, "message": message.id});
    let with = |op: &str, more: &[(&str, &str)]| {
        let mut command = about.clone();
        command["op"] = json!(op);
        for (field, text) in more {
            command[*field] = json!(text);
        }
        command
    };
    let edited = message_of(at_first.ok(with("edit", &[("content", "درود")])).await);
    assert!(edited.edited_at.is_some() && edited.content == "درود");
    let reacted = at_second.ok(with("react", &[("emoji", "👍")])).await;
    assert_eq!(reacted["seq"], json!(edited.changed_seq + 1));
    at_second.ok(with("unreact", &[("emoji", "👍")])).await;
    // Nothing changes, so nothing takes a position.
    at_second.ok(with("unreact", &[("emoji", "👍")])).await;
    at_first.ok(with("edit", &[("content", "درود")])).await;
    at_first.ok(with("delete", &[])).await;
    let head = room.seq + 5;
    for socket in [&at_first, &at_second] {
        socket.expect_seq(room.id, head, DEADLINE).await;
        let history = History::of(socket, room.id);
        history.assert_dense(room.seq, head);
        let changes = history.changes();
        let EventBody::MessageReacted(reacted) = &changes[2].body else {
            panic!("{:?}", changes[2])
        };
        let change = reacted
            .change
            .as_ref()
            .expect("live events say what changed");
        assert_eq!(
            (change.user, &*change.emoji, change.added),
            (sara.id, "👍", true)
        );
        assert_eq!(
            (
                reacted.message.reactions[0].count,
                reacted.message.reactions[0].me
            ),
            (1, None)
        );
        let EventBody::MessageDeleted(deleted) = &changes[4].body else {
            panic!("{:?}", changes[4])
        };
        assert!(deleted.content.is_empty() && deleted.deleted_at.is_some());
        history.assert_equals_rest(&sara).await;
    }
    assert_eq!(sara.see(room.id).await.room.seq, head);
}

async fn every_device_of_the_author_gets_the_event(site: Site) {
    let phone = User::register(&site, 0).await;
    let laptop = phone.sign_in(1).await;
    let room = phone.private_room(&[]).await.room;
    let (first, second) = (phone.connect().await, laptop.connect().await);
    let send = json!({"op": "send", "room": room.id, "content": "x", "nonce": "mine"});
    let message = message_of(first.ok(send).await);
    for socket in [&first, &second] {
        let event = socket
            .expect_event("own message", |event| event.seq == Some(message.seq))
            .await;
        assert_eq!(event.body, EventBody::MessageCreated(message.clone()));
    }
}

async fn a_refused_command_harms_none_beside_it(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room;
    let socket = ali.connect().await;
    let sends = (0..60).map(|number| {
        let (room, content) = match number % 3 {
            0 => (room.id, "خوب"),
            1 => (room.id, "  "),
            _ => (RoomId(9_007_199_254_740_991), "nowhere"),
        };
        json!({"op": "send", "room": room, "content": content})
    });
    for (number, reply) in socket.pipeline(sends).await.into_iter().enumerate() {
        match number % 3 {
            0 => drop(message_of(reply.unwrap())),
            1 => assert_eq!(reply.unwrap_err().code, "invalid"),
            _ => assert_eq!(reply.unwrap_err().code, "room_not_found"),
        }
    }
    socket.expect_seq(room.id, room.seq + 20, DEADLINE).await;
    History::of(&socket, room.id).assert_dense(room.seq, room.seq + 20);
}

async fn a_slow_client_is_closed_and_others_keep_receiving(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let author = ali.connect().await;
    let (slow, beside) = (sara.connect_to(1, []).await, sara.connect_to(1, []).await);
    slow.pause(true);
    // More than the kernel's buffers on both sides of the connection hold.
    let heavy = "\u{1f40c}".repeat(4000);
    for _ in 0..100 {
        author
            .say_all(room.id, (0..10).map(|_| heavy.clone()))
            .await;
    }
    let head = room.seq + 1000;
    beside.expect_seq(room.id, head, DEADLINE).await;
    History::of(&beside, room.id).assert_dense(room.seq, head);
    slow.pause(false);
    // Who reads nothing at all for some seconds more cannot be told the code either.
    assert!([4010, 1006].contains(&slow.closed().await));
    // What it got is a beginning without a hole; the rest it gets by resuming.
    let position = History::of(&slow, room.id)
        .positions()
        .last()
        .copied()
        .unwrap_or(room.seq);
    assert!(position < head);
    let again = sara.connect_to(0, [(room.id, position)]).await;
    again.expect_seq(room.id, head, DEADLINE).await;
    History::of(&slow, room.id)
        .and(&again)
        .assert_dense(room.seq, head);
}

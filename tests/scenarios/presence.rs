//! Presence: who is online, told to those who share a room with them and ask.

use std::time::{Duration, Instant};

use chapar_shared::UserId;
use chapar_shared::protocol::{EventBody, Presence};
use chapar_tests::{DEADLINE, Site, Socket, User, scenarios};
use serde_json::json;

use crate::rooms::joined;

scenarios! {
    a_watched_user_comes_and_goes => GRACE,
    a_reconnect_within_the_grace_does_not_flicker => LONG_GRACE,
    outsiders_are_not_watched,
    a_new_list_replaces_the_old_one => GRACE,
    too_many_watched_are_refused => [("limits.max_watched", "2")],
    several_sockets_are_one_presence => GRACE,
}

const GRACE: [(&str, &str); 1] = [("gateway.offline_delay", "1s")];
const LONG_GRACE: [(&str, &str); 1] = [("gateway.offline_delay", "5s")];

async fn watch(socket: &Socket, users: &[&User]) -> Vec<UserId> {
    let users: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let ok = socket.ok(json!({"op": "watch", "users": users})).await;
    serde_json::from_value(ok["online"].clone()).unwrap()
}

async fn told(socket: &Socket, mark: usize, user: &User, online: bool) -> Presence {
    let what = format!("{} online: {online}", user.username);
    let event = socket
        .expect_event_after(mark, &what, DEADLINE, |event| {
            matches!(&event.body, EventBody::Presence(told) if told.user == user.id && told.online == online)
        })
        .await;
    match event.body {
        EventBody::Presence(told) => told,
        _ => unreachable!("it matched"),
    }
}

async fn by_rest(user: &User, of: &User) -> (bool, bool) {
    let path = format!("/v1/presence?users={}", of.id);
    let answer = user.get(&path).await.expect(200).value();
    let online = answer["online"].as_array().unwrap().contains(&json!(of.id));
    (online, answer["last_seen"][of.id.to_string()].is_string())
}

async fn a_watched_user_comes_and_goes(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    ali.private_room(&[&sara]).await;
    let socket = ali.connect().await;
    assert!(watch(&socket, &[&sara]).await.is_empty());
    let theirs = sara.connect().await;
    assert_eq!(told(&socket, 0, &sara, true).await.last_seen, None);
    assert!(by_rest(&ali, &sara).await.0);
    assert_eq!(watch(&socket, &[&sara]).await, [sara.id]);
    let closed = Instant::now();
    theirs.close().await;
    let gone = told(&socket, 0, &sara, false).await;
    assert!(gone.last_seen.is_some(), "{gone:?}");
    assert!(
        closed.elapsed() >= Duration::from_millis(900),
        "not before the grace is over"
    );
    assert_eq!(by_rest(&ali, &sara).await, (false, true));
}

async fn a_reconnect_within_the_grace_does_not_flicker(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    ali.private_room(&[&sara]).await;
    let socket = ali.connect().await;
    let first = sara.connect_to(1, []).await;
    chapar_tests::eventually(DEADLINE, "online", async || {
        (watch(&socket, &[&sara]).await == [sara.id]).then_some(())
    })
    .await;
    let mark = socket.mark();
    first.close().await;
    // On another node, and gone for good this time.
    let second = sara.connect_to(0, []).await;
    second.ok(json!({"op": "ping"})).await;
    second.close().await;
    told(&socket, mark, &sara, false).await;
    let offline = socket.events()[mark..]
        .iter()
        .filter(|event| matches!(&event.body, EventBody::Presence(told) if !told.online))
        .count();
    assert_eq!(offline, 1);
}

async fn outsiders_are_not_watched(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let friend = User::register(&site, 1).await;
    ali.private_room(&[&friend]).await;
    let stranger = sara.connect().await;
    let (socket, theirs) = (ali.connect().await, friend.connect().await);
    let online = chapar_tests::eventually(DEADLINE, "the friend is online", async || {
        let online = watch(&socket, &[&sara, &friend]).await;
        online.contains(&friend.id).then_some(online)
    })
    .await;
    assert_eq!(online, [friend.id]);
    assert_eq!(by_rest(&ali, &sara).await, (false, false));
    assert!(by_rest(&ali, &friend).await.0);
    drop((stranger, theirs));
    assert!(
        !socket.events().iter().any(|event| {
            matches!(&event.body, EventBody::Presence(told) if told.user == sara.id)
        })
    );
}

async fn a_new_list_replaces_the_old_one(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let reza = User::register(&site, 1).await;
    ali.private_room(&[&sara, &reza]).await;
    let socket = ali.connect().await;
    watch(&socket, &[&sara]).await;
    watch(&socket, &[&reza]).await;
    let mark = socket.mark();
    let _theirs = sara.connect().await;
    let _others = reza.connect().await;
    told(&socket, mark, &reza, true).await;
    let heard = socket.events();
    assert!(
        !heard.iter().any(|event| {
            matches!(&event.body, EventBody::Presence(told) if told.user == sara.id)
        }),
        "{heard:?}"
    );
}

async fn too_many_watched_are_refused(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = ali.connect_to(1, []).await;
    assert_eq!(socket.ready().limits.watched, 2);
    socket.misbehave();
    let watch = json!({"op": "watch", "users": [1, 2, 3]});
    assert_eq!(socket.refused(watch).await, "invalid");
}

async fn several_sockets_are_one_presence(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    ali.private_room(&[&sara]).await;
    let socket = ali.connect().await;
    let (first, second) = (sara.connect_to(0, []).await, sara.connect_to(1, []).await);
    chapar_tests::eventually(DEADLINE, "online", async || {
        (watch(&socket, &[&sara]).await == [sara.id]).then_some(())
    })
    .await;
    let mark = socket.mark();
    first.close().await;
    // Their other socket says goodbye later; only then are they gone, after its own grace.
    let room = sara.private_room(&[&ali]).await.room.id;
    joined(&socket, 0, room).await;
    let said = sara.send(room, "هنوز هستم").await;
    socket.expect_seq(room, said.seq, DEADLINE).await;
    let closed = Instant::now();
    second.close().await;
    told(&socket, mark, &sara, false).await;
    assert!(
        closed.elapsed() >= Duration::from_millis(900),
        "the first socket's end told nobody"
    );
}

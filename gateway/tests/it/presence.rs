//! Presence and typing.

use std::time::{Duration, Instant};

use chapar_broker::Link;
use chapar_gateway::Config;
use chapar_shared::Limits;
use serde_json::json;

use super::bus::Fate;
use super::world::{World, config, until};

#[tokio::test]
async fn watchers_see_acquaintances_come_and_go() {
    let mut world = World::new().await;
    world.add_node().await;
    world.store.populate(6, 1);
    world.store.remove(6, 1);
    let mut watcher = world.client(0, 1).await;
    let _here = world.client(1, 2).await;
    until("both are online", || {
        world.bus.is_online(1) && world.bus.is_online(2)
    })
    .await;
    watcher
        .send(&json!({"op": "watch", "id": 1, "users": [2, 3, 6]}))
        .await;
    assert_eq!(watcher.reply(1).await["ok"], json!({"online": [2]}));
    let _stranger = world.client(1, 6).await;
    let third = world.client(1, 3).await;
    let came = watcher.event("presence").await;
    assert_eq!(
        came["data"],
        json!({"user": 3, "online": true, "last_seen": null})
    );
    drop(third);
    let went = watcher.event("presence").await;
    assert_eq!(
        (&went["data"]["user"], &went["data"]["online"]),
        (&json!(3), &json!(false))
    );
    assert!(went["data"]["last_seen"].is_string());
    watcher
        .send(&json!({"op": "watch", "id": 2, "users": []}))
        .await;
    assert_eq!(watcher.reply(2).await["ok"], json!({"online": []}));
    let _again = world.client(1, 3).await;
    until("online again", || world.bus.is_online(3)).await;
    assert!(watcher.drain().await.is_empty());
    watcher
        .send(&json!({"op": "watch", "id": 3, "users": (1..=201).collect::<Vec<_>>()}))
        .await;
    assert_eq!(watcher.reply(3).await["error"]["code"], "invalid");
}

#[tokio::test]
async fn lost_words_of_presence_are_made_good() {
    let mut world = World::new().await;
    world.add_node().await;
    let mut watcher = world.client(0, 1).await;
    watcher
        .send(&json!({"op": "watch", "id": 1, "users": [2]}))
        .await;
    assert_eq!(watcher.reply(1).await["ok"], json!({"online": []}));
    world.bus.set_fate(Fate::Lose);
    let second = world.client(1, 2).await;
    let came = watcher.event("presence").await;
    assert_eq!(came["data"]["online"], json!(true));
    drop(second);
    let went = watcher.event("presence").await;
    assert_eq!(went["data"]["online"], json!(false));
    assert!(went["data"]["last_seen"].is_string(), "{went}");
}

#[tokio::test]
async fn a_quick_reconnect_does_not_flicker() {
    let slow = chapar_gateway::Config {
        offline_delay: Duration::from_millis(600),
        ..config()
    };
    let world = World::with(slow, Limits::default()).await;
    let mut watcher = world.client(0, 1).await;
    let second = world.client(0, 2).await;
    until("online", || world.bus.is_online(2)).await;
    watcher
        .send(&json!({"op": "watch", "id": 1, "users": [2]}))
        .await;
    watcher.reply(1).await;
    drop(second);
    until("gone", || world.nodes[0].gateway.connections() == 1).await;
    let second = world.client(0, 2).await;
    drop(second);
    let went = watcher.event("presence").await;
    assert_eq!(went["data"]["online"], json!(false));
}

/// A broker that comes back without its leases is given them again at once, before anybody is taken for gone.
#[tokio::test]
async fn leases_that_were_forgotten_are_taken_again_and_nobody_flickers() {
    let mut world = World::new().await;
    world.add_node().await;
    let mut watcher = world.client(0, 1).await;
    let second = world.client(1, 2).await;
    until("online", || world.bus.is_online(2)).await;
    watcher
        .send(&json!({"op": "watch", "id": 1, "users": [2]}))
        .await;
    assert_eq!(watcher.reply(1).await["ok"], json!({"online": [2]}));
    let begin = Instant::now();
    world.bus.set_link(Link::Down, true);
    world.bus.forget_leases();
    world.bus.set_link(Link::Proven, false);
    until("online again", || world.bus.is_online(2)).await;
    // The steady renewal comes later than that.
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    // A node that noticed nothing yet: its users have no lease, and are not taken for gone.
    world.bus.forget_leases();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(watcher.drain().await.is_empty(), "nobody came or went");
    drop(second);
}

/// A node that goes leaves its users the time of any reconnect to come to another one.
#[tokio::test]
async fn a_drain_makes_nobody_flicker() {
    let slow = Config {
        offline_delay: Duration::from_secs(2),
        ..config()
    };
    let mut world = World::with(slow, Limits::default()).await;
    let other = world.add_node().await;
    let mut watcher = world.client(other, 1).await;
    let (_moves, _goes) = (world.client(0, 2).await, world.client(0, 3).await);
    until("both are online", || {
        world.bus.is_online(2) && world.bus.is_online(3)
    })
    .await;
    watcher
        .send(&json!({"op": "watch", "id": 1, "users": [2, 3]}))
        .await;
    assert_eq!(watcher.reply(1).await["ok"], json!({"online": [2, 3]}));
    world.nodes[0].gateway.drain().await;
    // Late, and yet in time.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let _moved = world.client(other, 2).await;
    let went = watcher.event("presence").await;
    assert_eq!(
        (&went["data"]["user"], &went["data"]["online"]),
        (&json!(3), &json!(false)),
        "the one that did not come back, and nobody before"
    );
    assert!(watcher.drain().await.is_empty());
}

#[tokio::test]
async fn typing_reaches_others_once_in_a_while() {
    let mut world = World::new().await;
    world.add_node().await;
    let (mut typist, mut twin) = (world.client(0, 1).await, world.client(1, 1).await);
    let mut reader = world.client(1, 2).await;
    for id in 1..=3 {
        typist
            .send(&json!({"op": "typing", "id": id, "room": 1, "typing": true}))
            .await;
        assert_eq!(typist.reply(id).await["ok"], json!({}));
    }
    typist
        .send(&json!({"op": "typing", "room": 1, "typing": false}))
        .await;
    for is_typing in [true, false] {
        let event = reader.next().await;
        assert_eq!(event["type"], "typing");
        assert_eq!(
            (&event["room"], &event["data"]),
            (&json!(1), &json!({"user": 1, "typing": is_typing}))
        );
    }
    assert!(twin.drain().await.is_empty() && typist.drain().await.is_empty());
    typist
        .send(&json!({"op": "typing", "id": 9, "room": 77, "typing": true}))
        .await;
    assert_eq!(typist.reply(9).await["error"]["code"], "room_not_found");
}

#[tokio::test]
async fn typing_is_not_relayed_in_large_rooms() {
    let limits = Limits {
        max_typing_members: 5,
        ..Limits::default()
    };
    let world = World::with(config(), limits).await;
    let (mut typist, mut reader) = (world.client(0, 1).await, world.client(0, 2).await);
    world.store.populate(6, 0);
    world.store.join(6, 1);
    typist.event("member.joined").await;
    typist
        .send(&json!({"op": "typing", "id": 1, "room": 1, "typing": true}))
        .await;
    assert_eq!(typist.reply(1).await["ok"], json!({}));
    reader.event("member.joined").await;
    assert!(reader.drain().await.is_empty());
    assert_eq!(world.bus.typing_published(), 0);
}

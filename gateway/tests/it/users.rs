//! What is addressed to a user: joining and leaving, notifications, sessions.

use serde_json::json;

use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::{Limits, UserId};

use super::bus::Fate;
use super::world::{World, config, until};

#[tokio::test]
async fn joining_begins_a_stream_and_leaving_ends_it_on_every_socket() {
    let world = World::new().await;
    world.store.populate(5, 1);
    world.store.join(2, 7);
    world.store.send(7, "پیش از پیوستن");
    let mut sockets = [world.client(0, 1).await, world.client(0, 1).await];
    world.store.join(1, 7);
    for socket in &mut sockets {
        let joined = socket.event("room.joined").await;
        assert_eq!(
            (&joined["data"]["id"], &joined["data"]["seq"]),
            (&json!(7), &json!(3))
        );
    }
    world.store.send(7, "خوش آمدی");
    for socket in &mut sockets {
        let first = socket.next().await;
        assert_eq!(
            (&first["seq"], &first["data"]["content"]),
            (&json!(4), &json!("خوش آمدی"))
        );
    }
    world.store.remove(1, 7);
    world.store.send(7, "بی او");
    for socket in &mut sockets {
        let left = socket.event("room.left").await;
        assert_eq!(
            left["data"],
            json!({"id": 7, "kind": "private", "name": "اتاق 7"})
        );
        assert!(socket.drain().await.is_empty());
    }
}

#[tokio::test]
async fn lost_user_changes_are_made_good() {
    let world = World::new().await;
    world.store.join(2, 7);
    world.store.join(2, 8);
    world.store.join(1, 8);
    let mut client = world.client(0, 1).await;
    world.bus.set_fate(Fate::Lose);
    world.store.join(1, 7);
    world.store.remove(1, 8);
    world.store.notify(1);
    world.bus.set_fate(Fate::Pass);
    // The next change shows the gap.
    let newest = world.store.notify(1);
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let frame = client.next().await;
        seen.push((
            frame["type"].as_str().unwrap().to_owned(),
            frame["data"]["id"].as_i64().unwrap(),
        ));
    }
    seen.sort();
    let expected = [
        ("notification.created", 1),
        ("notification.created", newest),
        ("room.joined", 7),
        ("room.left", 8),
    ];
    assert_eq!(seen, expected.map(|(kind, id)| (kind.to_owned(), id)));
    // A version announced, and one found by comparison.
    world.bus.set_fate(Fate::Lose);
    world.store.read_notifications(1, 2);
    world.bus.set_fate(Fate::Pass);
    let version = Envelope::Version {
        user: UserId(1),
        version: i64::MAX,
    };
    world.bus.publish(Channel::User(UserId(1)), &version);
    assert_eq!(
        client.event("notification.read").await["data"],
        json!({"up_to": 2})
    );
    world.bus.set_fate(Fate::Lose);
    world.store.notify(1);
    world.bus.gap();
    assert_eq!(client.event("notification.created").await["data"]["id"], 3);
    assert!(client.drain().await.is_empty());
}

#[tokio::test]
async fn notifications_go_to_every_socket_in_order() {
    let world = World::new().await;
    let mut sockets = [world.client(0, 1).await, world.client(0, 1).await];
    for _ in 0..20 {
        world.store.notify(1);
    }
    for socket in &mut sockets {
        for id in 1..=20 {
            assert_eq!(socket.next().await["data"]["id"], id);
        }
    }
}

#[tokio::test]
async fn changes_that_overtake_each_other_are_put_in_order_without_asking() {
    let patient = chapar_gateway::Config {
        repair_delay: std::time::Duration::from_secs(1),
        ..config()
    };
    let world = World::with(patient, Limits::default()).await;
    let mut client = world.client(0, 1).await;
    world.bus.set_fate(Fate::Hold);
    for _ in 0..3 {
        world.store.notify(1);
    }
    let mut held = world.bus.take_held();
    held.swap(1, 2);
    for (channel, bytes) in &held {
        world.bus.send(*channel, bytes);
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(client.next().await["data"]["id"].as_i64());
    }
    assert_eq!(ids, [Some(1), Some(2), Some(3)]);
    assert_eq!(world.store.calls().users, 0);
}

#[tokio::test]
async fn a_revoked_session_closes_its_sockets_alone() {
    let world = World::new().await;
    let mut first = world.client(0, 1).await;
    let mut second = world.socket(0, "", &[]).await;
    let token = world.token(1, 11, std::time::Duration::from_mins(15));
    second.send(&json!({"op": "hello", "token": token})).await;
    second.next().await;
    world.store.revoke(1, 10);
    assert_eq!(first.closed().await, 4003);
    assert!(second.drain().await.is_empty());
    // Lost, and found by comparison.
    world.bus.set_fate(Fate::Lose);
    world.store.revoke(1, 11);
    world.bus.gap();
    assert_eq!(second.closed().await, 4003);
    until("both are gone", || {
        world.nodes[0].gateway.connections() == 0
    })
    .await;
}

#[tokio::test]
async fn a_banned_user_is_cut_off_everywhere() {
    let mut world = World::new().await;
    world.add_node().await;
    let mut sockets = [world.client(0, 1).await, world.client(1, 1).await];
    world.store.shut(1);
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4003);
    }
}

#[tokio::test]
async fn a_revocation_does_not_wait_for_a_room_that_cannot_be_read() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    world.store.fault(|faults| faults.is_away = true);
    world.store.join(1, 7);
    world.store.revoke(1, 10);
    assert_eq!(client.closed().await, 4003);
}

#[tokio::test]
async fn a_second_socket_catches_the_first_one_up() {
    let world = World::new().await;
    let mut first = world.client(0, 1).await;
    world.bus.set_fate(Fate::Lose);
    world.store.join(1, 7);
    let mut second = world.client(0, 1).await;
    assert_eq!(second.ready["rooms"].as_array().unwrap().len(), 2);
    assert_eq!(first.event("room.joined").await["data"]["id"], 7);
    world.bus.set_fate(Fate::Pass);
    world.store.send(7, "هر دو");
    assert_eq!(first.event("message.created").await["room"], 7);
    assert_eq!(second.next().await["room"], 7);
}

//! Signing in, and every way of being sent away.

use std::time::{Duration, Instant};

use chapar_shared::Limits;
use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use chapar_gateway::Config;

use super::bus::Fate;
use super::world::{World, config, until};

const LIFE: Duration = Duration::from_mins(15);

#[tokio::test]
async fn ready_tells_rooms_limits_and_epoch() {
    let world = World::new().await;
    world.store.send(1, "سلام");
    let client = world.client(0, 2).await;
    let ready = &client.ready;
    assert_eq!(ready["epoch"], "e1");
    assert_eq!(ready["session"], "20");
    assert_eq!(ready["user"]["username"], "کاربر2");
    assert_eq!(ready["rooms"][0]["seq"], 1);
    assert_eq!(ready["heartbeat_s"], 30);
    assert_eq!(ready["limits"]["frame_bytes"], 65536);
    assert!(world.nodes[0].gateway.is_ready());
}

#[tokio::test]
async fn tokens_come_by_header_query_or_hello() {
    let world = World::new().await;
    let token = world.token(1, 10, LIFE);
    let bearer = format!("Bearer {token}");
    for (query, headers) in [
        (String::new(), vec![("authorization", &*bearer)]),
        (format!("?token={token}"), vec![]),
    ] {
        let mut client = world.socket(0, &query, &headers).await;
        client.send(&json!({"op": "hello"})).await;
        assert_eq!(client.next().await["op"], "ready");
    }
}

#[tokio::test]
async fn bad_beginnings_are_closed_with_their_codes() {
    let world = World::new().await;
    let good = world.token(1, 10, LIFE);
    let expired = world.token(1, 10, Duration::ZERO);
    let revoked = world.token(1, 999, LIFE);
    for (frame, code) in [
        (json!({"op": "hello"}), 4001),
        (json!({"op": "hello", "token": "x.y.z"}), 4001),
        (json!({"op": "ping", "token": good}), 4001),
        (json!({"op": "hello", "token": expired}), 4002),
        (json!({"op": "hello", "token": revoked}), 4003),
    ] {
        let mut client = world.socket(0, "", &[]).await;
        client.send(&frame).await;
        assert_eq!(client.closed().await, code, "{frame}");
    }
    let mut client = world.socket(0, "", &[]).await;
    client.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(client.closed().await, 4001);
    let mut client = world
        .socket(0, "", &[("origin", "https://evil.example")])
        .await;
    assert_eq!(client.closed().await, 4001);
    world.store.fault(|faults| faults.is_away = true);
    let mut client = world.socket(0, "", &[]).await;
    client.send(&json!({"op": "hello", "token": good})).await;
    assert_eq!(client.closed().await, 1001);
    assert_eq!(world.nodes[0].gateway.connections(), 0);
}

#[tokio::test]
async fn a_silent_stranger_is_sent_away() {
    let short = chapar_gateway::Config {
        hello_timeout: Duration::from_millis(50),
        ..config()
    };
    let world = World::with(short, Limits::default()).await;
    assert_eq!(world.socket(0, "", &[]).await.closed().await, 4001);
}

#[tokio::test]
async fn sockets_of_a_user_are_limited() {
    let limits = Limits {
        max_sockets: 2,
        ..Limits::default()
    };
    let world = World::with(config(), limits).await;
    let (one, _two) = (world.client(0, 1).await, world.client(0, 1).await);
    let mut third = world.socket(0, "", &[]).await;
    third
        .send(&json!({"op": "hello", "token": world.token(1, 10, LIFE)}))
        .await;
    assert_eq!(third.closed().await, 4011);
    drop(one);
    until("a place is free", || {
        world.nodes[0].gateway.connections() == 1
    })
    .await;
    world.client(0, 1).await;
}

#[tokio::test]
async fn an_expired_token_closes_and_a_new_one_goes_on() {
    let world = World::new().await;
    let mut client = world.socket(0, "", &[]).await;
    client
        .send(&json!({"op": "hello", "token": world.token(1, 10, Duration::from_secs(2))}))
        .await;
    client.next().await;
    let mut renewed = world.socket(0, "", &[]).await;
    renewed
        .send(&json!({"op": "hello", "token": world.token(1, 11, Duration::from_secs(2))}))
        .await;
    renewed.next().await;
    renewed
        .send(&json!({"op": "auth", "id": 1, "token": world.token(2, 20, LIFE)}))
        .await;
    assert_eq!(renewed.reply(1).await["error"]["code"], "unauthenticated");
    renewed
        .send(&json!({"op": "auth", "id": 2, "token": world.token(1, 11, LIFE)}))
        .await;
    assert_eq!(renewed.reply(2).await["ok"], json!({}));
    assert_eq!(client.closed().await, 4002);
    assert!(renewed.drain().await.is_empty());
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let quick = chapar_gateway::Config {
        heartbeat: Duration::from_millis(60),
        ..config()
    };
    let world = World::with(quick, Limits::default()).await;
    let tasks = tokio_util::task::TaskTracker::new();
    let mut alive = world.client(0, 1).await;
    let dead = world.client(0, 2).await;
    let reading = tasks.spawn(async move { alive.event("message.created").await });
    until("one is gone", || world.nodes[0].gateway.connections() == 1).await;
    world.store.send(1, "هنوز");
    reading.await.unwrap();
    drop(dead);
}

#[tokio::test]
async fn draining_and_shutdown_send_clients_away_and_leave_no_task() {
    let world = World::new().await;
    let tasks = tokio_util::task::TaskTracker::new();
    let mut client = world.client(0, 1).await;
    let closing = tasks.spawn(async move { client.closed().await });
    world.nodes[0].gateway.drain().await;
    assert_eq!(closing.await.unwrap(), 1001);
    assert!(!world.nodes[0].gateway.is_ready());
    until("the lease ends", || !world.bus.is_online(1)).await;
    let node = &world.nodes[0];
    node.shutdown.cancel();
    node.tracker.close();
    tokio::time::timeout(super::world::DEADLINE, node.tracker.wait())
        .await
        .expect("every task ends");
}

#[tokio::test]
async fn a_drain_tells_clients_one_after_the_other_and_serves_them_meanwhile() {
    let slow = Config {
        drain_rate: 10,
        drain_timeout: Duration::from_secs(10),
        ..config()
    };
    let world = World::with(slow, Limits::default()).await;
    let mut clients = Vec::new();
    for user in 1..=5 {
        clients.push(world.client(0, user).await);
    }
    let mut older = world.door(0, 1, "/ws/chat/1/").await.ok().unwrap();
    let tasks = tokio_util::task::TaskTracker::new();
    let gateway = world.nodes[0].gateway.clone();
    let draining = tasks.spawn(async move { gateway.drain().await });
    let mut moments = Vec::new();
    for client in &mut clients {
        let told = client.find(|frame| frame["op"] == "reconnect").await;
        assert!(told["after_ms"].as_u64().unwrap() <= 100, "{told}");
        moments.push(Instant::now());
    }
    // The last one has a second yet.
    world.store.send(1, "هنوز");
    let last = clients.last_mut().unwrap();
    assert_eq!(
        last.event("message.created").await["data"]["content"],
        "هنوز"
    );
    let spread = *moments.iter().max().unwrap() - moments[0];
    assert!(spread >= Duration::from_millis(300), "{spread:?}");
    // It has no word for it.
    assert_eq!(older.closed().await, 1012);
    assert_eq!(clients[0].closed().await, 1001);
    // Nobody is waited for who went.
    drop(clients);
    draining.await.unwrap();
    assert_eq!(world.nodes[0].gateway.connections(), 0);
}

#[tokio::test]
async fn the_last_socket_lets_the_subscriptions_go() {
    use chapar_shared::envelope::Channel;
    use chapar_shared::{RoomId, UserId};
    let world = World::new().await;
    let client = world.client(0, 1).await;
    assert!(world.bus.is_subscribed(0, Channel::Room(RoomId(1))));
    drop(client);
    until("unsubscribed", || {
        !world.bus.is_subscribed(0, Channel::Room(RoomId(1)))
            && !world.bus.is_subscribed(0, Channel::User(UserId(1)))
    })
    .await;
    world.bus.set_fate(Fate::Lose);
    world.store.send(1, "در غیاب");
    assert_eq!(world.client(0, 1).await.ready["rooms"][0]["seq"], 1);
}

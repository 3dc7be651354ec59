//! Commands and their replies: batches, retries, limits.

use std::time::Duration;

use chapar_shared::Limits;
use chapar_shared::internal::Command;
use serde_json::json;

use super::world::{Client, World, config};

#[tokio::test]
async fn a_send_is_answered_and_its_author_gets_the_event() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    client
        .send(&json!({"op": "send", "id": 1, "room": 1, "content": "سلام", "nonce": "n"}))
        .await;
    let (mut has_reply, mut has_event) = (false, false);
    while !(has_reply && has_event) {
        let frame = client.next().await;
        has_reply |= frame["ok"]["message"]["content"] == "سلام";
        has_event |= frame["data"]["nonce"] == "n";
    }
    client
        .send(&json!({"op": "send", "id": 2, "room": 1}))
        .await;
    assert_eq!(client.reply(2).await["error"]["code"], "invalid");
}

#[tokio::test]
async fn a_lost_reply_is_retried_in_order_and_doubles_nothing() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    world.store.fault(|faults| faults.lost_replies = 2);
    for id in 1..=30 {
        client
            .send(&json!({"op": "send", "id": id, "room": 1, "content": format!("پیام {id}")}))
            .await;
    }
    for id in 1..=30 {
        assert_eq!(client.find(|frame| frame["op"] == "reply").await["id"], id);
    }
    let texts: Vec<_> = world
        .store
        .texts(1)
        .into_values()
        .map(Option::unwrap)
        .collect();
    assert_eq!(
        texts,
        (1..=30).map(|id| format!("پیام {id}")).collect::<Vec<_>>()
    );
    let calls = world.store.calls();
    assert!(calls.submitted.iter().any(|submission| submission.is_retry));
    for submission in &calls.submitted {
        let Command::Send(send) = &submission.command else {
            panic!()
        };
        assert!(send.is_nonce_hidden && send.nonce.is_some());
    }
    let events = world
        .resume(0, 2, json!({"since": {"1": 0}}))
        .await
        .find(|frame| frame["type"] == "message.created")
        .await;
    assert_eq!(
        events["data"]["nonce"],
        json!(null),
        "a hidden nonce is shown to nobody"
    );
}

#[tokio::test]
async fn commands_without_an_answer_become_unavailable_in_their_time() {
    let quick = chapar_gateway::Config {
        submit_timeout: Duration::from_millis(200),
        ..config()
    };
    let world = World::with(quick, Limits::default()).await;
    let mut client = world.client(0, 1).await;
    world.store.fault(|faults| faults.is_away = true);
    client
        .send(&json!({"op": "send", "id": 1, "room": 1, "content": "سلام"}))
        .await;
    assert_eq!(client.reply(1).await["error"]["code"], "unavailable");
    world.store.fault(|faults| faults.is_away = false);
    client
        .send(&json!({"op": "send", "id": 2, "room": 1, "content": "سلام"}))
        .await;
    assert!(client.reply(2).await["ok"]["message"].is_object());
}

#[tokio::test]
async fn waiting_commands_are_bounded_and_run_after_their_connection_closed() {
    let small = chapar_gateway::Config {
        max_pending_commands: 3,
        ..config()
    };
    let world = World::with(small, Limits::default()).await;
    let mut client = world.client(0, 1).await;
    world.store.fault(|faults| faults.is_away = true);
    for id in 1..=4 {
        client
            .send(&json!({"op": "send", "id": id, "room": 1, "content": "سلام"}))
            .await;
    }
    let refused = client.reply(4).await;
    assert_eq!(refused["error"]["code"], "rate_limited");
    assert!(refused["error"]["retry_after_ms"].as_i64().unwrap() > 0);
    drop(client);
    world.store.fault(|faults| faults.is_away = false);
    super::world::until("they ran", || world.store.head(1) == 3).await;
}

#[tokio::test]
async fn malformed_frames_are_answered_and_the_tenth_closes() {
    let world = World::new().await;
    let mut client = world.socket(0, "", &[("accept-language", "fa")]).await;
    let token = world.token(1, 10, Duration::from_mins(15));
    client.send(&json!({"op": "hello", "token": token})).await;
    client.next().await;
    client.send_text("نه JSON").await;
    let error = client.next().await;
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&json!(null), &json!("malformed_frame"))
    );
    assert_eq!(error["error"]["detail"], "قاب قابل خواندن نیست.");
    client.send(&json!({"op": "fly", "id": "x"})).await;
    let error = client.next().await;
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&json!("x"), &json!("unknown_op"))
    );
    for _ in 0..8 {
        client.send(&json!({"op": "send", "room": "x"})).await;
    }
    assert_eq!(client.closed().await, 4000);
}

#[tokio::test]
async fn too_large_frames_close() {
    let world = World::new().await;
    for bytes in [(64 << 10) + 1, 300 << 10] {
        let mut client = world.client(0, 1).await;
        client.send_text(&"x".repeat(bytes)).await;
        assert_eq!(client.closed().await, 4009, "{bytes}");
    }
    let mut client = world.client(0, 1).await;
    let content = "x".repeat((64 << 10) - 60);
    client
        .send(&json!({"op": "send", "id": 1, "room": 1, "content": content}))
        .await;
    assert!(client.reply(1).await["ok"].is_object());
}

#[tokio::test]
async fn commands_are_rate_limited_and_repeated_excess_closes() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    for id in 0..60 {
        client.send(&json!({"op": "ping", "id": id})).await;
    }
    let first = client.find(|frame| frame["error"].is_object()).await;
    assert_eq!(first["error"]["code"], "rate_limited");
    assert!(first["id"].as_i64().unwrap() >= 20);
    assert_eq!(client.closed().await, 4008);
}

#[tokio::test]
async fn commands_of_many_connections_share_batches() {
    let single = chapar_gateway::Config {
        max_batches: 1,
        ..config()
    };
    let world = World::with(single, Limits::default()).await;
    let mut clients = Vec::new();
    for user in 1..=5 {
        clients.push(world.client(0, user).await);
    }
    world.store.fault(|faults| faults.is_away = true);
    for client in &mut clients {
        for id in 1..=4 {
            client
                .send(&json!({"op": "send", "id": id, "room": 1, "content": "با هم"}))
                .await;
        }
        client.drain().await;
    }
    world.store.fault(|faults| faults.is_away = false);
    for client in &mut clients {
        for id in 1..=4 {
            assert_eq!(client.find(|frame| frame["op"] == "reply").await["id"], id);
        }
    }
    assert_eq!(world.store.head(1), 20);
    assert!(
        world
            .store
            .calls()
            .batches
            .iter()
            .any(|commands| *commands > 4)
    );
}

/// Waits until batches of so many commands have arrived.
async fn batches(world: &World, expected: &[usize]) {
    let what = format!("batches of {expected:?}");
    super::world::until(&what, || world.store.calls().batches == expected).await;
}

fn send(id: i64) -> serde_json::Value {
    json!({"op": "send", "id": id, "room": 1, "content": "سلام"})
}

/// So many clients of an api that holds all batches.
async fn held(config: chapar_gateway::Config, count: usize) -> (World, Vec<Client>) {
    let world = World::with(config, Limits::default()).await;
    let mut clients = Vec::new();
    for user in (1..=5).cycle().take(count) {
        clients.push(world.client(0, user).await);
    }
    world.store.fault(|faults| faults.are_batches_held = true);
    (world, clients)
}

#[tokio::test]
async fn a_batch_leaves_when_the_one_before_is_answered_and_not_later_than_it_may_linger() {
    for (linger, arrived) in [
        (Duration::from_hours(1), &[1][..]),
        (Duration::from_millis(1), &[1, 1]),
    ] {
        let config = chapar_gateway::Config {
            batch_linger: linger,
            max_batches: 2,
            ..config()
        };
        let (world, mut clients) = held(config, 4).await;
        clients[0].send(&send(1)).await;
        batches(&world, &[1]).await;
        clients[1].send(&send(1)).await;
        clients[1].drain().await;
        batches(&world, arrived).await;
        for client in &mut clients[2..] {
            client.send(&send(1)).await;
            client.drain().await;
        }
        assert_eq!(world.store.calls().batches, arrived);
        world.store.let_batches_pass(4);
        for client in &mut clients {
            assert!(client.reply(1).await["ok"].is_object());
        }
        let joined = 4 - arrived.len();
        assert_eq!(world.store.calls().batches, [arrived, &[joined]].concat());
    }
}

#[tokio::test]
async fn a_full_batch_waits_for_nothing() {
    let small = chapar_gateway::Config {
        batch_linger: Duration::from_hours(1),
        max_batch: 2,
        ..config()
    };
    let (world, mut clients) = held(small, 6).await;
    for (index, client) in clients.iter_mut().enumerate() {
        client.send(&send(1)).await;
        client.drain().await;
        batches(
            &world,
            [&[1][..], &[1], &[1, 2], &[1, 2], &[1, 2, 2], &[1, 2, 2]][index],
        )
        .await;
    }
    // The last one is alone, and leaves when no batch is in flight.
    world.store.let_batches_pass(3);
    batches(&world, &[1, 2, 2, 1]).await;
    world.store.let_batches_pass(1);
    for client in &mut clients {
        assert!(client.reply(1).await["ok"].is_object());
    }
}

/// Nobody is answered, and nobody asks, after the batch that had no room.
#[tokio::test]
async fn what_a_batch_has_no_room_for_leaves_in_the_next() {
    let small = chapar_gateway::Config {
        batch_linger: Duration::from_millis(200),
        max_batch_bytes: 1,
        ..config()
    };
    let (world, mut clients) = held(small, 4).await;
    clients[0].send(&send(1)).await;
    batches(&world, &[1]).await;
    for client in &mut clients[1..] {
        client.send(&send(1)).await;
        client.drain().await;
    }
    world.store.let_batches_pass(1);
    batches(&world, &[1, 1, 1, 1]).await;
    world.store.let_batches_pass(3);
    for client in &mut clients {
        assert!(client.reply(1).await["ok"].is_object());
    }
}

#[tokio::test]
async fn after_a_large_batch_the_next_waits_for_those_who_were_answered() {
    let patient = chapar_gateway::Config {
        batch_linger: Duration::from_hours(1),
        max_batch: 64,
        ..config()
    };
    let (world, mut clients) = held(patient, 65).await;
    clients[0].send(&send(1)).await;
    batches(&world, &[1]).await;
    for client in &mut clients[1..] {
        client.send(&send(1)).await;
    }
    batches(&world, &[1, 64]).await;
    world.store.let_batches_pass(2);
    for client in &mut clients {
        client.reply(1).await;
    }
    clients[0].send(&send(2)).await;
    clients[0].drain().await;
    for client in &mut clients[1..64] {
        client.send(&send(2)).await;
    }
    batches(&world, &[1, 64, 64]).await;
    world.store.let_batches_pass(1);
    clients[0].reply(2).await;
}

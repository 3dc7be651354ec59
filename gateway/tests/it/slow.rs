//! Clients that read slowly: what is dropped for them, how they are closed, and that they lose nothing by it.

use chapar_gateway::Config;
use chapar_shared::Limits;
use serde_json::json;

use super::world::{DEADLINE, World, config, until};

/// More than the system keeps for a socket on both sides of a local connection.
const MUCH: usize = 16 << 20;

#[tokio::test]
async fn a_slow_client_is_closed_and_others_keep_receiving() {
    let small = Config {
        max_queue_bytes: 64 << 10,
        ..config()
    };
    let world = World::with(small, Limits::default()).await;
    let (slow, mut other) = (world.client(0, 1).await, world.client(0, 2).await);
    let text = "آهسته ".repeat(1000);
    let mut sent = 0;
    let began = std::time::Instant::now();
    while world.nodes[0].gateway.connections() == 2 {
        sent += 1;
        world.store.send(1, &text);
        assert_eq!(other.seqs(sent).await, [sent]);
        assert!(began.elapsed() < DEADLINE, "never closed");
    }
    drop(slow);
}

#[tokio::test]
async fn a_queue_that_overflows_closes_with_its_code() {
    let tiny = Config {
        max_queue_bytes: 4 << 10,
        ..config()
    };
    let world = World::with(tiny, Limits::default()).await;
    let mut client = world.client(0, 1).await;
    // One event that is larger than the whole queue.
    world.store.send(1, &"دراز ".repeat(1000));
    assert_eq!(client.closed().await, 4010);
    let mut client = world.resume(0, 1, json!({"since": {"1": 0}})).await;
    assert_eq!(client.seqs(1).await, [1], "a replay does not");
}

/// At half of a queue what may be dropped is, and what may not be still arrives, in order.
#[tokio::test]
async fn half_a_queue_drops_words_of_typing_and_no_message() {
    let roomy = Config {
        max_queue_bytes: 2 * MUCH,
        ..config()
    };
    let world = World::with(roomy, Limits::default()).await;
    let (mut slow, mut typist) = (world.client(0, 1).await, world.client(0, 2).await);
    let mut beside = world.client(0, 3).await;
    let text = "آهسته ".repeat(10_000);
    let count = MUCH / text.len() + 20;
    // Beyond what the system keeps, between half of the queue and all of it.
    for _ in 0..count + count / 4 {
        world.store.send(1, &text);
    }
    let last = world.store.head(1);
    beside.seqs(last).await;
    typist
        .send(&json!({"op": "typing", "room": 1, "typing": true}))
        .await;
    let heard = beside.event("typing").await;
    assert_eq!(heard["data"]["user"], 2);
    let end = world.store.send(1, "پایان");
    let mut seqs = Vec::new();
    let mut typing = 0;
    while seqs.last() != Some(&(last + 1)) {
        let frame = slow.next().await;
        typing += usize::from(frame["type"] == "typing");
        seqs.extend(frame["seq"].as_i64());
    }
    assert_eq!(seqs, (1..=last + 1).collect::<Vec<_>>(), "message {end}");
    assert_eq!(typing, 0, "dropped for the one that is behind");
}

/// Closed 4010, it comes back with the position that it has, on another node, and has everything once.
#[tokio::test]
async fn a_client_that_was_too_slow_resumes_with_nothing_lost() {
    let small = Config {
        max_queue_bytes: 64 << 10,
        ..config()
    };
    let mut world = World::with(small, Limits::default()).await;
    let other = world.add_node().await;
    let mut slow = world.client(0, 1).await;
    let text = "آهسته ".repeat(10_000);
    for _ in 0..MUCH / text.len() {
        world.store.send(1, &text);
    }
    let head = world.store.head(1);
    until("closed", || world.nodes[0].gateway.connections() == 0).await;
    let (mut seqs, code) = slow.seqs_until_closed().await;
    assert_eq!(code, 4010);
    let position = seqs.last().copied().unwrap_or(0);
    assert!(position < head, "it was never behind");
    let since = json!({"since": {"1": position}});
    let mut again = world.resume(other, 1, since).await;
    seqs.extend(again.seqs(head).await);
    assert_eq!(seqs, (1..=head).collect::<Vec<_>>());
}

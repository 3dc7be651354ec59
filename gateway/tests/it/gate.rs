//! The gate: a crowd comes in step, what is too much is told to come back, and places are given up.

use std::time::{Duration, Instant};

use chapar_gateway::Config;
use chapar_shared::Limits;
use futures_util::future::join_all;

use super::world::{Client, World, config, until};

const PATHS: [&str; 3] = [
    "/v1/ws",
    "/ws/chat/1/",
    "/socket.io/?EIO=4&transport=websocket",
];

async fn knock(world: &World, user: i64, path: &str) -> Result<Client, u16> {
    world.door(0, user, path).await
}

#[tokio::test]
async fn a_crowd_comes_in_step() {
    let slow = Config {
        accept_rate: 20,
        accept_burst: 2,
        ..config()
    };
    let world = World::with(slow, Limits::default()).await;
    let begin = Instant::now();
    let all = join_all((0..12).map(|at| knock(&world, 1 + at % 5, PATHS[at as usize % 3]))).await;
    assert!(all.iter().all(Result::is_ok), "nobody waits for too long");
    // Two at once, ten in steps of 50 ms.
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(480), "{took:?}");
}

#[tokio::test]
async fn who_would_wait_too_long_is_told_to_come_back() {
    let narrow = Config {
        accept_rate: 1,
        accept_burst: 1,
        accept_wait: Duration::ZERO,
        ..config()
    };
    let world = World::with(narrow, Limits::default()).await;
    let begin = Instant::now();
    let _first = knock(&world, 1, "/v1/ws").await.ok().unwrap();
    for path in PATHS {
        assert_eq!(knock(&world, 2, path).await.err(), Some(503), "{path}");
    }
    let url = format!("http://{}/socket.io/", world.nodes[0].address);
    let answer = reqwest::get(format!("{url}?EIO=4&transport=polling"));
    let answer = answer.await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1), "too slow to tell");
    assert_eq!(answer.status(), 503);
    let after: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=2).contains(&after), "{after}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "unavailable");
    // Who comes back then is let in.
    tokio::time::sleep(Duration::from_secs(after)).await;
    knock(&world, 2, "/ws/chat/1/").await.ok().unwrap();
}

#[tokio::test]
async fn a_full_node_refuses_and_a_place_that_is_given_up_is_taken() {
    let small = Config {
        max_connections: 2,
        ..config()
    };
    let world = World::with(small, Limits::default()).await;
    let first = world.client(0, 1).await;
    let _second = knock(&world, 2, "/ws/chat/1/").await.ok().unwrap();
    for path in PATHS {
        assert_eq!(knock(&world, 3, path).await.err(), Some(503), "{path}");
    }
    drop(first);
    let mut third = None;
    while third.is_none() {
        third = knock(&world, 3, "/ws/chat/1/").await.ok();
    }
}

#[tokio::test]
async fn those_who_wait_are_sent_elsewhere_when_the_node_drains() {
    let narrow = Config {
        accept_rate: 1,
        accept_burst: 1,
        accept_wait: Duration::from_mins(1),
        ..config()
    };
    let world = World::with(narrow, Limits::default()).await;
    let _first = world.client(0, 1).await;
    let waiting = join_all((0..20).map(|_| knock(&world, 2, "/v1/ws")));
    let draining = async {
        until("one has come in", || {
            world.nodes[0].gateway.connections() == 1
        })
        .await;
        world.nodes[0].gateway.drain().await;
    };
    let begin = Instant::now();
    let (all, ()) = tokio::join!(waiting, draining);
    assert!(begin.elapsed() < Duration::from_secs(15));
    assert!(all.iter().any(|one| one.as_ref().err() == Some(&503)));
    assert_eq!(knock(&world, 2, "/v1/ws").await.err(), Some(503));
}

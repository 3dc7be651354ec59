//! A node that hears from nobody: polls while it can, and sends its clients elsewhere when it cannot.

use std::time::Duration;

use chapar_broker::Link;
use chapar_gateway::Config;
use chapar_shared::Limits;

use super::bus::Fate;
use super::world::{World, config, until};

async fn world() -> World {
    let short = Config {
        source_timeout: Duration::from_millis(300),
        ..config()
    };
    World::with(short, Limits::default()).await
}

#[tokio::test]
async fn without_broker_and_api_clients_are_sent_elsewhere() {
    let world = world().await;
    let mut client = world.client(0, 1).await;
    let mut older = world.door(0, 2, "/ws/chat/1/").await.ok().unwrap();
    world.bus.set_link(Link::Down, true);
    world.store.fault(|faults| faults.is_away = true);
    assert_eq!(client.closed().await, 4012);
    assert_eq!(older.closed().await, 1012);
    // Back again, it serves whoever comes.
    world.store.fault(|faults| faults.is_away = false);
    world.bus.set_link(Link::Proven, false);
    let mut client = world.client(0, 1).await;
    world.store.send(1, "برگشت");
    assert_eq!(client.seqs(1).await, [1]);
}

/// Several times as long as both may be away together: each alone is enough.
#[tokio::test]
async fn one_source_is_enough() {
    let world = world().await;
    let mut client = world.client(0, 1).await;
    world.bus.set_link(Link::Down, true);
    world.bus.set_fate(Fate::Lose);
    for seq in 1..=5 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        world.store.send(1, "بی‌پیک");
        assert_eq!(client.seqs(seq).await, [seq], "found by comparing heads");
    }
    world.bus.set_link(Link::Proven, false);
    world.bus.set_fate(Fate::Pass);
    world.bus.gap();
    world.store.fault(|faults| faults.is_away = true);
    for seq in 6..=10 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        world.store.send(1, "با پیک");
        assert_eq!(client.seqs(seq).await, [seq], "told by the broker");
    }
}

#[tokio::test]
async fn a_node_is_not_ready_while_its_link_is_not_proven() {
    let world = world().await;
    let gateway = &world.nodes[0].gateway;
    assert!(gateway.is_ready());
    for link in [Link::Unproven, Link::Down] {
        world.bus.set_link(link, false);
        assert!(!gateway.is_ready(), "{link:?}");
    }
    world.bus.set_link(Link::Proven, false);
    until("ready", || gateway.is_ready()).await;
}

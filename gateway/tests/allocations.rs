//! What a delivery allocates: nothing for each recipient.
//!
//! Allocations are counted for one thread, on which the whole node runs; the clients are on another one. So the
//! difference between a room of one listener and a room of many is what the recipients cost.

#![expect(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "helpers of another test binary, of which this one needs some"
)]

#[path = "it/bus.rs"]
mod bus;
#[path = "it/store/mod.rs"]
mod store;
#[path = "it/world.rs"]
mod world;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use chapar_shared::Limits;
use chapar_shared::envelope::Channel;
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::Message;

use bus::Fate;
use world::{World, until};

/// Listeners of the large room.
const MANY: usize = 300;

/// Messages of a burst, which the buffers that a connection keeps hold.
const BURST: usize = 50;

/// What may be left of zero for each recipient of a message.
const ALMOST_NONE: f64 = 0.02;

/// Allocations of one node.
struct Counted {
    /// Of one message.
    one: u64,
    /// Of a burst.
    burst: u64,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Messages of room 1, encoded as the broker carries them, not yet sent.
fn messages(world: &World, count: usize) -> Vec<(Channel, Bytes)> {
    world.bus.set_fate(Fate::Hold);
    for _ in 0..count {
        world.store.send(1, &"متن ".repeat(30));
    }
    world.bus.set_fate(Fate::Pass);
    world.bus.take_held()
}

/// Delivers messages to that many listeners, and counts what the node's thread allocates.
fn count(listeners: usize) -> Counted {
    let server = runtime();
    let world = server.block_on(World::with(world::config(), Limits::default()));
    world.store.populate(listeners as i64, 1);
    let (connected, delivered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            runtime().block_on(listen(&world, listeners, &connected, &delivered, &is_over));
        });
        let all_connected = || connected.load(Ordering::Acquire) == listeners;
        server.block_on(until("all connected", all_connected));
        let deliver = |messages: &[(Channel, Bytes)]| {
            let wanted = delivered.load(Ordering::Acquire) + messages.len() * listeners;
            let all_delivered = || delivered.load(Ordering::Acquire) == wanted;
            measure(|| {
                server.block_on(async {
                    for (channel, bytes) in messages {
                        world.bus.send(*channel, bytes);
                    }
                    until("all delivered", all_delivered).await;
                });
            })
            .count_total
        };
        // Buffers that stay reach their size first: queue and writer have one each.
        for _ in 0..3 {
            deliver(&messages(&world, BURST));
        }
        // What happens to run beside, such as a heartbeat, only adds: the least is what deliveries cost.
        let least = |count| (0..5).map(|_| deliver(&messages(&world, count))).min();
        let (one, burst) = (least(1).unwrap(), least(BURST).unwrap());
        is_over.store(true, Ordering::Release);
        Counted { one, burst }
    })
}

/// Connects clients and counts what they get until it is over.
async fn listen(
    world: &World,
    listeners: usize,
    connected: &AtomicUsize,
    delivered: &AtomicUsize,
    is_over: &AtomicBool,
) {
    let mut clients = Vec::new();
    for user in 1..=listeners {
        clients.push(world.client(0, user as i64).await);
        connected.fetch_add(1, Ordering::Release);
    }
    let reading = clients.iter_mut().map(|client| async {
        while let Some(Ok(message)) = client.socket.next().await {
            if let Message::Text(text) = message
                && text.contains("message.created")
            {
                delivered.fetch_add(1, Ordering::Release);
            }
        }
    });
    let over = async {
        while !is_over.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        _ = futures_util::future::join_all(reading) => {}
        () = over => {}
    }
}

#[test]
fn a_recipient_allocates_nothing() {
    let (few, many) = (count(1), count(MANY));
    let recipients = (MANY - 1) as f64;
    let one = (many.one as f64 - few.one as f64) / recipients;
    let burst = (many.burst as f64 - few.burst as f64) / recipients / BURST as f64;
    println!("for each recipient: {one:.2} of one message, {burst:.3} of each in a burst");
    assert!(one <= ALMOST_NONE, "one message: {one} for each recipient");
    assert!(burst <= ALMOST_NONE, "a burst: {burst} for each delivery");
}

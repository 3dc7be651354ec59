//! Order and completeness of rooms' streams, whatever the broker does.

use std::collections::BTreeMap;
use std::time::Duration;

use chapar_broker::Link;
use chapar_gateway::Config;
use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::{Limits, RoomId};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::bus::Fate;
use super::world::{Client, World, config, until};

#[tokio::test]
async fn live_events_are_dense_on_every_node() {
    let mut world = World::new().await;
    world.add_node().await;
    let mut clients = [world.client(0, 1).await, world.client(1, 2).await];
    for number in 1..=50 {
        world.store.send(1, &format!("پیام {number}"));
    }
    for client in &mut clients {
        assert_eq!(client.seqs(50).await, (1..=50).collect::<Vec<_>>());
    }
    assert_eq!(world.store.calls().changes, 0);
}

#[tokio::test]
async fn a_lost_change_is_fetched_when_the_next_one_shows_the_gap() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    world.store.send(1, "۱");
    world.bus.set_fate(Fate::Lose);
    world.store.send(1, "۲");
    world.store.send(1, "۳");
    world.bus.set_fate(Fate::Pass);
    world.store.send(1, "۴");
    assert_eq!(client.seqs(4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn the_last_change_of_a_quiet_room_comes_by_head_gap_check_or_poll() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    world.bus.set_fate(Fate::Lose);
    world.store.send(1, "۱");
    world.bus.set_fate(Fate::Pass);
    let head = Envelope::Head {
        room: RoomId(1),
        seq: 1,
    };
    world.bus.publish(Channel::Room(RoomId(1)), &head);
    assert_eq!(client.seqs(1).await, [1]);

    world.bus.set_fate(Fate::Lose);
    world.store.send(1, "۲");
    world.bus.gap();
    assert_eq!(client.seqs(2).await, [2]);

    world.bus.set_link(Link::Down, true);
    world.store.send(1, "۳");
    assert_eq!(client.seqs(3).await, [3]);
    // New connections are served while the broker is away.
    let mut other = world.client(0, 2).await;
    world.store.send(1, "۴");
    assert_eq!(other.seqs(4).await, [4]);
    assert!(!world.nodes[0].gateway.is_ready());

    let steady = chapar_gateway::Config {
        check_interval: Duration::from_millis(30),
        ..config()
    };
    let world = World::with(steady, Limits::default()).await;
    let mut client = world.client(0, 1).await;
    world.bus.set_fate(Fate::Lose);
    world.store.send(1, "۱");
    assert_eq!(client.seqs(1).await, [1]);
}

#[tokio::test]
async fn resuming_on_another_node_has_no_hole_and_no_repeat() {
    let mut world = World::new().await;
    world.add_node().await;
    let mut client = world.client(0, 1).await;
    for _ in 0..5 {
        world.store.send(1, "پیش");
    }
    client.seqs(5).await;
    drop(client);
    for _ in 0..5 {
        world.store.send(1, "در غیاب");
    }
    let mut client = world
        .resume(1, 1, json!({"epoch": "e1", "since": {"1": 5, "99": 3}}))
        .await;
    assert_eq!(client.ready["rooms"][0]["seq"], 10);
    let left = client.next().await;
    assert_eq!(
        (&left["type"], &left["data"]["id"]),
        (&json!("room.left"), &json!(99))
    );
    world.store.send(1, "پس");
    assert_eq!(client.seqs(11).await, (6..=11).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_ring_serves_reconnects_and_shows_nothing_that_was_deleted() {
    let world = World::new().await;
    let _keeps_subscribed = world.client(0, 2).await;
    let secret = world.store.send(1, "راز");
    world.store.send(1, "آشکار");
    world.store.delete(1, secret);
    let mut watcher = world.client(0, 3).await;
    world.store.send(1, "پایان");
    watcher.seqs(4).await;
    let mut client = world.resume(0, 1, json!({"since": {"1": 0}})).await;
    let frames: Vec<Value> = vec![
        client.next().await,
        client.next().await,
        client.next().await,
    ];
    let seqs: Vec<_> = frames
        .iter()
        .map(|frame| frame["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(seqs, [2, 3, 4]);
    assert!(!frames.iter().any(|frame| frame.to_string().contains("راز")));
    assert_eq!(world.store.calls().changes, 0, "served from memory");
    // An edit drops what is before it: the api compacts.
    let edited = world.store.send(1, "پیش از ویرایش");
    world.store.edit(1, edited, "ویراسته");
    watcher.seqs(6).await;
    let mut client = world.resume(0, 4, json!({"since": {"1": 4}})).await;
    let only = client.next().await;
    assert_eq!(
        (&only["seq"], &only["type"]),
        (&json!(6), &json!("message.created"))
    );
    assert_eq!(world.store.calls().changes, 1);
}

#[tokio::test]
async fn long_replays_come_in_pages_and_do_not_close_as_slow() {
    let small = chapar_gateway::Config {
        max_queue_bytes: 8 << 10,
        page_items: 10,
        ..config()
    };
    let world = World::with(small, Limits::default()).await;
    for number in 0..200 {
        world
            .store
            .send(1, &format!("{number} {}", "متن بلند ".repeat(40)));
    }
    let mut client = world.resume(0, 1, json!({"since": {"1": 0}})).await;
    assert_eq!(client.seqs(200).await, (1..=200).collect::<Vec<_>>());
    world.store.send(1, "زنده");
    assert_eq!(client.seqs(201).await, [201]);
}

/// Three messages, of which the first is edited when the others are there; then a fourth.
fn send_three_and_edit_the_first(world: &World) {
    let first = world.store.send(1, "نخست");
    world.store.send(1, "دوم");
    world.store.send(1, "سوم");
    world.store.edit(1, first, "نخست، ویراسته");
    world.store.send(1, "چهارم");
}

async fn kinds(client: &mut Client, last: i64) -> Vec<(i64, String)> {
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|(seq, _)| *seq != last) {
        let frame = client.next().await;
        let kind = frame["type"].as_str().unwrap().to_owned();
        kinds.push((frame["seq"].as_i64().unwrap(), kind));
    }
    kinds
}

#[tokio::test]
async fn a_message_that_an_earlier_page_left_out_is_new_on_a_later_one() {
    let small = chapar_gateway::Config {
        page_items: 2,
        ..config()
    };
    let world = World::with(small.clone(), Limits::default()).await;
    send_three_and_edit_the_first(&world);
    let new = |seqs: [i64; 4]| seqs.map(|seq| (seq, "message.created".to_owned()));

    // A replay; one that begins behind the message knows it.
    let mut client = world.resume(0, 1, json!({"since": {"1": 0}})).await;
    let mut other = world.resume(0, 2, json!({"since": {"1": 1}})).await;
    assert_eq!(kinds(&mut client, 5).await, new([2, 3, 4, 5]));
    let mut expected = new([2, 3, 4, 5]);
    expected[2].1 = "message.edited".to_owned();
    assert_eq!(kinds(&mut other, 5).await, expected);

    // A repair, of which the edit also arrives live, between its pages at the earliest.
    let world = World::with(small, Limits::default()).await;
    let mut client = world.client(0, 1).await;
    world.bus.set_fate(Fate::Lose);
    let first = world.store.send(1, "نخست");
    world.store.send(1, "دوم");
    world.store.send(1, "سوم");
    world.bus.set_fate(Fate::Pass);
    world.store.edit(1, first, "نخست، ویراسته");
    world.store.send(1, "چهارم");
    assert_eq!(kinds(&mut client, 5).await, new([2, 3, 4, 5]));
}

#[tokio::test]
async fn positions_that_cannot_be_replayed_are_reset() {
    let limits = Limits {
        max_replay: 10,
        ..Limits::default()
    };
    let world = World::with(config(), limits).await;
    for _ in 0..20 {
        world.store.send(1, "پیام");
    }
    for since in [
        json!({"since": {"1": 5}}),
        json!({"since": {"1": 21}}),
        json!({"epoch": "other", "since": {"1": 20}}),
    ] {
        let mut client = world.resume(0, 1, since.clone()).await;
        assert_eq!(
            client.next().await,
            json!({"op": "reset", "room": 1, "seq": 20}),
            "{since}"
        );
        assert!(client.drain().await.is_empty());
    }
    let mut client = world
        .resume(0, 1, json!({"epoch": "e1", "since": {"1": 10}}))
        .await;
    assert_eq!(client.seqs(20).await, (11..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_ahead_of_its_node_is_not_reset() {
    let world = World::new().await;
    let mut other = world.client(0, 2).await;
    world.bus.set_fate(Fate::Hold);
    world.store.send(1, "در راه");
    let mut client = world.resume(0, 1, json!({"since": {"1": 1}})).await;
    assert!(client.drain().await.is_empty());
    assert_eq!(other.seqs(1).await, [1]);
    world.bus.set_fate(Fate::Pass);
    world.store.send(1, "زنده");
    assert_eq!(client.seqs(2).await, [2]);
}

#[tokio::test]
async fn changes_while_a_connection_opens_are_neither_lost_nor_doubled() {
    let world = World::new().await;
    let _other = world.client(0, 5).await;
    for round in 0..10_i64 {
        world.store.fault(|faults| faults.sends_while_opening = 3);
        let mut client = world.client(0, 1 + round % 4).await;
        let from = client.ready["rooms"][0]["seq"].as_i64().unwrap();
        world.store.send(1, "پس از گشودن");
        let head = world.store.head(1);
        assert_eq!(
            client.seqs(head).await,
            (from + 1..=head).collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn another_epoch_resets_every_room() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    for _ in 0..5 {
        world.store.send(1, "پیام");
    }
    client.seqs(5).await;
    world.store.restore("e2", 1, 3);
    world.bus.gap();
    assert_eq!(
        client.next().await,
        json!({"op": "reset", "room": 1, "seq": 3})
    );
    world.store.send(1, "پس از بازگردانی");
    assert_eq!(client.seqs(4).await, [4]);
    assert_eq!(world.client(0, 2).await.ready["epoch"], "e2");
    // The same epoch with a head that went back.
    world.store.restore("e2", 1, 2);
    world.bus.gap();
    assert_eq!(
        client.next().await,
        json!({"op": "reset", "room": 1, "seq": 2})
    );
}

#[tokio::test]
async fn a_listener_within_a_compacted_step_gets_what_it_lacks_from_its_own_position() {
    let world = World::new().await;
    let mut behind = world.client(0, 1).await;
    world.bus.set_fate(Fate::Lose);
    let first = world.store.send(1, "نخست");
    let mut ahead = world.resume(0, 2, json!({"since": {"1": 1}})).await;
    assert!(ahead.drain().await.is_empty());
    world.store.edit(1, first, "ویراسته");
    world.bus.gap();
    let event = ahead.next().await;
    assert_eq!(
        (&event["seq"], &event["type"]),
        (&json!(2), &json!("message.edited"))
    );
    let mut kinds = vec![behind.next().await];
    while kinds.last().is_some_and(|event| event["seq"] != 2) {
        kinds.push(behind.next().await);
    }
    assert_eq!(kinds.last().unwrap()["data"]["content"], "ویراسته");
}

/// A page of a repair calls a message new that was created since the repair set out. A client that came from
/// another node, and stands within the page, may know it.
#[tokio::test]
async fn a_message_is_not_new_again_to_a_listener_ahead_of_its_node() {
    for page_items in [200, 1] {
        let paged = Config {
            page_items,
            ..config()
        };
        let world = World::with(paged, Limits::default()).await;
        let mut behind = world.client(0, 1).await;
        world.bus.set_fate(Fate::Lose);
        let first = world.store.send(1, "نخست");
        world.store.send(1, "دوم");
        // The node learns of it from the client that comes, and cannot repair before the edit.
        world.store.fault(|faults| faults.failing_pages = 2);
        let mut ahead = world.resume(0, 2, json!({"since": {"1": 2}})).await;
        world.store.edit(1, first, "ویراسته");
        world.bus.gap();
        let event = ahead.next().await;
        assert_eq!(
            (&event["seq"], &event["type"]),
            (&json!(3), &json!("message.edited")),
            "pages of {page_items}"
        );
        let created = json!("message.created");
        for seq in [2, 3] {
            let event = behind.next().await;
            assert_eq!((&event["seq"], &event["type"]), (&json!(seq), &created));
        }
        // And both go on from there alike.
        world.bus.set_fate(Fate::Pass);
        world.store.edit(1, first, "دوباره");
        for client in [&mut ahead, &mut behind] {
            let event = client.next().await;
            assert_eq!(
                (&event["seq"], &event["type"]),
                (&json!(4), &json!("message.edited"))
            );
        }
    }
}

#[tokio::test]
async fn nothing_follows_the_end_of_a_room() {
    let world = World::new().await;
    let mut client = world.client(0, 1).await;
    world.store.end_room(1);
    world.store.send(1, "پس از پایان");
    client.event("room.deleted").await;
    let head = world.store.head(1);
    let channel = Channel::Room(RoomId(1));
    world.bus.publish(
        channel,
        &Envelope::Head {
            room: RoomId(1),
            seq: head,
        },
    );
    assert!(client.drain().await.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Edit(usize),
    Delete(usize),
    Fate(Fate),
    Release(u64),
    Reconnect(usize),
    Gap,
    FailingPages(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Send),
        3 => any::<usize>().prop_map(Step::Edit),
        2 => any::<usize>().prop_map(Step::Delete),
        2 => prop_oneof![Just(Fate::Pass), Just(Fate::Lose), Just(Fate::Hold)].prop_map(Step::Fate),
        2 => any::<u64>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Reconnect),
        1 => Just(Step::Gap),
        1 => (1..3_usize).prop_map(Step::FailingPages),
    ]
}

/// What a client knows, as its events tell it.
#[derive(Default)]
struct View {
    position: i64,
    /// The `since` of its connection.
    since: i64,
    texts: BTreeMap<i64, Option<String>>,
}

impl View {
    fn take(&mut self, frame: &Value) {
        let Some(seq) = frame["seq"].as_i64() else {
            return;
        };
        assert!(seq > self.position, "{seq} after {}", self.position);
        self.position = seq;
        let id = frame["data"]["id"].as_i64().unwrap();
        assert!(
            frame["type"] != "message.edited"
                || self.texts.contains_key(&id)
                || frame["data"]["seq"].as_i64().unwrap() <= self.since,
            "told of an edit of what it was never shown: {frame}"
        );
        let text = (frame["type"] != "message.deleted")
            .then(|| frame["data"]["content"].as_str().unwrap().to_owned());
        self.texts.insert(id, text);
    }
}

async fn play(steps: Vec<Step>) {
    // Pages so small that replays and repairs take several, with changes between them.
    let config = chapar_gateway::Config {
        page_items: 3,
        ..config()
    };
    let mut world = World::with(config, Limits::default()).await;
    world.add_node().await;
    let store = &world.store;
    let mut clients: Vec<(Client, View)> = Vec::new();
    for user in 1..=4 {
        clients.push((world.client(user as usize % 2, user).await, View::default()));
    }
    let mut ids = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::Send => ids.push(store.send(1, &format!("پیام {at}"))),
            Step::Edit(which) if !ids.is_empty() => {
                store.edit(1, ids[which % ids.len()], &format!("ویرایش {at}"));
            }
            Step::Delete(which) if !ids.is_empty() => {
                let which = which % ids.len();
                store.delete(1, ids.swap_remove(which));
            }
            Step::Edit(_) | Step::Delete(_) => {}
            Step::Fate(fate) => world.bus.set_fate(fate),
            Step::Gap => world.bus.gap(),
            Step::FailingPages(count) => store.fault(|faults| faults.failing_pages = count),
            Step::Release(seed) => {
                let mut held = world.bus.take_held();
                // A shuffle by multiplication, each fourth twice.
                held.sort_by_cached_key(|(_, bytes)| {
                    bytes.iter().fold(seed | 1, |sum, byte| {
                        sum.wrapping_mul(31) ^ u64::from(*byte)
                    })
                });
                for (at, (channel, bytes)) in held.iter().enumerate() {
                    world.bus.send(*channel, bytes);
                    if at % 4 == 0 {
                        world.bus.send(*channel, bytes);
                    }
                }
            }
            Step::Reconnect(which) => {
                let which = which % clients.len();
                let user = which as i64 + 1;
                for frame in clients[which].0.drain().await {
                    clients[which].1.take(&frame);
                }
                let since = clients[which].1.position;
                clients[which].1.since = since;
                let node = (which + at) % 2;
                clients[which].0 = world
                    .resume(node, user, json!({"epoch": "e1", "since": {"1": since}}))
                    .await;
            }
        }
    }
    world.bus.set_fate(Fate::Pass);
    world.bus.gap();
    let (head, texts) = (store.head(1), store.texts(1));
    for (client, view) in &mut clients {
        while view.position < head {
            let frame = client.next().await;
            view.take(&frame);
        }
        assert_eq!(view.texts, texts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_client_sees_every_change_once_and_in_order(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}

#[tokio::test]
async fn fetches_of_one_page_are_shared() {
    let world = World::new().await;
    for _ in 0..20 {
        world.store.send(1, "پیام");
    }
    let hellos = (1..=5).map(|user| world.resume(0, user, json!({"since": {"1": 0}})));
    let clients = futures_util::future::join_all(hellos).await;
    for mut client in clients {
        assert_eq!(client.seqs(20).await.len(), 20);
    }
    until("fetched", || world.store.calls().changes <= 5).await;
}

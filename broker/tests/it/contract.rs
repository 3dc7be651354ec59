//! One suite for every implementation of the three contracts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chapar_broker::{Broker, Delivery, Demand, Link, Presence, RateLimiter, Verdict};
use chapar_shared::envelope::Channel;
use chapar_shared::limits::Bucket;
use chapar_shared::{RoomId, Timestamp, UserId};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What a wait may take before a test fails: far beyond what it takes, since other tests share the machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// An implementation: makes nodes that share one deployment of their own.
#[async_trait]
pub(crate) trait Deployment: Send + Sync {
    /// A node's broker with a proven link, which may be `capacity` deliveries behind.
    async fn broker(&self, capacity: usize) -> Arc<dyn Broker>;
    /// A node's presence.
    async fn presence(&self, lease: Duration) -> Arc<dyn Presence>;
    /// A node's limiter.
    async fn limiter(&self) -> Arc<dyn RateLimiter>;
}

/// Runs every case of the suite as a test of its own.
macro_rules! suite {
    ($attribute:meta, $deployment:expr) => {
        crate::contract::suite!(@cases $attribute, $deployment,
            one_channel_arrives_in_order,
            what_is_published_after_subscribe_arrives,
            subscribers_may_come_and_go_at_once,
            unsubscribed_channels_are_silent,
            bursts_arrive_whole,
            subscribing_twice_is_once,
            overflow_is_a_gap,
            empty_batches_do_nothing,
            payloads_arrive_as_they_were,
            close_ends_the_link,
            users_are_online_while_any_node_holds_a_lease,
            leases_run_out,
            leases_that_are_let_go_end_soon,
            many_users_at_once,
            groups_take_all_or_nothing,
            buckets_refill,
            nodes_share_buckets,
            concurrent_takes_are_exact,
            peek_takes_nothing,
            a_bucket_twice_in_a_group_counts_twice,
        );
    };
    (@cases $attribute:meta, $deployment:expr, $($case:ident,)*) => {
        $(#[$attribute]
        async fn $case() {
            crate::contract::$case(&$deployment).await;
        })*
    };
}
pub(crate) use suite;

pub(crate) fn room(id: i64) -> Channel {
    Channel::Room(RoomId(id))
}

pub(crate) fn text(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

/// The next delivery, whatever it is.
pub(crate) async fn next(deliveries: &mut mpsc::Receiver<Delivery>) -> Delivery {
    timeout(PATIENCE, deliveries.recv())
        .await
        .expect("a delivery in time")
        .unwrap()
}

/// The next message. Gaps are passed over: a link that was just made, or is slow to answer on a busy machine,
/// may report one though nothing was lost.
pub(crate) async fn next_message(deliveries: &mut mpsc::Receiver<Delivery>) -> (Channel, Bytes) {
    loop {
        if let Delivery::Message(channel, bytes) = next(deliveries).await {
            return (channel, bytes);
        }
    }
}

/// Waits for a state of the link.
pub(crate) async fn wait_for_link(broker: &dyn Broker, link: Link) {
    timeout(PATIENCE, broker.link().wait_for(|&current| current == link))
        .await
        .unwrap_or_else(|_| panic!("the link is not {link:?} in time"))
        .unwrap();
}

pub(crate) async fn one_channel_arrives_in_order(on: &dyn Deployment) {
    let (publisher, subscriber) = (on.broker(10_000).await, on.broker(10_000).await);
    let mut deliveries = subscriber.deliveries();
    subscriber.subscribe(&[room(1), room(2)]).await.unwrap();
    for batch in 0..20 {
        let batch = (0..50)
            .flat_map(|number| {
                [room(1), room(2)].map(|room| (room, text(format!("{batch}-{number}"))))
            })
            .collect();
        publisher.publish(batch).await.unwrap();
    }
    let mut arrived: HashMap<Channel, Vec<Bytes>> = HashMap::new();
    for _ in 0..2000 {
        let (channel, bytes) = next_message(&mut deliveries).await;
        arrived.entry(channel).or_default().push(bytes);
    }
    let expected: Vec<Bytes> = (0..20)
        .flat_map(|batch| (0..50).map(move |number| text(format!("{batch}-{number}"))))
        .collect();
    assert_eq!(arrived[&room(1)], expected);
    assert_eq!(arrived[&room(2)], expected);
}

pub(crate) async fn what_is_published_after_subscribe_arrives(on: &dyn Deployment) {
    let (publisher, subscriber) = (on.broker(10_000).await, on.broker(10_000).await);
    let mut deliveries = subscriber.deliveries();
    for id in 0..500 {
        let channel = match id % 3 {
            0 => room(id),
            1 => Channel::User(UserId(id)),
            _ => Channel::Presence(UserId(id)),
        };
        subscriber.subscribe(&[channel]).await.unwrap();
        publisher
            .publish(vec![(channel, text(id.to_string()))])
            .await
            .unwrap();
        assert_eq!(
            next_message(&mut deliveries).await,
            (channel, text(id.to_string()))
        );
    }
    // Many at once, over several chunks and partitions.
    let rooms: Vec<Channel> = (1000..4000).map(room).collect();
    subscriber.subscribe(&rooms).await.unwrap();
    publisher
        .publish(rooms.iter().map(|&room| (room, text("x"))).collect())
        .await
        .unwrap();
    let mut arrived = HashSet::new();
    for _ in &rooms {
        arrived.insert(next_message(&mut deliveries).await.0);
    }
    assert_eq!(arrived, rooms.into_iter().collect());
}

pub(crate) async fn subscribers_may_come_and_go_at_once(on: &dyn Deployment) {
    let node = on.broker(10_000).await;
    let mut deliveries = node.deliveries();
    let work = (0..100).map(|id| {
        let node = &node;
        async move {
            node.subscribe(&[room(id), room(id + 1000)]).await.unwrap();
            node.unsubscribe(&[room(id + 1000)]).await;
            if id % 2 == 0 {
                node.unsubscribe(&[room(id)]).await;
            }
        }
    });
    futures_util::future::join_all(work).await;
    let all = (0..2000).map(|id| (room(id), text("x"))).collect();
    node.publish(all).await.unwrap();
    let mut arrived = HashSet::new();
    for _ in 0..50 {
        arrived.insert(next_message(&mut deliveries).await.0);
    }
    assert_eq!(
        arrived,
        (0..100).filter(|id| id % 2 == 1).map(room).collect()
    );
}

pub(crate) async fn unsubscribed_channels_are_silent(on: &dyn Deployment) {
    let (publisher, subscriber) = (on.broker(100).await, on.broker(100).await);
    let mut deliveries = subscriber.deliveries();
    subscriber.subscribe(&[room(1), room(1025)]).await.unwrap();
    subscriber.unsubscribe(&[room(1)]).await;
    subscriber.unsubscribe(&[room(77)]).await;
    // A subscription after it, on the same partition, proves that it was processed.
    subscriber.subscribe(&[room(2049)]).await.unwrap();
    publisher
        .publish(vec![(room(1), text("no")), (room(1025), text("yes"))])
        .await
        .unwrap();
    assert_eq!(
        next_message(&mut deliveries).await,
        (room(1025), text("yes"))
    );
    // And it can be subscribed again.
    subscriber.subscribe(&[room(1)]).await.unwrap();
    publisher
        .publish(vec![(room(1), text("again"))])
        .await
        .unwrap();
    assert_eq!(
        next_message(&mut deliveries).await,
        (room(1), text("again"))
    );
}

pub(crate) async fn bursts_arrive_whole(on: &dyn Deployment) {
    let (publisher, subscriber) = (on.broker(10_000).await, on.broker(10_000).await);
    let mut deliveries = subscriber.deliveries();
    subscriber.subscribe(&[room(1)]).await.unwrap();
    let batch = (0..5000)
        .map(|number| (room(1), text(number.to_string())))
        .collect();
    publisher.publish(batch).await.unwrap();
    for number in 0..5000 {
        assert_eq!(
            next_message(&mut deliveries).await,
            (room(1), text(number.to_string()))
        );
    }
}

pub(crate) async fn subscribing_twice_is_once(on: &dyn Deployment) {
    let (publisher, subscriber) = (on.broker(100).await, on.broker(100).await);
    let mut deliveries = subscriber.deliveries();
    for _ in 0..3 {
        subscriber.subscribe(&[room(1), room(1)]).await.unwrap();
    }
    publisher
        .publish(vec![(room(1), text("a")), (room(1), text("b"))])
        .await
        .unwrap();
    for expected in ["a", "b"] {
        assert_eq!(
            next_message(&mut deliveries).await,
            (room(1), text(expected))
        );
    }
    subscriber.unsubscribe(&[room(1)]).await;
    subscriber.subscribe(&[room(1025)]).await.unwrap();
    publisher
        .publish(vec![(room(1), text("c")), (room(1025), text("d"))])
        .await
        .unwrap();
    assert_eq!(next_message(&mut deliveries).await, (room(1025), text("d")));
}

pub(crate) async fn overflow_is_a_gap(on: &dyn Deployment) {
    let (publisher, subscriber) = (on.broker(100).await, on.broker(16).await);
    let mut deliveries = subscriber.deliveries();
    subscriber.subscribe(&[room(1)]).await.unwrap();
    let batch = (0..1000)
        .map(|number| (room(1), text(number.to_string())))
        .collect();
    publisher.publish(batch).await.unwrap();
    // A subscription on the same partition, confirmed behind the burst, proves that all of it came in unread.
    subscriber.subscribe(&[room(1025)]).await.unwrap();
    let mut arrived = Vec::new();
    while let Delivery::Message(_, bytes) = next(&mut deliveries).await {
        arrived.push(bytes);
    }
    assert!(!arrived.is_empty() && arrived.len() < 1000);
    // It goes on afterwards.
    publisher
        .publish(vec![(room(1), text("last"))])
        .await
        .unwrap();
    let last = async { while next_message(&mut deliveries).await.1 != "last" {} };
    timeout(PATIENCE, last).await.unwrap();
}

pub(crate) async fn empty_batches_do_nothing(on: &dyn Deployment) {
    let node = on.broker(100).await;
    let mut deliveries = node.deliveries();
    node.publish(Vec::new()).await.unwrap();
    node.subscribe(&[]).await.unwrap();
    node.unsubscribe(&[]).await;
    node.subscribe(&[room(1)]).await.unwrap();
    node.publish(vec![(room(1), text("x"))]).await.unwrap();
    assert_eq!(next_message(&mut deliveries).await, (room(1), "x".into()));
}

pub(crate) async fn payloads_arrive_as_they_were(on: &dyn Deployment) {
    let node = on.broker(100).await;
    let mut deliveries = node.deliveries();
    node.subscribe(&[room(1)]).await.unwrap();
    for payload in [
        Bytes::new(),
        text("سلام، حال شما چطور است؟"),
        Bytes::from_static(b"\r\n\0\xff$5\r\n"),
        Bytes::from_static(b"123"),
        Bytes::from(vec![b'x'; 1 << 20]),
    ] {
        node.publish(vec![(room(1), payload.clone())])
            .await
            .unwrap();
        assert_eq!(next_message(&mut deliveries).await, (room(1), payload));
    }
}

pub(crate) async fn close_ends_the_link(on: &dyn Deployment) {
    let (publisher, node) = (on.broker(100).await, on.broker(100).await);
    let mut deliveries = node.deliveries();
    node.subscribe(&[room(1)]).await.unwrap();
    timeout(PATIENCE, node.close()).await.unwrap();
    assert_eq!(*node.link().borrow(), Link::Down);
    publisher.publish(vec![(room(1), text("x"))]).await.unwrap();
    deliveries.try_recv().unwrap_err();
}

const LEASE: Duration = Duration::from_secs(2);

pub(crate) async fn users_are_online_while_any_node_holds_a_lease(on: &dyn Deployment) {
    let (first, second) = (
        on.presence(Duration::from_mins(1)).await,
        on.presence(Duration::from_mins(1)).await,
    );
    let [ali, sara, stranger] = [1, 2, 3].map(UserId);
    assert_eq!(first.renew(&[ali, sara]).await.unwrap(), [ali, sara]);
    assert_eq!(second.renew(&[ali, stranger]).await.unwrap(), [stranger]);
    assert!(first.renew(&[ali]).await.unwrap().is_empty());
    second.release(&[stranger], Timestamp::now()).await.unwrap();
    assert_eq!(first.renew(&[stranger]).await.unwrap(), [stranger]);
    let stranger = UserId(4);
    let states = second.states(&[ali, sara, stranger]).await.unwrap();
    assert_eq!(states.len(), 2);
    assert!(states[&ali].is_online && states[&sara].is_online);
    assert_eq!(states[&ali].last_seen, None);

    let at = Timestamp::from_micros(1_700_000_000_123_456);
    assert_eq!(first.release(&[ali, sara], at).await.unwrap(), [sara]);
    let states = second.states(&[ali, sara]).await.unwrap();
    assert!(states[&ali].is_online && !states[&sara].is_online);
    assert_eq!(states[&sara].last_seen, Some(at));

    let later = at.plus(Duration::from_micros(1));
    assert_eq!(second.release(&[ali], later).await.unwrap(), [ali]);
    assert_eq!(
        first.states(&[ali]).await.unwrap()[&ali].last_seen,
        Some(later)
    );
    assert_eq!(first.renew(&[ali]).await.unwrap(), [ali]);
    let state = first.states(&[ali]).await.unwrap()[&ali];
    assert!(state.is_online && state.last_seen == Some(later));
    assert!(first.states(&[]).await.unwrap().is_empty());
}

pub(crate) async fn leases_run_out(on: &dyn Deployment) {
    let (dying, living) = (on.presence(LEASE).await, on.presence(LEASE * 10).await);
    let [ali, sara] = [1, 2].map(UserId);
    let before = Timestamp::now();
    dying.renew(&[ali, sara]).await.unwrap();
    living.renew(&[sara]).await.unwrap();
    let run_out = async {
        while living.states(&[ali]).await.unwrap()[&ali].is_online {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, run_out).await.unwrap();
    let states = living.states(&[ali, sara]).await.unwrap();
    // A second for the difference of the clocks.
    assert!(states[&ali].last_seen >= Some(before.minus(Duration::from_secs(1))));
    assert!(states[&sara].is_online);
    // The dead node's lease no longer counts.
    assert_eq!(
        living.release(&[sara], Timestamp::now()).await.unwrap(),
        [sara]
    );
}

/// A node that goes gives its users the time to come to another one, and not more.
pub(crate) async fn leases_that_are_let_go_end_soon(on: &dyn Deployment) {
    let long = Duration::from_mins(1);
    let (leaving, staying) = (on.presence(long).await, on.presence(long).await);
    let [ali, sara] = [1, 2].map(UserId);
    let before = Timestamp::now();
    leaving.renew(&[ali, sara]).await.unwrap();
    leaving.let_go(&[ali, sara], LEASE).await.unwrap();
    assert!(staying.states(&[ali]).await.unwrap()[&ali].is_online);
    staying.renew(&[sara]).await.unwrap();
    let run_out = async {
        while staying.states(&[ali]).await.unwrap()[&ali].is_online {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, run_out).await.unwrap();
    let states = staying.states(&[ali, sara]).await.unwrap();
    // A second for the difference of the clocks.
    assert!(states[&ali].last_seen >= Some(before.minus(Duration::from_secs(1))));
    assert!(states[&sara].is_online);
}

pub(crate) async fn many_users_at_once(on: &dyn Deployment) {
    let presence = on.presence(Duration::from_mins(1)).await;
    let users: Vec<UserId> = (0..3000).map(UserId).collect();
    presence.renew(&users).await.unwrap();
    let states = presence.states(&users).await.unwrap();
    assert!(users.iter().all(|user| states[user].is_online));
    let gone: HashSet<UserId> = presence
        .release(&users, Timestamp::now())
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(gone.len(), users.len());
}

/// A bucket that refills too slowly to matter.
fn demand(key: &str, capacity: u32) -> Demand {
    Demand {
        key: key.to_owned(),
        bucket: Bucket::per(capacity, Duration::from_hours(10)),
    }
}

pub(crate) async fn groups_take_all_or_nothing(on: &dyn Deployment) {
    let limiter = on.limiter().await;
    for keys in [["a", "b", "c"], ["{t}a", "{t}b", "{t}c"]] {
        let [small, large, other] = keys;
        let pair = vec![demand(small, 2), demand(large, 5)];
        let verdicts = limiter.take(&vec![pair.clone(); 10]).await;
        assert_eq!(verdicts.len(), 10);
        let allowed = verdicts
            .iter()
            .filter(|&&verdict| verdict == Verdict::Allowed)
            .count();
        assert_eq!(allowed, 2);
        assert!(
            matches!(verdicts[9], Verdict::Limited { retry_after } if retry_after > Duration::from_hours(4))
        );
        // The refused ones took nothing of the large bucket: 3 are left there.
        let large = vec![demand(large, 5), demand(other, 100)];
        let verdicts = limiter.take(&vec![large; 4]).await;
        assert_eq!(
            verdicts
                .iter()
                .filter(|&&verdict| verdict == Verdict::Allowed)
                .count(),
            3
        );
        assert_eq!(verdicts[..3], [Verdict::Allowed; 3]);
    }
    // More than one call takes, each group answered in its place.
    let mut many: Vec<_> = (0..300)
        .map(|number| vec![demand(&format!("many{number}"), 1)])
        .collect();
    assert_eq!(limiter.take(&many).await, [Verdict::Allowed; 300]);
    many[200] = vec![demand("fresh", 1)];
    let verdicts = limiter.take(&many).await;
    let is_allowed = |at: usize| verdicts[at] == Verdict::Allowed;
    assert!((0..300).all(|at| is_allowed(at) == (at == 200)));
    assert!(limiter.take(&[]).await.is_empty());
    assert_eq!(limiter.take(&[Vec::new()]).await, [Verdict::Allowed]);
}

pub(crate) async fn buckets_refill(on: &dyn Deployment) {
    let limiter = on.limiter().await;
    let demand = Demand {
        key: "refill".to_owned(),
        bucket: Bucket {
            capacity: 3,
            refill_per_s: 0.5,
        },
    };
    let group = vec![demand];
    let verdicts = limiter.take(&vec![group.clone(); 4]).await;
    assert_eq!(verdicts[..3], [Verdict::Allowed; 3]);
    let Verdict::Limited { retry_after } = verdicts[3] else {
        panic!("the bucket was empty");
    };
    assert!(retry_after <= Duration::from_secs(2) && retry_after > Duration::ZERO);
    tokio::time::sleep(retry_after + Duration::from_millis(5)).await;
    assert_eq!(limiter.take(&[group]).await, [Verdict::Allowed]);
}

pub(crate) async fn nodes_share_buckets(on: &dyn Deployment) {
    let (first, second) = (on.limiter().await, on.limiter().await);
    let group = vec![demand("shared", 3)];
    let mut allowed = 0;
    for _ in 0..5 {
        for limiter in [&first, &second] {
            allowed +=
                usize::from(limiter.take(std::slice::from_ref(&group)).await == [Verdict::Allowed]);
        }
    }
    assert_eq!(allowed, 3);
}

pub(crate) async fn concurrent_takes_are_exact(on: &dyn Deployment) {
    let limiters = [on.limiter().await, on.limiter().await, on.limiter().await];
    for group in [
        vec![demand("alone", 50)],
        vec![demand("{x}user", 50), demand("{x}room", 80)],
    ] {
        let takes = (0..300).map(|number: usize| {
            let (limiter, group) = (Arc::clone(&limiters[number % 3]), group.clone());
            async move { limiter.take(&[group.clone(), group]).await }
        });
        let verdicts = futures_util::future::join_all(takes).await.concat();
        let allowed = verdicts
            .iter()
            .filter(|&&verdict| verdict == Verdict::Allowed)
            .count();
        assert_eq!(allowed, 50);
    }
}

pub(crate) async fn peek_takes_nothing(on: &dyn Deployment) {
    let limiter = on.limiter().await;
    let login = demand("login", 1);
    for _ in 0..3 {
        assert_eq!(limiter.peek(&login).await, Verdict::Allowed);
    }
    assert_eq!(
        limiter.take(&[vec![login.clone()]]).await,
        [Verdict::Allowed]
    );
    assert!(matches!(
        limiter.peek(&login).await,
        Verdict::Limited { .. }
    ));
}

pub(crate) async fn a_bucket_twice_in_a_group_counts_twice(on: &dyn Deployment) {
    let limiter = on.limiter().await;
    let twice = vec![demand("twice", 3), demand("twice", 3)];
    let verdicts = limiter
        .take(&[twice.clone(), twice, vec![demand("twice", 3)]])
        .await;
    assert_eq!(verdicts[0], Verdict::Allowed);
    assert!(matches!(verdicts[1], Verdict::Limited { .. }));
    assert_eq!(verdicts[2], Verdict::Allowed);
}

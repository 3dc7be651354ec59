//! What Redis and the network can do to the broker, and how it comes back.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chapar_broker::redis::{RedisBroker, RedisConfig, RedisPresence, RedisRateLimiter};
use chapar_broker::{Broker, BrokerError, Delivery, Demand, Link, Presence, RateLimiter, Verdict};
use chapar_shared::envelope::Channel;
use chapar_shared::limits::Bucket;
use chapar_shared::{Timestamp, UserId};
use chapar_testkit::{Proxy, Redis, RedisCluster, RedisOptions, Sentinel, eat_publishes};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::contract::{PATIENCE, next, room, text, wait_for_link};
use crate::redis::config;

/// Of a cluster's nodes.
const MASTERS: usize = 3;

/// A node on a Redis that is about to fail.
struct Node {
    broker: Arc<RedisBroker>,
    deliveries: mpsc::Receiver<Delivery>,
    rooms: Vec<Channel>,
}

impl Node {
    async fn start(config: &RedisConfig) -> Self {
        let broker = Arc::new(RedisBroker::connect(config, 1).unwrap());
        wait_for_link(&*broker, Link::Proven).await;
        let mut node = Self {
            deliveries: broker.deliveries(),
            broker,
            rooms: (0..1500).map(room).collect(),
        };
        node.broker.subscribe(&node.rooms).await.unwrap();
        node.assert_rooms_live().await;
        node
    }

    /// Waits for the word that messages may be missing, which comes when every room is subscribed again.
    async fn wait_for_gap(&mut self) {
        while next(&mut self.deliveries).await != Delivery::Gap {}
    }

    /// Publishes in every room, as soon as that works, and waits until each has heard it. A message may be lost
    /// only where a gap follows it, as when slots go on moving after the first gap; then all is published again.
    async fn assert_rooms_live(&mut self) {
        let mut silent: HashSet<Channel> = self.rooms.iter().copied().collect();
        let all_heard = async {
            self.publish_everywhere().await;
            while !silent.is_empty() {
                match self.deliveries.recv().await.expect("the broker is there") {
                    Delivery::Message(channel, _) => {
                        silent.remove(&channel);
                    }
                    Delivery::Gap => self.publish_everywhere().await,
                }
            }
        };
        let heard = timeout(PATIENCE, all_heard).await;
        assert!(
            heard.is_ok(),
            "{} rooms are silent: {silent:?}",
            silent.len()
        );
    }

    async fn publish_everywhere(&self) {
        let batch: Vec<_> = self.rooms.iter().map(|&room| (room, text("x"))).collect();
        while self.broker.publish(batch.clone()).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of each fault: told of the gap, proven, and every room live.
    async fn assert_recovered(&mut self) {
        self.wait_for_gap().await;
        wait_for_link(&*self.broker, Link::Proven).await;
        self.assert_rooms_live().await;
    }
}

#[tokio::test]
async fn rooms_live_again_after_a_restart_of_redis() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let mut node = Node::start(&config(&redis.url())).await;
    redis.kill().await.unwrap();
    wait_for_link(&*node.broker, Link::Down).await;
    let error = node
        .broker
        .publish(vec![(room(1), text("lost"))])
        .await
        .unwrap_err();
    assert!(matches!(error, BrokerError::Unreachable(_)));
    // What is asked for meanwhile counts from the gap on.
    node.broker.subscribe(&[room(5000)]).await.unwrap_err();
    node.broker.unsubscribe(&[room(0)]).await;
    node.rooms.push(room(5000));
    node.rooms.remove(0);
    redis.restart().await.unwrap();
    node.assert_recovered().await;
    node.broker.close().await;
}

#[tokio::test]
async fn a_node_starts_without_redis_and_finds_it() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    redis.kill().await.unwrap();
    let broker = Arc::new(RedisBroker::connect(&config(&redis.url()), 1).unwrap());
    assert_eq!(*broker.link().borrow(), Link::Down);
    let mut node = Node {
        deliveries: broker.deliveries(),
        broker,
        rooms: (0..100).map(room).collect(),
    };
    node.broker.subscribe(&node.rooms).await.unwrap_err();
    redis.restart().await.unwrap();
    node.assert_recovered().await;
}

#[tokio::test]
async fn a_killed_connection_comes_back() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let mut node = Node::start(&config(&redis.url())).await;
    for _ in 0..3 {
        let killed = redis
            .cli(&["client", "kill", "type", "pubsub"])
            .await
            .unwrap();
        assert_eq!(killed, "1");
        node.assert_recovered().await;
    }
}

#[tokio::test]
async fn a_cut_network_comes_back() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let proxy = Proxy::start(format!("127.0.0.1:{}", redis.port()))
        .await
        .unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let mut node = Node::start(&config(&url)).await;
    proxy.cut().await;
    wait_for_link(&*node.broker, Link::Down).await;
    proxy.restore().await;
    node.assert_recovered().await;
}

#[tokio::test]
async fn a_silent_network_is_noticed_and_comes_back() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let proxy = Proxy::start(format!("127.0.0.1:{}", redis.port()))
        .await
        .unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let mut node = Node::start(&config(&url)).await;
    proxy.black_hole().await;
    timeout(
        PATIENCE,
        node.broker.link().wait_for(|&link| link != Link::Proven),
    )
    .await
    .unwrap()
    .unwrap();
    proxy.restore().await;
    node.assert_recovered().await;
}

#[tokio::test]
async fn a_hanging_redis_is_noticed_and_comes_back() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let mut node = Node::start(&config(&redis.url())).await;
    redis.pause().unwrap();
    timeout(
        PATIENCE,
        node.broker.link().wait_for(|&link| link != Link::Proven),
    )
    .await
    .unwrap()
    .unwrap();
    timeout(
        Duration::from_secs(5),
        node.broker.publish(vec![(room(1), text("x"))]),
    )
    .await
    .expect("a publish has a deadline")
    .unwrap_err();
    redis.resume().unwrap();
    node.assert_recovered().await;
}

#[tokio::test]
async fn lost_publishes_leave_the_link_unproven() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let proxy = Proxy::start(format!("127.0.0.1:{}", redis.port()))
        .await
        .unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let mut node = Node::start(&config(&url)).await;
    proxy.filter(eat_publishes);
    wait_for_link(&*node.broker, Link::Unproven).await;
    proxy.clear_filters();
    node.assert_recovered().await;
}

#[tokio::test]
async fn a_dropped_subscription_is_made_good() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let mut node = Node::start(&config(&redis.url())).await;
    let lost = room(9000);
    let midway = node.broker.subscribe(&[lost]).now_or_never();
    assert!(midway.is_none());
    node.wait_for_gap().await;
    node.rooms.push(lost);
    node.assert_rooms_live().await;
}

#[tokio::test]
async fn the_limiter_falls_back_to_its_own_buckets() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let config = config(&redis.url());
    let limiters = [
        RedisRateLimiter::connect(&config).unwrap(),
        RedisRateLimiter::connect(&config).unwrap(),
    ];
    redis.kill().await.unwrap();
    let demand = |key: &str| {
        vec![Demand {
            key: key.to_owned(),
            bucket: Bucket::per(2, Duration::from_hours(10)),
        }]
    };
    for limiter in &limiters {
        let groups = vec![demand("away"); 3];
        let verdicts = timeout(Duration::from_secs(3), limiter.take(&groups))
            .await
            .unwrap();
        assert_eq!(verdicts[..2], [Verdict::Allowed; 2]);
        assert!(matches!(verdicts[2], Verdict::Limited { .. }));
        assert!(matches!(
            limiter.peek(&demand("away")[0]).await,
            Verdict::Limited { .. }
        ));
    }
    redis.restart().await.unwrap();
    let connected = async {
        while !limiters.iter().all(RedisRateLimiter::is_connected) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, connected).await.unwrap();
    // The restarted server does not know the script; that is no error either.
    let mut allowed = 0;
    for _ in 0..2 {
        for limiter in &limiters {
            allowed += usize::from(limiter.take(&[demand("back")]).await == [Verdict::Allowed]);
        }
    }
    assert_eq!(allowed, 2);
}

#[tokio::test]
async fn scripts_survive_a_server_that_forgot_them() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let limiter = RedisRateLimiter::connect(&config(&redis.url())).unwrap();
    while !limiter.is_connected() {
        sleep(Duration::from_millis(10)).await;
    }
    let group = vec![Demand {
        key: "k".to_owned(),
        bucket: Bucket::per(3, Duration::from_hours(10)),
    }];
    assert_eq!(
        limiter.take(std::slice::from_ref(&group)).await,
        [Verdict::Allowed]
    );
    let mut node = Node::start(&config(&redis.url())).await;
    node.assert_rooms_live().await;
    redis.cli(&["script", "flush"]).await.unwrap();
    node.assert_rooms_live().await;
    let verdicts = limiter.take(&vec![group; 3]).await;
    assert_eq!(
        verdicts
            .iter()
            .filter(|&&verdict| verdict == Verdict::Allowed)
            .count(),
        2
    );
}

#[tokio::test]
async fn presence_answers_what_was_last_known() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    let presence = RedisPresence::connect(&config(&redis.url()), 1).unwrap();
    let [ali, sara, stranger] = [1, 2, 3].map(UserId);
    let connected = async {
        while presence.renew(&[ali, sara]).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, connected).await.unwrap();
    let at = Timestamp::now();
    presence.release(&[sara], at).await.unwrap();
    redis.kill().await.unwrap();
    let states = presence.states(&[ali, sara, stranger]).await.unwrap();
    assert!(states[&ali].is_online);
    assert_eq!(
        (states[&sara].is_online, states[&sara].last_seen),
        (false, Some(at))
    );
    assert!(!states.contains_key(&stranger));
    presence.states(&[stranger]).await.unwrap_err();
    presence.renew(&[ali]).await.unwrap_err();
}

#[tokio::test]
async fn a_password_is_used() {
    let redis = Redis::start(RedisOptions {
        password: Some("secret".to_owned()),
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let mut node = Node::start(&config(&redis.url())).await;
    node.assert_rooms_live().await;
}

#[tokio::test]
async fn rooms_follow_a_new_master_of_the_sentinels() {
    let sentinel = Sentinel::start().await.unwrap();
    let mut node = Node::start(&config(&sentinel.url())).await;
    sentinel.master().kill().await.unwrap();
    sentinel
        .wait_for_master(sentinel.replica().port())
        .await
        .unwrap();
    node.assert_recovered().await;
}

#[tokio::test]
async fn rooms_follow_slots_that_move() {
    let cluster = RedisCluster::start(MASTERS, 0).await.unwrap();
    let mut node = Node::start(&config(&cluster.url())).await;
    let seen = cluster.describe(&cluster.nodes()[0]).await.unwrap();
    cluster.move_slots(&seen[0], &seen[1], 3000).await.unwrap();
    node.assert_recovered().await;
}

/// Makes a replica the master of its slots. Redis' `OK` means only that it will try, and it gives up silently
/// after 5 s where the master was slow: it is asked until it has taken over. For up to a second after that it takes
/// the old master for one, too.
async fn take_over(cluster: &RedisCluster, replica: &Redis) {
    let taken_over = async {
        let mut asked = None;
        loop {
            let seen = cluster.describe(replica).await.unwrap();
            let masters: Vec<_> = seen.iter().filter(|node| node.is_master).collect();
            let is_master = masters.iter().any(|node| node.port == replica.port());
            if is_master && masters.len() == MASTERS {
                return;
            }
            if !is_master && asked.is_none_or(|at: Instant| at.elapsed() > Duration::from_secs(6)) {
                replica.cli(&["cluster", "failover"]).await.unwrap();
                asked = Some(Instant::now());
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, taken_over).await.unwrap();
}

#[tokio::test]
async fn rooms_survive_failovers_of_a_cluster() {
    let cluster = RedisCluster::start(MASTERS, 1).await.unwrap();
    let mut node = Node::start(&config(&cluster.url())).await;

    // Planned: a replica takes over while its master lives.
    let seen = cluster.describe(&cluster.nodes()[0]).await.unwrap();
    let replica = seen.iter().find(|node| !node.is_master).unwrap();
    let server = cluster
        .nodes()
        .iter()
        .find(|server| server.port() == replica.port)
        .unwrap();
    take_over(&cluster, server).await;
    node.assert_recovered().await;

    // Unplanned: a master dies.
    let seen = cluster.describe(server).await.unwrap();
    let master = seen
        .iter()
        .find(|node| node.is_master && node.port != server.port())
        .unwrap();
    let dead = cluster
        .nodes()
        .iter()
        .find(|server| server.port() == master.port)
        .unwrap();
    dead.kill().await.unwrap();
    let failed_over = async {
        while server
            .cli(&["cluster", "info"])
            .await
            .unwrap()
            .contains("cluster_state:ok")
            && cluster
                .describe(server)
                .await
                .unwrap()
                .iter()
                .any(|node| node.port == dead.port() && node.is_master && !node.has_failed)
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, failed_over).await.unwrap();
    node.assert_recovered().await;
}

//! Faults between and of the nodes of a cluster: what is acknowledged is never lost, what is lost on the way
//! is made good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chapar::config::Roles;
use chapar::testing::{Deployment, Place, Shape, Which};
use chapar_shared::RoomId;
use chapar_shared::protocol::{EventBody, Message, Session};
use chapar_testkit::{Proxy, Verdict, eat_publishes, shared_redis};
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::socket::message_of;
use chapar_tests::{DEADLINE, History, Site, Socket, User, eventually};
use serde_json::json;

use crate::rooms::{joined, left};

/// "Delays an event by seconds": what a lost message may cost.
const SECONDS: Duration = Duration::from_secs(10);

/// A cluster whose Redis is behind a proxy.
async fn behind_a_proxy(settings: &[(&str, &str)]) -> (Site, Proxy) {
    let redis = shared_redis().await.unwrap();
    let proxy = Proxy::start(format!("127.0.0.1:{}", redis.port()))
        .await
        .unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let mut all = vec![("broker.url", &*url)];
    all.extend(settings);
    (Site::start(CLUSTER, Place::Tasks, &all).await, proxy)
}

/// Loses what is published for rooms and users from now on, but not the nodes' own probes: the link looks
/// good. Gives how many pieces were lost.
fn lose_publishes(proxy: &Proxy) -> Arc<AtomicUsize> {
    let lost = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lost);
    proxy.filter(move |piece| {
        let holds = |name: &[u8]| piece.windows(name.len()).any(|window| window == name);
        if !holds(b":room:") && !holds(b":user:") {
            return Verdict::Forward;
        }
        let verdict = eat_publishes(piece);
        if verdict != Verdict::Forward {
            count.fetch_add(1, Ordering::SeqCst);
        }
        verdict
    });
    lost
}

async fn until_lost(lost: &AtomicUsize) {
    eventually(DEADLINE, "a publish was lost", async || {
        (lost.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_change_of_a_quiet_room_arrives_though_its_publish_was_lost() {
    let (site, proxy) = behind_a_proxy(&[]).await;
    bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room;
        let socket = sara.connect().await;
        let lost = lose_publishes(&proxy);
        let message = ali.send(room.id, "گم شد").await;
        until_lost(&lost).await;
        proxy.clear_filters();
        socket.expect_seq(room.id, message.seq, SECONDS).await;
        History::of(&socket, room.id).assert_dense(room.seq, message.seq);
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_arrive_compacted_though_every_publish_is_lost() {
    let (site, proxy) = behind_a_proxy(&[("gateway.check_interval", "2s")]).await;
    bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room.id;
        let message = ali.send(room, "نخست").await;
        let socket = sara.connect().await;
        assert_eq!(socket.ready_seq(room), message.seq);
        lose_publishes(&proxy);
        ali.edit(room, message.id, "یک").await;
        ali.edit(room, message.id, "دو").await;
        sara.react(room, message.id, "👍").await;
        let second = ali.send(room, "گذرا").await;
        ali.erase(room, second.id).await;
        let last = ali.send(room, "پایان").await;
        socket.expect_seq(room, last.seq, SECONDS).await;
        // Whatever the steps in which it was made good: in order, and the latest state of everything.
        let history = History::of(&socket, room);
        history.assert_ascending();
        history.assert_equals_rest(&sara).await;
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_is_told_though_its_publish_was_lost() {
    let (site, proxy) = behind_a_proxy(&[]).await;
    bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[]).await.room.id;
        let (author, socket) = (ali.connect().await, sara.connect().await);
        let lost = lose_publishes(&proxy);
        ali.add(room, &sara).await;
        until_lost(&lost).await;
        proxy.clear_filters();
        let view = within(SECONDS, joined(&socket, 0, room)).await;
        let said = author.say(room, "رسیدی؟").await;
        socket.expect_seq(room, said.seq, DEADLINE).await;
        History::of(&socket, room).assert_dense(view.room.seq, said.seq);
        let lost = lose_publishes(&proxy);
        ali.remove(room, &sara).await;
        until_lost(&lost).await;
        proxy.clear_filters();
        within(SECONDS, left(&socket, 0, room)).await;
        let secret = author.say(room, "راز").await;
        let fence = sara.private_room(&[]).await.room.id;
        joined(&socket, 0, fence).await;
        let mark = sara.send(fence, "حصار").await;
        socket.expect_seq(fence, mark.seq, DEADLINE).await;
        assert!(
            socket
                .changes(room)
                .iter()
                .all(|event| event.seq < Some(secret.seq))
        );
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_and_a_notification_are_made_good_though_their_publish_was_lost() {
    let (site, proxy) = behind_a_proxy(&[]).await;
    bounded(async {
        let (ali, sara) = (User::register(&site, 0).await, User::register(&site, 1).await);
        let room = ali.private_room(&[&sara]).await.room.id;
        let phone = sara.sign_in(1).await;
        let (socket, cut) = (sara.connect().await, phone.connect().await);
        let sessions: Vec<Session> = phone.get("/v1/auth/sessions").await.expect(200).items();
        let target = sessions.iter().find(|session| session.current).unwrap();
        let lost = lose_publishes(&proxy);
        sara.delete(&format!("/v1/auth/sessions/{}", target.id)).await.expect(204);
        let mention = ali.send(room, &format!("@{}", sara.username)).await;
        until_lost(&lost).await;
        proxy.clear_filters();
        assert_eq!(cut.closed_within(SECONDS).await, 4003);
        socket
            .expect_event_after(0, "notification", SECONDS, |event| {
                matches!(&event.body, EventBody::NotificationCreated(told) if told.message == Some(mention.id))
            })
            .await;
        let told = socket.events().into_iter().filter(|event| {
            matches!(&event.body, EventBody::NotificationCreated(told) if told.message == Some(mention.id))
        });
        assert_eq!(told.count(), 1);
    })
    .await;
    site.stop().await;
}

async fn within<T>(deadline: Duration, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(deadline, what)
        .await
        .expect("within seconds")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_and_delivery_go_on_while_redis_is_away() {
    let (site, proxy) = behind_a_proxy(&[]).await;
    bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room;
        let (author, socket) = (ali.connect().await, sara.connect().await);
        author.say(room.id, "پیش از قطع").await;
        socket.expect_seq(room.id, room.seq + 1, DEADLINE).await;
        let mut head = room.seq + 1;
        for round in 0..2 {
            if round == 0 {
                proxy.cut().await;
            } else {
                // A peer that vanished without a word.
                proxy.black_hole().await;
            }
            for number in 0..10 {
                author.say(room.id, &format!("{round}/{number}")).await;
            }
            head += 10;
            socket
                .expect_seq(room.id, head, Duration::from_secs(30))
                .await;
            proxy.restore().await;
            author.say(room.id, "برگشت").await;
            head += 1;
            socket
                .expect_seq(room.id, head, Duration::from_secs(30))
                .await;
        }
        for socket in [&author, &socket] {
            socket.expect_seq(room.id, head, DEADLINE).await;
            History::of(socket, room.id).assert_dense(room.seq, head);
        }
        ready_again(&site).await;
    })
    .await;
    site.stop().await;
}

async fn ready_again(site: &Site) {
    eventually(Duration::from_secs(30), "every node is ready", async || {
        for rest in [site.api(0), site.api(1), site.gateway(0), site.gateway(1)] {
            if rest.get("/readyz").await.status != 200 {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Sends until acknowledged, as the protocol asks: the same nonce after `unavailable`.
async fn insist(socket: &Socket, room: RoomId, content: &str) -> Message {
    let send = json!({"op": "send", "room": room, "content": content, "nonce": content});
    eventually(Duration::from_secs(30), content, async || {
        match socket.command(send.clone()).await {
            Ok(ok) => Some(message_of(ok)),
            Err(error) if error.code == "unavailable" => None,
            Err(error) => panic!("{content}: {error:?}"),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_node_killed_under_load_loses_nothing() {
    let site = Site::start(CLUSTER, Place::Processes, &[]).await;
    bounded(async {
        // At home on the node that stays, for what they ask by REST.
        let (ali, sara) = (
            User::register(&site, 1).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room;
        let sockets = [ali.connect_to(0, []).await, sara.connect_to(1, []).await];
        let talk = |at: usize| {
            let (socket, room) = (&sockets[at], room.id);
            async move {
                let mut acknowledged = Vec::new();
                for number in 0..300 {
                    acknowledged.push(insist(socket, room, &format!("{at}/{number}")).await.id);
                }
                acknowledged
            }
        };
        let strike = async {
            sockets[0]
                .expect_seq(room.id, room.seq + 100, DEADLINE)
                .await;
            site.kill(Which::Api(0)).await;
        };
        let (first, second, ()) = tokio::join!(talk(0), talk(1), strike);
        let head = ali.see(room.id).await.room.seq;
        for socket in &sockets {
            socket
                .expect_seq(room.id, head, Duration::from_secs(5))
                .await;
            History::of(socket, room.id)
                .assert_dense(room.seq, head)
                .assert_holds(first.iter().chain(&second).copied())
                .assert_equals_rest(&ali)
                .await;
        }
        assert_eq!(ali.history(room.id).await.len(), 600, "nothing twice");
        site.restart(Which::Api(0)).await;
        site.api(0)
            .with_token(&ali.token())
            .get("/v1/users/me")
            .await
            .expect(200);
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_under_load_loses_nothing() {
    let site = Site::start(CLUSTER, Place::Processes, &[]).await;
    bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room;
        let author = ali.connect_to(1, []).await;
        let first = sara.connect_to(0, []).await;
        let sending = async {
            for number in 0..200 {
                author.say(room.id, &format!("{number}")).await;
            }
        };
        let moving = async {
            first.expect_seq(room.id, room.seq + 50, DEADLINE).await;
            site.kill(Which::Gateway(0)).await;
            first.closed().await;
            let position = *History::of(&first, room.id).positions().last().unwrap();
            sara.connect_to(1, [(room.id, position)]).await
        };
        let ((), second) = tokio::join!(sending, moving);
        second.expect_seq(room.id, room.seq + 200, DEADLINE).await;
        let both = History::of(&first, room.id).and(&second);
        both.assert_dense(room.seq, room.seq + 200);
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_lost_after_the_commit_makes_no_second_message_and_keeps_the_order() {
    let shape = Shape::Cluster {
        api: 2,
        gateways: 0,
    };
    let mut deployment = Deployment::start(shape, Place::Tasks, &[]).await.unwrap();
    let mut proxies = Vec::new();
    for node in 0..2 {
        let api = deployment.internal_url(node).expect("api nodes have one");
        let address = api.trim_start_matches("http://").to_owned();
        proxies.push(Proxy::start(address).await.unwrap());
    }
    let urls: Vec<String> = proxies
        .iter()
        .map(|proxy| format!("http://127.0.0.1:{}", proxy.port()))
        .collect();
    deployment.set("INTERNAL__API_URLS", &urls.join(","));
    for _ in 0..2 {
        deployment.add(Roles::Gateway).await.unwrap();
    }
    let site = Site::of(deployment);
    bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room;
        let (author, reader) = (ali.connect().await, sara.connect().await);
        let mut ids = Vec::new();
        for number in 0..100 {
            if number % 20 == 10 {
                for proxy in &proxies {
                    proxy.drop_replies(1);
                }
            }
            let send = json!({"op": "send", "room": room.id, "content": format!("{number}")});
            ids.push(author.submit(send).await);
            if number % 5 == 0 {
                author.reply(ids[number]).await.unwrap();
            }
        }
        let mut acknowledged = Vec::new();
        for id in ids {
            let message = message_of(author.reply(id).await.unwrap());
            assert_eq!(
                message.nonce, None,
                "the gateway's own nonce is nobody else's business"
            );
            acknowledged.push(message.id);
        }
        reader.expect_seq(room.id, room.seq + 100, DEADLINE).await;
        History::of(&reader, room.id)
            .assert_dense(room.seq, room.seq + 100)
            .assert_holds(acknowledged);
        let said: Vec<String> = sara
            .history(room.id)
            .await
            .into_iter()
            .map(|m| m.content)
            .collect();
        let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(said, expected);
    })
    .await;
    site.stop().await;
}

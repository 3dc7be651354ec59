//! Rates, with the limits that a deployment has by default: counted once, whatever node is asked.

use std::time::Instant;

use chapar_tests::user::{PASSWORD, unique_name};
use chapar_tests::{Answer, History, Site, User, scenarios};
use serde_json::json;
use tokio::task::JoinSet;

scenarios! {
    sends_into_one_room_are_limited_over_all_ways_in => DEFAULTS,
    sends_into_all_rooms_are_limited_together => DEFAULTS,
    failed_logins_of_one_account_are_limited => DEFAULTS,
    registrations_of_one_address_are_limited => DEFAULTS,
    a_flood_of_logins_leaves_messages_alone => FLOODED,
}

/// The protocol's figures; the deployments of tests have higher ones.
const DEFAULTS: [(&str, &str); 10] = [
    ("limits.send_user.capacity", "50"),
    ("limits.send_user.refill_per_s", "5"),
    ("limits.send_room.capacity", "20"),
    ("limits.send_room.refill_per_s", "5"),
    ("limits.login_account_address.capacity", "5"),
    (
        "limits.login_account_address.refill_per_s",
        "0.08333333333333333",
    ),
    ("limits.login_account.capacity", "60"),
    ("limits.login_account.refill_per_s", "0.016666666666666666"),
    ("limits.registrations.capacity", "60"),
    ("limits.registrations.refill_per_s", "1"),
];

/// Sends as usual for tests, logins as by default.
const FLOODED: [(&str, &str); 4] = [
    ("limits.login_account_address.capacity", "5"),
    (
        "limits.login_account_address.refill_per_s",
        "0.08333333333333333",
    ),
    ("limits.login_account.capacity", "60"),
    ("limits.login_account.refill_per_s", "0.016666666666666666"),
];

/// How many of a bucket's tokens there can have been since a time.
fn tokens(capacity: f64, refill_per_s: f64, since: Instant) -> f64 {
    capacity + refill_per_s * since.elapsed().as_secs_f64() + 1.0
}

async fn sends_into_one_room_are_limited_over_all_ways_in(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room;
    let sockets = [ali.connect_to(0, []).await, ali.connect_to(1, []).await];
    let path = format!("/v1/rooms/{}/messages", room.id);
    let start = Instant::now();
    let mut sent: u32 = 0;
    let mut refused = Vec::new();
    let mut ids = Vec::new();
    for number in 0..40 {
        let command = json!({"op": "send", "room": room.id, "content": format!("{number}")});
        ids.push((number % 2, sockets[number % 2].submit(command).await));
        let answer = ali
            .rest_at(number % 2)
            .post(&path, json!({"content": "r"}))
            .await;
        if answer.status == 201 {
            sent += 1;
        } else {
            refused.push(answer);
        }
    }
    for (socket, id) in ids {
        match sockets[socket].reply(id).await {
            Ok(_) => sent += 1,
            Err(error) => {
                assert_eq!(error.code, "rate_limited");
                assert!(
                    error.retry_after_ms.is_some_and(|millis| millis > 0),
                    "{error:?}"
                );
            }
        }
    }
    assert!(sent >= 20, "{sent} sent");
    assert!(f64::from(sent) <= tokens(20.0, 5.0, start), "{sent} sent");
    refused
        .pop()
        .expect("some were refused")
        .expect_problem(429, "rate_limited");
    let head = room.seq + i64::from(sent);
    sockets[0]
        .expect_seq(room.id, head, chapar_tests::DEADLINE)
        .await;
    History::of(&sockets[0], room.id).assert_dense(room.seq, head);
    // The limit is each user's own.
    let sara = User::register(&site, 1).await;
    ali.add(room.id, &sara).await;
    sara.send(room.id, "من هنوز می‌توانم").await;
}

async fn sends_into_all_rooms_are_limited_together(site: Site) {
    let ali = User::register(&site, 0).await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(ali.private_room(&[]).await.room.id);
    }
    let start = Instant::now();
    let mut sends = JoinSet::new();
    for number in 0..90 {
        let rest = ali.rest_at(number % 2);
        let path = format!("/v1/rooms/{}/messages", rooms[number % 5]);
        sends.spawn(async move { rest.post(&path, json!({"content": "x"})).await });
    }
    let answers = sends.join_all().await;
    let sent = count(&answers, 201);
    assert!(
        sent >= 50 && f64::from(sent) <= tokens(50.0, 5.0, start),
        "{sent} sent"
    );
    assert_eq!(sent + count(&answers, 429), 90, "{answers:?}");
}

fn count(answers: &[Answer], status: u16) -> u32 {
    let found = answers
        .iter()
        .filter(|answer| answer.status == status)
        .count();
    u32::try_from(found).unwrap()
}

async fn failed_logins_of_one_account_are_limited(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let login = |node: usize, name: &str, password: &str| {
        let (api, number) = (site.api(node), node);
        let body = json!({"login": name, "password": password});
        async move {
            // A header that no trusted proxy wrote changes nothing.
            let request = api
                .request(reqwest::Method::POST, "/v1/auth/login")
                .header("x-forwarded-for", format!("203.0.113.{number}"))
                .json(&body);
            api.run(request).await
        }
    };
    for attempt in 0..5 {
        let answer = login(attempt % 2, &ali.username, "نادرست-1234").await;
        answer.expect_problem(401, "invalid_credentials");
    }
    for node in 0..2 {
        // The right password too: who guesses must not learn that it was right.
        let answer = login(node, &ali.username.to_uppercase(), PASSWORD).await;
        answer.expect_problem(429, "rate_limited");
    }
    login(0, &sara.username, PASSWORD).await.expect(200);
    // What is right is never counted.
    for node in 0..10 {
        login(node % 2, &sara.username, PASSWORD).await.expect(200);
    }
}

async fn registrations_of_one_address_are_limited(site: Site) {
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..90 {
        let api = site.api(number % 2);
        let body = json!({"username": unique_name(), "password": PASSWORD});
        calls.spawn(async move { api.post("/v1/auth/register", body).await });
    }
    let answers = calls.join_all().await;
    let made = count(&answers, 201);
    let refused = count(&answers, 429);
    assert!(f64::from(made) <= tokens(60.0, 1.0, start), "{made} made");
    assert!(refused > 0, "{answers:?}");
    // Hashing is bounded: what waits too long for it is told to come again.
    assert_eq!(made + refused + count(&answers, 503), 90, "{answers:?}");
    let limited = answers
        .into_iter()
        .find(|answer| answer.status == 429)
        .unwrap();
    limited.expect_problem(429, "rate_limited");
}

async fn a_flood_of_logins_leaves_messages_alone(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let (author, reader) = (ali.connect().await, sara.connect().await);
    let mut flood = JoinSet::new();
    for worker in 0..40 {
        let api = site.api(worker % 2);
        flood.spawn(async move {
            loop {
                let body = json!({"login": unique_name(), "password": "نادرست-1234"});
                let answer = api.post("/v1/auth/login", body).await;
                assert!([401, 429, 503].contains(&answer.status), "{answer:?}");
            }
        });
    }
    // A hundred messages one after the other, each within the deadline of a reply, while it goes on.
    for number in 0..100 {
        author.say(room.id, &format!("{number}")).await;
    }
    reader
        .expect_seq(room.id, room.seq + 100, chapar_tests::DEADLINE)
        .await;
    History::of(&reader, room.id).assert_dense(room.seq, room.seq + 100);
    assert_eq!(flood.len(), 40, "the flood went on all the while");
    flood.shutdown().await;
}

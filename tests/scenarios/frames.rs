//! What hostile or broken clients send by WebSocket: a reply or a close code, and nobody else harmed.

use std::time::Duration;

use chapar_tests::{Hello, Site, Socket, User, scenarios};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

scenarios! {
    a_frame_over_the_limit_closes_4009,
    a_binary_frame_closes_4001,
    a_first_frame_other_than_hello_closes_4001,
    silence_instead_of_hello_closes_4001 => [("gateway.hello_timeout", "1s")],
    the_tenth_malformed_frame_closes_4000,
    one_malformed_frame_gets_a_reply,
    too_many_sockets_close_4011 => [("limits.max_sockets", "3")],
    too_many_commands_are_refused_and_then_closed => LIMITED,
    ids_of_commands_come_back_as_they_were,
    fields_that_are_not_known_are_ignored,
    a_second_hello_is_not_taken,
    hostile_values_in_commands_are_refused,
    an_origin_that_is_not_allowed_gets_no_socket,
    texts_of_refusals_follow_the_language,
}

const LIMITED: [(&str, &str); 2] = [
    ("limits.commands.capacity", "20"),
    ("limits.commands.refill_per_s", "20"),
];

async fn raw(socket: &Socket, text: &str) {
    socket.send_raw(Frame::text(text.to_owned())).await;
}

async fn a_frame_over_the_limit_closes_4009(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let socket = ali.connect_to(1, []).await;
    let limit = socket.ready().limits.frame_bytes;
    assert_eq!(limit, 65_536);
    let fits = json!({"op": "ping", "id": 1, "pad": "x".repeat(limit - 100)});
    socket.send(&fits).await;
    socket.reply(1).await.unwrap();
    let send = json!({"op": "send", "room": room, "content": "x".repeat(1 << 20)});
    raw(&socket, &send.to_string()).await;
    assert_eq!(socket.closed().await, 4009);
    assert!(ali.history(room).await.is_empty());
    // Before hello too.
    let stranger = Socket::open(&site.ws_url(0), &[]).await;
    raw(&stranger, &"x".repeat(limit + 1)).await;
    assert!([4001, 4009].contains(&stranger.closed().await));
}

async fn a_binary_frame_closes_4001(site: Site) {
    let ali = User::register(&site, 0).await;
    let signed_in = ali.connect().await;
    let stranger = Socket::open(&site.ws_url(1), &[]).await;
    for socket in [signed_in, stranger] {
        socket
            .send_raw(Frame::binary(b"{\"op\":\"ping\"}".to_vec()))
            .await;
        assert_eq!(socket.closed().await, 4001);
    }
}

async fn a_first_frame_other_than_hello_closes_4001(site: Site) {
    let ali = User::register(&site, 0).await;
    let token = ali.token();
    let first = [
        json!({"op": "ping", "id": 1}).to_string(),
        json!({"op": "auth", "token": token}).to_string(),
        json!({"op": "send", "room": 1, "content": "x"}).to_string(),
        "nonsense".to_owned(),
        "{}".to_owned(),
        "{\"op\":\"hello\",\"token\":7}".to_owned(),
        "{\"op\":\"hello\"}".to_owned(),
        "{\"op\":\"hello\",\"token\":\"x\"}".to_owned(),
    ];
    for text in first {
        let socket = Socket::open(&site.ws_url(1), &[]).await;
        raw(&socket, &text).await;
        assert_eq!(socket.closed().await, 4001, "{text}");
    }
}

async fn silence_instead_of_hello_closes_4001(site: Site) {
    let socket = Socket::open(&site.ws_url(1), &[]).await;
    assert_eq!(socket.closed_within(Duration::from_secs(5)).await, 4001);
}

async fn the_tenth_malformed_frame_closes_4000(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = ali.connect_to(1, []).await;
    for text in [
        "nonsense",
        "[]",
        "{}",
        "{\"op\":1}",
        "{\"op\":\"fly\"}",
        "null",
        "7",
        "{",
        "\"\"",
    ] {
        raw(&socket, text).await;
    }
    // Nine are forgiven.
    socket.ok(json!({"op": "ping"})).await;
    raw(&socket, "{\"op\":\"send\",\"room\":\"x\"}").await;
    assert_eq!(socket.closed().await, 4000);
}

async fn one_malformed_frame_gets_a_reply(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = ali.connect_to(1, []).await;
    raw(
        &socket,
        "{\"op\":\"send\",\"id\":71,\"room\":\"x\",\"content\":\"a\"}",
    )
    .await;
    assert_eq!(socket.reply(71).await.unwrap_err().code, "malformed_frame");
    raw(&socket, "{\"op\":\"fly\",\"id\":\"b\"}").await;
    assert_eq!(
        socket.reply_to(&json!("b")).await.unwrap_err().code,
        "unknown_op"
    );
    raw(&socket, "nonsense").await;
    assert_eq!(
        socket.reply_to(&Value::Null).await.unwrap_err().code,
        "malformed_frame"
    );
    let deep = format!(
        "{{\"op\":\"ping\",\"id\":72,\"x\":{}{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    raw(&socket, &deep).await;
    // Taken for a ping or refused as malformed, but answered.
    socket.ok(json!({"op": "ping"})).await;
}

async fn too_many_sockets_close_4011(site: Site) {
    let ali = User::register(&site, 0).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(ali.connect_to(1, []).await);
    }
    let one_more = Socket::open(&site.ws_url(1), &[]).await;
    one_more
        .hello(&Hello {
            token: Some(ali.token()),
            ..Hello::default()
        })
        .await;
    assert_eq!(one_more.closed().await, 4011);
    for socket in &open {
        socket.ok(json!({"op": "ping"})).await;
    }
    open.pop().unwrap().close().await;
    let again = chapar_tests::eventually(chapar_tests::DEADLINE, "a place is free", async || {
        let socket = Socket::open(&site.ws_url(1), &[]).await;
        socket
            .hello(&Hello {
                token: Some(ali.token()),
                ..Hello::default()
            })
            .await;
        socket.submit(json!({"op": "ping"})).await;
        chapar_tests::eventually(chapar_tests::DEADLINE, "an answer", async || {
            if socket.is_closed() {
                return Some(false);
            }
            socket.reply_so_far(1).map(|reply| reply.is_ok())
        })
        .await
        .then_some(socket)
    })
    .await;
    again.ok(json!({"op": "ping"})).await;
}

async fn too_many_commands_are_refused_and_then_closed(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    let (flood, calm) = (ali.connect().await, sara.connect().await);
    let mut ids = Vec::new();
    for _ in 0..2000 {
        if flood.is_closed() {
            break;
        }
        ids.push(flood.submit(json!({"op": "ping"})).await);
    }
    assert_eq!(flood.closed().await, 4008);
    let replies: Vec<_> = ids
        .iter()
        .filter_map(|id| flood.reply_so_far(*id))
        .collect();
    let refused = replies.iter().filter_map(|reply| reply.as_ref().err());
    let refused: Vec<_> = refused.collect();
    assert!(replies.len() > refused.len(), "some were answered");
    assert!(
        refused.iter().all(|error| error.code == "rate_limited"),
        "{refused:?}"
    );
    assert!(
        refused.iter().any(|error| error.retry_after_ms.is_some()),
        "{refused:?}"
    );
    calm.say(room, "آرام").await;
}

async fn ids_of_commands_come_back_as_they_were(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = ali.connect_to(1, []).await;
    for id in [
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_991_i64),
        json!(""),
        json!("ش-۱"),
        json!("x".repeat(64)),
    ] {
        socket.send(&json!({"op": "ping", "id": id})).await;
        socket.reply_to(&id).await.unwrap();
    }
}

async fn fields_that_are_not_known_are_ignored(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let socket = Socket::open(&site.ws_url(1), &[]).await;
    let hello = json!({"op": "hello", "token": ali.token(), "future": {"a": [1]}});
    socket.send(&hello).await;
    socket.ok(json!({"op": "ping", "future": true})).await;
    socket
        .ok(json!({"op": "send", "room": room, "content": "x", "sender": 1, "future": null}))
        .await;
}

async fn a_second_hello_is_not_taken(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[]).await.room.id;
    let socket = eve.connect().await;
    socket.misbehave();
    socket
        .hello(&Hello {
            token: Some(ali.token()),
            ..Hello::default()
        })
        .await;
    let send = json!({"op": "send", "room": room, "content": "x"});
    let id = socket.submit(send).await;
    let outcome = chapar_tests::eventually(chapar_tests::DEADLINE, "an answer", async || {
        let reply = socket.reply_so_far(id).map(|reply| reply.is_err());
        reply.or_else(|| socket.is_closed().then_some(true))
    })
    .await;
    assert!(outcome, "a socket stays its first user's");
    assert!(ali.history(room).await.is_empty());
}

async fn hostile_values_in_commands_are_refused(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let secret = ali.private_room(&[]).await.room.id;
    let message = ali.send(secret, "راز").await.id;
    let own = eve.private_room(&[]).await.room.id;
    let socket = eve.connect().await;
    socket.misbehave();
    let cases = [
        (
            json!({"op": "send", "room": secret, "content": "x"}),
            "room_not_found",
        ),
        (
            json!({"op": "edit", "room": secret, "message": message, "content": "x"}),
            "room_not_found",
        ),
        (
            json!({"op": "edit", "room": own, "message": message, "content": "x"}),
            "message_not_found",
        ),
        (
            json!({"op": "delete", "room": own, "message": message}),
            "message_not_found",
        ),
        (
            json!({"op": "react", "room": own, "message": message, "emoji": "x"}),
            "message_not_found",
        ),
        (
            json!({"op": "read", "room": secret, "number": 1}),
            "room_not_found",
        ),
        (json!({"op": "send", "room": own, "content": ""}), "invalid"),
        (
            json!({"op": "send", "room": own, "content": "a\0"}),
            "invalid",
        ),
        (
            json!({"op": "send", "room": own, "content": "ا".repeat(4001)}),
            "invalid",
        ),
        (
            json!({"op": "send", "room": own, "content": "x", "nonce": "n".repeat(65)}),
            "invalid",
        ),
        (
            json!({"op": "send", "room": own, "content": "x", "reply_to": message}),
            "invalid",
        ),
        (
            json!({"op": "send", "room": i64::MAX, "content": "x"}),
            "room_not_found",
        ),
        (
            json!({"op": "send", "room": -1, "content": "x"}),
            "room_not_found",
        ),
        (
            json!({"op": "react", "room": own, "message": i64::MIN, "emoji": "x"}),
            "message_not_found",
        ),
    ];
    for (command, code) in cases {
        let what = command.to_string();
        assert_eq!(socket.refused(command).await, code, "{what}");
    }
    assert_eq!(ali.history(secret).await.len(), 1);
}

async fn an_origin_that_is_not_allowed_gets_no_socket(site: Site) {
    let ali = User::register(&site, 0).await;
    let bearer = format!("Bearer {}", ali.token());
    let headers = [
        ("authorization", &*bearer),
        ("origin", "https://evil.example"),
    ];
    let socket = Socket::open(&site.ws_url(1), &headers).await;
    socket.hello(&Hello::default()).await;
    assert_eq!(socket.closed().await, 4001);
    let own = site
        .ws_url(1)
        .replacen("ws", "http", 1)
        .replace("/v1/ws", "");
    let own = Socket::open(
        &site.ws_url(1),
        &[("authorization", &bearer), ("origin", &own)],
    )
    .await;
    own.hello(&Hello::default()).await;
    own.ok(json!({"op": "ping"})).await;
}

async fn texts_of_refusals_follow_the_language(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = Socket::open(&site.ws_url(1), &[("accept-language", "fa-IR,fa;q=0.9")]).await;
    socket
        .hello(&Hello {
            token: Some(ali.token()),
            ..Hello::default()
        })
        .await;
    let send = json!({"op": "send", "room": 999_999, "content": "x"});
    let error = socket.command(send).await.unwrap_err();
    assert_eq!(
        (&*error.code, &*error.detail),
        ("room_not_found", "چنین اتاقی یافت نشد.")
    );
}

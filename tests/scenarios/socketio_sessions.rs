//! How clients of Socket.IO come, by which transport, and how they end.

use std::time::Duration;

use chapar::testing::{Place, Which};
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::{Answer, DEADLINE, Rest, Site, SocketIo, User, eventually, scenarios};
use reqwest::Method;
use serde_json::{Value, json};

scenarios! {
    a_token_may_come_by_header_query_auth_or_cookie,
    whoever_has_no_good_token_is_told_so,
    there_is_one_namespace,
    a_session_may_poll_and_be_upgraded,
    a_session_that_is_not_here_is_unknown,
    sign_out_and_ban_end_the_namespace,
    an_expired_token_ends_the_namespace => [("tokens.access_ttl", "3s")],
    who_does_not_connect_in_time_is_closed => [("gateway.socketio.connect_timeout", "1s")],
    a_client_is_alive_by_the_pings_of_its_transport => PINGS,
    sockets_and_sessions_have_limits => LIMITS,
    a_slow_client_is_closed_and_others_go_on => [("gateway.write_timeout", "120s")],
    pages_of_listed_origins_may_poll => [("http.allowed_origins", "https://app.example")],
}

/// The hub closes who is silent for two of its heartbeats.
const PINGS: [(&str, &str); 2] = [
    ("gateway.heartbeat", "200ms"),
    ("gateway.socketio.ping_interval", "100ms"),
];

const LIMITS: [(&str, &str); 3] = [
    ("limits.max_sockets", "1"),
    ("gateway.socketio.max_sessions", "2"),
    ("gateway.socketio.max_payload_bytes", "10000"),
];

/// What is not told through the broker is found by comparing versions.
const FOUND: Duration = Duration::from_secs(10);

async fn connect(user: &User, node: usize) -> SocketIo {
    SocketIo::connect(&user.site().gateway_url(node), &user.token()).await
}

async fn a_token_may_come_by_header_query_auth_or_cookie(site: Site) {
    let ali = User::register(&site, 0).await;
    let (base, token) = (site.gateway_url(1), ali.token());
    let bearer = format!("Bearer {token}");
    let header = SocketIo::open(&base, "", &[("authorization", &bearer)]).await;
    let query = SocketIo::open(&base, &format!("&token={token}"), &[]).await;
    let cookie = format!("a=b; sessionid={token}");
    let page = [("cookie", cookie.as_str()), ("origin", base.as_str())];
    let cookie = SocketIo::open(&base, "", &page).await;
    for socket in [&header, &query, &cookie] {
        socket.packet("40").await;
        assert!(socket.connected().await["sid"].is_string());
    }
    for auth in [json!({"token": token}), json!({"token": bearer})] {
        let socket = SocketIo::open(&base, "", &[]).await;
        socket.greet(&auth).await;
        socket.connected().await;
        // The id of the socket is not the one that speaks for its transport.
        let open = socket.handshake().await;
        assert_eq!(open["maxPayload"], 1_000_000);
        assert_ne!(socket.connected().await["sid"], open["sid"]);
    }
}

async fn whoever_has_no_good_token_is_told_so(site: Site) {
    let ali = User::register(&site, 0).await;
    let gone = ali.sign_in(0).await;
    let token = gone.token();
    gone.post("/v1/auth/logout", json!({})).await.expect(204);
    let base = site.gateway_url(1);
    let socket = SocketIo::open(&base, "", &[]).await;
    for (auth, code) in [
        (json!({}), "unauthenticated"),
        (json!(null), "unauthenticated"),
        (json!({"token": ""}), "unauthenticated"),
        (json!({"token": "not.a.token"}), "unauthenticated"),
        (json!({"token": token}), "session_revoked"),
    ] {
        socket.greet(&auth).await;
        let refused = socket.refused().await;
        assert!(
            !refused["message"].as_str().unwrap().is_empty(),
            "{refused}"
        );
        assert_eq!(refused["data"]["code"], code, "{auth}");
    }
    // A cookie of a page that is not known is none.
    let cookie = format!("sessionid={}", ali.token());
    let stranger = SocketIo::open(&base, "", &[("cookie", &cookie)]).await;
    stranger.packet("40").await;
    assert_eq!(stranger.refused().await["data"]["code"], "unauthenticated");
    let foreign = [
        ("cookie", cookie.as_str()),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(
        SocketIo::try_open(&base, "", &foreign).await.unwrap_err(),
        403
    );
    // It may try again on the same transport.
    socket.greet(&json!({"token": ali.token()})).await;
    socket.connected().await;
}

async fn there_is_one_namespace(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = SocketIo::open(&site.gateway_url(0), "", &[]).await;
    socket.packet("40/admin,{}").await;
    assert_eq!(
        socket.refused().await,
        json!({"message": "Invalid namespace"})
    );
    socket.greet(&json!({"token": ali.token()})).await;
    socket.connected().await;
    socket.packet("41").await;
    socket.closed(DEADLINE).await;
    // Events before the namespace is entered are none.
    let early = SocketIo::open(&site.gateway_url(0), "", &[]).await;
    early.emit("get_online_users", &json!({})).await;
    early.closed(DEADLINE).await;
}

/// The requests of a session that polls.
struct Poller {
    rest: Rest,
    session: String,
    packets: Vec<String>,
}

impl Poller {
    async fn open(rest: Rest) -> Self {
        let opened = rest
            .get("/socket.io/?EIO=4&transport=polling")
            .await
            .expect(200);
        let open: Value = serde_json::from_str(opened.text().strip_prefix('0').unwrap()).unwrap();
        assert_eq!(open["upgrades"], json!(["websocket"]));
        Self {
            rest,
            session: open["sid"].as_str().unwrap().to_owned(),
            packets: Vec::new(),
        }
    }

    fn path(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.session)
    }

    async fn post(&self, packets: impl Into<String>) -> Answer {
        let body: String = packets.into();
        self.rest
            .post_raw(&self.path(), "text/plain;charset=UTF-8", body)
            .await
    }

    /// Polls until a packet comes that begins so.
    async fn poll(&mut self, start: &str) -> String {
        loop {
            if let Some(at) = self
                .packets
                .iter()
                .position(|packet| packet.starts_with(start))
            {
                return self.packets.remove(at);
            }
            let polled = self.rest.get(&self.path()).await.expect(200).text();
            for packet in polled.split('\u{1e}') {
                if packet == "2" {
                    self.post("3").await.expect(200);
                }
                self.packets.push(packet.to_owned());
            }
        }
    }
}

async fn a_session_may_poll_and_be_upgraded(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    let theirs = connect(&sara, 1).await;
    let mut poller = Poller::open(site.gateway(0)).await;
    poller
        .post(format!("40{}", json!({"token": ali.token()})))
        .await
        .expect(200);
    poller.poll("40").await;
    let message = |text: &str| json!(["chat_message", {"room": room.to_string(), "message": text}]);
    // Two packets in one request.
    let both = format!("427{}\u{1e}42{}", message("یک"), message("دو"));
    assert_eq!(poller.post(both).await.expect(200).text(), "ok");
    let ack = poller.poll("437").await;
    assert!(ack.contains(r#""status":"received""#), "{ack}");
    poller.poll("42").await;
    for text in ["یک", "دو"] {
        theirs
            .expect("chat_response", |data| data["message"]["content"] == text)
            .await;
    }
    ali.send(room, "by REST").await;
    while !poller.poll("42").await.contains("by REST") {}

    let socket = SocketIo::upgrade(&site.gateway_url(0), &poller.session).await;
    socket.packet(&format!("42{}", message("سه"))).await;
    socket
        .expect("chat_response", |data| data["message"] == "سه")
        .await;
    sara.send(room, "چهار").await;
    socket
        .expect("chat_response", |data| data["message"]["content"] == "چهار")
        .await;
    poller.rest.get(&poller.path()).await.expect(400);
}

async fn a_session_that_is_not_here_is_unknown(site: Site) {
    let session = "AAAAAAAAAAAAAAHs";
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={session}");
    let unknown = json!({"code": 1, "message": "Session ID unknown"});
    let rest = site.gateway(1);
    assert_eq!(rest.get(&path).await.expect(400).value(), unknown);
    let posted = rest.post_raw(&path, "text/plain", "40").await.expect(400);
    assert_eq!(posted.value(), unknown);
    let (base, query) = (site.gateway_url(1), format!("&sid={session}"));
    let upgrade = SocketIo::try_open(&base, &query, &[]).await;
    assert_eq!(upgrade.unwrap_err(), 400);
    for (path, code) in [
        ("/socket.io/", 0),
        ("/socket.io/?EIO=4&transport=smoke", 0),
        ("/socket.io/?EIO=3&transport=polling", 5),
        ("/socket.io/?EIO=4&transport=websocket", 3),
        ("/socket.io?EIO=4&transport=polling&sid=", 1),
    ] {
        let answer = rest.get(path).await.expect(400);
        assert_eq!(answer.value()["code"], code, "{path}");
    }
    let path = "/socket.io/?EIO=4&transport=polling";
    let answer = rest.post_raw(path, "text/plain", "40").await.expect(400);
    assert_eq!(answer.value()["code"], 2);
}

async fn sign_out_and_ban_end_the_namespace(site: Site) {
    let ali = User::register(&site, 0).await;
    let other = ali.sign_in(1).await;
    let (kept, socket) = (connect(&ali, 0).await, connect(&other, 1).await);
    other.post("/v1/auth/logout", json!({})).await.expect(204);
    assert!(
        socket.closed(Duration::from_secs(5)).await,
        "it is told not to come back"
    );
    assert!(kept.call("get_online_users", &json!({})).await.is_array());
    site.admin(&["ban-user", &ali.username]).await;
    assert!(kept.closed(FOUND).await, "it is told not to come back");
}

async fn an_expired_token_ends_the_namespace(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = connect(&ali, 1).await;
    assert!(socket.closed(DEADLINE).await, "it is told not to come back");
    let socket = SocketIo::open(&site.gateway_url(1), "", &[]).await;
    socket.greet(&json!({"token": ali.token()})).await;
    assert_eq!(socket.refused().await["data"]["code"], "token_expired");
}

async fn who_does_not_connect_in_time_is_closed(site: Site) {
    let socket = SocketIo::open(&site.gateway_url(0), "", &[]).await;
    assert!(!socket.closed(DEADLINE).await);
    let poller = Poller::open(site.gateway(0)).await;
    eventually(DEADLINE, "the session is gone", async || {
        (poller.rest.get(&poller.path()).await.status == 400).then_some(())
    })
    .await;
}

async fn a_client_is_alive_by_the_pings_of_its_transport(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = connect(&ali, 1).await;
    // Ten heartbeats of the hub.
    socket.pinged(20).await;
    assert!(socket.call("get_online_users", &json!({})).await.is_array());
}

async fn sockets_and_sessions_have_limits(site: Site) {
    let ali = User::register(&site, 0).await;
    let base = site.gateway_url(0);
    let first = connect(&ali, 0).await;
    let second = SocketIo::open(&base, "", &[]).await;
    second.greet(&json!({"token": ali.token()})).await;
    let refused = second.refused().await;
    assert_eq!(refused["message"], "too many connections of this user");
    assert_eq!(SocketIo::try_open(&base, "", &[]).await.unwrap_err(), 503);
    let path = "/socket.io/?EIO=4&transport=polling";
    site.gateway(0).get(path).await.expect(503);
    // A message longer than allowed ends a session, and makes room for another one.
    second
        .packet(&format!("42{}", json!(["x", "آ".repeat(10_000)])))
        .await;
    second.closed(DEADLINE).await;
    let third = eventually(DEADLINE, "room for another one", async || {
        SocketIo::try_open(&base, "", &[]).await.ok()
    })
    .await;
    drop(first);
    eventually(DEADLINE, "room for another socket", async || {
        third.greet(&json!({"token": ali.token()})).await;
        third.answered().await.ok()
    })
    .await;
}

async fn a_slow_client_is_closed_and_others_go_on(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room;
    let author = ali.connect().await;
    let (slow, beside) = (connect(&sara, 1).await, connect(&sara, 1).await);
    slow.pause(true);
    // More than the kernel's buffers on both sides of the connection hold.
    let heavy = "\u{1f40c}".repeat(4000);
    for _ in 0..100 {
        author
            .say_all(room.id, (0..10).map(|_| heavy.clone()))
            .await;
    }
    eventually(DEADLINE, "all of it", async || {
        (beside.all("chat_response").len() == 1000).then_some(())
    })
    .await;
    slow.pause(false);
    assert!(!slow.closed(DEADLINE).await, "it may come back");
    assert!(slow.all("chat_response").len() < 1000);
    let said = json!({"room": room.id.to_string(), "message": "x"});
    assert_eq!(
        beside.call("chat_message", &said).await["status"],
        "received"
    );
}

async fn pages_of_listed_origins_may_poll(site: Site) {
    let origin = "https://app.example";
    let path = "/socket.io/?EIO=4&transport=polling";
    for (rest, path, method) in [
        (site.gateway(0), path, "POST"),
        (site.api(0), "/v1/rooms", "PATCH"),
    ] {
        let preflight = rest
            .request(Method::OPTIONS, path)
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let answer = rest.run(preflight).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert!(
            answer
                .header("access-control-allow-methods")
                .contains(method)
        );
        assert!(
            answer
                .header("access-control-allow-headers")
                .contains("authorization")
        );
    }
    let rest = site.gateway(0);
    let of = |origin: &'static str| rest.request(Method::GET, path).header("origin", origin);
    let answer = rest.run(of(origin)).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let answer = rest.run(of("https://evil.example")).await.expect(403);
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.value()["code"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_gateway_sends_its_clients_elsewhere() {
    let site = Site::start(CLUSTER, Place::Tasks, &[]).await;
    bounded(drain(&site)).await;
    site.stop().await;
}

async fn drain(site: &Site) {
    let (ali, sara) = (User::register(site, 0).await, User::register(site, 1).await);
    let room = ali.private_room(&[&sara]).await.room.id;
    let (first, beside) = (connect(&sara, 0).await, connect(&sara, 1).await);
    let mut poller = Poller::open(site.gateway(0)).await;
    poller
        .post(format!("40{}", json!({"token": ali.token()})))
        .await
        .expect(200);
    poller.poll("40").await;
    let told = async {
        assert!(!first.closed(DEADLINE).await, "it is to come back");
        connect(&sara, 1).await
    };
    let (again, _closed, ()) = tokio::join!(told, poller.poll("1"), site.drain(Which::Gateway(0)));
    ali.send(room, "after").await;
    for socket in [&again, &beside] {
        socket
            .expect("chat_response", |data| {
                data["message"]["content"] == "after"
            })
            .await;
    }
}

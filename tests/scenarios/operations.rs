//! What operators see and do: health, metrics, logs, the admin commands, drains.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chapar::testing::{Place, Which};
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::user::PASSWORD;
use chapar_tests::{DEADLINE, Hello, History, Site, Socket, User, eventually, scenarios};
use serde_json::json;

scenarios! {
    every_role_tells_its_health_and_metrics,
    metrics_name_no_room_and_nobody,
    a_banned_user_is_cut_off_everywhere,
    sessions_revoked_by_an_operator_end,
    a_new_epoch_resets_every_position,
    a_reset_password_is_the_only_one_that_is_good,
}

async fn every_role_tells_its_health_and_metrics(site: Site) {
    let ali = User::register(&site, 0).await;
    let _socket = ali.connect_to(1, []).await;
    for rest in [site.api(0), site.api(1), site.gateway(0), site.gateway(1)] {
        rest.get("/healthz").await.expect(200);
        // A link to Redis is proven a moment after it is made.
        eventually(DEADLINE, "the node is ready", async || {
            (rest.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        let metrics = rest.get("/metrics").await.expect(200);
        assert!(
            metrics.header("content-type").starts_with("text/plain"),
            "{metrics:?}"
        );
        assert!(
            metrics
                .text()
                .lines()
                .any(|line| line.starts_with("chapar_")),
            "{metrics:?}"
        );
    }
    let metrics = site.gateway(1).get("/metrics").await.text();
    let connections = metrics
        .lines()
        .find(|line| line.starts_with("chapar_gateway_connections"));
    assert!(connections.is_some(), "{metrics}");
}

async fn metrics_name_no_room_and_nobody(site: Site) {
    let ali = User::register_as(&site, 0, "نام-در-سنجه").await;
    let room = ali.room("public", "اتاق-در-سنجه", &[]).await.room.id;
    ali.connect().await.say(room, "متن-در-سنجه").await;
    ali.get(&format!("/v1/rooms/{room}/messages"))
        .await
        .expect(200);
    ali.get("/v1/nothing/نام-در-سنجه").await;
    for rest in [site.api(0), site.api(1), site.gateway(0)] {
        let metrics = rest.get("/metrics").await.expect(200).text();
        assert!(!metrics.contains("در-سنجه"), "{metrics}");
        // Paths are labelled by their pattern, never by what stood in it.
        assert!(!metrics.contains(&format!("rooms/{room}")), "{metrics}");
        assert!(!metrics.contains("/v1/nothing"), "{metrics}");
    }
}

/// What is not told through the broker is found by comparing versions.
const FOUND: Duration = Duration::from_secs(10);

async fn a_banned_user_is_cut_off_everywhere(site: Site) {
    let (eve, ali) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let sockets = [eve.connect_to(0, []).await, eve.connect_to(1, []).await];
    let kept = ali.connect().await;
    site.admin(&["ban-user", &eve.username]).await;
    for socket in &sockets {
        assert_eq!(socket.closed_within(FOUND).await, 4003);
    }
    kept.ok(json!({"op": "ping"})).await;
    let answer = chapar_tests::eventually(Duration::from_secs(3), "401", async || {
        let answer = eve.get("/v1/users/me").await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    answer.expect_problem(401, "session_revoked");
    let login = json!({"login": eve.username, "password": PASSWORD});
    let refused = site.api(1).post("/v1/auth/login", login.clone()).await;
    assert!([401, 403].contains(&refused.status), "{refused:?}");
    let refresh = json!({"refresh_token": eve.tokens().refresh_token});
    let refused = site.api(0).post("/v1/auth/refresh", refresh).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    site.admin(&["unban-user", &eve.username]).await;
    site.api(1).post("/v1/auth/login", login).await.expect(200);
}

async fn sessions_revoked_by_an_operator_end(site: Site) {
    let laptop = User::register(&site, 0).await;
    let phone = laptop.sign_in(1).await;
    let sockets = [laptop.connect().await, phone.connect().await];
    site.admin(&["revoke-sessions", &laptop.username]).await;
    for socket in &sockets {
        assert_eq!(socket.closed_within(FOUND).await, 4003);
    }
    laptop.sign_in(0).await.connect().await;
}

async fn a_new_epoch_resets_every_position(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room;
    let said = ali.send(room.id, "x").await;
    let before = ali.connect_to(1, []).await.ready().epoch;
    site.admin(&["new-epoch"]).await;
    // Nodes learn of it by themselves.
    eventually(DEADLINE, "another epoch", async || {
        let hello = Hello {
            token: Some(ali.token()),
            epoch: Some(before.clone()),
            since: BTreeMap::from([(room.id, room.seq)]),
        };
        let socket = Socket::open(&site.ws_url(1), &[]).await;
        socket.hello(&hello).await;
        // A node that learns of it just now says goodbye instead.
        let ping = socket.submit(json!({"op": "ping"})).await;
        let is_ready = eventually(DEADLINE, "an answer or the end", async || {
            let answer = socket.reply_so_far(ping).map(|reply| reply.is_ok());
            answer.or(socket.is_closed().then_some(false))
        })
        .await;
        (is_ready && socket.ready().epoch != before).then_some(socket)
    })
    .await
    .expect_reset(room.id)
    .await;
    assert_eq!(ali.history(room.id).await, [said]);
}

async fn a_reset_password_is_the_only_one_that_is_good(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = ali.connect().await;
    let folder = std::env::temp_dir().join(format!("chapar-password-{}", std::process::id()));
    let path = folder.with_extension(ali.id.to_string());
    std::fs::write(&path, "گذرواژه‌ی تازه ۱\n").unwrap();
    let file = path.to_str().unwrap().to_owned();
    site.admin(&["reset-password", &ali.username, "--password-file", &file])
        .await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!(socket.closed_within(FOUND).await, 4003);
    let login = |password: &str| json!({"login": ali.username, "password": password});
    let old = site.api(1).post("/v1/auth/login", login(PASSWORD)).await;
    old.expect_problem(401, "invalid_credentials");
    site.api(1)
        .post("/v1/auth/login", login("گذرواژه‌ی تازه ۱"))
        .await
        .expect(200);
}

const VERBOSE: [(&str, &str); 1] = [(
    "telemetry.level",
    "info,chapar=debug,chapar_api=debug,chapar_gateway=debug,chapar_broker=debug",
)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_hold_no_token_and_no_text() {
    let site = Site::start(CLUSTER, Place::Processes, &VERBOSE).await;
    bounded(talk_and_search_the_logs(&site)).await;
    site.stop().await;
}

async fn talk_and_search_the_logs(site: &Site) {
    let mut log = String::new();
    let (ali, sara) = (User::register(site, 0).await, User::register(site, 1).await);
    let room = ali.private_room(&[&sara]).await.room.id;
    let socket = ali.connect().await;
    socket.say(room, "متن-محرمانه").await;
    let by_query = format!("{}?token={}", site.ws_url(1), sara.token());
    let listening = Socket::open(&by_query, &[]).await;
    listening.hello(&Hello::default()).await;
    listening.ok(json!({"op": "ping"})).await;
    gather(site, &mut log).await;
    ali.refresh().await;
    socket.ok(json!({"op": "auth", "token": ali.token()})).await;
    let file = ali
        .upload("نام-محرمانه.txt", "text/plain", b"x".to_vec())
        .await;
    site.api(1).get(&file.url).await.expect(200);
    let wrong = json!({"login": ali.username, "password": "نادرست-محرمانه"});
    site.api(0).post("/v1/auth/login", wrong).await;
    ali.post(
        &format!("/v1/rooms/{room}/messages"),
        json!({"content": 7, "x": "محرمانه"}),
    )
    .await;
    let malformed = "{\"op\":\"send\",\"content\":\"محرمانه\"".to_owned();
    socket
        .send_raw(tokio_tungstenite::tungstenite::Message::text(malformed))
        .await;
    socket.ok(json!({"op": "ping"})).await;
    gather(site, &mut log).await;
    assert!(
        log.contains("serving") || log.contains("http"),
        "there are logs to search: {log}"
    );
    let signature = file.url.split("signature=").nth(1).unwrap();
    let tokens = [ali.tokens(), sara.tokens()];
    let mut secrets = vec!["محرمانه", PASSWORD, signature];
    for tokens in &tokens {
        secrets.extend([&*tokens.access_token, &*tokens.refresh_token]);
        // A signature alone is as good as the token to whoever knows the user.
        secrets.extend(tokens.access_token.rsplit('.').next());
    }
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is logged: {line:?}");
    }
}

async fn gather(site: &Site, log: &mut String) {
    for which in [
        Which::Api(0),
        Which::Api(1),
        Which::Gateway(0),
        Which::Gateway(1),
    ] {
        log.push_str(&site.log(which).await);
        log.push('\n');
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_gateway_sends_its_clients_elsewhere_and_loses_nothing() {
    let site = Site::start(CLUSTER, Place::Tasks, &[]).await;
    bounded(drain_under_load(&site)).await;
    site.stop().await;
}

async fn drain_under_load(site: &Site) {
    let (ali, sara) = (User::register(site, 0).await, User::register(site, 1).await);
    let room = ali.private_room(&[&sara]).await.room;
    let author = ali.connect_to(1, []).await;
    let first = sara.connect_to(0, []).await;
    let has_moved = AtomicBool::new(false);
    let sending = async {
        let (mut sent, mut after) = (0, 0);
        while after < 20 {
            author.say(room.id, &format!("{sent}")).await;
            sent += 1;
            after += i64::from(has_moved.load(Ordering::SeqCst));
        }
        sent
    };
    let moving = async {
        first.expect_seq(room.id, room.seq + 20, DEADLINE).await;
        let told = async {
            assert_eq!(first.closed().await, 1001);
            let position = *History::of(&first, room.id).positions().last().unwrap();
            let second = sara.connect_to(1, [(room.id, position)]).await;
            has_moved.store(true, Ordering::SeqCst);
            second
        };
        let (second, ()) = tokio::join!(told, site.drain(Which::Gateway(0)));
        second
    };
    let (sent, second) = tokio::join!(sending, moving);
    let head = room.seq + sent;
    second.expect_seq(room.id, head, DEADLINE).await;
    let both = History::of(&first, room.id).and(&second);
    both.assert_dense(room.seq, head);
}

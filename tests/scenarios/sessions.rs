//! Sessions: what ends them closes their sockets, on whatever node.

use std::time::Duration;

use chapar_shared::protocol::{Session, Tokens};
use chapar_tests::user::PASSWORD;
use chapar_tests::{Hello, Site, Socket, User, scenarios};
use serde_json::json;

scenarios! {
    a_revoked_session_closes_its_socket_on_another_node_within_a_second,
    signing_out_closes_the_socket_and_ends_the_token,
    a_changed_password_closes_the_other_devices,
    a_refresh_token_used_twice_ends_the_session,
    a_lost_answer_to_a_refresh_can_be_asked_again,
    an_expired_token_closes_and_a_new_one_extends => [("tokens.access_ttl", "5s")],
    a_session_says_where_it_is_from,
    auth_takes_no_token_of_another_session,
}

/// What the design promises over a proven link.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn assert_signed_out(user: &User) {
    for node in 0..2 {
        // Every request checks the session, through a cache of a second at most.
        let rest = user.rest_at(node);
        let answer = chapar_tests::eventually(Duration::from_secs(3), "401", async || {
            let answer = rest.get("/v1/users/me").await;
            (answer.status != 200).then_some(answer)
        })
        .await;
        answer.expect_problem(401, "session_revoked");
        let socket = Socket::open(&user.site().ws_url(node), &[]).await;
        let token = Some(user.token());
        socket
            .hello(&Hello {
                token,
                ..Hello::default()
            })
            .await;
        assert_eq!(socket.closed().await, 4003);
    }
    let body = json!({"refresh_token": user.tokens().refresh_token});
    let answer = user.site().api(1).post("/v1/auth/refresh", body).await;
    answer.expect_problem(401, "invalid_refresh_token");
}

async fn sessions(user: &User) -> Vec<Session> {
    user.get("/v1/auth/sessions").await.expect(200).items()
}

async fn a_revoked_session_closes_its_socket_on_another_node_within_a_second(site: Site) {
    let laptop = User::register(&site, 0).await;
    let phone = laptop.sign_in(1).await;
    let (kept, cut) = (laptop.connect().await, phone.connect().await);
    let own = sessions(&phone).await;
    assert_eq!(own.len(), 2);
    let target = own.iter().find(|session| session.current).unwrap();
    laptop
        .delete(&format!("/v1/auth/sessions/{}", target.id))
        .await
        .expect(204);
    assert_eq!(cut.closed_within(AT_ONCE).await, 4003);
    assert_signed_out(&phone).await;
    kept.ok(json!({"op": "ping"})).await;
    assert_eq!(sessions(&laptop).await.len(), 1);
}

async fn signing_out_closes_the_socket_and_ends_the_token(site: Site) {
    let ali = User::register(&site, 0).await;
    let sockets = [ali.connect_to(0, []).await, ali.connect_to(1, []).await];
    ali.post("/v1/auth/logout", json!({})).await.expect(204);
    for socket in &sockets {
        assert_eq!(socket.closed_within(AT_ONCE).await, 4003);
    }
    assert_signed_out(&ali).await;
}

async fn a_changed_password_closes_the_other_devices(site: Site) {
    let laptop = User::register(&site, 0).await;
    let phone = laptop.sign_in(1).await;
    let (kept, cut) = (laptop.connect().await, phone.connect().await);
    let body = json!({"password": "یک گذرواژه دیگر", "current_password": PASSWORD});
    laptop.patch("/v1/users/me", body).await.expect(200);
    assert_eq!(cut.closed_within(AT_ONCE).await, 4003);
    assert_signed_out(&phone).await;
    kept.ok(json!({"op": "ping"})).await;
}

async fn refresh(site: &Site, node: usize, token: &str) -> chapar_tests::Answer {
    let body = json!({"refresh_token": token});
    site.api(node).post("/v1/auth/refresh", body).await
}

async fn a_refresh_token_used_twice_ends_the_session(site: Site) {
    let ali = User::register(&site, 0).await;
    let socket = ali.connect_to(1, []).await;
    let first = ali.tokens().refresh_token;
    let second: Tokens = refresh(&site, 0, &first).await.expect(200).read();
    let third: Tokens = refresh(&site, 1, &second.refresh_token)
        .await
        .expect(200)
        .read();
    // The first is two generations old: somebody stole it.
    refresh(&site, 0, &first)
        .await
        .expect_problem(401, "invalid_refresh_token");
    refresh(&site, 1, &third.refresh_token)
        .await
        .expect_problem(401, "invalid_refresh_token");
    assert_eq!(socket.closed().await, 4003);
    for forged in ["", "x", &format!("{first}x"), &first.to_uppercase()] {
        let answer = refresh(&site, 0, forged).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
}

async fn a_lost_answer_to_a_refresh_can_be_asked_again(site: Site) {
    let ali = User::register(&site, 0).await;
    let first = ali.tokens().refresh_token;
    let second: Tokens = refresh(&site, 0, &first).await.expect(200).read();
    let again: Tokens = refresh(&site, 1, &first).await.expect(200).read();
    assert_eq!(again.refresh_token, second.refresh_token);
    let third: Tokens = refresh(&site, 0, &again.refresh_token)
        .await
        .expect(200)
        .read();
    assert_ne!(third.refresh_token, again.refresh_token);
    let rest = site.api(1).with_token(&third.access_token);
    rest.get("/v1/users/me").await.expect(200);
}

async fn an_expired_token_closes_and_a_new_one_extends(site: Site) {
    let ali = User::register(&site, 0).await;
    let old = ali.token();
    let (extended, left) = (ali.connect_to(0, []).await, ali.connect_to(1, []).await);
    ali.refresh().await;
    extended
        .ok(json!({"op": "auth", "token": ali.token()}))
        .await;
    assert_eq!(left.closed().await, 4002);
    let stale = site.api(0).with_token(&old).get("/v1/users/me").await;
    stale.expect_problem(401, "token_expired");
    let late = Socket::open(&site.ws_url(0), &[]).await;
    late.hello(&Hello {
        token: Some(old),
        ..Hello::default()
    })
    .await;
    assert_eq!(late.closed().await, 4002);
    // The extended one lived on past the old token, and ends with the new one unless extended again.
    ali.refresh().await;
    if !extended.is_closed() {
        extended
            .ok(json!({"op": "auth", "token": ali.token()}))
            .await;
    }
    assert_eq!(extended.closed().await, 4002);
}

async fn a_session_says_where_it_is_from(site: Site) {
    let ali = User::register(&site, 0).await;
    let agent = format!("Firefox {}", "x".repeat(500));
    let request = site
        .api(1)
        .request(reqwest::Method::POST, "/v1/auth/login")
        .header("user-agent", agent)
        .json(&json!({"login": ali.username, "password": PASSWORD}));
    let tokens: Tokens = site.api(1).run(request).await.expect(200).read();
    let other = User::of(&site, 1, tokens);
    let all = sessions(&other).await;
    let current: Vec<_> = all.iter().filter(|session| session.current).collect();
    assert_eq!((all.len(), current.len()), (2, 1));
    assert!(current[0].device.starts_with("Firefox x"));
    assert_eq!(current[0].device.chars().count(), 200);
    assert_eq!(current[0].address, "127.0.0.1");
}

async fn auth_takes_no_token_of_another_session(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[]).await.room.id;
    let socket = eve.connect().await;
    let answer = socket
        .submit(json!({"op": "auth", "token": ali.token()}))
        .await;
    // Refused or closed: in neither case is the socket Ali's.
    let code = chapar_tests::eventually(chapar_tests::DEADLINE, "an answer", async || {
        if socket.is_closed() {
            return Some(socket.closed().await.to_string());
        }
        socket
            .reply_so_far(answer)
            .map(|reply| reply.unwrap_err().code)
    })
    .await;
    assert!(["4001", "unauthenticated"].contains(&&*code), "{code}");
    if !socket.is_closed() {
        let send = json!({"op": "send", "room": room, "content": "x"});
        assert_eq!(socket.refused(send).await, "room_not_found");
    }
}

//! What hostile or broken clients send by REST: a clear answer, and nothing of others.

use chapar_shared::protocol::Message;
use chapar_tests::user::{PASSWORD, unique_name};
use chapar_tests::{Site, User, scenarios};
use serde_json::{Value, json};

scenarios! {
    bodies_that_cannot_be_read_are_400,
    nesting_without_end_is_refused,
    bodies_over_the_limit_are_413,
    content_that_is_not_acceptable_is_422,
    ids_of_others_are_not_found,
    ids_that_are_no_ids_are_answered,
    the_sender_is_the_tokens_user_whatever_the_body_says,
    unknown_paths_and_methods_are_problems,
    limits_of_pages_are_kept,
}

async fn bodies_that_cannot_be_read_are_400(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let path = format!("/v1/rooms/{room}/messages");
    let rest = ali.rest();
    for body in [
        "",
        "{",
        "nonsense",
        "\"text\"",
        "[]",
        "null",
        "\u{0}",
        "{\"content\":1}",
        "{\"content\":null}",
        "{\"content\":[\"a\"]}",
        "{}",
        "{\"content\":\"a\",\"reply_to\":\"x\"}",
        "{\"content\":\"a\",\"attachments\":7}",
        "{\"content\":\"\\ud800\"}",
    ] {
        let answer = rest.post_raw(&path, "application/json", body).await;
        assert!([400, 422].contains(&answer.status), "{body}: {answer:?}");
        assert!(!answer.code().is_empty(), "{answer:?}");
    }
    let invalid_utf8 = b"{\"content\":\"\xff\xfe\"}".to_vec();
    rest.post_raw(&path, "application/json", invalid_utf8)
        .await
        .expect_problem(400, "malformed_request");
    rest.post_raw(&path, "text/plain", "{\"content\":\"a\"}")
        .await
        .expect_problem(415, "unsupported_media_type");
    for body in [
        json!({"username": 7, "password": PASSWORD}),
        json!({"username": "a"}),
        json!([]),
    ] {
        let answer = site.api(1).post("/v1/auth/register", body).await;
        assert!([400, 422].contains(&answer.status), "{answer:?}");
    }
    assert!(ali.history(room).await.is_empty());
}

async fn nesting_without_end_is_refused(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!("{{\"content\":{deep}}}");
    let path = format!("/v1/rooms/{room}/messages");
    let answer = ali.rest().post_raw(&path, "application/json", body).await;
    answer.expect_problem(400, "malformed_request");
    let unknown_field = format!("{{\"x\":{deep},\"content\":\"a\"}}");
    let answer = ali
        .rest()
        .post_raw(&path, "application/json", unknown_field)
        .await;
    assert!([201, 400].contains(&answer.status), "{answer:?}");
}

async fn bodies_over_the_limit_are_413(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let content = "ا".repeat(512 << 10);
    let path = format!("/v1/rooms/{room}/messages");
    let answer = ali.post(&path, json!({"content": content})).await;
    answer.expect_problem(413, "too_large");
    let answer = site
        .api(1)
        .post("/v1/auth/login", json!({"login": content, "password": "x"}))
        .await;
    answer.expect_problem(413, "too_large");
}

async fn content_that_is_not_acceptable_is_422(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let path = format!("/v1/rooms/{room}/messages");
    let long = "ب".repeat(4001);
    for content in ["", " \t\n ", "\u{a0}\u{2003}", "a\0b", &*long] {
        let answer = ali.post(&path, json!({"content": content})).await;
        let problem = answer.expect_problem(422, "invalid");
        assert!(problem["errors"]["content"][0].is_string(), "{problem}");
    }
    let full: Message = ali
        .post(
            &path,
            json!({"content": format!("  {}\n", "ب".repeat(4000))}),
        )
        .await
        .expect(201)
        .read();
    assert_eq!(full.content.chars().count(), 4000);
    let edit = format!("{path}/{}", full.id);
    ali.patch(&edit, json!({"content": " "}))
        .await
        .expect_problem(422, "invalid");
    let nonce = "n".repeat(65);
    let answer = ali
        .post(&path, json!({"content": "a", "nonce": nonce}))
        .await;
    assert!(answer.expect_problem(422, "invalid")["errors"]["nonce"].is_array());
    let emoji = format!("{edit}/reactions/{}", "a".repeat(33));
    ali.put(&emoji, json!({}))
        .await
        .expect_problem(422, "invalid");
    let many: Vec<i64> = (1..=11).collect();
    let answer = ali
        .post(&path, json!({"content": "a", "attachments": many}))
        .await;
    assert!(answer.expect_problem(422, "invalid")["errors"]["attachments"].is_array());
}

async fn ids_of_others_are_not_found(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[]).await.room.id;
    let secret = ali.send(room, "راز").await;
    let file = ali.upload("a.txt", "text/plain", b"x".to_vec()).await;
    let own = eve.private_room(&[]).await.room.id;
    for path in [
        format!("/v1/rooms/{room}"),
        format!("/v1/rooms/{room}/messages"),
        format!("/v1/rooms/{room}/members"),
        format!("/v1/rooms/{room}/changes?since=0"),
    ] {
        eve.get(&path).await.expect_problem(404, "room_not_found");
    }
    // Another's message by way of one's own room.
    let through = format!("/v1/rooms/{own}/messages/{}", secret.id);
    eve.patch(&through, json!({"content": "x"}))
        .await
        .expect_problem(404, "message_not_found");
    eve.delete(&through)
        .await
        .expect_problem(404, "message_not_found");
    let reaction = format!("{through}/reactions/x");
    eve.put(&reaction, json!({}))
        .await
        .expect_problem(404, "message_not_found");
    let messages = format!("/v1/rooms/{own}/messages");
    for body in [
        json!({"content": "a", "reply_to": secret.id}),
        json!({"content": "a", "attachments": [file.id]}),
    ] {
        eve.post(&messages, body)
            .await
            .expect_problem(422, "invalid");
    }
    let avatar = eve.patch("/v1/users/me", json!({"avatar": file.id})).await;
    avatar.expect_problem(422, "invalid");
    let session = ali.get("/v1/auth/sessions").await.expect(200).value()["items"][0]["id"].clone();
    let answer = eve.delete(&format!("/v1/auth/sessions/{session}")).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    ali.get("/v1/users/me").await.expect(200);
    assert_eq!(ali.history(room).await, [secret]);
}

async fn ids_that_are_no_ids_are_answered(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let huge = [
        "9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "-1",
        "0",
        "1.5",
        "x",
        "%00",
        "1e3",
        "۱۲",
    ];
    for id in huge {
        for path in [
            format!("/v1/rooms/{id}"),
            format!("/v1/users/{id}"),
            format!("/v1/rooms/{room}/messages?before={id}"),
            format!("/v1/rooms/{room}/changes?since={id}"),
            format!("/v1/rooms/{room}/messages?limit={id}"),
            format!("/v1/presence?users={id}"),
        ] {
            let answer = ali.get(&path).await;
            assert!(answer.status < 500, "{answer:?}");
            assert!(
                answer.status < 300 || !answer.code().is_empty(),
                "{answer:?}"
            );
        }
        let path = format!("/v1/rooms/{room}/messages/{id}");
        let answer = ali.delete(&path).await;
        assert!([400, 404].contains(&answer.status), "{answer:?}");
    }
    for id in [
        json!(9_223_372_036_854_775_807_i64),
        json!(-1),
        json!(1e30),
        json!(1.5),
    ] {
        let body = json!({"content": "a", "reply_to": id});
        let answer = ali.post(&format!("/v1/rooms/{room}/messages"), body).await;
        assert!([400, 422].contains(&answer.status), "{answer:?}");
        let members = json!({"kind": "private", "name": "x", "members": [id]});
        let answer = ali.post("/v1/rooms", members).await;
        assert!([400, 422].contains(&answer.status), "{answer:?}");
        let read = ali
            .put(&format!("/v1/rooms/{room}/read"), json!({"number": id}))
            .await;
        assert!(read.status < 500, "{read:?}");
    }
}

async fn the_sender_is_the_tokens_user_whatever_the_body_says(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = eve.private_room(&[&ali]).await.room.id;
    let body = json!({"content": "من علی هستم", "sender": ali.id, "user": ali.id, "id": 1, "seq": 99,
        "created_at": "2000-01-01T00:00:00.000000Z"});
    let answer = eve.post(&format!("/v1/rooms/{room}/messages"), body).await;
    let message: Message = answer.expect(201).read();
    assert_eq!((message.sender.id, message.seq), (eve.id, 3));
}

async fn unknown_paths_and_methods_are_problems(site: Site) {
    let ali = User::register(&site, 0).await;
    for path in [
        "/v1/nothing",
        "/v2/rooms",
        "/v1/rooms/1/nothing",
        "/v1/search?q=x",
        "/v1//rooms",
    ] {
        let answer = ali.get(path).await;
        assert!([401, 404].contains(&answer.status), "{answer:?}");
        assert!(!answer.code().is_empty(), "{answer:?}");
    }
    let answer = ali.delete("/v1/users/me").await;
    answer.expect_problem(405, "method_not_allowed");
    let answer = site.api(0).get("/v1/auth/login").await;
    answer.expect_problem(405, "method_not_allowed");
}

async fn limits_of_pages_are_kept(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    for number in 0..120 {
        ali.send(room, &format!("{number}")).await;
    }
    let path = format!("/v1/rooms/{room}/messages");
    let page = |query: &str| {
        let (ali, path) = (&ali, format!("{path}?{query}"));
        async move {
            let items: Vec<Message> = ali.get(&path).await.expect(200).items();
            items
                .into_iter()
                .map(|message| message.number)
                .collect::<Vec<_>>()
        }
    };
    let newest_first = |from: i64, to: i64| (to..=from).rev().collect::<Vec<_>>();
    assert_eq!(page("").await, newest_first(120, 71));
    assert_eq!(page("limit=100").await, newest_first(120, 21));
    assert_eq!(page("before=71&limit=20").await, newest_first(70, 51));
    assert_eq!(page("after=10&limit=5").await, newest_first(15, 11));
    assert!(page("around=60&limit=10").await.contains(&60));
    let beyond = ali.get(&format!("{path}?limit=1000")).await;
    let count = beyond.items_or_empty().len();
    assert!(beyond.status == 422 || count == 100, "{beyond:?}");
    let head: Value = ali.get(&path).await.value();
    assert_eq!(head["seq"], json!(121));
    let name = unique_name();
    assert!(ali.get(&format!("/v1/users?q={name}&limit=0")).await.status < 500);
}

//! Messages and reactions.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{Database, TestApi, TestUser, on_both, refusal};

on_both! {
    async fn one_nonce_is_one_message_however_often_it_is_sent(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("private", "r", &[sara.id]).await;
        let path = format!("{room}/messages");
        let body = json!({"content": "سلام", "nonce": "n1"});
        let answers = join_all((0..100).map(|_| ali.post(&path, body.clone()))).await;
        let made = answers.iter().filter(|(status, _)| *status == 201).count();
        let repeated = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!((made, repeated), (1, 99));
        let ids: HashSet<_> = answers.iter().map(|(_, message)| message["id"].as_i64()).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(answers[0].1["nonce"], "n1");
        assert_eq!(ali.get(&room).await.1["number"], 1);

        let other = ali.post(&path, json!({"content": "other", "nonce": "n1"})).await;
        assert_eq!(refusal(&other), (409, "nonce_conflict"));
        // The same text with white space is the same body; another sender's nonce is another.
        assert_eq!(ali.post(&path, json!({"content": " سلام ", "nonce": "n1"})).await.0, 200);
        assert_eq!(sara.post(&path, body).await.0, 201);
        // Without a nonce each is a message, and none is shown.
        let message = ali.send(&room, "x").await;
        assert_eq!(message["nonce"], Value::Null);
        assert_ne!(ali.send(&room, "x").await["id"], message["id"]);
    }

    async fn concurrent_sends_get_dense_numbers(api) {
        let ali = api.user("ali").await;
        let room = ali.room("private", "r", &[]).await;
        let texts: Vec<_> = (0..60).map(|at| at.to_string()).collect();
        let sent = join_all(texts.iter().map(|text| ali.send(&room, text))).await;
        let mut numbers: Vec<_> = sent.iter().map(|message| message["number"].as_i64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
        for message in sent {
            assert_eq!(message["seq"].as_i64(), message["number"].as_i64().map(|number| number + 1));
        }
    }

    async fn history_pages_in_both_directions(api) {
        let ali = api.user("ali").await;
        let room = ali.room("private", "r", &[]).await;
        for at in 1..=7 {
            ali.send(&room, &at.to_string()).await;
        }
        let page = async |query: &str| {
            let (status, page) = ali.get(&format!("{room}/messages?{query}")).await;
            assert_eq!((status, &page["seq"]), (200, &json!(8)), "{page}");
            let numbers: Vec<_> = page["items"].as_array().unwrap().iter()
                .map(|message| message["number"].as_i64().unwrap())
                .collect();
            (numbers, page["next"].as_i64())
        };
        assert_eq!(page("limit=3").await, (vec![7, 6, 5], Some(5)));
        assert_eq!(page("limit=3&before=5").await, (vec![4, 3, 2], Some(2)));
        assert_eq!(page("limit=3&before=2").await, (vec![1], None));
        assert_eq!(page("limit=3&after=2").await, (vec![5, 4, 3], Some(5)));
        assert_eq!(page("limit=3&after=5").await, (vec![7, 6], None));
        let (around, _) = page("limit=3&around=4").await;
        assert_eq!(around, [5, 4, 3]);
        assert_eq!(page("after=100").await, (vec![], None));
        assert_eq!(ali.get(&format!("{room}/messages?before=1&after=2")).await.0, 422);
        assert_eq!(ali.get(&format!("{room}/messages?before=-1")).await.0, 422);
        assert_eq!(ali.get(&format!("{room}/messages?before=x")).await.0, 400);
    }

    async fn messages_are_checked(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("private", "r", &[]).await;
        let other = ali.room("private", "other", &[]).await;
        let elsewhere = ali.send(&other, "elsewhere").await;
        let path = format!("{room}/messages");
        for (body, field) in [
            (json!({}), "content"),
            (json!({"content": " \n"}), "content"),
            (json!({"content": "x".repeat(4001)}), "content"),
            (json!({"content": "a\u{0}b"}), "content"),
            (json!({"content": "x", "nonce": "n".repeat(65)}), "nonce"),
            (json!({"content": "x", "reply_to": elsewhere["id"]}), "reply_to"),
            (json!({"content": "x", "attachments": [12345]}), "attachments"),
        ] {
            let answer = ali.post(&path, body).await;
            assert_eq!(refusal(&answer), (422, "invalid"));
            assert!(answer.1["errors"][field].is_array(), "{field}: {}", answer.1);
        }
        assert_eq!(ali.post(&path, json!({"content": 5})).await.0, 400);
        assert_eq!(refusal(&sara.get(&format!("{room}/messages/{}", elsewhere["id"])).await), (404, "room_not_found"));
        assert_eq!(refusal(&ali.get(&format!("{room}/messages/{}", elsewhere["id"])).await), (404, "message_not_found"));
        assert_eq!(refusal(&sara.patch(&format!("{room}/messages/1234567"), json!({"content": "x"})).await), (404, "room_not_found"));
        assert_eq!(refusal(&ali.patch(&format!("{room}/messages/1234567"), json!({"content": "x"})).await), (404, "message_not_found"));
        assert_eq!(refusal(&ali.post("/rooms/987654/messages", json!({"content": "x"})).await), (404, "room_not_found"));

        let first = ali.send(&room, "پرسش").await;
        let (status, answer) = ali.post(&path, json!({"content": "پاسخ", "reply_to": first["id"]})).await;
        assert_eq!((status, &answer["reply_to"]), (201, &first["id"]));
        api.gate.is_shut.store(true, Ordering::SeqCst);
        assert_eq!(refusal(&ali.post(&path, json!({"content": "x"})).await), (429, "rate_limited"));
    }

    async fn messages_are_edited_and_deleted(api) {
        let (owner, admin, member) = (api.user("owner").await, api.user("admin").await, api.user("member").await);
        let room = owner.room("public", "r", &[admin.id, member.id]).await;
        owner.put(&format!("{room}/members/{}", admin.id), json!({"role": "admin"})).await;
        let of = |message: &Value| format!("{room}/messages/{}", message["id"]);
        let mine = member.send(&room, "یک").await;
        let (status, edited) = member.patch(&of(&mine), json!({"content": " دو "})).await;
        assert_eq!((status, &edited["content"]), (200, &json!("دو")));
        assert!(edited["edited_at"].is_string());
        let (_, same) = member.patch(&of(&mine), json!({"content": "دو"})).await;
        assert_eq!(same["changed_seq"], edited["changed_seq"]);
        assert_eq!(refusal(&owner.patch(&of(&mine), json!({"content": "x"})).await), (403, "forbidden"));
        assert_eq!(refusal(&member.patch(&of(&mine), json!({"content": ""})).await), (422, "invalid"));
        assert_eq!(refusal(&owner.patch(&of(&mine), json!({"content": ""})).await), (403, "forbidden"));

        let theirs = owner.send(&room, "owner's").await;
        assert_eq!(refusal(&admin.delete(&of(&theirs)).await), (403, "forbidden"));
        assert_eq!(refusal(&member.delete(&of(&theirs)).await), (403, "forbidden"));
        assert_eq!(admin.delete(&of(&mine)).await.0, 204);
        assert_eq!(member.delete(&of(&mine)).await.0, 204);
        let (_, tombstone) = member.get(&of(&mine)).await;
        assert_eq!((&tombstone["content"], &tombstone["number"]), (&json!(""), &json!(1)));
        assert!(tombstone["deleted_at"].is_string());
        assert_eq!(refusal(&member.patch(&of(&mine), json!({"content": "x"})).await), (404, "message_not_found"));
    }

    async fn reactions_are_put_and_taken_back(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("public", "r", &[sara.id]).await;
        let message = ali.send(&room, "x").await;
        let path = format!("{room}/messages/{}", message["id"]);
        let react = async |user: &TestUser<'_>, emoji: &str, method: Method| {
            user.call(method, &format!("{path}/reactions/{emoji}"), None).await
        };
        assert_eq!(react(&ali, "👍", Method::PUT).await.0, 204);
        assert_eq!(react(&ali, "%F0%9F%91%8D", Method::PUT).await.0, 204);
        assert_eq!(react(&sara, "👍", Method::PUT).await.0, 204);
        assert_eq!(react(&sara, "a%2Fb", Method::PUT).await.0, 204);
        let (_, seen) = ali.get(&path).await;
        assert_eq!(seen["reactions"], json!([
            {"emoji": "👍", "count": 2, "me": true},
            {"emoji": "a/b", "count": 1, "me": false},
        ]));
        let (_, before) = sara.get(&path).await;
        assert_eq!(react(&ali, "🎉", Method::DELETE).await.0, 204);
        assert_eq!(sara.get(&path).await.1["changed_seq"], before["changed_seq"]);
        assert_eq!(react(&ali, "👍", Method::DELETE).await.0, 204);
        assert_eq!(sara.get(&path).await.1["reactions"][0]["count"], 1);
        assert_eq!(react(&ali, &"x".repeat(33), Method::PUT).await.0, 422);
        assert_eq!(react(&ali, "%20", Method::PUT).await.0, 422);
        for at in 0..18 {
            assert_eq!(react(&ali, &format!("e{at}"), Method::PUT).await.0, 204);
        }
        let answer = react(&ali, "e18", Method::PUT).await;
        assert_eq!(refusal(&answer), (422, "too_many_reactions"));
    }
}

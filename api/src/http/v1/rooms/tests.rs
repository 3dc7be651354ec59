//! Rooms, members, messages, reads, changes and notifications over HTTP, on both databases.

use chapar_shared::envelope::{Channel, Envelope, UserEvent};
use chapar_shared::protocol::EventType;
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) mod fixture;
mod messages;

use fixture::{Database, TestApi, on_both, refusal};

on_both! {
    async fn rooms_are_made_with_persian_names_and_slugs(api) {
        let ali = api.user("علی").await;
        let sara = api.user("سارا").await;
        let body = json!({"kind": "public", "name": " گروه  دوستان ۱ ", "description": "برای همه"});
        let (status, room) = ali.post("/rooms", body).await;
        assert_eq!(status, 201, "{room}");
        assert_eq!(room["name"], "گروه  دوستان ۱");
        assert_eq!(room["slug"], "گروه-دوستان-۱");
        assert_eq!(room["me"], json!({"role": "owner", "read_number": 0, "muted": false}));
        assert_eq!((&room["seq"], &room["member_count"]), (&json!(1), &json!(1)));

        let taken = ali.post("/rooms", json!({"kind": "public", "name": "گروه  دوستان ۱"})).await;
        assert_eq!(refusal(&taken), (409, "name_taken"));
        let slug = json!({"kind": "public", "name": "دیگر", "slug": "گروه-دوستان-۱"});
        assert_eq!(refusal(&sara.post("/rooms", slug).await), (409, "slug_taken"));
        let (_, same) = sara.post("/rooms", json!({"kind": "private", "name": "گروه دوستان ۱"})).await;
        assert_eq!(same["slug"], "گروه-دوستان-۱-2");

        for (body, field) in [
            (json!({"kind": "public"}), "name"),
            (json!({"kind": "direct", "name": "x"}), "kind"),
            (json!({"kind": "public", "name": "۱۲۳"}), "name"),
            (json!({"kind": "public", "name": "x", "slug": "a b"}), "slug"),
            (json!({"kind": "public", "name": "x", "description": "x".repeat(501)}), "description"),
            (json!({"kind": "private", "members": [999_999]}), "members"),
        ] {
            let answer = ali.post("/rooms", body).await;
            assert_eq!(refusal(&answer), (422, "invalid"));
            assert!(answer.1["errors"][field].is_array(), "{field}: {}", answer.1);
        }
        assert_eq!(ali.post("/rooms", json!({"kind": "secret"})).await.0, 400);

        // Found with Arabic letters and other digits, and by who is not in it.
        let (_, found) = sara.get("/rooms/discover?q=گروه%20دوستان%201").await;
        assert_eq!(found["items"][0]["id"], room["id"]);
        assert_eq!(found["items"][0]["me"], Value::Null);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        let long = |count| format!("/rooms/discover?q={}", "x".repeat(count));
        assert_eq!(sara.get(&long(200)).await.0, 200);
        assert_eq!(sara.get(&long(201)).await.0, 422);
        let (_, own) = sara.get("/rooms").await;
        assert_eq!(own["items"].as_array().unwrap().len(), 1);
    }

    async fn lists_go_on_where_the_page_before_ended(api) {
        let ali = api.user("ali").await;
        let mut made = Vec::new();
        for at in 0..5 {
            made.push(ali.room("private", &format!("room {at}"), &[]).await);
        }
        ali.send(&made[0], "newest").await;
        let (mut path, mut seen) = ("/rooms?limit=2".to_owned(), Vec::new());
        loop {
            let (status, page) = ali.get(&path).await;
            assert_eq!(status, 200);
            for room in page["items"].as_array().unwrap() {
                seen.push(format!("/rooms/{}", room["id"]));
            }
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/rooms?limit=2&cursor={next}");
        }
        let expected = [0, 4, 3, 2, 1].map(|at: usize| made[at].clone());
        assert_eq!(seen, expected);
        assert_eq!(ali.get("/rooms?limit=0").await.0, 422);
        assert_eq!(ali.get("/rooms?limit=101").await.0, 422);
        assert_eq!(ali.get("/rooms?cursor=junk").await.0, 422);
    }

    async fn two_people_have_one_direct_room(api) {
        let (ali, sara, reza) = (api.user("ali").await, api.user("sara").await, api.user("reza").await);
        let (status, room) = ali.put(&format!("/direct/{}", sara.id), json!({})).await;
        assert_eq!(status, 201);
        assert_eq!(room["peer"]["username"], "sara");
        let (status, same) = sara.put(&format!("/direct/{}", ali.id), json!({})).await;
        assert_eq!((status, &same["id"]), (200, &room["id"]));
        assert_eq!(same["peer"]["username"], "ali");
        assert_eq!(refusal(&ali.put(&format!("/direct/{}", ali.id), json!({})).await), (422, "invalid"));
        assert_eq!(refusal(&ali.put("/direct/999999", json!({})).await), (404, "user_not_found"));

        let path = format!("/rooms/{}", room["id"]);
        assert_eq!(refusal(&reza.get(&path).await), (404, "room_not_found"));
        for (method, path, body) in [
            (Method::PATCH, path.clone(), Some(json!({"name": "x"}))),
            (Method::DELETE, path.clone(), None),
            (Method::PUT, format!("{path}/members/{}", reza.id), Some(json!({}))),
            (Method::DELETE, format!("{path}/members/{}", sara.id), None),
            (Method::PUT, format!("{path}/bans/{}", sara.id), None),
        ] {
            assert_eq!(refusal(&ali.call(method, &path, body).await), (409, "direct_room"), "{path}");
        }
        // Hidden until the next message.
        assert_eq!(ali.delete(&format!("{path}/members/me")).await.0, 204);
        assert_eq!((api.count_rooms(ali.id).await, api.count_rooms(sara.id).await), (0, 1));
        sara.send(&path, "سلام").await;
        assert_eq!(api.count_rooms(ali.id).await, 1);
        let (_, notifications) = ali.get("/notifications").await;
        assert_eq!(notifications["items"][0]["kind"], "direct");
        assert_eq!(notifications["items"][0]["text"], "سلام");
    }

    async fn who_may_do_what_is_told_apart(api) {
        let (owner, admin, member) = (api.user("owner").await, api.user("admin").await, api.user("member").await);
        let (outsider, banned) = (api.user("outsider").await, api.user("banned").await);
        for kind in ["public", "private"] {
            let room = owner.room(kind, &format!("{kind} room"), &[admin.id, member.id, banned.id]).await;
            let of = |user: &fixture::TestUser<'_>| format!("{room}/members/{}", user.id);
            let (status, after) = owner.put(&of(&admin), json!({"role": "admin"})).await;
            assert_eq!((status, &after["seq"]), (200, &json!(5)));
            let ban = format!("{room}/bans/{}", banned.id);
            assert_eq!(admin.put(&ban, json!({})).await.0, 204);
            assert_eq!(admin.put(&ban, json!({})).await.0, 204);

            let (outside, kept_out) = if kind == "public" {
                ((403, "not_a_member"), (403, "banned"))
            } else {
                ((404, "room_not_found"), (404, "room_not_found"))
            };
            let messages = format!("{room}/messages");
            for (user, expected) in [(&outsider, outside), (&banned, kept_out)] {
                assert_eq!(refusal(&user.post(&messages, json!({"content": "x"})).await), expected);
                assert_eq!(refusal(&user.put(&format!("{room}/read"), json!({"number": 0})).await), expected);
                assert_eq!(refusal(&user.patch(&room, json!({"name": "y"})).await), expected);
                assert_eq!(refusal(&user.put(&of(&outsider), json!({"role": "owner"})).await).0, expected.0);
                assert_eq!(refusal(&user.delete(&of(&member)).await), expected);
                assert_eq!(refusal(&user.delete(&room).await), expected);
            }
            for path in [room.clone(), messages.clone(), format!("{room}/members"), format!("{room}/changes")] {
                let expected = if kind == "public" { 200 } else { 404 };
                assert_eq!(outsider.get(&path).await.0, expected, "{path}");
                assert_eq!(refusal(&banned.get(&path).await), kept_out);
                assert_eq!(member.get(&path).await.0, 200);
            }
            assert_eq!(refusal(&member.patch(&room, json!({"name": "y"})).await), (403, "forbidden"));
            assert_eq!(refusal(&member.put(&of(&outsider), json!({})).await), (403, "forbidden"));
            assert_eq!(refusal(&admin.delete(&of(&owner)).await), (403, "forbidden"));
            assert_eq!(refusal(&admin.put(&of(&member), json!({"role": "admin"})).await), (403, "forbidden"));
            assert_eq!(refusal(&admin.put(&of(&banned), json!({})).await), (403, "forbidden"));
            assert_eq!(refusal(&admin.put(&format!("{room}/members/999999"), json!({})).await), (404, "user_not_found"));
            assert_eq!(refusal(&admin.delete(&room).await), (403, "forbidden"));

            let (status, renamed) = admin.patch(&room, json!({"name": format!("نام {kind}")})).await;
            assert_eq!((status, &renamed["name"]), (200, &json!(format!("نام {kind}"))));
            assert_eq!(admin.delete(&format!("{room}/bans/{}", banned.id)).await.0, 204);
            assert_eq!(banned.put(&of(&banned), json!({})).await.0, if kind == "public" { 200 } else { 404 });
            assert_eq!(owner.delete(&room).await.0, 204);
            assert_eq!(refusal(&owner.get(&room).await), (404, "room_not_found"));
        }
    }

    async fn joining_muting_and_leaving(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("public", "اتاق", &[]).await;
        ali.send(&room, "before").await;
        api.published();
        let (status, joined) = sara.call(Method::PUT, &format!("{room}/members/me"), None).await;
        assert_eq!(sara.put(&format!("{room}/members/me"), Value::Null).await.0, 200);
        assert_eq!((status, &joined["me"]["read_number"]), (200, &json!(1)));
        assert_eq!(joined["member_count"], 2);
        let published = api.published();
        assert!(published.iter().any(|(channel, envelope)| *channel == Channel::User(sara.id)
            && matches!(envelope, Envelope::User(change)
                if matches!(change.changes[..], [UserEvent::Joined { .. }]))));
        let (_, muted) = sara.put(&format!("{room}/members/me"), json!({"muted": true})).await;
        assert_eq!(muted["me"]["muted"], true);
        assert_eq!(sara.put(&format!("{room}/members/{}", ali.id), json!({"muted": true})).await.0, 403);
        let (_, members) = sara.get(&format!("{room}/members?limit=1")).await;
        assert_eq!(members["items"][0]["role"], "owner");
        assert_eq!(members["items"][0]["user"]["username"], "ali");
        let next = members["next"].as_str().unwrap();
        let (_, members) = sara.get(&format!("{room}/members?limit=1&cursor={next}")).await;
        assert_eq!(members["items"][0]["user"]["username"], "sara");
        // The last owner leaves: the one who stays owns it. The last one leaves: it ends.
        assert_eq!(ali.delete(&format!("{room}/members/me")).await.0, 204);
        assert_eq!(refusal(&ali.post(&format!("{room}/messages"), json!({"content": "x"})).await), (403, "not_a_member"));
        assert_eq!(sara.get(&room).await.1["me"]["role"], "owner");
        assert_eq!(sara.delete(&format!("{room}/members/{}", sara.id)).await.0, 204);
        assert_eq!(refusal(&sara.get(&room).await), (404, "room_not_found"));
    }

    async fn a_removed_member_is_out_at_once(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        for (kind, expected) in [("public", (403, "not_a_member")), ("private", (404, "room_not_found"))] {
            let room = ali.room(kind, kind, &[sara.id]).await;
            sara.send(&room, "in").await;
            assert_eq!(ali.delete(&format!("{room}/members/{}", sara.id)).await.0, 204);
            assert_eq!(ali.delete(&format!("{room}/members/{}", sara.id)).await.0, 204);
            let send = sara.post(&format!("{room}/messages"), json!({"content": "out"})).await;
            assert_eq!(refusal(&send), expected);
        }
    }

    async fn read_marks_move_forward_and_are_told(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("private", "r", &[sara.id]).await;
        for text in ["1", "2", "3"] {
            ali.send(&room, text).await;
        }
        api.published();
        let read = async |number: i64| {
            let answer = sara.put(&format!("{room}/read"), json!({"number": number})).await;
            (answer.0, answer.1["read_number"].as_i64())
        };
        assert_eq!(read(2).await, (200, Some(2)));
        assert_eq!(read(1).await, (200, Some(2)));
        assert_eq!(read(99).await, (200, Some(3)));
        assert_eq!(read(-1).await, (422, None));
        let reads: Vec<_> = api.published().into_iter().filter_map(|(channel, envelope)| match envelope {
            Envelope::Ephemeral(it) => Some((channel, serde_json::from_str::<Value>(it.frame.get()).unwrap())),
            _ => None,
        }).collect();
        assert_eq!(reads.len(), 2);
        assert_eq!(reads[1].1["data"], json!({"user": sara.id, "number": 3}));
        assert!(matches!(reads[0].0, Channel::Room(_)));
        // A send moves its sender's own mark.
        assert_eq!(ali.get(&room).await.1["me"]["read_number"], 3);
    }

    async fn changes_are_compacted_and_of_one_snapshot(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("private", "r", &[sara.id]).await;
        let first = ali.send(&room, "first").await;
        let second = ali.send(&room, "second").await;
        let of = |message: &Value| format!("{room}/messages/{}", message["id"]);
        assert_eq!(ali.patch(&of(&first), json!({"content": "edited"})).await.0, 200);
        assert_eq!(ali.delete(&of(&second)).await.0, 204);
        let (_, page) = ali.get(&format!("{room}/changes?since=2")).await;
        let seen: Vec<_> = page["items"].as_array().unwrap().iter()
            .map(|item| (item["seq"].as_i64().unwrap(), item["type"].as_str().unwrap()))
            .collect();
        assert_eq!(seen, [(5, "message.created"), (6, "message.deleted")]);
        assert_eq!(page["items"][0]["data"]["content"], "edited");
        assert_eq!(page["items"][1]["data"]["content"], "");
        assert_eq!((&page["next"], &page["seq"], &page["more"]), (&json!(6), &json!(6), &json!(false)));
        let (_, page) = ali.get(&format!("{room}/changes?since=4")).await;
        assert_eq!(page["items"][0]["type"], "message.edited");
        let (mut since, mut count) = (0, 0);
        loop {
            let (_, page) = sara.get(&format!("{room}/changes?since={since}&limit=1")).await;
            assert_eq!(page["seq"], 6);
            count += page["items"].as_array().unwrap().len();
            since = page["next"].as_i64().unwrap();
            if page["more"] == false { break }
        }
        assert_eq!((since, count), (6, 4));
        for query in ["since=-1", "since=3&from=4", "since=3&from=-1"] {
            assert_eq!(ali.get(&format!("{room}/changes?{query}")).await.0, 422, "{query}");
        }
    }

    async fn later_pages_of_changes_are_told_for_where_the_first_began(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = ali.room("private", "r", &[sara.id]).await;
        let first = ali.send(&room, "first").await;
        ali.send(&room, "second").await;
        let of_first = format!("{room}/messages/{}", first["id"]);
        assert_eq!(ali.patch(&of_first, json!({"content": "edited"})).await.0, 200);
        let (_, page) = ali.get(&format!("{room}/changes?since=2&limit=1")).await;
        assert_eq!((&page["items"][0]["seq"], &page["next"], &page["more"]), (&json!(4), &json!(4), &json!(true)));
        let (_, page) = ali.get(&format!("{room}/changes?since=4&from=2&limit=1")).await;
        assert_eq!((&page["items"][0]["seq"], &page["items"][0]["type"]), (&json!(5), &json!("message.created")));
        assert_eq!((&page["next"], &page["more"]), (&json!(5), &json!(false)));
        // By default `from` is `since`.
        let (_, page) = ali.get(&format!("{room}/changes?since=4")).await;
        assert_eq!(page["items"][0]["type"], "message.edited");
    }

    async fn notifications_are_listed_and_read(api) {
        let (ali, sara) = (api.user("علی").await, api.user("سارا").await);
        let room = ali.room("private", "خانه", &[sara.id]).await;
        ali.send(&room, "سلام @سارا!").await;
        let (_, page) = sara.get("/notifications?limit=1").await;
        assert_eq!(page["items"][0]["kind"], "mention");
        let newest = page["items"][0]["id"].clone();
        let next = page["next"].as_str().unwrap();
        let (_, page) = sara.get(&format!("/notifications?limit=1&cursor={next}")).await;
        assert_eq!(page["items"][0]["kind"], "invite");
        assert_eq!(page["items"][0]["text"], "خانه");
        api.published();
        assert_eq!(sara.put("/notifications/read", json!({"up_to": newest})).await.0, 204);
        assert!(api.published().iter().any(|(channel, _)| *channel == Channel::User(sara.id)));
        let (_, page) = sara.get("/notifications").await;
        assert!(page["items"].as_array().unwrap().iter().all(|one| one["read_at"].is_string()));
        assert_eq!(ali.get("/notifications").await.1["items"], json!([]));
    }

    async fn every_change_is_published_in_order(api) {
        let ali = api.user("ali").await;
        let room = ali.room("private", "r", &[]).await;
        let message = ali.send(&room, "a").await;
        let path = format!("{room}/messages/{}", message["id"]);
        assert_eq!(ali.put(&format!("{path}/reactions/👍"), json!({})).await.0, 204);
        assert_eq!(ali.patch(&path, json!({"content": "b"})).await.0, 200);
        assert_eq!(ali.delete(&path).await.0, 204);
        let mut kinds = Vec::new();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        // A send's publish goes its own way after the answer.
        while kinds.len() < 5 && std::time::Instant::now() < deadline {
            kinds.extend(api.published().into_iter().filter_map(|(_, envelope)| match envelope {
                Envelope::Change(change) => Some((change.seq, change.kind)),
                _ => None,
            }));
            tokio::task::yield_now().await;
        }
        kinds.sort_by_key(|(seq, _)| *seq);
        assert_eq!(kinds, [
            (1, EventType::MemberJoined),
            (2, EventType::MessageCreated),
            (3, EventType::MessageReacted),
            (4, EventType::MessageEdited),
            (5, EventType::MessageDeleted),
        ]);
    }
}

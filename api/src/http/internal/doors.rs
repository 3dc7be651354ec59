//! Where the sockets of older clients lead, and the files that come through them, on both databases.

use chapar_shared::internal::{ResolveRequest, Target};
use serde_json::{Value, json};

use crate::http::v1::rooms::tests::fixture::{
    CLUSTER_SECRET, Database, TestApi, TestUser, on_both, refusal,
};

async fn resolve(api: &TestApi, user: &TestUser<'_>, target: Target) -> (u16, Value) {
    let request = ResolveRequest {
        user: user.id,
        session: user.session,
        target,
    };
    let body = serde_json::to_string(&request).unwrap();
    api.internal("resolve", CLUSTER_SECRET, &body).await
}

async fn chat(api: &TestApi, user: &TestUser<'_>, name: &str) -> (u16, Value) {
    resolve(api, user, Target::Chat(name.to_owned())).await
}

/// The room that a path leads to, or why it does not.
async fn room(api: &TestApi, user: &TestUser<'_>, name: &str) -> Value {
    let (status, answer) = chat(api, user, name).await;
    let part = if status == 200 { "room" } else { "code" };
    answer[part].clone()
}

fn id(path: &str) -> Value {
    json!(path.trim_start_matches("/rooms/").parse::<i64>().unwrap())
}

on_both! {
    async fn rooms_are_found_by_id_slug_and_name_and_public_ones_entered(api) {
        let (ali, sara) = (api.user("علی").await, api.user("sara").await);
        let public = ali.room("public", "اتاق گفت‌وگو", &[]).await;
        let hidden = ali.room("private", "باغ", &[]).await;
        let own = sara.room("private", "باغ", &[]).await;
        let number = public.trim_start_matches("/rooms/");
        let (_, slug) = ali.get(&public).await;
        for name in [number, slug["slug"].as_str().unwrap(), "اتاق گفت‌وگو"] {
            assert_eq!(room(api, &ali, name).await, id(&public), "{name}");
        }
        // Coming in is told as it is by REST.
        assert_eq!(sara.get(&public).await.1["me"], Value::Null);
        let (_, answer) = chat(api, &sara, "اتاق گفت‌وگو").await;
        assert_eq!(answer, json!({"room": id(&public), "username": "sara", "peer": null}));
        assert_eq!(sara.get(&public).await.1["me"]["role"], "member");
        // A name of one's own room is not hidden by the slug of a room that is hidden.
        assert_eq!(room(api, &ali, "باغ").await, id(&hidden));
        assert_eq!(room(api, &sara, "باغ").await, id(&own));
        for name in ["هیچ", "", "99999", "99999999999999999999", hidden.trim_start_matches("/rooms/")] {
            assert_eq!(room(api, &sara, name).await, "room_not_found", "{name}");
        }
        let path = format!("{public}/bans/{}", sara.id);
        assert_eq!(ali.put(&path, json!({})).await.0, 204);
        assert_eq!(room(api, &sara, number).await, "banned");
        let stolen = json!({"user": ali.id, "session": sara.session, "target": {"chat": "باغ"}});
        let answer = api.internal("resolve", CLUSTER_SECRET, &stolen.to_string()).await;
        assert_eq!(refusal(&answer), (401, "session_revoked"));
    }

    async fn direct_rooms_are_named_by_the_other_or_by_both(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara_b").await);
        let (status, answer) = resolve(api, &ali, Target::Direct("SARA_B".into())).await;
        assert_eq!((status, &answer["peer"]), (200, &json!("sara_b")), "{answer}");
        let direct = answer["room"].clone();
        let pair = |name: &str| Target::PrivateChat(name.to_owned());
        for name in ["sara_b", "private_chat_ali_sara_b", "private_chat_sara_b_ali", "ali_sara_b"] {
            assert_eq!(resolve(api, &ali, pair(name)).await.1["room"], direct, "{name}");
        }
        assert_eq!(resolve(api, &sara, pair("private_chat_ali_sara_b")).await.1["peer"], "ali");
        // Somebody of exactly that name comes first.
        let odd = api.user("private_chat_ali_sara_b").await;
        let (_, answer) = resolve(api, &ali, pair("private_chat_ali_sara_b")).await;
        assert_eq!(answer["peer"], "private_chat_ali_sara_b");
        assert_eq!(refusal(&resolve(api, &odd, pair("ali_sara_b")).await), (404, "user_not_found"));
        assert_eq!(refusal(&resolve(api, &ali, pair("ali")).await), (422, "invalid"));
        // Hidden, it is shown again by its id.
        let path = format!("/rooms/{direct}/members/{}", ali.id);
        assert_eq!(ali.delete(&path).await.0, 204);
        assert_eq!(api.count_rooms(ali.id).await, 1);
        assert_eq!(room(api, &ali, &direct.to_string()).await, direct);
        assert_eq!(api.count_rooms(ali.id).await, 2);
        // Nobody else's.
        assert_eq!(room(api, &odd, &direct.to_string()).await, "room_not_found");
    }

    async fn notifications_are_only_ones_own(api) {
        let ali = api.user("علی").await;
        api.user("sara").await;
        let own = |name: &str| Target::Notifications(name.to_owned());
        let (status, answer) = resolve(api, &ali, own("علي")).await;
        assert_eq!((status, answer["room"].clone()), (403, Value::Null));
        let (_, answer) = resolve(api, &ali, own("علی")).await;
        assert_eq!(answer, json!({"room": null, "username": "علی", "peer": null}));
        assert_eq!(refusal(&resolve(api, &ali, own("sara")).await), (403, "forbidden"));
    }

    async fn a_file_in_a_frame_is_kept_like_any_upload(api) {
        let ali = api.user("ali").await;
        let path = ali.room("private", "r", &[]).await;
        let upload = async |data: &str, filename: &str| {
            let body = json!({"user": ali.id, "session": ali.session, "filename": filename, "data": data});
            api.internal("upload", CLUSTER_SECRET, &body.to_string()).await
        };
        let (status, answer) = upload("data:text/plain;base64,c2FsYW0", "../a/سلام.txt").await;
        assert_eq!(status, 200, "{answer}");
        let message = json!({"content": "", "attachments": [answer["attachment"]]});
        let (status, message) = ali.post(&format!("{path}/messages"), message).await;
        assert_eq!((status, &message["attachments"][0]["name"]), (201, &json!("سلام.txt")));
        assert_eq!(message["attachments"][0]["size"], 5);
        assert_eq!(refusal(&upload("سلام", "x").await), (422, "invalid"));
        // Larger than other bodies may be, and as large as a file may be.
        let large = "A".repeat((10 << 20) / 3 * 4);
        assert_eq!(upload(&large, "x").await.0, 200);
        assert_eq!(refusal(&upload(&format!("{large}AAAA"), "x").await), (413, "too_large"));
    }
}

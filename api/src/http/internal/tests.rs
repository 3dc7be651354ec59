//! What gateways ask, through the listener and directly, on both databases.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use chapar_shared::internal::{
    ChangesRequest, Command, HeadsRequest, NotifyRequest, OpenRequest, Opened, Outcome,
    SendCommand, Submission, SubmitRequest, UserRequest,
};
use chapar_shared::{Code, MessageId, NotificationId, RoomId, SessionId};
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::v1::rooms::tests::fixture::{
    CLUSTER_SECRET, Database, TestApi, TestUser, on_both, refusal,
};

fn id(room: &str) -> RoomId {
    room.trim_start_matches("/rooms/").parse().unwrap()
}

fn send(room: RoomId, content: &str) -> Command {
    Command::Send(SendCommand {
        room,
        content: content.to_owned(),
        nonce: Some(format!("hidden {content}")),
        is_nonce_hidden: true,
        reply_to: None,
        attachments: Vec::new(),
    })
}

fn submission(connection: u64, user: &TestUser<'_>, command: Command) -> Submission {
    Submission {
        connection,
        user: user.id,
        session: user.session,
        command,
        is_retry: false,
        trace: None,
    }
}

fn value(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Ok(raw) => serde_json::from_str(raw.get()).unwrap(),
        Outcome::Error(problem) => json!(problem.code),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result.unwrap_err() {
        Error::Refused(problem) => problem.code,
        error => panic!("{error}"),
    }
}

on_both! {
    async fn a_user_notifies_people_around_them_by_name(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        api.user("stranger").await;
        ali.room("private", "r", &[sara.id]).await;
        let notify = async |recipient: Option<&str>, message: &str| {
            let request = NotifyRequest {
                user: ali.id,
                session: ali.session,
                recipient: recipient.map(str::to_owned),
                message: message.to_owned(),
            };
            api.api.backend().notify(request).await
        };
        notify(Some("SARA"), " یادت نرود ").await.unwrap();
        notify(None, "for myself").await.unwrap();
        let told = sara.get("/notifications").await.1;
        assert_eq!(told["items"][0]["kind"], "notice");
        assert_eq!(told["items"][0]["text"], "یادت نرود");
        assert_eq!(told["items"][0]["sender"]["username"], "ali");
        assert!(told["items"][0]["room"].is_i64());
        let own = ali.get("/notifications").await.1;
        assert_eq!(own["items"][0]["text"], "for myself");
        assert_eq!(own["items"][0]["room"], Value::Null);
        for (recipient, message, expected) in [
            (Some("stranger"), "x", Code::Forbidden),
            (Some("nobody"), "x", Code::UserNotFound),
            (Some("sara"), " ", Code::Invalid),
            (Some("sara"), &"x".repeat(1001), Code::Invalid),
        ] {
            assert_eq!(code(notify(recipient, message).await), expected);
        }
        api.gate.is_shut.store(true, Ordering::Relaxed);
        assert_eq!(code(notify(None, "x").await), Code::RateLimited);
    }

    async fn commands_of_a_connection_run_in_order(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = id(&ali.room("private", "r", &[sara.id]).await);
        let other = id(&ali.room("private", "o", &[]).await);
        let mut submissions = Vec::new();
        for at in 0..10 {
            submissions.push(submission(1, &ali, send(room, &format!("a{at}"))));
            submissions.push(submission(2, &sara, send(room, &format!("b{at}"))));
        }
        submissions.push(submission(1, &ali, send(other, "x")));
        submissions.push(submission(1, &ali, Command::Read { room, number: 100 }));
        submissions.push(submission(2, &sara, send(other, "not hers")));
        submissions.push(submission(2, &sara, send(room, " ")));
        let request = SubmitRequest { submissions };
        let answer = api.api.backend().submit(request.clone()).await.unwrap();
        assert_eq!(answer.epoch, api.store.epoch().await.unwrap());
        let values: Vec<_> = answer.outcomes.iter().map(value).collect();
        for sender in 0..2 {
            let seqs: Vec<_> = (0..10).map(|at| values[at * 2 + sender]["message"]["seq"].as_i64().unwrap()).collect();
            assert!(seqs.is_sorted(), "{seqs:?}");
        }
        assert_eq!(values[0]["message"]["nonce"], Value::Null);
        assert_eq!(values[20]["message"]["content"], "x");
        // The mark waited for the sends of its connection.
        assert!(values[21]["read_number"].as_i64().unwrap() >= 10);
        assert_eq!(values[22..], [json!("room_not_found"), json!("invalid")]);
        // A batch that is submitted again does nothing again.
        let again = api.api.backend().submit(request).await.unwrap();
        for (before, after) in answer.outcomes.iter().zip(&again.outcomes).take(21) {
            assert_eq!(value(before), value(after));
        }
    }

    async fn changes_of_messages_answer_with_their_position(api) {
        let ali = api.user("ali").await;
        let path = ali.room("private", "r", &[]).await;
        let room = id(&path);
        let message = MessageId(ali.send(&path, "a").await["id"].as_i64().unwrap());
        let react = |added| Command::React { room, message, emoji: "👍".to_owned(), added };
        let commands = [
            Command::Edit { room, message, content: "b".to_owned() },
            react(true),
            react(true),
            react(false),
            Command::Delete { room, message },
        ];
        let submissions = commands.into_iter().map(|command| submission(1, &ali, command)).collect();
        let answer = api.api.backend().submit(SubmitRequest { submissions }).await.unwrap();
        let values: Vec<_> = answer.outcomes.iter().map(value).collect();
        assert_eq!(values[0]["message"]["content"], "b");
        assert_eq!(values[1..], [json!({"seq": 4}), json!({"seq": 4}), json!({"seq": 5}), json!({"seq": 6})]);
    }

    async fn only_sends_that_are_new_are_counted_and_dead_sessions_do_nothing(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let room = id(&ali.room("private", "r", &[sara.id]).await);
        api.gate.is_shut.store(true, std::sync::atomic::Ordering::SeqCst);
        api.revoke(&sara).await;
        let mut retry = submission(1, &ali, send(room, "again"));
        retry.is_retry = true;
        let mut stolen = submission(4, &ali, send(room, "stolen"));
        stolen.session = SessionId(999);
        let submissions = vec![
            submission(1, &ali, send(room, "new")),
            retry,
            submission(3, &sara, Command::Read { room, number: 1 }),
            stolen,
        ];
        let answer = api.api.backend().submit(SubmitRequest { submissions }).await.unwrap();
        let values: Vec<_> = answer.outcomes.iter().map(value).collect();
        assert_eq!(values[0], "rate_limited");
        assert_eq!(values[1]["message"]["number"], 1);
        assert_eq!(values[2..], [json!("session_revoked"), json!("session_revoked")]);
    }

    async fn sends_of_many_connections_share_a_transaction(api) {
        let ali = api.user("ali").await;
        let room = id(&ali.room("private", "r", &[]).await);
        let sends = (0..512).map(|connection| {
            let send = send(room, &connection.to_string());
            // Not counted, or the limit of one user would refuse most.
            Submission { is_retry: true, ..submission(connection, &ali, send) }
        });
        let request = SubmitRequest { submissions: sends.collect() };
        let answer = api.api.backend().submit(request).await.unwrap();
        // What is committed together has one time.
        let times: HashSet<String> = answer
            .outcomes
            .iter()
            .map(|outcome| value(outcome)["message"]["created_at"].to_string())
            .collect();
        assert!((1..=6).contains(&times.len()), "{times:?}");
    }

    async fn a_gateway_learns_where_everything_stands(api) {
        let (ali, sara) = (api.user("ali").await, api.user("sara").await);
        let path = ali.room("private", "خانه", &[sara.id]).await;
        let room = id(&path);
        ali.send(&path, "سلام @sara").await;
        let backend = api.api.backend();
        let open = OpenRequest { user: sara.id, session: sara.session };
        let state = backend.open(open.clone()).await.unwrap();
        assert_eq!((state.rooms[0].id, state.rooms[0].seq, state.rooms[0].number), (room, 3, 1));
        assert_eq!(state.notifications, []);
        let of_another = OpenRequest { user: ali.id, session: sara.session };
        assert_eq!(code(backend.open(of_another.clone()).await), Code::SessionRevoked);
        let both = backend.open_all(vec![of_another, open.clone()]).await.unwrap();
        assert!(matches!(&both[0], Opened::Error(problem) if problem.code == Code::SessionRevoked));
        assert!(matches!(&both[1], Opened::Ok(opened) if opened.version == state.version));
        let all = UserRequest { user: sara.id, after: NotificationId(0) };
        let all = backend.user(all).await.unwrap();
        assert_eq!(all.notifications.len(), 2);
        assert_eq!((all.version, all.last_notification), (state.version, all.notifications[1].id));

        let request = HeadsRequest { rooms: vec![room, RoomId(99_999)], users: vec![sara.id] };
        let heads = backend.heads(request).await.unwrap();
        assert_eq!(heads.rooms.len(), 1);
        assert_eq!((heads.rooms[0].seq, heads.rooms[0].members), (3, 2));
        assert_eq!(heads.users, [(sara.id, state.version)]);
        let changes = ChangesRequest { room, since: 1, origin: None, limit: 10 };
        let page = backend.changes(changes).await.unwrap();
        assert_eq!(page.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [2, 3]);
        let missing = ChangesRequest { room: RoomId(99_999), since: 0, origin: None, limit: 10 };
        assert_eq!(code(backend.changes(missing).await), Code::RoomNotFound);
        api.revoke(&sara).await;
        assert_eq!(code(backend.open(open).await), Code::SessionRevoked);
    }

    async fn a_gateway_learns_who_is_around_a_user(api) {
        let (ali, sara, reza) = (api.user("علی").await, api.user("sara").await, api.user("reza").await);
        let room = id(&ali.room("private", "r", &[sara.id]).await);
        ali.room("public", "هم", &[reza.id]).await;
        let people = async |user: &TestUser<'_>, room: Option<RoomId>| {
            let body = json!({"user": user.id, "room": room}).to_string();
            let (status, answer) = api.internal("companions", CLUSTER_SECRET, &body).await;
            assert!(status != 200 || answer["epoch"].is_string());
            (status, answer)
        };
        let person = |user: &TestUser<'_>, name: &str| json!({"id": user.id, "username": name});
        let (ali_is, sara_is) = (person(&ali, "علی"), person(&sara, "sara"));
        let everybody = json!([ali_is, sara_is, person(&reza, "reza")]);
        assert_eq!(people(&ali, None).await.1["people"], everybody);
        assert_eq!(people(&sara, None).await.1["people"], json!([sara_is, ali_is]));
        assert_eq!(people(&sara, Some(room)).await.1["people"], json!([ali_is, sara_is]));
        for (user, room) in [(&reza, room), (&reza, RoomId(99_999))] {
            assert_eq!(refusal(&people(user, Some(room)).await), (404, "room_not_found"));
        }
    }

    async fn the_listener_answers_only_the_cluster(api) {
        let (ali, sara, reza) = (api.user("ali").await, api.user("sara").await, api.user("reza").await);
        let room = id(&ali.room("private", "r", &[sara.id]).await);
        let body = json!({"user": ali.id, "users": [ali.id, sara.id, reza.id]}).to_string();
        for secret in ["", "the secret of the cluste", &ali.token] {
            let answer = api.internal("acquainted", secret, &body).await;
            assert_eq!(refusal(&answer), (401, "unauthenticated"));
        }
        let (status, answer) = api.internal("acquainted", CLUSTER_SECRET, &body).await;
        let mut users: Vec<_> = answer["users"].as_array().unwrap().clone();
        users.sort_by_key(Value::as_i64);
        assert_eq!((status, users), (200, vec![json!(ali.id), json!(sara.id)]));
        let body = json!({"submissions": [submission(1, &ali, send(room, "x"))]}).to_string();
        let (status, answer) = api.internal("submit", CLUSTER_SECRET, &body).await;
        assert_eq!((status, &answer["outcomes"][0]["ok"]["message"]["content"]), (200, &json!("x")));
        let view = json!({"user": sara.id, "room": room}).to_string();
        let (_, answer) = api.internal("room", CLUSTER_SECRET, &view).await;
        assert_eq!(answer["room"]["me"]["role"], "member");
        let view = json!({"user": reza.id, "room": room}).to_string();
        assert_eq!(api.internal("room", CLUSTER_SECRET, &view).await.1["room"], Value::Null);
        let nobody = json!({"user": 99_999, "after": 0}).to_string();
        assert_eq!(refusal(&api.internal("user", CLUSTER_SECRET, &nobody).await), (404, "user_not_found"));
        assert_eq!(refusal(&api.internal("open_all", CLUSTER_SECRET, "{").await), (400, "malformed_request"));
        assert_eq!(refusal(&api.internal("nothing", CLUSTER_SECRET, "{}").await), (404, "not_found"));
        let large = " ".repeat((8 << 20) + 1);
        assert_eq!(api.internal("submit", CLUSTER_SECRET, &large).await.0, 413);
    }
}

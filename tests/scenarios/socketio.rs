//! Socket.IO clients of the *service* dialect, in one room with everybody else.

use chapar_tests::user::PASSWORD;
use chapar_tests::{DEADLINE, Site, SocketIo, User, eventually, scenarios};
use serde_json::{Value, json};

use crate::rooms::joined;

scenarios! {
    a_message_is_received_by_its_socket_and_said_to_all_others,
    messages_of_one_socket_keep_their_order,
    changes_of_messages_are_told,
    wrong_input_is_answered_and_the_socket_stays,
    who_is_online_is_told => [("gateway.offline_delay", "1s")],
    rooms_are_heard_from_the_moment_they_come,
}

/// Somebody with an e-mail.
async fn person(site: &Site, home: usize, name: &str) -> (User, String) {
    let email = format!("{name}@example.com");
    let body = json!({"username": name, "password": PASSWORD, "email": email});
    let answer = site.api(home).post("/v1/auth/register", body).await;
    (User::of(site, home, answer.expect(201).read()), email)
}

async fn connect(user: &User, node: usize) -> SocketIo {
    SocketIo::connect(&user.site().gateway_url(node), &user.token()).await
}

/// Waits until the socket is told something by a room: it is in it then.
fn is_about(room: &str, content: &str) -> impl Fn(&Value) -> bool {
    move |data| data["room_id"] == room && data["message"]["content"] == content
}

async fn a_message_is_received_by_its_socket_and_said_to_all_others(site: Site) {
    let (ali, email) = person(&site, 0, "ali").await;
    let sara = User::register_as(&site, 1, "سارا").await;
    let id = ali.private_room(&[&sara]).await.room.id;
    let room = id.to_string();
    let (first, second) = (connect(&ali, 0).await, connect(&ali, 1).await);
    let theirs = connect(&sara, 1).await;
    let native = sara.connect().await;

    let ack = first
        .call(
            "chat_message",
            &json!({"room": room, "message": " سلام «دنیا»\n "}),
        )
        .await;
    let number = ack["id"].as_str().expect("ids are strings").to_owned();
    assert_eq!(
        ack,
        json!({"status": "received", "id": number, "room_id": room})
    );
    let received = first
        .expect("chat_response", |data| data["id"] == *number)
        .await;
    let expected = json!({
        "status": "received", "message": "سلام «دنیا»", "id": number, "room_id": room
    });
    assert_eq!(received, expected);
    for socket in [&second, &theirs] {
        let said = socket
            .expect("chat_response", is_about(&room, "سلام «دنیا»"))
            .await;
        let timestamp = said["message"]["timestamp"].as_str().unwrap();
        let expected = json!({"room_id": room, "message": {
            "id": number, "sender": email, "content": "سلام «دنیا»", "timestamp": timestamp
        }});
        assert_eq!(said, expected);
    }

    // Without a callback, by the other names of the fields, and from somebody without an e-mail.
    theirs
        .emit(
            "chat_message",
            &json!({"room_id": id, "content": "hi", "sender": "ali"}),
        )
        .await;
    let own = theirs
        .expect("chat_response", |data| data["message"] == "hi")
        .await;
    assert_eq!(
        (&own["status"], &own["room_id"]),
        (&json!("received"), &json!(room))
    );
    for socket in [&first, &second] {
        let said = socket.expect("chat_response", is_about(&room, "hi")).await;
        assert_eq!(said["message"]["sender"], "سارا");
    }

    // From elsewhere; whoever it is from, it is said to all Socket.IO sockets.
    ali.send(id, "by REST").await;
    native.say(id, "natively").await;
    for socket in [&first, &second, &theirs] {
        socket
            .expect("chat_response", is_about(&room, "by REST"))
            .await;
        socket
            .expect("chat_response", is_about(&room, "natively"))
            .await;
    }
    // The events of own messages come after their answers: each was told once.
    let responses = [&first, &second, &theirs].map(|socket| socket.all("chat_response"));
    assert_eq!(responses.map(|all| all.len()), [4, 4, 4]);
}

async fn messages_of_one_socket_keep_their_order(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id.to_string();
    let (socket, theirs) = (connect(&ali, 0).await, connect(&sara, 1).await);
    let texts: Vec<String> = (0..20).map(|n| format!("پیام {n}")).collect();
    for text in &texts {
        socket
            .emit("chat_message", &json!({"room": room, "message": text}))
            .await;
    }
    let last = texts.last().unwrap().as_str();
    theirs.expect("chat_response", is_about(&room, last)).await;
    socket
        .expect("chat_response", |data| data["message"] == *last)
        .await;
    let said: Vec<Value> = theirs.all("chat_response");
    let said: Vec<&Value> = said
        .iter()
        .map(|data| &data["message"]["content"])
        .collect();
    assert_eq!(json!(said), json!(texts));
    let own = socket.all("chat_response");
    let own: Vec<&Value> = own.iter().map(|data| &data["message"]).collect();
    assert_eq!(json!(own), json!(texts));
}

async fn changes_of_messages_are_told(site: Site) {
    let (ali, email) = person(&site, 0, "ali").await;
    let (sara, _) = person(&site, 1, "sara").await;
    let room = ali.private_room(&[&sara]).await.room.id.to_string();
    let (socket, theirs) = (connect(&ali, 0).await, connect(&sara, 1).await);
    let ack = socket
        .call("chat_message", &json!({"room": room, "message": "x"}))
        .await;
    let id = ack["id"].as_str().unwrap().to_owned();

    let edit = json!({"room": room, "message_id": id, "content": "ویرایش"});
    assert_eq!(
        socket.call("edit_message", &edit).await,
        json!({"status": "ok"})
    );
    for socket in [&socket, &theirs] {
        let edited = socket.expect("message_edited", |_| true).await;
        let timestamp = edited["message"]["timestamp"].as_str().unwrap();
        let expected = json!({"room_id": room, "message": {
            "id": id, "sender": email, "content": "ویرایش", "timestamp": timestamp
        }});
        assert_eq!(edited, expected);
    }
    let refused = theirs.call("edit_message", &edit).await;
    assert_eq!(refused["status"], "error", "{refused}");

    let typing = json!({"room": room});
    assert_eq!(
        socket.call("typing", &typing).await,
        json!({"status": "ok"})
    );
    let typist = theirs.expect("typing", |_| true).await;
    let expected = json!({"room_id": room, "user": email, "username": "ali", "is_typing": true});
    assert_eq!(typist, expected);

    let delete = json!({"room": room, "message_id": id});
    assert_eq!(
        socket.call("delete_message", &delete).await,
        json!({"status": "ok"})
    );
    for socket in [&socket, &theirs] {
        let deleted = socket.expect("message_deleted", |_| true).await;
        assert_eq!(deleted, json!({"room_id": room, "message_id": id}));
    }
    assert!(socket.all("typing").is_empty(), "one's own typing");
}

async fn wrong_input_is_answered_and_the_socket_stays(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[]).await.room.id.to_string();
    let socket = connect(&eve, 1).await;
    let mut told = 0;
    for (event, data) in [
        ("chat_message", json!({"message": "x"})),
        ("chat_message", json!({"room": "12"})),
        ("chat_message", json!({"room": "یک", "message": "x"})),
        ("chat_message", json!({"room": room, "message": "x"})),
        ("chat_message", json!({"room": "999999", "message": "x"})),
        ("chat_message", json!("x")),
        (
            "edit_message",
            json!({"room": room, "message_id": 1, "content": "x"}),
        ),
        ("get_online_users", json!({"room": room})),
        ("typing", json!({"room": room})),
        ("no_such_event", json!({})),
    ] {
        let mark = socket.mark();
        let ack = socket.call(event, &data).await;
        let message = ack["message"]
            .as_str()
            .unwrap_or_else(|| panic!("{event}: {ack}"));
        assert_eq!(ack["status"], "error", "{event}: {ack}");
        told += 1;
        let error = socket.expect_after(mark, "error", |_| true).await;
        assert_eq!(error, json!({"message": message}));
        assert_eq!(socket.all("error").len(), told, "{event}");
    }
    // What is not even an event, and one that is longer than frames may be.
    socket.packet("42[]").await;
    socket.packet("42{}").await;
    socket.packet("42[1]").await;
    eventually(DEADLINE, "three more", async || {
        (socket.all("error").len() == told + 3).then_some(())
    })
    .await;
    let long = socket
        .call(
            "chat_message",
            &json!({"room": room, "message": "آ".repeat(40_000)}),
        )
        .await;
    assert_eq!(long["code"], "too_large", "{long}");
    let own = eve.private_room(&[]).await.room.id.to_string();
    let long = socket
        .call(
            "chat_message",
            &json!({"room": own, "message": "آ".repeat(5000)}),
        )
        .await;
    assert_eq!(long["code"], "invalid", "{long}");
    let ack = socket
        .call("chat_message", &json!({"room": own, "message": "x"}))
        .await;
    assert_eq!(ack["status"], "received", "{ack}");
}

async fn who_is_online_is_told(site: Site) {
    let (ali, ali_email) = person(&site, 0, "ali").await;
    let (sara, sara_email) = person(&site, 1, "sara").await;
    let reza = User::register_as(&site, 0, "رضا").await;
    let stranger = User::register(&site, 1).await;
    ali.private_room(&[&sara]).await;
    let socket = connect(&ali, 0).await;
    let _stranger = connect(&stranger, 1).await;
    assert_eq!(
        socket.call("get_online_users", &json!({})).await,
        json!([ali_email])
    );

    let theirs = connect(&sara, 1).await;
    let online = socket.expect("user_online", |_| true).await;
    assert_eq!(online, json!({"email": sara_email, "username": "sara"}));
    let both = json!([ali_email, sara_email]);
    assert_eq!(socket.call("get_online_users", &json!(null)).await, both);
    assert_eq!(theirs.call("get_online_users", &json!({})).await, both);
    socket.emit("get_online_users", &json!({})).await;
    eventually(DEADLINE, "an event for each question", async || {
        (socket.all("online_users").len() == 3).then_some(())
    })
    .await;

    // Whoever comes into a room is a companion from then on.
    let room = ali.private_room(&[&reza]).await.room.id;
    let _his = connect(&reza, 1).await;
    let online = socket
        .expect("user_online", |data| data["username"] == "رضا")
        .await;
    assert_eq!(online, json!({"email": null, "username": "رضا"}));
    let of_room = json!({"room": room.to_string()});
    assert_eq!(
        socket.call("get_online_users", &of_room).await,
        json!([ali_email, "رضا"])
    );
    assert_eq!(
        theirs.call("get_online_users", &of_room).await["code"],
        "room_not_found"
    );

    drop(theirs);
    let offline = socket.expect("user_offline", |_| true).await;
    assert_eq!(offline, json!({"email": sara_email, "username": "sara"}));
    assert_eq!(socket.all("user_online").len(), 2);
    assert_eq!(socket.all("user_offline").len(), 1);
}

async fn rooms_are_heard_from_the_moment_they_come(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let old = ali.private_room(&[&sara]).await.room.id;
    ali.send(old, "before").await;
    let (socket, native) = (connect(&sara, 1).await, sara.connect().await);
    let new = ali.private_room(&[&sara]).await.room.id;
    joined(&native, 0, new).await;
    ali.send(new, "first").await;
    socket
        .expect("chat_response", is_about(&new.to_string(), "first"))
        .await;
    ali.remove(new, &sara).await;
    ali.send(new, "unheard").await;
    ali.send(old, "last").await;
    socket
        .expect("chat_response", is_about(&old.to_string(), "last"))
        .await;
    assert_eq!(
        socket.all("chat_response").len(),
        2,
        "no history, nothing of former rooms"
    );
    let data = json!({"room": new.to_string(), "message": "x"});
    assert_eq!(
        socket.call("chat_message", &data).await["code"],
        "room_not_found"
    );
}

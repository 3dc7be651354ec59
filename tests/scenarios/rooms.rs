//! Rooms: coming, going, and what everybody is told of it.

use chapar_shared::RoomId;
use chapar_shared::protocol::{EventBody, Member, Role, RoomKind, RoomView};
use chapar_tests::user::unique_name;
use chapar_tests::{DEADLINE, History, Site, Socket, User, scenarios};
use serde_json::json;

scenarios! {
    a_new_member_is_told_of_the_room_and_hears_it_from_there,
    everybody_sees_members_come_and_go,
    joining_and_leaving_at_once_leaves_no_hole,
    the_last_owner_is_succeeded_by_the_oldest_admin_then_member,
    an_empty_room_is_deleted,
    a_deleted_room_is_told_and_gone,
    names_and_slugs_are_free_again_after_a_room_ends,
    names_of_public_rooms_are_unique,
    a_room_is_changed_for_everybody,
    own_rooms_come_latest_activity_first,
    rooms_of_a_user_are_limited => [("limits.max_rooms", "3")],
    members_come_in_pages,
}

/// Waits for `room.joined` and gives the position at which the stream begins.
pub(crate) async fn joined(socket: &Socket, mark: usize, room: RoomId) -> RoomView {
    let event = socket
        .expect_event_after(
            mark,
            "room.joined",
            DEADLINE,
            |event| matches!(&event.body, EventBody::RoomJoined(view) if view.room.id == room),
        )
        .await;
    match event.body {
        EventBody::RoomJoined(view) => view,
        _ => unreachable!("it matched"),
    }
}

/// Waits for `room.left`.
pub(crate) async fn left(socket: &Socket, mark: usize, room: RoomId) {
    socket
        .expect_event_after(
            mark,
            "room.left",
            DEADLINE,
            |event| matches!(&event.body, EventBody::RoomLeft(left) if left.id == room),
        )
        .await;
}

async fn a_new_member_is_told_of_the_room_and_hears_it_from_there(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[]).await.room;
    let (author, socket) = (ali.connect().await, sara.connect().await);
    author.say(room.id, "پیش از آمدن").await;
    ali.add(room.id, &sara).await;
    let view = joined(&socket, 0, room.id).await;
    assert_eq!(
        view.me.map(|me| (me.role, me.read_number)),
        Some((Role::Member, 1))
    );
    assert_eq!(view.room.name, room.name);
    let said = author.say(room.id, "پس از آمدن").await;
    socket.expect_seq(room.id, said.seq, DEADLINE).await;
    History::of(&socket, room.id).assert_dense(view.room.seq, said.seq);
    // History before one came is readable all the same.
    assert_eq!(sara.history(room.id).await.len(), 2);
}

async fn everybody_sees_members_come_and_go(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let guest = User::register(&site, 0).await;
    let room = ali.public_room(&[&sara]).await.room;
    let socket = sara.connect().await;
    let me = format!("/v1/rooms/{}/members/me", room.id);
    let came = guest.put(&me, json!({})).await;
    assert!(came.status < 300, "{came:?}");
    ali.promote(room.id, &guest, "admin").await;
    guest.leave(room.id).await;
    socket.expect_seq(room.id, room.seq + 3, DEADLINE).await;
    let changes = socket.changes(room.id);
    let [
        EventBody::MemberJoined(a),
        EventBody::MemberChanged(b),
        EventBody::MemberLeft(c),
    ] = [&changes[0].body, &changes[1].body, &changes[2].body]
    else {
        panic!("{changes:#?}")
    };
    for (member, role) in [(a, Role::Member), (b, Role::Admin), (c, Role::Admin)] {
        assert_eq!((member.user.id, member.role), (guest.id, role));
    }
    assert_eq!(sara.see(room.id).await.room.member_count, 2);
    // Leaving twice, or what one is not in, is refused; joining twice changes nothing.
    let again = guest.delete(&me).await;
    assert!(again.status >= 400, "{again:?}");
    sara.put(&me, json!({})).await;
    assert_eq!(sara.see(room.id).await.room.seq, room.seq + 3);
}

async fn joining_and_leaving_at_once_leaves_no_hole(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[]).await.room;
    let (author, socket) = (ali.connect().await, sara.connect().await);
    let going_on = async {
        for number in 0..200 {
            author.say(room.id, &format!("{number}")).await;
        }
    };
    let me = format!("/v1/rooms/{}/members/me", room.id);
    let coming_and_going = async {
        for _ in 0..5 {
            let mark = socket.mark();
            let answer = sara.put(&me, json!({})).await;
            assert!(answer.status < 300, "{answer:?}");
            joined(&socket, mark, room.id).await;
            let mark = socket.mark();
            sara.leave(room.id).await;
            left(&socket, mark, room.id).await;
        }
        let mark = socket.mark();
        sara.put(&me, json!({})).await;
        joined(&socket, mark, room.id).await;
    };
    tokio::join!(going_on, coming_and_going);
    let last = author.say(room.id, "پایان").await;
    socket.expect_seq(room.id, last.seq, DEADLINE).await;
    // Between a room.joined and the next room.left every position came, from where it said.
    let mut next = None;
    for event in socket.events() {
        match &event.body {
            EventBody::RoomJoined(view) => next = Some(view.room.seq + 1),
            EventBody::RoomLeft(_) => next = None,
            _ if event.room == Some(room.id) => {
                let expected = next.expect("nothing comes of a room one is not in");
                assert_eq!(event.seq, Some(expected));
                next = Some(expected + 1);
            }
            _ => {}
        }
    }
    assert_eq!(next, Some(last.seq + 1));
}

async fn role(user: &User, room: RoomId, of: &User) -> Option<Role> {
    let path = format!("/v1/rooms/{room}/members?limit=100");
    let members: Vec<Member> = user.get(&path).await.expect(200).items();
    let found = members.into_iter().find(|member| member.user.id == of.id);
    found.map(|member| member.role)
}

async fn the_last_owner_is_succeeded_by_the_oldest_admin_then_member(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let (older, admin) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&older]).await.room;
    ali.add(room.id, &sara).await;
    ali.add(room.id, &admin).await;
    ali.promote(room.id, &admin, "admin").await;
    let socket = sara.connect().await;
    let before = socket.ready_seq(room.id);
    ali.leave(room.id).await;
    socket.expect_seq(room.id, before + 2, DEADLINE).await;
    let changes = socket.changes(room.id);
    let succession = changes.iter().any(|event| {
        matches!(&event.body, EventBody::MemberChanged(m) if m.user.id == admin.id && m.role == Role::Owner)
    });
    assert!(succession, "{changes:#?}");
    assert_eq!(role(&sara, room.id, &admin).await, Some(Role::Owner));
    assert_eq!(role(&sara, room.id, &ali).await, None);
    admin.leave(room.id).await;
    assert_eq!(role(&sara, room.id, &older).await, Some(Role::Owner));
    assert_eq!(role(&sara, room.id, &sara).await, Some(Role::Member));
}

async fn an_empty_room_is_deleted(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[]).await.room;
    ali.leave(room.id).await;
    for user in [&ali, &sara] {
        let answer = user.get(&format!("/v1/rooms/{}", room.id)).await;
        answer.expect_problem(404, "room_not_found");
    }
    let found = sara
        .get(&format!("/v1/rooms/discover?q={}", room.name))
        .await;
    assert!(found.expect(200).items_or_empty().is_empty());
}

async fn a_deleted_room_is_told_and_gone(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[&sara]).await.room;
    let sockets = [ali.connect().await, sara.connect().await];
    ali.send(room.id, "x").await;
    ali.delete(&format!("/v1/rooms/{}", room.id))
        .await
        .expect(204);
    for socket in &sockets {
        left(socket, 0, room.id).await;
        let changes = socket.changes(room.id);
        let told = changes
            .iter()
            .any(|event| matches!(event.body, EventBody::RoomDeleted(_)));
        assert!(told, "{changes:#?}");
        let send = json!({"op": "send", "room": room.id, "content": "x"});
        assert_eq!(socket.refused(send).await, "room_not_found");
    }
    sara.get(&format!("/v1/rooms/{}/messages", room.id))
        .await
        .expect_problem(404, "room_not_found");
    let rooms: Vec<RoomView> = sara.get("/v1/rooms").await.expect(200).items();
    assert!(rooms.is_empty());
    // Who was away learns of it.
    let late = sara.connect_to(0, [(room.id, 1)]).await;
    left(&late, 0, room.id).await;
}

async fn names_and_slugs_are_free_again_after_a_room_ends(site: Site) {
    let ali = User::register(&site, 0).await;
    let name = unique_name();
    let body = json!({"kind": "public", "name": name, "slug": "نشانی-آزاد"});
    let first: RoomView = ali.post("/v1/rooms", body.clone()).await.expect(201).read();
    ali.rest_at(1)
        .post("/v1/rooms", body.clone())
        .await
        .expect(409);
    ali.delete(&format!("/v1/rooms/{}", first.room.id))
        .await
        .expect(204);
    let second: RoomView = ali
        .rest_at(1)
        .post("/v1/rooms", body)
        .await
        .expect(201)
        .read();
    assert_ne!(first.room.id, second.room.id);
}

async fn names_of_public_rooms_are_unique(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let name = unique_name();
    ali.room("public", &name, &[]).await;
    let body = json!({"kind": "public", "name": name});
    sara.post("/v1/rooms", body)
        .await
        .expect_problem(409, "name_taken");
    // Private rooms may be called as they like.
    sara.room("private", &name, &[]).await;
    sara.room("private", &name, &[]).await;
    let other = sara.public_room(&[]).await.room.id;
    let rename = sara
        .patch(&format!("/v1/rooms/{other}"), json!({"name": name}))
        .await;
    rename.expect_problem(409, "name_taken");
    for body in [
        json!({"kind": "public"}),
        json!({"kind": "public", "name": " "}),
        json!({"kind": "public", "name": "x".repeat(101)}),
        json!({"kind": "public", "name": "123"}),
        json!({"kind": "direct", "name": "x"}),
        json!({"kind": "secret", "name": "x"}),
        json!({"kind": "private", "name": "x", "members": [999_999_999]}),
        json!({"kind": "private", "name": "x", "description": "د".repeat(501)}),
    ] {
        let what = body.to_string();
        let answer = ali.post("/v1/rooms", body).await;
        assert!([400, 422].contains(&answer.status), "{what}: {answer:?}");
    }
}

async fn a_room_is_changed_for_everybody(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[&sara]).await.room;
    let socket = sara.connect().await;
    let name = unique_name();
    let body = json!({"name": name, "slug": "نشانی-تازه", "description": "یک\nدو"});
    let view: RoomView = ali
        .patch(&format!("/v1/rooms/{}", room.id), body.clone())
        .await
        .expect(200)
        .read();
    socket.expect_seq(room.id, room.seq + 1, DEADLINE).await;
    let EventBody::RoomChanged(told) = &socket.changes(room.id)[0].body else {
        panic!("{:?}", socket.changes(room.id))
    };
    assert_eq!(told, &view.room);
    assert_eq!(
        (&told.name, told.slug.as_deref(), told.kind),
        (&name, Some("نشانی-تازه"), RoomKind::Public)
    );
    assert_eq!(sara.see(room.id).await.room, view.room);
    // The same again changes nothing, and takes no position.
    ali.patch(&format!("/v1/rooms/{}", room.id), body)
        .await
        .expect(200);
    assert_eq!(ali.see(room.id).await.room.seq, room.seq + 1);
}

async fn own_rooms_come_latest_activity_first(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(ali.private_room(&[&sara]).await.room.id);
    }
    sara.send(rooms[1], "x").await;
    sara.send(rooms[3], "x").await;
    let mut listed: Vec<RoomId> = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = ali
            .get(&format!("/v1/rooms?limit=2{cursor}"))
            .await
            .expect(200);
        let page: Vec<RoomView> = answer.items();
        listed.extend(page.iter().map(|view| view.room.id));
        match answer.value()["next"].clone() {
            serde_json::Value::Null => break,
            serde_json::Value::String(next) => cursor = format!("&cursor={next}"),
            next => cursor = format!("&cursor={next}"),
        }
        assert!(listed.len() < 10, "pages without end");
    }
    assert_eq!(listed, [rooms[3], rooms[1], rooms[4], rooms[2], rooms[0]]);
}

async fn rooms_of_a_user_are_limited(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    for _ in 0..3 {
        ali.private_room(&[]).await;
    }
    let one_more = json!({"kind": "private", "name": "x"});
    ali.post("/v1/rooms", one_more)
        .await
        .expect_problem(422, "too_many_rooms");
    let open = sara.public_room(&[]).await.room.id;
    let join = ali
        .put(&format!("/v1/rooms/{open}/members/me"), json!({}))
        .await;
    join.expect_problem(422, "too_many_rooms");
}

async fn members_come_in_pages(site: Site) {
    let ali = User::register(&site, 0).await;
    let mut others = Vec::new();
    for number in 0..5 {
        others.push(User::register(&site, number % 2).await);
    }
    let room = ali
        .private_room(&others.iter().collect::<Vec<_>>())
        .await
        .room;
    assert_eq!((room.member_count, room.seq), (6, 6));
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/rooms/{}/members?limit=4{cursor}", room.id);
        let answer = others[0].get(&path).await.expect(200);
        seen.extend(
            answer
                .items::<Member>()
                .into_iter()
                .map(|member| member.user.id),
        );
        match answer.value()["next"].clone() {
            serde_json::Value::Null => break,
            serde_json::Value::String(next) => cursor = format!("&cursor={next}"),
            next => cursor = format!("&cursor={next}"),
        }
        assert!(seen.len() < 10, "pages without end");
    }
    let expected: Vec<_> = std::iter::once(&ali)
        .chain(&others)
        .map(|user| user.id)
        .collect();
    assert_eq!(seen, expected, "in the order in which they came");
}

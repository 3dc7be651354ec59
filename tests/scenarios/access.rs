//! Who may do what in a room: every row of the protocol's table for everybody it speaks of, by REST on one
//! node and by WebSocket on the other.

use chapar_shared::MessageId;
use chapar_shared::RoomId;
use chapar_tests::{Answer, DEADLINE, Site, Socket, User, scenarios};
use serde_json::{Value, json};

use crate::rooms::joined;

scenarios! {
    the_table_holds_in_public_rooms_by_rest,
    the_table_holds_in_private_rooms_by_rest,
    the_table_holds_in_public_rooms_by_socket,
    the_table_holds_in_private_rooms_by_socket,
    the_table_holds_in_direct_rooms,
    an_author_edits_only_while_a_member,
    an_outsider_hears_nothing_of_a_public_room,
    a_banned_member_hears_nothing_at_once_and_cannot_come_back,
}

const WHO: [&str; 5] = ["banned", "outsider", "member", "admin", "owner"];

/// What is done, and who may: the initials of [`WHO`], `P` for an outsider of a public room.
const REST: [(&str, &str); 27] = [
    ("see the room", "PMAO"),
    ("see history", "PMAO"),
    ("see members", "PMAO"),
    ("see changes", "PMAO"),
    ("send", "MAO"),
    ("react", "MAO"),
    ("take a reaction back", "MAO"),
    ("mark read", "MAO"),
    ("mute", "PMAO"),
    ("edit another's message", ""),
    ("delete another's message", "AO"),
    ("delete an owner's message", "O"),
    ("delete one's own message", "MAO"),
    ("add a member", "AO"),
    ("add an admin", "O"),
    ("remove a member", "AO"),
    ("remove an owner", ""),
    ("ban a member", "AO"),
    ("ban an owner", ""),
    ("lift a ban", "AO"),
    ("make a member admin", "O"),
    ("make oneself owner", "O"),
    ("take an owner's role", ""),
    ("rename", "AO"),
    ("describe", "AO"),
    ("join", "P"),
    ("delete the room", "O"),
];

/// A room and everybody who stands in some relation to it.
struct Cast {
    room: RoomId,
    is_public: bool,
    /// In the order of [`WHO`].
    people: [User; 5],
    /// Another owner, whom nobody but they themselves may touch.
    founder: User,
    victim: User,
    message: MessageId,
}

impl Cast {
    async fn gather(site: &Site, kind: &str) -> Self {
        let mut people = Vec::new();
        for number in 0..5 {
            people.push(User::register(site, number % 2).await);
        }
        let people: [User; 5] = people.try_into().unwrap();
        let founder = User::register(site, 1).await;
        let victim = User::register(site, 0).await;
        let name = chapar_tests::user::unique_name();
        let [banned, _, member, admin, owner] = &people;
        let room = founder
            .room(kind, &name, &[banned, member, admin, owner, &victim])
            .await
            .room
            .id;
        founder.promote(room, admin, "admin").await;
        founder.promote(room, owner, "owner").await;
        founder.ban(room, banned).await;
        let message = founder.send(room, "پیام").await.id;
        let is_public = kind == "public";
        Self {
            room,
            is_public,
            people,
            founder,
            victim,
            message,
        }
    }

    /// Whether `WHO[at]` is among the initials.
    fn may(&self, initials: &str, at: usize) -> bool {
        match WHO[at] {
            "outsider" => self.is_public && initials.contains('P'),
            "banned" => false,
            who => initials.contains(&who[..1].to_uppercase()),
        }
    }

    /// Puts what the row is about into place; the room's founder does it, whose calls succeed or change
    /// nothing.
    async fn prepare(&self, row: &str) -> MessageId {
        let room = format!("/v1/rooms/{}", self.room);
        let victim = format!("{room}/members/{}", self.victim.id);
        let ban = format!("{room}/bans/{}", self.victim.id);
        match row {
            "add a member" | "add an admin" => {
                self.founder.delete(&ban).await;
                self.founder.delete(&victim).await;
            }
            "remove a member" | "ban a member" | "make a member admin" => {
                self.founder.delete(&ban).await;
                self.founder.put(&victim, json!({"role": "member"})).await;
            }
            "lift a ban" => drop(self.founder.put(&ban, json!({})).await),
            "delete another's message" => {
                self.founder.put(&victim, json!({})).await;
                return self.victim.send(self.room, "گذرا").await.id;
            }
            "delete an owner's message" => {
                return self.founder.send(self.room, "گذرا").await.id;
            }
            _ => {}
        }
        self.message
    }

    async fn act(&self, row: &str, who: &User, message: MessageId) -> Answer {
        let room = format!("/v1/rooms/{}", self.room);
        let rest = who.rest();
        let message = format!("{room}/messages/{message}");
        let (victim, founder) = (self.victim.id, self.founder.id);
        let name = chapar_tests::user::unique_name();
        match row {
            "see the room" => rest.get(&room).await,
            "see history" => rest.get(&format!("{room}/messages")).await,
            "see members" => rest.get(&format!("{room}/members")).await,
            "see changes" => rest.get(&format!("{room}/changes?since=0")).await,
            "send" => {
                rest.post(&format!("{room}/messages"), json!({"content": "x"}))
                    .await
            }
            "react" => rest.put(&format!("{message}/reactions/x"), json!({})).await,
            "take a reaction back" => rest.delete(&format!("{message}/reactions/x")).await,
            "mark read" => {
                rest.put(&format!("{room}/read"), json!({"number": 1}))
                    .await
            }
            "mute" => {
                rest.put(&format!("{room}/members/me"), json!({"muted": true}))
                    .await
            }
            "edit another's message" => rest.patch(&message, json!({"content": "x"})).await,
            "delete another's message" | "delete an owner's message" => rest.delete(&message).await,
            "delete one's own message" => {
                let own = rest
                    .post(&format!("{room}/messages"), json!({"content": "x"}))
                    .await;
                if own.status != 201 {
                    return own;
                }
                rest.delete(&format!("{room}/messages/{}", own.value()["id"]))
                    .await
            }
            "add a member" => {
                rest.put(&format!("{room}/members/{victim}"), json!({}))
                    .await
            }
            "add an admin" | "make a member admin" => {
                rest.put(
                    &format!("{room}/members/{victim}"),
                    json!({"role": "admin"}),
                )
                .await
            }
            "remove a member" => rest.delete(&format!("{room}/members/{victim}")).await,
            "remove an owner" => rest.delete(&format!("{room}/members/{founder}")).await,
            "ban a member" => rest.put(&format!("{room}/bans/{victim}"), json!({})).await,
            "ban an owner" => rest.put(&format!("{room}/bans/{founder}"), json!({})).await,
            "lift a ban" => rest.delete(&format!("{room}/bans/{victim}")).await,
            "make oneself owner" => {
                rest.put(
                    &format!("{room}/members/{}", who.id),
                    json!({"role": "owner"}),
                )
                .await
            }
            "take an owner's role" => {
                rest.put(
                    &format!("{room}/members/{founder}"),
                    json!({"role": "member"}),
                )
                .await
            }
            "rename" => rest.patch(&room, json!({"name": name})).await,
            "describe" => rest.patch(&room, json!({"description": "توضیح"})).await,
            "join" => rest.put(&format!("{room}/members/me"), json!({})).await,
            "delete the room" => rest.delete(&room).await,
            row => panic!("nobody knows how to {row}"),
        }
    }
}

/// What the owner may do to another owner is the domain's choice; nobody else may.
fn is_between_owners(row: &str, at: usize) -> bool {
    WHO[at] == "owner" && ["remove an owner", "ban an owner", "take an owner's role"].contains(&row)
}

async fn table_by_rest(site: Site, kind: &str) {
    let cast = Cast::gather(&site, kind).await;
    let mut wrong = Vec::new();
    for (row, initials) in REST {
        for (at, who) in cast.people.iter().enumerate() {
            // Who is in already joins again without effect.
            if is_between_owners(row, at) || (row == "join" && at >= 2) {
                continue;
            }
            let message = cast.prepare(row).await;
            let answer = cast.act(row, who, message).await;
            let expected = match (cast.may(initials, at), WHO[at], cast.is_public) {
                (true, ..) => 200..=204,
                (false, "outsider" | "banned", false) => 404..=404,
                (false, ..) => 403..=403,
            };
            if !expected.contains(&answer.status) {
                wrong.push(format!("{row} as {} of a {kind} room: {answer:?}", WHO[at]));
            }
            if ["join", "mute"].contains(&row) && at == 1 && answer.status < 300 {
                who.leave(cast.room).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn the_table_holds_in_public_rooms_by_rest(site: Site) {
    table_by_rest(site, "public").await;
}

async fn the_table_holds_in_private_rooms_by_rest(site: Site) {
    table_by_rest(site, "private").await;
}

fn commands(cast: &Cast, message: MessageId) -> Vec<(&'static str, Value)> {
    let room = cast.room;
    vec![
        ("MAO", json!({"op": "send", "room": room, "content": "x"})),
        (
            "MAO",
            json!({"op": "react", "room": room, "message": message, "emoji": "👍"}),
        ),
        (
            "MAO",
            json!({"op": "unreact", "room": room, "message": message, "emoji": "👍"}),
        ),
        ("MAO", json!({"op": "read", "room": room, "number": 1})),
        ("MAO", json!({"op": "typing", "room": room, "typing": true})),
        (
            "",
            json!({"op": "edit", "room": room, "message": message, "content": "x"}),
        ),
    ]
}

async fn table_by_socket(site: Site, kind: &str) {
    let cast = Cast::gather(&site, kind).await;
    let mut wrong = Vec::new();
    for (at, who) in cast.people.iter().enumerate() {
        let socket = who.connect_to(1 - who.home, []).await;
        let mut rows = commands(&cast, cast.message);
        let passing = cast.victim.send(cast.room, "گذرا").await.id;
        let delete = json!({"op": "delete", "room": cast.room, "message": passing});
        rows.push(("AO", delete));
        for (initials, command) in rows {
            let is_typing = command["op"] == "typing";
            let what = format!("{command} as {} of a {kind} room", WHO[at]);
            let expected: &[&str] = match (WHO[at], cast.is_public) {
                ("outsider" | "banned", false) => &["room_not_found"],
                // Of rooms that one is not in a gateway knows nothing: typing names none.
                ("outsider" | "banned", true) if is_typing => &["room_not_found"],
                ("outsider", true) => &["not_a_member"],
                ("banned", true) => &["banned"],
                _ => &["forbidden"],
            };
            match socket.command(command).await {
                Ok(_) if cast.may(initials, at) => {}
                Err(error) if !cast.may(initials, at) && expected.contains(&&*error.code) => {}
                other => wrong.push(format!("{what}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn the_table_holds_in_public_rooms_by_socket(site: Site) {
    table_by_socket(site, "public").await;
}

async fn the_table_holds_in_private_rooms_by_socket(site: Site) {
    table_by_socket(site, "private").await;
}

async fn the_table_holds_in_direct_rooms(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let eve = User::register(&site, 0).await;
    let room = ali.direct_room(&sara).await.room.id;
    let message = ali.send(room, "سلام").await.id;
    sara.send(room, "درود").await;
    sara.react(room, message, "👍").await;
    let base = format!("/v1/rooms/{room}");
    let message = format!("{base}/messages/{message}");
    for path in [
        base.clone(),
        format!("{base}/messages"),
        format!("{base}/members"),
        format!("{base}/changes?since=0"),
    ] {
        sara.get(&path).await.expect(200);
        eve.get(&path).await.expect_problem(404, "room_not_found");
    }
    for (who, statuses) in [(&ali, [403, 409]), (&sara, [403, 409]), (&eve, [404, 404])] {
        let rest = who.rest();
        for answer in [
            rest.patch(&base, json!({"name": "x"})).await,
            rest.delete(&base).await,
            rest.put(&format!("{base}/members/{}", eve.id), json!({}))
                .await,
            rest.put(&format!("{base}/bans/{}", ali.id), json!({}))
                .await,
            rest.put(
                &format!("{base}/members/{}", sara.id),
                json!({"role": "owner"}),
            )
            .await,
        ] {
            assert!(statuses.contains(&answer.status), "{answer:?}");
        }
    }
    sara.patch(&message, json!({"content": "x"}))
        .await
        .expect_problem(403, "forbidden");
    sara.delete(&message).await.expect_problem(403, "forbidden");
    eve.delete(&message)
        .await
        .expect_problem(404, "room_not_found");
    ali.put(&format!("/v1/direct/{}", ali.id), json!({}))
        .await
        .expect_problem(422, "invalid");
    ali.put("/v1/direct/999999999", json!({}))
        .await
        .expect_problem(404, "user_not_found");
}

async fn an_author_edits_only_while_a_member(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[&sara]).await.room.id;
    let message = sara.send(room, "مال من").await.id;
    sara.edit(room, message, "هنوز مال من").await;
    ali.remove(room, &sara).await;
    let path = format!("/v1/rooms/{room}/messages/{message}");
    sara.patch(&path, json!({"content": "x"}))
        .await
        .expect_problem(403, "not_a_member");
    sara.delete(&path).await.expect_problem(403, "not_a_member");
    sara.put(&format!("/v1/rooms/{room}/members/me"), json!({}))
        .await;
    sara.edit(room, message, "باز مال من").await;
}

/// Something that reaches the socket after everything that was published before.
async fn fence(user: &User, socket: &Socket) {
    let mark = socket.mark();
    let room = user.private_room(&[]).await.room.id;
    joined(socket, mark, room).await;
    let message = user.send(room, "حصار").await;
    socket.expect_seq(room, message.seq, DEADLINE).await;
}

async fn an_outsider_hears_nothing_of_a_public_room(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[]).await.room;
    let socket = eve.connect_to(1, [(room.id, 0)]).await;
    let author = ali.connect().await;
    author.say(room.id, "برای اعضا").await;
    author
        .ok(json!({"op": "typing", "room": room.id, "typing": true}))
        .await;
    fence(&eve, &socket).await;
    let heard = socket.events();
    assert!(
        heard.iter().all(|event| event.room != Some(room.id)),
        "{heard:?}"
    );
    // Having joined, they hear what follows, and nothing twice.
    eve.put(&format!("/v1/rooms/{}/members/me", room.id), json!({}))
        .await;
    joined(&socket, 0, room.id).await;
    let said = author.say(room.id, "خوش آمدی").await;
    socket.expect_seq(room.id, said.seq, DEADLINE).await;
}

async fn a_banned_member_hears_nothing_at_once_and_cannot_come_back(site: Site) {
    let (ali, eve) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.public_room(&[&eve]).await.room;
    let socket = eve.connect().await;
    let author = ali.connect().await;
    let heard = author.say(room.id, "پیش از اخراج").await;
    socket.expect_seq(room.id, heard.seq, DEADLINE).await;
    ali.ban(room.id, &eve).await;
    let at_once = std::time::Duration::from_secs(1);
    socket
        .expect_event_after(0, "room.left", at_once, |event| {
            matches!(&event.body, chapar_shared::protocol::EventBody::RoomLeft(left) if left.id == room.id)
        })
        .await;
    let secret = author.say(room.id, "پس از اخراج").await;
    fence(&eve, &socket).await;
    let heard = socket.changes(room.id);
    assert!(
        heard.iter().all(|event| event.seq < Some(secret.seq)),
        "{heard:?}"
    );
    let base = format!("/v1/rooms/{}", room.id);
    eve.get(&format!("{base}/messages"))
        .await
        .expect_problem(403, "banned");
    eve.put(&format!("{base}/members/me"), json!({}))
        .await
        .expect_problem(403, "banned");
    ali.delete(&format!("{base}/bans/{}", eve.id))
        .await
        .expect(204);
    let back = eve.put(&format!("{base}/members/me"), json!({})).await;
    assert!(back.status < 300, "{back:?}");
}

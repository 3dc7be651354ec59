use chapar_api::store::rooms::RoomChange;
use chapar_api::store::{Subject, UserFact};
use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{Code, Problem};

use crate::world::{World, refusal};

pub(crate) async fn a_room_begins_with_its_members(world: World) {
    let [ali, sara, reza] = world.users(["علی", "سارا", "رضا"]).await;
    let new = world.new_room("دوستان", ali, &[reza, sara]);
    let (room, committed) = world.store.create_room(new).await.unwrap();
    assert_eq!((room.last_seq, room.member_count), (3, 3));
    assert_eq!(room.slug.as_deref(), Some("دوستان"));
    let changes: Vec<_> = committed
        .changes
        .iter()
        .map(|change| match &change.subject {
            Subject::Member(person, role) => (change.seq, change.kind, person.id, *role),
            other => panic!("{other:?}"),
        })
        .collect();
    let joined = EventType::MemberJoined;
    let expected = [
        (1, joined, ali, Role::Owner),
        (2, joined, reza, Role::Member),
        (3, joined, sara, Role::Member),
    ];
    assert_eq!(changes, expected);
    assert_eq!(committed.users.len(), 3);
    for bump in &committed.users {
        assert_eq!(
            bump.facts[0],
            UserFact::Joined {
                room: room.id,
                after: room.last_seq
            }
        );
        assert_eq!(bump.facts.len(), if bump.user == ali { 1 } else { 2 });
        assert_eq!(bump.version, world.version(bump.user).await);
    }
    let sight = world.store.room(room.id, ali).await.unwrap().unwrap();
    assert_eq!(sight.room, room);
    assert_eq!(sight.me.unwrap().role, Role::Owner);
    let mut unknown = world.new_room("دیگر", ali, &[chapar_shared::UserId(999_999)]);
    unknown.kind = RoomKind::Private;
    let refused = world.store.create_room(unknown).await;
    assert_eq!(refusal(refused), Code::Invalid);
}

pub(crate) async fn a_generated_slug_that_is_taken_gets_a_number(world: World) {
    let ali = world.user("علی").await;
    let mut slugs = Vec::new();
    for _ in 0..3 {
        let mut room = world.new_room("گروه ما", ali, &[]);
        room.kind = RoomKind::Private;
        slugs.push(world.store.create_room(room).await.unwrap().0.slug.unwrap());
    }
    assert_eq!(slugs, ["گروه-ما", "گروه-ما-2", "گروه-ما-3"]);
}

pub(crate) async fn names_and_slugs_are_unique_and_free_again_after_the_end(world: World) {
    let ali = world.user("علی").await;
    let room = world.room("Straße", ali, &[]).await;
    let again = world
        .store
        .create_room(world.new_room("STRASSE", ali, &[]))
        .await;
    assert_eq!(refusal(again), Code::NameTaken);
    let mut chosen = world.new_room("other", ali, &[]);
    chosen.slug = room.slug.clone().unwrap();
    chosen.is_slug_chosen = true;
    let refused = world.store.create_room(chosen.clone()).await;
    assert_eq!(refusal(refused), Code::SlugTaken);

    let other = world.room("another", ali, &[]).await;
    for (name, slug, code) in [
        (Some("strasse"), None, Code::NameTaken),
        (None, room.slug.as_deref(), Code::SlugTaken),
    ] {
        let patch = RoomChange::Patch {
            name: name.map(str::to_owned),
            slug: slug.map(str::to_owned),
            description: None,
        };
        let decide = |_: &_| Ok(patch.clone());
        let at = world.now();
        let refused = world
            .store
            .change_room(other.id, ali, None, at, &decide)
            .await;
        assert_eq!(refusal(refused), code);
    }
    world.change(room.id, ali, None, RoomChange::Delete).await;
    assert_eq!(
        world.store.create_room(chosen).await.unwrap().0.slug,
        room.slug
    );
    world.room("STRASSE", ali, &[]).await;
}

pub(crate) async fn rooms_are_limited_for_each_user(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let mut new = world.new_room("one", ali, &[sara]);
    new.max_rooms = 1;
    world.store.create_room(new).await.unwrap();
    let mut new = world.new_room("two", ali, &[]);
    new.max_rooms = 1;
    assert_eq!(
        refusal(world.store.create_room(new).await),
        Code::TooManyRooms
    );
    let reza = world.user("رضا").await;
    let mut new = world.new_room("three", reza, &[sara]);
    new.max_rooms = 1;
    assert_eq!(refusal(world.store.create_room(new).await), Code::Invalid);
    let direct = world.store.direct_room(ali, sara, 1, world.now()).await;
    assert_eq!(refusal(direct), Code::TooManyRooms);
}

pub(crate) async fn two_users_who_write_to_each_other_at_once_get_one_room(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    for _ in 0..5 {
        let (one, two) = tokio::join!(
            world.store.direct_room(ali, sara, 1000, world.now()),
            world.other.direct_room(sara, ali, 1000, world.now()),
        );
        assert_eq!(one.unwrap().0.id, two.unwrap().0.id);
    }
    let room = world.direct(ali, sara).await;
    assert_eq!((room.kind, room.last_seq), (RoomKind::Direct, 2));
    let nobody = chapar_shared::UserId(999_999);
    let refused = world
        .store
        .direct_room(ali, nobody, 1000, world.now())
        .await;
    assert_eq!(refusal(refused), Code::UserNotFound);
    let sight = world.store.room(room.id, sara).await.unwrap().unwrap();
    assert_eq!(sight.peer.unwrap().id, ali);
}

pub(crate) async fn a_hidden_direct_room_comes_back(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.direct(ali, sara).await;
    let listed = async || {
        world
            .store
            .rooms_of(sara, None, 10)
            .await
            .unwrap()
            .items
            .len()
    };
    let hidden = world
        .change(room.id, sara, Some(sara), RoomChange::Hide)
        .await;
    assert!(hidden.committed.changes.is_empty());
    assert!(matches!(
        hidden.committed.users[0].facts[..],
        [UserFact::Left { .. }]
    ));
    assert_eq!(listed().await, 0);
    let again = world
        .change(room.id, sara, Some(sara), RoomChange::Hide)
        .await;
    assert!(again.committed.users.is_empty());

    let (_, committed) = world.sent(room.id, ali, "سلام").await;
    let bump = committed
        .users
        .iter()
        .find(|bump| bump.user == sara)
        .unwrap();
    // They are to hear of the message that brought it back.
    let brought_back = room.last_seq + 1;
    assert!(matches!(
        bump.facts[..],
        [UserFact::Joined { after, .. }, UserFact::Notified(_)] if after == brought_back - 1
    ));
    assert_eq!(listed().await, 1);

    world
        .change(room.id, sara, Some(sara), RoomChange::Hide)
        .await;
    let at = world.now();
    let (_, made, shown) = world.store.direct_room(sara, ali, 10, at).await.unwrap();
    assert!(!made);
    assert_eq!(
        shown.users[0].facts,
        [UserFact::Joined {
            room: room.id,
            after: brought_back
        }]
    );
    assert_eq!(listed().await, 1);
}

pub(crate) async fn members_come_go_and_change_roles(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[]).await.id;
    world.send(room, ali, "one").await;
    let added = world.add(room, ali, sara).await;
    assert_eq!(added.target.unwrap().read_number, 1);
    assert_eq!(added.room.member_count, 2);
    assert_eq!(added.committed.changes[0].kind, EventType::MemberJoined);
    assert!(matches!(
        added.committed.users[0].facts[..],
        [UserFact::Joined { .. }, UserFact::Notified(_)]
    ));
    // Twice is once.
    let again = world.add(room, ali, sara).await;
    assert_eq!(again.room.last_seq, added.room.last_seq);
    assert_eq!(again.committed, chapar_api::store::Committed::default());

    let set = RoomChange::SetRole(Role::Admin);
    let changed = world.change(room, ali, Some(sara), set.clone()).await;
    assert_eq!(changed.target.unwrap().role, Role::Admin);
    assert_eq!(changed.committed.changes[0].kind, EventType::MemberChanged);
    let same = world.change(room, ali, Some(sara), set).await;
    assert!(same.committed.changes.is_empty());

    let remove = RoomChange::Remove { successor: None };
    let left = world.change(room, sara, Some(sara), remove).await;
    assert_eq!((left.target, left.room.member_count), (None, 1));
    let subject = &left.committed.changes[0].subject;
    assert!(matches!(subject, Subject::Member(person, Role::Admin) if person.id == sara));
    assert!(matches!(
        left.committed.users[0].facts[..],
        [UserFact::Left { .. }]
    ));
    assert_eq!(world.members(room).await, [(ali, Role::Owner)]);
    world.add(room, sara, sara).await;
    let members = [(ali, Role::Owner), (sara, Role::Member)];
    assert_eq!(world.members(room).await, members);
}

pub(crate) async fn the_oldest_admin_else_the_oldest_member_succeeds(world: World) {
    let [ali, old, young] = world.users(["علی", "old", "young"]).await;
    let room = world.room("room", ali, &[]).await.id;
    world.add(room, ali, old).await;
    world.add(room, ali, young).await;
    let succession = async || {
        let seen = std::sync::Mutex::new(None);
        let decide = |facts: &chapar_api::store::rooms::RoomFacts| {
            *seen.lock().unwrap() = Some((facts.is_last_owner, facts.successor));
            Ok(RoomChange::Nothing)
        };
        let at = world.now();
        world
            .store
            .change_room(room, ali, Some(ali), at, &decide)
            .await
            .unwrap();
        seen.into_inner().unwrap().unwrap()
    };
    assert_eq!(succession().await, (true, Some(old)));
    let admin = RoomChange::SetRole(Role::Admin);
    world.change(room, ali, Some(young), admin).await;
    assert_eq!(succession().await, (true, Some(young)));
    let remove = RoomChange::Remove {
        successor: Some(young),
    };
    let left = world.change(room, ali, Some(ali), remove).await;
    let kinds: Vec<_> = left.committed.changes.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [EventType::MemberChanged, EventType::MemberLeft]);
    let members = [(old, Role::Member), (young, Role::Owner)];
    assert_eq!(world.members(room).await, members);
}

pub(crate) async fn a_ban_removes_and_keeps_out(world: World) {
    let [ali, sara, reza] = world.users(["علی", "سارا", "رضا"]).await;
    let room = world.room("room", ali, &[sara]).await;
    let banned = world
        .change(room.id, ali, Some(sara), RoomChange::Ban)
        .await;
    assert_eq!(banned.committed.changes[0].kind, EventType::MemberLeft);
    let sight = world.store.room(room.id, sara).await.unwrap().unwrap();
    assert!(sight.is_banned && sight.me.is_none());
    // Who never was in.
    let banned = world
        .change(room.id, ali, Some(reza), RoomChange::Ban)
        .await;
    assert!(banned.committed.changes.is_empty());
    assert!(
        world
            .store
            .room(room.id, reza)
            .await
            .unwrap()
            .unwrap()
            .is_banned
    );
    let page = world
        .store
        .changes(room.id, 0, None, 100)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(
        world
            .store
            .discover("", reza, None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    world
        .change(room.id, ali, Some(reza), RoomChange::Unban)
        .await;
    let sight = world.store.room(room.id, reza).await.unwrap().unwrap();
    assert!(!sight.is_banned && sight.me.is_none());
    assert_eq!(
        world
            .store
            .discover("", reza, None, 10)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

pub(crate) async fn a_patch_that_changes_nothing_takes_no_position(world: World) {
    let ali = world.user("علی").await;
    let room = world.room("room", ali, &[]).await;
    let patch = |name: &str| RoomChange::Patch {
        name: Some(name.to_owned()),
        slug: None,
        description: Some("شرح".to_owned()),
    };
    let changed = world.change(room.id, ali, None, patch("اتاق")).await;
    assert_eq!(changed.committed.changes[0].kind, EventType::RoomChanged);
    assert_eq!(changed.room.last_seq, 2);
    let same = world.change(room.id, ali, None, patch("اتاق")).await;
    assert_eq!((same.room.last_seq, same.committed.changes.len()), (2, 0));
    let sight = world
        .store
        .room_by_slug("اتاق", ali)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(sight.room, changed.room);
    let sight = world
        .store
        .room_by_slug("ROOM", ali)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(sight.room.id, room.id);
}

pub(crate) async fn the_end_of_a_room_is_told_to_all_and_then_purged(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let file = world.file(ali).await;
    let mut message = world.message(room, ali, "@سارا");
    message.attachments = vec![file];
    let sent = world.commit(&[message]).await.results.remove(0).unwrap().0;
    let react = chapar_api::store::messages::MessageChange::React {
        emoji: "👍".to_owned(),
        added: true,
    };
    world.change_message(room, sent.id, sara, react).await;
    let head = world.head(room).await;

    let ended = world.change(room, ali, None, RoomChange::Delete).await;
    assert!(ended.room.is_deleted && ended.room.slug.is_none());
    assert_eq!(
        ended.committed.changes.last().unwrap().kind,
        EventType::RoomDeleted
    );
    let told: Vec<_> = ended.committed.users.iter().map(|bump| bump.user).collect();
    assert_eq!(told, [ali, sara]);
    for bump in &ended.committed.users {
        assert!(matches!(&bump.facts[..], [UserFact::Left { name, .. }] if name == "room"));
    }
    assert!(world.store.room(room, ali).await.unwrap().is_none());
    let page = world
        .store
        .changes(room, head, None, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].kind, EventType::RoomDeleted);
    let late = [world.message(room, ali, "late")];
    let decide = |_: &_, facts: &chapar_api::store::messages::SendFacts| {
        assert!(facts.room.is_none());
        Err(Code::RoomNotFound.into())
    };
    let outcome = world.store.commit_sends(&late, &decide).await.unwrap();
    assert!(outcome.results[0].is_err());

    let mut steps = 0;
    while world.store.purge_rooms(1).await.unwrap() > 0 {
        steps += 1;
        assert!(steps < 100);
    }
    assert!(steps >= 4, "{steps}");
    let page = world
        .store
        .changes(room, 0, None, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(page.items.len(), 1);
    let orphans = world
        .store
        .orphans(chapar_shared::Timestamp::from_micros(0), 10);
    assert_eq!(orphans.await.unwrap()[0].id, file);
}

pub(crate) async fn what_is_refused_leaves_no_trace(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[]).await.id;
    let refuse = |_: &_| Err(Problem::from(Code::Forbidden));
    let at = world.now();
    let refused = world
        .store
        .change_room(room, ali, Some(sara), at, &refuse)
        .await;
    assert_eq!(refusal(refused), Code::Forbidden);
    assert_eq!(world.head(room).await, 1);
    assert_eq!(world.version(sara).await, 1);
    let nowhere = chapar_shared::RoomId(999_999);
    let refused = world
        .store
        .change_room(nowhere, ali, None, at, &refuse)
        .await;
    assert_eq!(refusal(refused), Code::RoomNotFound);
}

pub(crate) async fn read_marks_go_forward_only(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    for n in 0..3 {
        world.send(room, ali, &format!("{n}")).await;
    }
    let mark = async |number| {
        let at = world.now();
        let read = world.store.mark_read(room, sara, number, at, &|_| Ok(()));
        let read = read.await.unwrap();
        (read.read_number, read.has_moved)
    };
    assert_eq!(mark(2).await, (2, true));
    assert_eq!(mark(1).await, (2, false));
    assert_eq!(mark(99).await, (3, true));
    // A send moves its sender's mark.
    let sight = world.store.room(room, ali).await.unwrap().unwrap();
    assert_eq!(sight.me.unwrap().read_number, 3);
    let muted = world
        .store
        .set_muted(room, sara, true)
        .await
        .unwrap()
        .unwrap();
    assert!(muted.is_muted);
    let reza = world.user("رضا").await;
    assert!(
        world
            .store
            .set_muted(room, reza, true)
            .await
            .unwrap()
            .is_none()
    );
    let refused = world.store.mark_read(room, reza, 1, world.now(), &|facts| {
        assert_eq!(facts.actor.role, None);
        Err(Code::NotAMember.into())
    });
    assert_eq!(refusal(refused.await), Code::NotAMember);
}

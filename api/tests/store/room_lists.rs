use chapar_api::store::rooms::{NewRoom, RoomChange};
use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{Timestamp, text};

use crate::world::World;

pub(crate) async fn persian_rooms_are_found_by_arabic_letters(world: World) {
    let ali = world.user("علی").await;
    let room = world.room("کتاب‌های فارسی ۲", ali, &[]).await;
    world.room("دیگر", ali, &[]).await;
    for query in ["كتاب", "هاي فارسي", "2", "ی ٢"] {
        let key = text::search_key(query);
        let found = world.store.discover(&key, ali, None, 10).await.unwrap();
        assert_eq!(found.items.len(), 1, "{query}");
        assert_eq!(found.items[0].room.id, room.id);
    }
}

pub(crate) async fn lists_page_by_key(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        rooms.push(world.room(&format!("room {n}"), ali, &[sara]).await.id);
    }
    // Public rooms are listed by activity to the minute, and within it by id.
    world.send(rooms[0], ali, "as new as the others").await;
    world.send(rooms[4], ali, "newer").await;
    let mut newest = world.message(rooms[1], ali, "newest");
    newest.at = Timestamp::from_micros(newest.at.as_micros() + 120_000_000);
    world.commit(&[newest]).await;
    let by_time = [rooms[1], rooms[4], rooms[0], rooms[3], rooms[2]];
    let by_minute = [rooms[1], rooms[4], rooms[3], rooms[2], rooms[0]];
    let (mut own, mut public) = (Vec::new(), Vec::new());
    let (mut after_own, mut after_public) = (None, None);
    for _ in 0..3 {
        let page = world.store.rooms_of(sara, after_own, 2).await.unwrap();
        own.extend(page.items.iter().map(|sight| sight.room.id));
        after_own = page.next;
        let page = world
            .store
            .discover("room", sara, after_public, 2)
            .await
            .unwrap();
        public.extend(page.items.iter().map(|sight| sight.room.id));
        after_public = page.next;
    }
    assert_eq!((own, after_own), (by_time.to_vec(), None));
    assert_eq!((public, after_public), (by_minute.to_vec(), None));
    let page = world.store.members(rooms[0], None, 1).await.unwrap();
    let rest = world.store.members(rooms[0], page.next, 1).await.unwrap();
    assert_eq!((page.items[0].0.id, rest.items[0].0.id), (ali, sara));
    assert_eq!(rest.next, None);
}

pub(crate) async fn only_who_shares_a_room_is_acquainted(world: World) {
    let [ali, sara, reza, lone] = world.users(["علی", "سارا", "رضا", "lone"]).await;
    let room = world.room("room", ali, &[sara, reza]).await.id;
    let remove = RoomChange::Remove { successor: None };
    world.change(room, reza, Some(reza), remove).await;
    let others = [lone, ali, reza, sara];
    let known = world.store.acquainted(ali, &others).await.unwrap();
    assert_eq!(known, [ali, sara]);
    assert!(world.store.acquainted(ali, &[]).await.unwrap().is_empty());
}

pub(crate) async fn companions_share_a_room_that_is_not_too_large(world: World) {
    let [ali, sara, reza, mina, lone] = world.users(["علی", "سارا", "رضا", "مینا", "lone"]).await;
    world.room("two", sara, &[reza]).await;
    let room = world.room("again", sara, &[reza, mina]).await.id;
    world.room("large", sara, &[ali, mina, reza, lone]).await;
    world.direct(mina, sara).await;
    let remove = RoomChange::Remove { successor: None };
    world.change(room, reza, Some(reza), remove).await;
    let ids = async |user, max, limit| {
        let people = world.store.companions(user, max, limit).await.unwrap();
        people.iter().map(|person| person.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(sara, 3, 10).await, [sara, reza, mina]);
    assert_eq!(ids(sara, 5, 10).await, [sara, ali, reza, mina, lone]);
    assert_eq!(ids(sara, 5, 2).await, [sara, ali]);
    assert_eq!(ids(lone, 3, 10).await, [lone]);
    let everybody = world.store.companions(mina, 3, 10).await.unwrap();
    assert_eq!(everybody[1].username, "سارا");
}

pub(crate) async fn rosters_tell_the_first_members_of_each_room(world: World) {
    let [ali, sara, reza, mina] = world.users(["علی", "سارا", "رضا", "مینا"]).await;
    let room = world.room("first", sara, &[reza, mina]).await.id;
    let other = world.room("other", mina, &[]).await.id;
    world.add(other, mina, ali).await;
    world.add(other, mina, reza).await;
    let remove = RoomChange::Remove { successor: None };
    world.change(other, ali, Some(ali), remove).await;
    let rosters = async |rooms: &[_], limit| {
        let mut rosters = world.store.rosters(rooms, limit).await.unwrap();
        let mut ids = |room| {
            let people = rosters.remove(&room).unwrap_or_default();
            people.iter().map(|person| person.id).collect::<Vec<_>>()
        };
        (ids(room), ids(other))
    };
    let all = (vec![sara, reza, mina], vec![mina, reza]);
    assert_eq!(rosters(&[other, room], 10).await, all);
    assert_eq!(rosters(&[other, room], 3).await, all);
    // Those of the room came in one moment.
    assert_eq!(rosters(&[other, room], 1).await, (vec![sara], vec![mina]));
    assert_eq!(rosters(&[other], 2).await, (vec![], vec![mina, reza]));
    assert_eq!(rosters(&[], 2).await, (vec![], vec![]));
}

pub(crate) async fn named_rooms_that_one_may_know_of_are_listed(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let open = world.room("باز", sara, &[]).await;
    let hidden = NewRoom {
        kind: RoomKind::Private,
        ..world.new_room("پنهان", sara, &[])
    };
    world.store.create_room(hidden).await.unwrap();
    let own = NewRoom {
        kind: RoomKind::Private,
        ..world.new_room("کتاب‌خوانی", sara, &[ali])
    };
    let own = world.store.create_room(own).await.unwrap().0;
    let unnamed = NewRoom {
        kind: RoomKind::Private,
        ..world.new_room("", sara, &[ali])
    };
    world.store.create_room(unnamed).await.unwrap();
    world.direct(ali, sara).await;
    let closed = world.room("بسته", sara, &[]).await;
    world
        .change(closed.id, sara, Some(ali), RoomChange::Ban)
        .await;
    let listed = async |query: &str, before, limit| {
        let key = text::search_key(query);
        let rooms = world.store.listed_rooms(&key, ali, before, limit).await;
        let ids = rooms.unwrap().into_iter().map(|sight| sight.room.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(listed("", None, 10).await, [own.id, open.id]);
    assert_eq!(listed("", None, 1).await, [own.id]);
    assert_eq!(listed("", Some(own.id), 10).await, [open.id]);
    assert_eq!(listed("كتاب خواني", None, 10).await, [own.id]);
    let owners = world.store.owners(&[own.id, open.id]).await.unwrap();
    assert_eq!((owners[&own.id].id, owners[&open.id].id), (sara, sara));
}

pub(crate) async fn rooms_are_found_by_name_and_by_peer(world: World) {
    let [ali, sara, stranger] = world.users(["علی", "سارا", "غریبه"]).await;
    let room = NewRoom {
        kind: RoomKind::Private,
        ..world.new_room("Book Club", sara, &[ali])
    };
    let room = world.store.create_room(room).await.unwrap().0;
    let found = async |user| {
        let found = world.store.own_room_by_name(" book club", user).await;
        found.unwrap().map(|sight| sight.room.id)
    };
    assert_eq!(found(ali).await, Some(room.id));
    assert_eq!(found(stranger).await, None);
    let direct_of = async |user, peer| {
        let found = world.store.direct_room_of(user, peer).await.unwrap();
        found.map(|sight| (sight.room.id, sight.peer.unwrap().id))
    };
    assert_eq!(direct_of(ali, sara).await, None);
    let direct = world.direct(ali, sara).await.id;
    assert_eq!(direct_of(ali, sara).await, Some((direct, sara)));
    assert_eq!(direct_of(sara, ali).await, Some((direct, ali)));
    assert_eq!(direct_of(stranger, ali).await, None);
}

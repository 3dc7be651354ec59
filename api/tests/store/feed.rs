use chapar_api::store::messages::MessageChange;
use chapar_api::store::rooms::RoomChange;
use chapar_shared::protocol::EventType;
use chapar_shared::{NotificationId, RoomId, UserId};

use crate::world::World;

pub(crate) async fn heads_and_recent_changes_are_told(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let old = world.room("old", ali, &[]).await;
    let ended = world.room("ended", ali, &[]).await.id;
    world.change(ended, ali, None, RoomChange::Delete).await;
    let since = world.now();
    let new = world.room("new", ali, &[sara]).await;
    let rooms = [old.id, ended, RoomId(999_999), new.id];
    let users = [ali, UserId(999_999)];
    let (mut heads, versions) = world.store.heads(&rooms, &users).await.unwrap();
    heads.sort_by_key(|head| head.room);
    let told: Vec<_> = heads
        .iter()
        .map(|h| (h.room, h.seq, h.number, h.members))
        .collect();
    assert_eq!(
        told,
        [(old.id, 1, 0, 1), (ended, 2, 0, 0), (new.id, 2, 0, 2)]
    );
    assert_eq!(versions, [(ali, world.version(ali).await)]);

    let (rooms, users) = world.store.changed_since(since, 10).await.unwrap();
    assert_eq!(rooms, [(new.id, 2)]);
    assert_eq!(users.len(), 2);
    world.send(old.id, ali, "سلام").await;
    let (rooms, _) = world.store.changed_since(since, 1).await.unwrap();
    assert_eq!(rooms, [(new.id, 2)]);
    let (rooms, _) = world.store.changed_since(since, 10).await.unwrap();
    assert_eq!(rooms, [(new.id, 2), (old.id, 2)]);
}

pub(crate) async fn a_users_state_is_one_snapshot(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await;
    let direct = world.direct(ali, sara).await;
    let state = async |user| {
        world
            .store
            .user_state(user, NotificationId(0))
            .await
            .unwrap()
    };
    let own = state(sara).await.unwrap();
    assert_eq!(own.version, world.version(sara).await);
    let rooms: Vec<_> = own.rooms.iter().map(|sight| sight.room.id).collect();
    assert_eq!(rooms, [direct.id, room.id]);
    assert_eq!(own.rooms[0].peer.as_ref().unwrap().id, ali);
    assert_eq!(own.notifications.len(), 1);
    assert_eq!(own.read_up_to, NotificationId(0));
    world
        .change(direct.id, sara, Some(sara), RoomChange::Hide)
        .await;
    assert_eq!(state(sara).await.unwrap().rooms.len(), 1);
    world
        .store
        .set_banned(sara, true, world.now())
        .await
        .unwrap();
    let banned = state(sara).await.unwrap();
    assert!(banned.rooms.is_empty() && banned.sessions.is_empty());
    assert_eq!(state(UserId(999_999)).await, None);
}

pub(crate) async fn the_epoch_stays_until_it_is_renewed(world: World) {
    let (one, two) = tokio::join!(world.store.epoch(), world.other.epoch());
    let first = one.unwrap();
    assert_eq!(first, two.unwrap());
    let second = world.store.new_epoch().await.unwrap();
    assert_ne!(first, second);
    assert_eq!(world.other.epoch().await.unwrap(), second);
}

pub(crate) async fn an_unknown_room_has_no_feed(world: World) {
    let unknown = world.store.changes(RoomId(999_999), 0, None, 10).await;
    let unknown = unknown.unwrap();
    assert_eq!(unknown, None);
    world.store.ping().await.unwrap();
    world.other.close().await;
    world.store.ping().await.unwrap();
}

pub(crate) async fn a_later_page_is_told_for_where_the_reader_set_out(world: World) {
    let [ali] = world.users(["علی"]).await;
    let room = world.room("r", ali, &[]).await.id;
    let since = world.head(room).await;
    let first = world.send(room, ali, "نخست").await;
    world.send(room, ali, "دوم").await;
    let edit = MessageChange::Edit {
        content: "ویراسته".to_owned(),
    };
    world.change_message(room, first.id, ali, edit).await;
    let page = async |since, origin| {
        let page = world.store.changes(room, since, origin, 1).await;
        page.unwrap().unwrap()
    };
    let second = page(since, None).await;
    assert_eq!((second.next, second.has_more), (since + 2, true));
    // The first page left the message out, so it is new; to who knew it, it was edited.
    for (origin, kind) in [
        (Some(since), EventType::MessageCreated),
        (Some(since + 1), EventType::MessageEdited),
        (None, EventType::MessageEdited),
        // An origin beyond the position means nothing.
        (Some(since + 9), EventType::MessageEdited),
    ] {
        let last = page(second.next, origin).await;
        assert_eq!(last.items[0].kind, kind, "{origin:?}");
        assert_eq!((last.next, last.has_more), (since + 3, false));
    }
}

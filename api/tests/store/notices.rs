use chapar_api::store::notifications::NewNotice;
use chapar_api::store::{Committed, NotificationRecord, UserFact};
use chapar_shared::protocol::objects::NotificationKind;
use chapar_shared::{NotificationId, UserId};

use crate::world::World;

/// What a user was notified of in one transaction.
fn notified(committed: &Committed, user: UserId) -> Vec<NotificationRecord> {
    let facts = committed
        .users
        .iter()
        .filter(|bump| bump.user == user)
        .flat_map(|bump| &bump.facts);
    facts
        .filter_map(|fact| match fact {
            UserFact::Notified(record) => Some((**record).clone()),
            _ => None,
        })
        .collect()
}

pub(crate) async fn a_direct_message_notifies_the_other(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.direct(ali, sara).await.id;
    // A mention in a direct room is only `direct`.
    let (message, committed) = world.sent(room, ali, "@سارا سلام").await;
    let notice = &notified(&committed, sara)[..];
    assert_eq!(notice.len(), 1);
    assert_eq!(notice[0].kind, NotificationKind::Direct);
    assert_eq!(notice[0].message, Some(message.id));
    assert_eq!(notice[0].sender.id, ali);
    assert_eq!(notice[0].text, "@سارا سلام");
    assert!(notified(&committed, ali).is_empty());
    world.store.set_muted(room, sara, true).await.unwrap();
    let (_, committed) = world.sent(room, ali, "again").await;
    assert!(committed.users.is_empty());
}

pub(crate) async fn mentions_notify_members_who_did_not_mute(world: World) {
    let [ali, sara, muted] = world.users(["علی", "Sara.", "muted"]).await;
    let plain = world.user("sara").await;
    world.user("outside").await;
    let room = world.room("room", ali, &[plain, muted]).await.id;
    world.store.set_muted(room, muted, true).await.unwrap();
    let text = "@SARA. @sara @muted @outside @علی @nobody";
    // `Sara.` is not a member: the next spelling is meant, and only once.
    let (_, committed) = world.sent(room, ali, text).await;
    assert_eq!(notified(&committed, plain).len(), 1);
    assert_eq!(
        notified(&committed, plain)[0].kind,
        NotificationKind::Mention
    );
    assert_eq!(committed.users.len(), 1);
    world.add(room, ali, sara).await;
    let (_, committed) = world.sent(room, ali, "@sara.").await;
    assert_eq!(notified(&committed, sara).len(), 1);
    assert_eq!(committed.users.len(), 1);
}

pub(crate) async fn reading_a_room_reads_its_notifications(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.direct(ali, sara).await.id;
    let mut ids = Vec::new();
    for n in 0..3 {
        let (_, committed) = world.sent(room, ali, &format!("{n}")).await;
        ids.push(notified(&committed, sara)[0].id);
    }
    let version = world.version(sara).await;
    let at = world.now();
    let read = world
        .store
        .mark_read(room, sara, 2, at, &|_| Ok(()))
        .await
        .unwrap();
    assert!(read.committed.changes.is_empty());
    let bump = &read.committed.users[0];
    assert_eq!((bump.user, bump.version), (sara, version + 1));
    let fact = UserFact::NotificationsRead {
        up_to: ids[1],
        room: Some(room),
    };
    assert_eq!(bump.facts, [fact]);
    let state = world.store.user_state(sara, ids[0]).await.unwrap().unwrap();
    assert_eq!(
        (state.read_up_to, state.last_notification),
        (ids[1], ids[2])
    );
    let left: Vec<_> = state
        .notifications
        .iter()
        .map(|n| (n.id, n.read_at.is_some()))
        .collect();
    assert_eq!(left, [(ids[1], true), (ids[2], false)]);
    let again = world
        .store
        .mark_read(room, sara, 2, at, &|_| Ok(()))
        .await
        .unwrap();
    assert_eq!((again.has_moved, again.committed.users.len()), (false, 0));
}

pub(crate) async fn a_long_text_is_cut(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.direct(ali, sara).await.id;
    let (_, committed) = world.sent(room, ali, &"چ".repeat(300)).await;
    assert_eq!(notified(&committed, sara)[0].text, "چ".repeat(200));
}

pub(crate) async fn one_transaction_raises_a_version_once(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.direct(ali, sara).await.id;
    let public = world.room("room", sara, &[ali]).await.id;
    let version = world.version(sara).await;
    let batch = [
        world.message(public, ali, "@سارا one"),
        world.message(room, ali, "two"),
        world.message(public, sara, "three"),
        world.message(room, ali, "four"),
    ];
    let outcome = world.commit(&batch).await;
    assert_eq!(outcome.committed.users.len(), 1);
    assert_eq!(outcome.committed.users[0].version, version + 1);
    let notices = notified(&outcome.committed, sara);
    let texts: Vec<&str> = notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(texts, ["@سارا one", "two", "four"]);
    assert!(notices.is_sorted_by_key(|notice| notice.id));
    assert_eq!(world.version(sara).await, version + 1);
    let state = world.store.user_state(sara, NotificationId(0)).await;
    assert_eq!(state.unwrap().unwrap().notifications, notices);
}

pub(crate) async fn notifications_are_listed_read_and_purged(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.direct(ali, sara).await.id;
    for n in 0..5 {
        world.send(room, ali, &format!("{n}")).await;
    }
    let page = world.store.notifications(sara, None, 2).await.unwrap();
    let texts: Vec<&str> = page.items.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["4", "3"]);
    let page = world.store.notifications(sara, page.next, 2).await.unwrap();
    assert_eq!(page.items[0].text, "2");
    let up_to = page.items[0].id;
    let at = world.now();
    let read = world
        .store
        .read_notifications(sara, up_to, at)
        .await
        .unwrap();
    let fact = UserFact::NotificationsRead { up_to, room: None };
    assert_eq!(read.users[0].facts, [fact]);
    let again = world
        .store
        .read_notifications(sara, up_to, at)
        .await
        .unwrap();
    assert_eq!(again, Committed::default());
    assert_eq!(world.store.purge_notifications(at, 10).await.unwrap(), 0);
    let later = world.now();
    assert_eq!(world.store.purge_notifications(later, 2).await.unwrap(), 2);
    assert_eq!(world.store.purge_notifications(later, 2).await.unwrap(), 1);
    let rest = world.store.notifications(sara, None, 10).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (2, None));
}

pub(crate) async fn a_notice_is_in_a_room_of_both_or_to_oneself(world: World) {
    let [ali, sara, stranger] = world.users(["علی", "سارا", "غریبه"]).await;
    let send = async |recipient| {
        let sender = world.store.user(ali).await.unwrap().unwrap().person;
        let notice = NewNotice {
            sender: sender.into(),
            recipient,
            text: "یادت نرود".to_owned(),
            at: world.now(),
        };
        world.store.notify(notice).await.unwrap()
    };
    assert!(send(stranger).await.is_none());
    let own = send(ali).await.unwrap();
    let own = &notified(&own, ali)[0];
    assert_eq!((own.kind, own.room), (NotificationKind::Notice, None));

    let room = world.room("room", ali, &[sara]).await.id;
    let told = send(sara).await.unwrap();
    assert_eq!(told.users.len(), 1);
    let notice = &notified(&told, sara)[0];
    assert_eq!(notice.room, Some(room));
    assert_eq!((notice.message, notice.sender.id), (None, ali));
    assert_eq!(notice.text, "یادت نرود");
    let listed = world.store.notifications(sara, None, 10).await.unwrap();
    assert_eq!(listed.items[0], *notice);

    // The direct room of the two goes before; a muted room is silent.
    let direct = world.direct(ali, sara).await.id;
    let told = send(sara).await.unwrap();
    assert_eq!(notified(&told, sara)[0].room, Some(direct));
    world.store.set_muted(direct, sara, true).await.unwrap();
    assert_eq!(send(sara).await, Some(Committed::default()));
}

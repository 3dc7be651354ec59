use chapar_api::store::Subject;
use chapar_api::store::messages::{Around, MessageChange};
use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::Role;
use chapar_shared::{Code, MessageId};

use crate::world::{World, refusal};

pub(crate) async fn edits_take_a_position_and_repeats_do_not(world: World) {
    let ali = world.user("علی").await;
    let room = world.room("room", ali, &[]).await.id;
    let sent = world.send(room, ali, "یک").await;
    let edit = MessageChange::Edit {
        content: "دو".to_owned(),
    };
    let edited = world.change_message(room, sent.id, ali, edit.clone()).await;
    assert_eq!(edited.message.content, "دو");
    assert_eq!(edited.message.seq, sent.seq);
    assert_eq!(edited.message.changed_seq, sent.seq + 1);
    assert!(edited.message.edited_at.is_some());
    let change = edited.change.unwrap();
    assert_eq!(
        (change.kind, change.seq),
        (EventType::MessageEdited, sent.seq + 1)
    );
    let again = world.change_message(room, sent.id, ali, edit).await;
    assert_eq!((again.change, again.message), (None, edited.message));
    assert_eq!(world.head(room).await, sent.seq + 1);

    let decide = |facts: &chapar_api::store::messages::MessageFacts| {
        assert_eq!(facts.author_role, Some(Role::Owner));
        assert_eq!(facts.actor.role, Some(Role::Owner));
        Ok(MessageChange::Nothing)
    };
    let at = world.now();
    let nothing = world
        .store
        .change_message(room, sent.id, ali, at, &decide)
        .await;
    assert_eq!(nothing.unwrap().change, None);
    let elsewhere = world.room("elsewhere", ali, &[]).await.id;
    let refused = world
        .store
        .change_message(elsewhere, sent.id, ali, at, &decide)
        .await;
    assert_eq!(refusal(refused), Code::MessageNotFound);
}

pub(crate) async fn a_deleted_message_is_a_tombstone(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let file = world.file(ali).await;
    let mut new = world.message(room, ali, "@سارا");
    new.attachments = vec![file];
    let sent = world.commit(&[new]).await.results.remove(0).unwrap().0;
    let react = MessageChange::React {
        emoji: "👍".to_owned(),
        added: true,
    };
    world
        .change_message(room, sent.id, sara, react.clone())
        .await;
    let after = chapar_shared::NotificationId(0);
    let state = async || world.store.user_state(sara, after).await.unwrap().unwrap();
    // The invitation and the mention.
    assert_eq!(state().await.notifications.len(), 2);

    let deleted = world
        .change_message(room, sent.id, ali, MessageChange::Delete)
        .await;
    let message = deleted.message;
    assert!(message.deleted_at.is_some());
    assert!(message.content.is_empty());
    assert!(message.attachments.is_empty() && message.reactions.is_empty());
    assert_eq!(deleted.change.unwrap().kind, EventType::MessageDeleted);
    assert_eq!(state().await.notifications.len(), 1);
    // It does not change any more.
    for change in [MessageChange::Delete, react] {
        let again = world.change_message(room, sent.id, ali, change).await;
        assert_eq!((again.change, &again.message), (None, &message));
    }
    let listed = world
        .store
        .history(room, ali, Around::Latest, 10)
        .await
        .unwrap();
    assert_eq!(listed.items, [message]);
    let orphans = world
        .store
        .orphans(chapar_shared::Timestamp::from_micros(0), 10);
    assert_eq!(orphans.await.unwrap()[0].id, file);
}

pub(crate) async fn reactions_are_counted_and_marked_for_the_viewer(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let sent = world.send(room, ali, "سلام").await.id;
    let react = |emoji: &str, added| MessageChange::React {
        emoji: emoji.to_owned(),
        added,
    };
    world
        .change_message(room, sent, sara, react("👍", true))
        .await;
    world
        .change_message(room, sent, sara, react("❤️", true))
        .await;
    let both = world
        .change_message(room, sent, ali, react("👍", true))
        .await;
    let change = both.change.unwrap();
    assert_eq!(change.kind, EventType::MessageReacted);
    let Subject::Message(_, Some(reaction)) = &change.subject else {
        panic!("{change:?}")
    };
    assert_eq!((reaction.user, reaction.added), (ali, true));
    let again = world
        .change_message(room, sent, ali, react("👍", true))
        .await;
    assert_eq!(again.change, None);

    let seen = async |viewer| {
        let message = world
            .store
            .message(room, sent, viewer)
            .await
            .unwrap()
            .unwrap();
        let reactions = message.reactions.into_iter();
        reactions
            .map(|one| (one.emoji, one.count, one.is_mine))
            .collect::<Vec<_>>()
    };
    let thumbs = "👍".to_owned();
    let heart = "❤️".to_owned();
    assert_eq!(
        seen(ali).await,
        [(thumbs.clone(), 2, true), (heart.clone(), 1, false)]
    );
    world
        .change_message(room, sent, sara, react("👍", false))
        .await;
    assert_eq!(seen(sara).await, [(heart, 1, true), (thumbs, 1, false)]);
    let taken = world
        .change_message(room, sent, sara, react("👍", false))
        .await;
    assert_eq!(taken.change, None);
}

pub(crate) async fn a_file_is_added_later_by_its_owner_only(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let sent = world.send(room, ali, "سلام").await;
    let (mine, second) = (world.file(ali).await, world.file(ali).await);
    let hers = world.file(sara).await;
    for file in [mine, second] {
        let attach = MessageChange::Attach { file };
        let outcome = world.change_message(room, sent.id, ali, attach).await;
        assert_eq!(outcome.change.unwrap().kind, EventType::MessageEdited);
        assert_eq!(outcome.message.edited_at, None);
    }
    for file in [mine, hers] {
        let decide = |_: &_| Ok(MessageChange::Attach { file });
        let at = world.now();
        let refused = world
            .store
            .change_message(room, sent.id, ali, at, &decide)
            .await;
        assert_eq!(refusal(refused), Code::Invalid);
    }
    let message = world
        .store
        .message(room, sent.id, ali)
        .await
        .unwrap()
        .unwrap();
    let files: Vec<_> = message.attachments.iter().map(|file| file.id).collect();
    assert_eq!(files, [mine, second]);
    assert_eq!(world.head(room).await, sent.seq + 2);
}

pub(crate) async fn history_pages_by_number(world: World) {
    let ali = world.user("علی").await;
    let room = world.room("room", ali, &[]).await.id;
    for n in 1..=10 {
        world.send(room, ali, &format!("{n}")).await;
    }
    let numbers = async |around, limit| {
        let page = world.store.history(room, ali, around, limit).await.unwrap();
        assert_eq!(page.seq, 11);
        page.items.iter().map(|m| m.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(Around::Latest, 3).await, [10, 9, 8]);
    assert_eq!(numbers(Around::Before(8), 3).await, [7, 6, 5]);
    assert_eq!(numbers(Around::Before(1), 3).await, [0_i64; 0]);
    assert_eq!(numbers(Around::After(8), 3).await, [10, 9]);
    assert_eq!(numbers(Around::After(2), 3).await, [5, 4, 3]);
    assert_eq!(numbers(Around::Around(5), 4).await, [6, 5, 4, 3]);
    assert_eq!(numbers(Around::Around(5), 1).await, [5]);
    let none = world.store.message(room, MessageId(999_999), ali).await;
    assert_eq!(none.unwrap(), None);
}

pub(crate) async fn the_latest_of_each_room_is_not_a_deleted_one(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let other = world.room("other", ali, &[]).await.id;
    let empty = world.room("empty", ali, &[]).await.id;
    let first = world.send(room, sara, "یک").await;
    let deleted = world.send(room, ali, "دو").await;
    let only = world.send(other, ali, "سه").await;
    for (room, message) in [(room, deleted.id), (other, only.id)] {
        world
            .change_message(room, message, ali, MessageChange::Delete)
            .await;
    }
    let react = MessageChange::React {
        emoji: "👍".to_owned(),
        added: true,
    };
    world.change_message(room, first.id, ali, react).await;
    let rooms = [room, other, empty];
    let latest = world.store.latest(&rooms, ali).await.unwrap();
    assert_eq!(latest.keys().collect::<Vec<_>>(), [&room]);
    let found = &latest[&room];
    assert_eq!((found.id, found.sender.id), (first.id, sara));
    assert!(found.reactions[0].is_mine);
}

pub(crate) async fn direct_messages_of_all_rooms_are_one_list(world: World) {
    let [ali, sara, omid] = world.users(["علی", "سارا", "امید"]).await;
    let (one, two) = (world.direct(ali, sara).await, world.direct(omid, ali).await);
    let other = world.direct(sara, omid).await;
    let mut sent = Vec::new();
    for at in 0..6 {
        let (room, sender) = [(one.id, ali), (two.id, omid), (one.id, sara)][at % 3];
        sent.push(world.sent(room, sender, &format!("{at}")).await.0.id);
        world.sent(other.id, sara, "of others").await;
    }
    let listed = async |before, limit| {
        let listed = world.store.direct_messages(ali, before, limit).await;
        let listed = listed.unwrap().into_iter();
        listed
            .map(|(message, to)| (message.id, message.sender.id, to))
            .collect::<Vec<_>>()
    };
    let pairs = [(ali, sara), (omid, ali), (sara, ali)].into_iter().cycle();
    let sends = sent.iter().zip(pairs);
    let mut all: Vec<_> = sends.map(|(id, (from, to))| (*id, from, to)).collect();
    all.reverse();
    assert_eq!(listed(None, 100).await, all);
    assert_eq!(listed(None, 2).await, all[..2]);
    assert_eq!(listed(Some(sent[3]), 2).await, all[3..5]);
    let deleted = world.change_message(one.id, sent[5], sara, MessageChange::Delete);
    deleted.await;
    assert_eq!(listed(None, 2).await, all[1..3]);
}

use std::collections::HashSet;
use std::sync::Arc;

use chapar_api::store::Store;
use chapar_api::store::messages::{MessageChange, NewMessage, SendFacts};
use chapar_api::store::rooms::RoomChange;
use chapar_shared::{AttachmentId, Code, MessageId, Problem, RoomId};
use tokio::task::JoinSet;

use crate::world::{World, is_busy};

const SENDS: usize = 2000;
const BATCH: usize = 20;

pub(crate) async fn concurrent_sends_give_a_dense_sequence(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let one = world.room("one", ali, &[sara]).await;
    let two = world.room("two", sara, &[ali]).await;
    let mut tasks = JoinSet::new();
    for task in 0..SENDS / BATCH {
        let node = if task % 2 == 0 {
            &world.store
        } else {
            &world.other
        };
        let node = Arc::clone(node);
        // Rooms and senders in every order, so that wrong lock orders meet.
        let batch: Vec<NewMessage> = (0..BATCH)
            .map(|n| {
                let room = if (n + task) % 2 == 0 { one.id } else { two.id };
                let sender = if (n / 2 + task) % 2 == 0 { ali } else { sara };
                let name = if sender == ali {
                    "@سارا"
                } else {
                    "@علی"
                };
                world.message(room, sender, &format!("{task}/{n} {name}"))
            })
            .collect();
        tasks.spawn(async move {
            let outcome = node.commit_sends(&batch, &|_, _| Ok(())).await.unwrap();
            assert_eq!(outcome.committed.changes.len(), BATCH);
            outcome.results.into_iter().map(|result| result.unwrap().0)
        });
    }
    let mut sent = Vec::new();
    while let Some(messages) = tasks.join_next().await {
        sent.extend(messages.unwrap());
    }
    let ids: HashSet<MessageId> = sent.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), SENDS);
    for room in [one, two] {
        let mut positions: Vec<(i64, i64)> = sent
            .iter()
            .filter(|message| message.room == room.id)
            .map(|message| (message.seq, message.number))
            .collect();
        positions.sort_unstable();
        let count = i64::try_from(positions.len()).unwrap();
        let dense: Vec<(i64, i64)> = (1..=count).map(|n| (room.last_seq + n, n)).collect();
        assert_eq!(positions, dense);
        assert_eq!(world.head(room.id).await, room.last_seq + count);
    }
}

pub(crate) async fn one_nonce_makes_one_message(world: World) {
    let ali = world.user("علی").await;
    let room = world.room("room", ali, &[]).await;
    let mut tasks = JoinSet::new();
    for task in 0..50 {
        let node = if task % 2 == 0 {
            &world.store
        } else {
            &world.other
        };
        let node: Arc<dyn Store> = Arc::clone(node);
        let mut message = world.message(room.id, ali, "یک بار");
        message.nonce = Some("n-1".to_owned());
        // Twice in one batch, too.
        let batch = [message.clone(), message];
        tasks.spawn(async move {
            loop {
                let outcome = node.commit_sends(&batch, &|_, _| Ok(())).await;
                if !is_busy(&outcome) {
                    return outcome.unwrap();
                }
            }
        });
    }
    let (mut ids, mut made, mut published) = (HashSet::new(), 0, 0);
    while let Some(outcome) = tasks.join_next().await {
        let outcome = outcome.unwrap();
        published += outcome.committed.changes.len();
        for result in outcome.results {
            let (message, is_repeat) = result.unwrap();
            assert_eq!(message.nonce.as_deref(), Some("n-1"));
            ids.insert(message.id);
            made += usize::from(!is_repeat);
        }
    }
    assert_eq!((ids.len(), made, published), (1, 1, 1));
    assert_eq!(world.head(room.id).await, room.last_seq + 1);
}

pub(crate) async fn a_nonce_with_another_body_is_refused(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let with = |sender, content: &str| {
        let mut message = world.message(room, sender, content);
        message.nonce = Some("n".to_owned());
        message.is_nonce_hidden = true;
        message
    };
    let outcome = world
        .commit(&[with(ali, "a"), with(ali, "b"), with(sara, "b")])
        .await;
    assert_eq!(outcome.results[0].as_ref().unwrap().0.nonce, None);
    assert_eq!(
        outcome.results[1].as_ref().unwrap_err().code,
        Code::NonceConflict
    );
    assert!(!outcome.results[2].as_ref().unwrap().1);
    // Whatever the rules say by now.
    let refuse = |_: &NewMessage, _: &SendFacts<'_>| Err(Problem::from(Code::NotAMember));
    let batch = [with(ali, "b"), with(ali, "a")];
    let again = world.other.commit_sends(&batch, &refuse).await.unwrap();
    assert_eq!(
        again.results[0].as_ref().unwrap_err().code,
        Code::NonceConflict
    );
    let first = outcome.results[0].as_ref().unwrap();
    assert_eq!(again.results[1].as_ref().unwrap(), &(first.0.clone(), true));
    assert!(again.committed.changes.is_empty() && again.committed.users.is_empty());
}

pub(crate) async fn repeats_do_not_disturb_their_neighbours(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await;
    let with = |nonce: &str| {
        let mut message = world.message(room.id, ali, nonce);
        message.nonce = Some(nonce.to_owned());
        message
    };
    let before = world.commit(&[with("1"), with("2")]).await;
    let batch = [
        with("1"),
        with("3"),
        with("2"),
        world.message(room.id, sara, "بدون"),
    ];
    let refuse_second = |new: &NewMessage, _: &SendFacts<'_>| match new.content.as_str() {
        "2" => Err(Problem::from(Code::NotAMember)),
        _ => Ok(()),
    };
    let outcome = world
        .store
        .commit_sends(&batch, &refuse_second)
        .await
        .unwrap();
    let results: Vec<_> = outcome.results.into_iter().map(Result::unwrap).collect();
    let are_repeats: Vec<bool> = results.iter().map(|(_, is_repeat)| *is_repeat).collect();
    assert_eq!(are_repeats, [true, false, true, false]);
    for (again, first) in [(0, 0), (2, 1)] {
        assert_eq!(results[again].0, before.results[first].as_ref().unwrap().0);
    }
    assert_eq!((results[1].0.number, results[3].0.number), (3, 4));
    assert!(results[1].0.id < results[3].0.id);
    assert_eq!(outcome.committed.changes.len(), 2);
    assert_eq!(world.head(room.id).await, room.last_seq + 4);
}

pub(crate) async fn a_refused_message_does_not_disturb_its_neighbours(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[]).await;
    let mut refused = world.message(room.id, ali, "bad");
    refused.nonce = Some("n".to_owned());
    let mut second = world.message(room.id, ali, "good");
    second.nonce = Some("n".to_owned());
    let batch = [
        world.message(room.id, ali, "one"),
        refused,
        world.message(room.id, sara, "outside"),
        world.message(RoomId(999_999), ali, "nowhere"),
        second,
    ];
    let decide = |new: &NewMessage, facts: &chapar_api::store::messages::SendFacts| {
        if facts.room.is_none() {
            return Err(Problem::from(Code::RoomNotFound));
        }
        if facts.sender.role.is_none() {
            return Err(Code::NotAMember.into());
        }
        if new.content == "bad" {
            return Err(Code::Invalid.into());
        }
        Ok(())
    };
    let outcome = world.store.commit_sends(&batch, &decide).await.unwrap();
    let codes: Vec<Option<Code>> = outcome
        .results
        .iter()
        .map(|result| result.as_ref().err().map(|problem| problem.code))
        .collect();
    let expected = [
        None,
        Some(Code::Invalid),
        Some(Code::NotAMember),
        Some(Code::RoomNotFound),
        None,
    ];
    assert_eq!(codes, expected);
    // A nonce is taken by what is committed alone.
    let (good, is_repeat) = outcome.results[4].as_ref().unwrap();
    assert_eq!(
        (good.number, good.seq, *is_repeat),
        (2, room.last_seq + 2, false)
    );
    let seqs: Vec<i64> = outcome
        .committed
        .changes
        .iter()
        .map(|change| change.seq)
        .collect();
    assert_eq!(seqs, [room.last_seq + 1, room.last_seq + 2]);
}

pub(crate) async fn replies_and_files_are_checked_under_the_lock(world: World) {
    let [ali, sara] = world.users(["علی", "سارا"]).await;
    let room = world.room("room", ali, &[sara]).await.id;
    let elsewhere = world.room("elsewhere", ali, &[]).await.id;
    let target = world.send(room, ali, "target").await;
    let gone = world.send(room, ali, "gone").await;
    world
        .change_message(room, gone.id, ali, MessageChange::Delete)
        .await;
    let foreign = world.send(elsewhere, ali, "foreign").await;
    let (mine, hers) = (world.file(ali).await, world.file(sara).await);

    let reply = |to: MessageId| {
        let mut message = world.message(room, ali, "reply");
        message.reply_to = Some(to);
        message
    };
    let attach = |files: &[AttachmentId]| {
        let mut message = world.message(room, ali, "");
        message.attachments = files.to_vec();
        message
    };
    let batch = [
        reply(target.id),
        reply(gone.id),
        reply(foreign.id),
        attach(&[mine]),
        attach(&[mine]),
        attach(&[hers]),
        attach(&[AttachmentId(999_999)]),
    ];
    let seen = std::sync::Mutex::new(Vec::new());
    let decide = |_: &_, facts: &chapar_api::store::messages::SendFacts| {
        let is_good = facts.has_reply_target && facts.has_attachments;
        seen.lock().unwrap().push(is_good);
        if is_good {
            Ok(())
        } else {
            Err(Code::Invalid.into())
        }
    };
    let outcome = world.store.commit_sends(&batch, &decide).await.unwrap();
    let expected = [true, false, false, true, false, false, false];
    assert_eq!(*seen.lock().unwrap(), expected);
    let attached = &outcome.results[3].as_ref().unwrap().0;
    assert_eq!(attached.attachments[0].id, mine);
    let read = world
        .store
        .message(room, attached.id, ali)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read, **attached);
    assert_eq!(
        outcome.results[0].as_ref().unwrap().0.reply_to,
        Some(target.id)
    );
}

pub(crate) async fn a_batch_over_many_rooms_answers_in_order(world: World) {
    let ali = world.user("علی").await;
    let mut rooms = Vec::new();
    for n in 0..4 {
        rooms.push(world.room(&format!("room {n}"), ali, &[]).await.id);
    }
    let batch: Vec<NewMessage> = (0..40)
        .map(|n| world.message(rooms[(n * 7) % 4], ali, &format!("{n}")))
        .collect();
    let outcome = world.commit(&batch).await;
    for (new, result) in batch.iter().zip(&outcome.results) {
        let (message, _) = result.as_ref().unwrap();
        assert_eq!((&message.content, message.room), (&new.content, new.room));
        let read = world
            .store
            .message(message.room, message.id, ali)
            .await
            .unwrap();
        assert_eq!(read.as_ref(), Some(&**message));
    }
    let order: Vec<(RoomId, i64)> = outcome
        .committed
        .changes
        .iter()
        .map(|c| (c.room, c.seq))
        .collect();
    assert!(order.is_sorted());
    assert!(world.commit(&[]).await.results.is_empty());
}

/// Locks are waited for up to a minute here, so that only a deadlock would be [`chapar_api::StoreError::Busy`],
/// which every step takes for a failure.
pub(crate) async fn writes_of_all_kinds_that_meet_do_not_deadlock(world: World) {
    let users = world.users(["علی", "سارا", "رضا"]).await;
    let [ali, sara, reza] = users;
    let one = world.room("one", ali, &[sara, reza]).await.id;
    let two = world.room("two", sara, &[ali]).await.id;
    let direct = world.direct(ali, sara).await.id;
    let step = async |n: usize| {
        let (one_user, other) = (users[n % 3], users[(n / 3) % 3]);
        match n % 8 {
            0 | 1 => {
                let mut batch = [
                    world.message(one, ali, "@سارا @رضا"),
                    world.message(direct, sara, "سلام"),
                    world.message(two, sara, "@علی @رضا"),
                    world.message(direct, ali, "سلام"),
                ];
                if n % 16 > 7 {
                    batch.reverse();
                }
                world.commit(&batch).await;
            }
            2 => {
                let at = world.now();
                let decide = |_: &_| Ok(());
                let read = world.other.mark_read(direct, sara, i64::MAX, at, &decide);
                read.await.unwrap();
            }
            3 => {
                let (at, up_to) = (world.now(), chapar_shared::NotificationId(i64::MAX));
                let read = world.other.read_notifications(one_user, up_to, at);
                read.await.unwrap();
            }
            4 => {
                world.add(two, sara, reza).await;
            }
            5 => {
                let remove = RoomChange::Remove { successor: None };
                world.change(two, reza, Some(reza), remove).await;
            }
            6 => {
                world
                    .change(direct, one_user, Some(one_user), RoomChange::Hide)
                    .await;
                world.direct(ali, sara).await;
            }
            _ => {
                let room = world.room(&format!("new {n}"), one_user, &[]).await.id;
                if other != one_user {
                    world.add(room, one_user, other).await;
                }
                world.change(room, one_user, None, RoomChange::Delete).await;
            }
        }
    };
    futures_util::future::join_all((0..400).map(step)).await;
    for room in [one, two, direct] {
        let page = world
            .store
            .changes(room, 0, None, 1000)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page.next, world.head(room).await);
    }
}

//! Waits end: a lock that is not had in time is busy, and what was begun leaves nothing behind.

use std::time::Duration;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{RoomId, Timestamp, UserId};

use super::db::{Store, scratch};
use crate::error::StoreError;
use crate::store::messages::{Messages as _, NewMessage};
use crate::store::rooms::{NewRoom, Rooms as _};
use crate::store::users::{NewUser, Users as _};
use crate::store::{Feed as _, Store as _, StoreConfig};

pub(super) async fn room(store: &Store) -> (RoomId, UserId) {
    let at = Timestamp::from_micros(1);
    let user = NewUser {
        username: "علی".to_owned(),
        email: None,
        display_name: "علی".to_owned(),
        password_hash: "-".to_owned(),
        at,
    };
    let owner = store.create_user(user).await.unwrap().person.id;
    let room = NewRoom {
        kind: RoomKind::Private,
        name: "اتاق".to_owned(),
        slug: "اتاق".to_owned(),
        is_slug_chosen: false,
        description: String::new(),
        owner,
        members: Vec::new(),
        max_rooms: 10,
        at,
    };
    (store.create_room(room).await.unwrap().0.id, owner)
}

pub(super) fn message(room: RoomId, sender: UserId) -> NewMessage {
    NewMessage {
        room,
        sender,
        content: "سلام".to_owned(),
        body_hash: String::new(),
        nonce: None,
        is_nonce_hidden: false,
        reply_to: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
        at: Timestamp::from_micros(2),
    }
}

#[tokio::test]
async fn a_lock_that_is_not_had_in_time_is_busy() {
    let (config, _folder) = scratch().await;
    let holder = Store::open(&config).unwrap();
    holder.migrate().await.unwrap();
    let (room, sender) = room(&holder).await;
    let waiter = Store::open(&StoreConfig {
        lock_timeout: Duration::from_millis(50),
        ..config
    })
    .unwrap();
    let batch = [message(room, sender)];
    let mut tx = holder.begin_write().await.unwrap();
    sqlx::query("UPDATE rooms SET changed_at = 3 WHERE id = $1")
        .bind(room.0)
        .execute(&mut *tx)
        .await
        .unwrap();
    let refused = waiter.commit_sends(&batch, &|_, _| Ok(())).await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    drop(tx);
    let sent = waiter.commit_sends(&batch, &|_, _| Ok(())).await.unwrap();
    assert_eq!(sent.results[0].as_ref().unwrap().0.number, 1);
    let (rooms, _) = holder
        .changed_since(Timestamp::from_micros(3), 10)
        .await
        .unwrap();
    assert!(rooms.is_empty(), "the dropped transaction was rolled back");
}

#[tokio::test]
async fn a_closed_store_is_not_available() {
    let (config, _folder) = scratch().await;
    let store = Store::open(&config).unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    store.close().await;
    let closed = store.ping().await;
    assert!(
        matches!(closed, Err(StoreError::Unavailable(_))),
        "{closed:?}"
    );
}

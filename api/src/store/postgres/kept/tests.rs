//! Sends share a connection, which is in nobody's way.

use std::time::Duration;

use tokio::time::timeout;

use chapar_shared::{RoomId, UserId};

use super::super::db::{Store, scratch};
use super::super::waits::{message, room};
use super::{FRESH, TERM};
use crate::error::StoreError;
use crate::store::messages::Messages as _;
use crate::store::{Store as _, StoreConfig};

const PATIENCE: Duration = Duration::from_secs(20);

async fn open(max_connections: u32) -> (Store, RoomId, UserId) {
    let (config, _folder) = scratch().await;
    let config = StoreConfig {
        max_connections,
        ..config
    };
    let store = Store::open(&config).unwrap();
    store.migrate().await.unwrap();
    let (room, sender) = room(&store).await;
    (store, room, sender)
}

async fn send(store: &Store, room: RoomId, sender: UserId) -> Result<(), StoreError> {
    let batch = [message(room, sender)];
    store.commit_sends(&batch, &|_, _| Ok(())).await.map(|_| ())
}

/// The server's process behind the kept connection.
async fn process(store: &Store) -> i32 {
    let mut conn = store.kept.lock().conn.take().expect("one is kept");
    let id = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    store.kept.put(conn, &store.pool);
    id
}

/// Ends that process, and waits for its end.
async fn terminate(store: &Store) -> i32 {
    let id = process(store).await;
    sqlx::query("SELECT pg_terminate_backend($1, 20000)")
        .bind(id)
        .execute(&store.pool)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn sends_one_after_the_other_share_a_connection() {
    let (store, room, sender) = open(4).await;
    send(&store, room, sender).await.unwrap();
    let first = process(&store).await;
    // All others, which are in turn afterwards.
    let others = [(); 3].map(|()| store.pool.acquire());
    let others = futures_util::future::try_join_all(others).await.unwrap();
    let main = store.pools()[0];
    assert_eq!(
        (main.used, main.idle),
        (3, 1),
        "the kept one waits for work"
    );
    drop(others);
    for _ in 0..4 {
        send(&store, room, sender).await.unwrap();
        assert_eq!(process(&store).await, first);
    }
}

#[tokio::test]
async fn sends_at_the_same_time_have_connections_of_their_own() {
    let (store, room, sender) = open(4).await;
    send(&store, room, sender).await.unwrap();
    let kept = store.sender().await.unwrap();
    timeout(PATIENCE, send(&store, room, sender))
        .await
        .expect("another connection is taken")
        .unwrap();
    store.keep_sender(kept);
    assert!(store.kept.is_kept());
}

#[tokio::test]
async fn the_only_connection_is_not_kept() {
    let (store, room, sender) = open(1).await;
    send(&store, room, sender).await.unwrap();
    timeout(PATIENCE, store.ping()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_rested_is_tried_first() {
    let (store, room, sender) = open(4).await;
    send(&store, room, sender).await.unwrap();
    terminate(&store).await;
    store.kept.lock().used -= FRESH;
    send(&store, room, sender).await.unwrap();
}

#[tokio::test]
async fn a_connection_goes_through_the_pool_once_in_a_term() {
    let (store, room, sender) = open(4).await;
    send(&store, room, sender).await.unwrap();
    store.kept.lock().since -= TERM;
    send(&store, room, sender).await.unwrap();
    assert!(!store.kept.is_kept(), "the pool may end it");
    send(&store, room, sender).await.unwrap();
    assert!(store.kept.is_kept());
}

#[tokio::test]
async fn a_broken_connection_is_given_up() {
    let (store, room, sender) = open(4).await;
    send(&store, room, sender).await.unwrap();
    let broken = terminate(&store).await;
    // As with any connection that breaks, whether that was committed is not known.
    let first = send(&store, room, sender).await;
    assert!(
        matches!(first, Ok(()) | Err(StoreError::Unavailable(_))),
        "{first:?}"
    );
    send(&store, room, sender).await.unwrap();
    assert_ne!(process(&store).await, broken);
}

#[tokio::test]
async fn a_closing_store_does_not_wait_for_it() {
    let (store, room, sender) = open(4).await;
    send(&store, room, sender).await.unwrap();
    let late = store.sender().await.unwrap();
    send(&store, room, sender).await.unwrap();
    let keep_late = async {
        store.pool.close_event().await;
        store.keep_sender(late);
    };
    let closing = futures_util::future::join(store.close(), keep_late);
    timeout(PATIENCE, closing).await.expect("it is closed");
}

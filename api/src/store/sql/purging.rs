//! Removing what is left of ended rooms, in bounded steps.

use super::db::{Conn, any, ids};
use crate::error::StoreError;

/// Removes what is left of ended rooms, at most `limit` rows; by index `rooms_unpurged`.
pub(super) async fn purge(conn: &mut Conn, limit: i64) -> Result<u64, StoreError> {
    loop {
        let room: Option<(i64,)> = sqlx::query_as(
            "SELECT id FROM rooms WHERE deleted_at IS NOT NULL AND is_purged = 0
             ORDER BY id LIMIT 1",
        )
        .fetch_optional(&mut *conn)
        .await?;
        let Some((room,)) = room else {
            return Ok(0);
        };
        let removed = purge_messages(conn, room, limit).await?;
        if removed > 0 {
            return Ok(removed);
        }
        let removed = purge_members(conn, room, limit).await?;
        if removed > 0 {
            return Ok(removed);
        }
        sqlx::query("UPDATE rooms SET is_purged = 1 WHERE id = $1")
            .bind(room)
            .execute(&mut *conn)
            .await?;
    }
}

/// Messages are removed after their reactions; files outlive them.
async fn purge_messages(conn: &mut Conn, room: i64, limit: i64) -> Result<u64, StoreError> {
    // By index `messages_number`.
    let messages: Vec<(i64,)> =
        sqlx::query_as("SELECT id FROM messages WHERE room_id = $1 ORDER BY number LIMIT $2")
            .bind(room)
            .bind(limit)
            .fetch_all(&mut *conn)
            .await?;
    if messages.is_empty() {
        return Ok(0);
    }
    let messages = || ids(messages.iter().map(|(id,)| *id));
    let reactions = sqlx::query(concat!(
        "DELETE FROM reactions WHERE (message_id, emoji, user_id) IN (
             SELECT message_id, emoji, user_id FROM reactions WHERE message_id ",
        any!("$1"),
        " LIMIT $2)"
    ))
    .bind(messages())
    .bind(limit)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if reactions > 0 {
        return Ok(reactions);
    }
    sqlx::query(concat!(
        "UPDATE attachments SET is_orphaned = 1, message_id = NULL WHERE message_id ",
        any!("$1")
    ))
    .bind(messages())
    .execute(&mut *conn)
    .await?;
    sqlx::query(concat!(
        "DELETE FROM notifications WHERE message_id ",
        any!("$1")
    ))
    .bind(messages())
    .execute(&mut *conn)
    .await?;
    let removed = sqlx::query(concat!("DELETE FROM messages WHERE id ", any!("$1")))
        .bind(messages())
        .execute(conn)
        .await?
        .rows_affected();
    Ok(removed)
}

async fn purge_members(conn: &mut Conn, room: i64, limit: i64) -> Result<u64, StoreError> {
    let removed = sqlx::query(
        "DELETE FROM members WHERE room_id = $1 AND user_id IN (
             SELECT user_id FROM members WHERE room_id = $1 LIMIT $2)",
    )
    .bind(room)
    .bind(limit)
    .execute(conn)
    .await?
    .rows_affected();
    Ok(removed)
}

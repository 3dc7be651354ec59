//! Messages with all that is shown with them: a page of any size in three statements.

use std::collections::HashMap;

use chapar_shared::UserId;

use super::db::{Conn, any, ids};
use crate::error::StoreError;
use crate::store::records::{FileRecord, MessageRecord, ReactionRecord};
use crate::store::rows::{FileRow, MessageRow};

/// Whose reactions are marked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Viewer {
    /// Nobody's.
    Nobody,
    /// One user's.
    User(UserId),
    /// Of each message its author's.
    Author,
}

#[derive(sqlx::FromRow)]
struct ReactionRow {
    message_id: i64,
    emoji: String,
    count: i64,
    is_mine: i64,
}

/// Adds attachments and reactions; the messages keep their order.
pub(super) async fn complete(
    conn: &mut Conn,
    messages: Vec<MessageRow>,
    viewer: Viewer,
) -> Result<Vec<MessageRecord>, StoreError> {
    // Tombstones have neither.
    let alive: Vec<i64> = messages
        .iter()
        .filter(|message| message.deleted_at.is_none())
        .map(|message| message.id)
        .collect();
    let mut records: Vec<MessageRecord> = messages.into_iter().map(MessageRecord::from).collect();
    if alive.is_empty() {
        return Ok(records);
    }
    let mut files = attachments(conn, &alive).await?;
    let mut reactions = reactions(conn, &alive, viewer).await?;
    for record in &mut records {
        record.attachments = files.remove(&record.id.0).unwrap_or_default();
        record.reactions = reactions.remove(&record.id.0).unwrap_or_default();
    }
    Ok(records)
}

/// By index `attachments_message`.
async fn attachments(
    conn: &mut Conn,
    messages: &[i64],
) -> Result<HashMap<i64, Vec<FileRecord>>, StoreError> {
    let rows: Vec<FileRow> = sqlx::query_as(concat!(
        "SELECT id, owner_id, message_id, name, content_type, size, width, height, has_thumbnail,
                object, created_at, is_orphaned
         FROM attachments WHERE is_orphaned = 0 AND message_id ",
        any!("$1"),
        " ORDER BY message_id, position, id"
    ))
    .bind(ids(messages.iter().copied()))
    .fetch_all(conn)
    .await?;
    let mut files: HashMap<i64, Vec<FileRecord>> = HashMap::new();
    for row in rows {
        if let Some(message) = row.message_id {
            files.entry(message).or_default().push(row.into());
        }
    }
    Ok(files)
}

/// By the primary key.
async fn reactions(
    conn: &mut Conn,
    messages: &[i64],
    viewer: Viewer,
) -> Result<HashMap<i64, Vec<ReactionRecord>>, StoreError> {
    // No user has id 0.
    let viewer = match viewer {
        Viewer::Nobody => Some(0),
        Viewer::User(user) => Some(user.0),
        Viewer::Author => None,
    };
    let rows: Vec<ReactionRow> = sqlx::query_as(concat!(
        "SELECT x.message_id, x.emoji, COUNT(*) AS count,
                CAST(MAX(CASE WHEN x.user_id = COALESCE(CAST($2 AS bigint), m.sender_id)
                         THEN 1 ELSE 0 END) AS bigint) AS is_mine
         FROM reactions x JOIN messages m ON m.id = x.message_id
         WHERE x.message_id ",
        any!("$1"),
        " GROUP BY x.message_id, x.emoji ORDER BY x.message_id, MIN(x.created_at), x.emoji"
    ))
    .bind(ids(messages.iter().copied()))
    .bind(viewer)
    .fetch_all(conn)
    .await?;
    let mut reactions: HashMap<i64, Vec<ReactionRecord>> = HashMap::new();
    for row in rows {
        let list = reactions.entry(row.message_id).or_default();
        list.push(ReactionRecord {
            emoji: row.emoji,
            count: row.count,
            is_mine: row.is_mine == 1,
        });
    }
    Ok(reactions)
}

//! Finding rooms by what people call them, and the lists that name all rooms one may know of.

use std::collections::HashMap;

use chapar_shared::text::identity;
use chapar_shared::{MessageId, RoomId, UserId};

use super::bodies::{Viewer, complete};
use super::db::{Conn, Db, any, holds, ids};
use crate::error::StoreError;
use crate::store::records::{MessageRecord, Person, RoomSight};
use crate::store::rows::{
    MessageRow, PersonRow, SightRow, message_columns, person_columns, sights,
};

type Readers = sqlx::Pool<Db>;

/// By index `members_user`.
pub(super) async fn own_by_name(
    readers: &Readers,
    name: &str,
    user: UserId,
) -> Result<Option<RoomSight>, StoreError> {
    // Postgres keeps no NUL, so no room has such a name.
    if name.contains('\0') {
        return Ok(None);
    }
    let row: Option<SightRow> = sqlx::query_as(concat!(
        sights!(),
        "WHERE m.user_id = $1 AND m.left_at IS NULL AND r.kind = 'private' AND r.name_key = $2
           AND r.deleted_at IS NULL
         ORDER BY r.id LIMIT 1"
    ))
    .bind(user.0)
    .bind(identity(name.trim()))
    .fetch_optional(readers)
    .await?;
    row.map(RoomSight::try_from).transpose()
}

/// By index `rooms_direct`.
pub(super) async fn direct(
    readers: &Readers,
    user: UserId,
    peer: UserId,
) -> Result<Option<RoomSight>, StoreError> {
    let row: Option<SightRow> = sqlx::query_as(concat!(
        sights!(),
        "WHERE r.kind = 'direct' AND r.direct_low = $2 AND r.direct_high = $3 AND r.deleted_at IS NULL"
    ))
    .bind(user.0)
    .bind(user.0.min(peer.0))
    .bind(user.0.max(peer.0))
    .fetch_optional(readers)
    .await?;
    row.map(RoomSight::try_from).transpose()
}

/// By indexes `rooms_public` (in SQLite perhaps the primary key) and `members_user`, each half up to the limit.
const LISTED: &str = concat!(
    sights!(),
    "WHERE r.id IN (SELECT id FROM (
         SELECT p.id FROM rooms p
         WHERE p.kind = 'public' AND p.deleted_at IS NULL AND p.id < $3 AND ",
    holds!("p.search_key", "$2"),
    " AND NOT EXISTS (
             SELECT 1 FROM members b WHERE b.room_id = p.id AND b.user_id = $1 AND b.is_banned = 1)
         ORDER BY p.id DESC LIMIT $4) AS open
     UNION SELECT id FROM (
         SELECT o.id FROM members k JOIN rooms o ON o.id = k.room_id
         WHERE k.user_id = $1 AND k.left_at IS NULL AND o.kind = 'private' AND o.name <> ''
           AND o.deleted_at IS NULL AND o.id < $3 AND ",
    holds!("o.search_key", "$2"),
    " ORDER BY o.id DESC LIMIT $4) AS own)
     ORDER BY r.id DESC LIMIT $4"
);

pub(super) async fn rooms(
    readers: &Readers,
    query: &str,
    viewer: UserId,
    before: Option<RoomId>,
    limit: u32,
) -> Result<Vec<RoomSight>, StoreError> {
    let rows: Vec<SightRow> = sqlx::query_as(LISTED)
        .bind(viewer.0)
        .bind(query)
        .bind(before.map_or(i64::MAX, |room| room.0))
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await?;
    rows.into_iter().map(RoomSight::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct OwnerRow {
    room_id: i64,
    #[sqlx(flatten)]
    person: PersonRow,
}

/// By index `members_role`.
pub(super) async fn owners(
    readers: &Readers,
    rooms: &[RoomId],
) -> Result<HashMap<RoomId, Person>, StoreError> {
    let rows: Vec<OwnerRow> = sqlx::query_as(concat!(
        "SELECT m.room_id, ",
        person_columns!("u"),
        " FROM members m JOIN users u ON u.id = m.user_id
          WHERE m.role = 'owner' AND m.left_at IS NULL AND m.room_id ",
        any!("$1"),
        " ORDER BY m.room_id, m.joined_at, m.user_id"
    ))
    .bind(ids(rooms.iter().map(|room| room.0)))
    .fetch_all(readers)
    .await?;
    let mut owners = HashMap::new();
    for row in rows {
        let owner = owners.entry(RoomId(row.room_id));
        owner.or_insert_with(|| Person::from(row.person));
    }
    Ok(owners)
}

#[derive(sqlx::FromRow)]
struct DirectRow {
    #[sqlx(flatten)]
    message: MessageRow,
    receiver_id: i64,
}

/// By indexes `members_user` and `messages_number`: of each direct room no more than could be among the newest.
pub(super) const DIRECT_MESSAGES: &str = concat!(
    "SELECT ",
    message_columns!(),
    ", CASE WHEN r.direct_low = m.sender_id THEN r.direct_high ELSE r.direct_low END AS receiver_id
     FROM members k
     JOIN rooms r ON r.id = k.room_id AND r.kind = 'direct' AND r.deleted_at IS NULL
     JOIN messages m ON m.room_id = r.id AND m.id < $2 AND m.deleted_at IS NULL
       AND m.number >= COALESCE((
           SELECT x.number FROM messages x
           WHERE x.room_id = r.id AND x.id < $2 AND x.deleted_at IS NULL
           ORDER BY x.number DESC LIMIT 1 OFFSET $3 - 1), 0)
     JOIN users u ON u.id = m.sender_id
     WHERE k.user_id = $1 AND k.left_at IS NULL AND k.is_hidden = 0
     ORDER BY m.id DESC LIMIT $3"
);

/// With who received each.
pub(super) async fn direct_messages(
    conn: &mut Conn,
    user: UserId,
    before: Option<MessageId>,
    limit: u32,
) -> Result<Vec<(MessageRecord, UserId)>, StoreError> {
    let rows: Vec<DirectRow> = sqlx::query_as(DIRECT_MESSAGES)
        .bind(user.0)
        .bind(before.map_or(i64::MAX, |message| message.0))
        .bind(i64::from(limit.max(1)))
        .fetch_all(&mut *conn)
        .await?;
    let (messages, receivers): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .map(|row| (row.message, UserId(row.receiver_id)))
        .unzip();
    let messages = complete(conn, messages, Viewer::User(user)).await?;
    Ok(messages.into_iter().zip(receivers).collect())
}

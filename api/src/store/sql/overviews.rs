//! What a list of rooms shows of each: who is in it and its newest message. One statement for the whole list.

use std::collections::HashMap;

use chapar_shared::{RoomId, UserId};

use super::bodies::{Viewer, complete};
use super::db::{Conn, any, ids};
use crate::error::StoreError;
use crate::store::records::{MessageRecord, Person};
use crate::store::rows::{MessageRow, PersonRow, messages, person_columns};

#[derive(sqlx::FromRow)]
struct RosterRow {
    room_id: i64,
    #[sqlx(flatten)]
    person: PersonRow,
}

/// By index `members_room`, twice: up to where the first `limit` members of each room came, and those. Members that
/// came in one moment with the last are read too and cut off after.
pub(super) const ROSTERS: &str = concat!(
    "WITH wanted (id, latest) AS (
         SELECT r.id, COALESCE((
             SELECT b.joined_at FROM members b WHERE b.room_id = r.id AND b.left_at IS NULL
             ORDER BY b.joined_at, b.user_id LIMIT 1 OFFSET $2), 9223372036854775807)
         FROM rooms r WHERE r.id ",
    any!("$1"),
    ")
     SELECT m.room_id, ",
    person_columns!("u"),
    " FROM wanted w
      JOIN members m ON m.room_id = w.id AND m.left_at IS NULL AND m.joined_at <= w.latest
      JOIN users u ON u.id = m.user_id
      ORDER BY m.room_id, m.joined_at, m.user_id"
);

/// Of each room at most the first `limit` members, in the order in which they came.
pub(super) async fn rosters(
    conn: &mut Conn,
    rooms: &[RoomId],
    limit: u32,
) -> Result<HashMap<RoomId, Vec<Person>>, StoreError> {
    let limit = limit.max(1);
    let rows: Vec<RosterRow> = sqlx::query_as(ROSTERS)
        .bind(ids(rooms.iter().map(|room| room.0)))
        .bind(i64::from(limit) - 1)
        .fetch_all(conn)
        .await?;
    let mut rosters: HashMap<RoomId, Vec<Person>> = HashMap::new();
    for row in rows {
        let people = rosters.entry(RoomId(row.room_id)).or_default();
        if people.len() < limit as usize {
            people.push(row.person.into());
        }
    }
    Ok(rosters)
}

/// By index `messages_number`: back from the head to the first that was not deleted.
pub(super) const LATEST: &str = concat!(
    "WITH wanted (room, number) AS MATERIALIZED (
         SELECT r.id, (
             SELECT x.number FROM messages x WHERE x.room_id = r.id AND x.deleted_at IS NULL
             ORDER BY x.number DESC LIMIT 1)
         FROM rooms r WHERE r.id ",
    any!("$1"),
    ") ",
    messages!(),
    "JOIN wanted w ON w.room = m.room_id AND w.number = m.number"
);

/// Of each room the newest message that was not deleted, as `viewer` sees it.
pub(super) async fn latest(
    conn: &mut Conn,
    rooms: &[RoomId],
    viewer: UserId,
) -> Result<HashMap<RoomId, MessageRecord>, StoreError> {
    let rows: Vec<MessageRow> = sqlx::query_as(LATEST)
        .bind(ids(rooms.iter().map(|room| room.0)))
        .fetch_all(&mut *conn)
        .await?;
    let messages = complete(conn, rows, Viewer::User(viewer)).await?;
    let by_room = messages.into_iter().map(|message| (message.room, message));
    Ok(by_room.collect())
}

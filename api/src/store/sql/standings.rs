//! Locks of rooms and users, and how users stand to a room. Rooms are locked before users, each in the
//! order of ids.

use std::collections::HashMap;

use chapar_shared::{Code, RoomId, UserId};

use super::db::{Conn, any, ids, locked};
use crate::error::{Error, StoreError};
use crate::store::records::{Person, RoomRecord};
use crate::store::rooms::Standing;
use crate::store::rows::{PersonRow, RoomRow, StandingRow, person_columns, room_columns};

/// Locks a room that has not ended.
pub(super) async fn lock_room(conn: &mut Conn, room: RoomId) -> Result<RoomRecord, Error> {
    let row: Option<RoomRow> = sqlx::query_as(concat!(
        "SELECT ",
        room_columns!("r."),
        " FROM rooms r WHERE r.id = $1 AND r.deleted_at IS NULL",
        locked!()
    ))
    .bind(room.0)
    .fetch_optional(conn)
    .await?;
    match row {
        Some(row) => Ok(row.try_into()?),
        None => Err(Code::RoomNotFound.into()),
    }
}

/// Locks users, so that how many rooms they are in stays. Gives those that exist and are not deleted.
pub(super) async fn lock_users(
    conn: &mut Conn,
    users: &[UserId],
) -> Result<HashMap<UserId, Person>, StoreError> {
    let rows: Vec<PersonRow> = sqlx::query_as(concat!(
        "SELECT ",
        person_columns!("u"),
        " FROM users u WHERE u.deleted_at IS NULL AND u.id ",
        any!("$1"),
        " ORDER BY u.id",
        locked!()
    ))
    .bind(ids(users.iter().map(|user| user.0)))
    .fetch_all(conn)
    .await?;
    let persons = rows.into_iter().map(Person::from);
    Ok(persons.map(|person| (person.id, person)).collect())
}

/// How many rooms each user is in; by index `members_user`.
pub(super) async fn count_rooms(
    conn: &mut Conn,
    users: &[UserId],
) -> Result<HashMap<UserId, i64>, StoreError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(concat!(
        "SELECT user_id, COUNT(*) FROM members WHERE left_at IS NULL AND user_id ",
        any!("$1"),
        " GROUP BY user_id"
    ))
    .bind(ids(users.iter().map(|user| user.0)))
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(user, count)| (UserId(user), count))
        .collect())
}

/// Users and how they stand to a room; those without a row are left out.
pub(super) async fn standings(
    conn: &mut Conn,
    room: RoomId,
    users: &[UserId],
) -> Result<HashMap<UserId, (Person, Standing)>, StoreError> {
    let rows: Vec<StandingRow> = sqlx::query_as(concat!(
        "SELECT ",
        person_columns!("u"),
        ", u.deleted_at AS user_deleted_at, m.role, m.left_at, m.is_banned,
           (SELECT COUNT(*) FROM members o WHERE o.user_id = u.id AND o.left_at IS NULL) AS rooms
         FROM users u LEFT JOIN members m ON m.room_id = $1 AND m.user_id = u.id
         WHERE u.id ",
        any!("$2")
    ))
    .bind(room.0)
    .bind(ids(users.iter().map(|user| user.0)))
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (person, standing) = row.read()?;
            Ok((person.id, (person, standing)))
        })
        .collect()
}

/// A user who is not there.
pub(super) fn stranger(user: UserId) -> Standing {
    Standing {
        user,
        exists: false,
        role: None,
        is_banned: false,
        rooms: 0,
    }
}

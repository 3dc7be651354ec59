//! Making rooms. Users are locked first, then the room is inserted: nobody else can hold it before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::{NotificationKind, Role, RoomKind};
use chapar_shared::{Code, Problem, RoomId, Seq, Timestamp, UserId, Violation, text};

use super::bumps::Facts;
use super::changing::search_key;
use super::db::{Conn, any, bind_rows, rows, texts, violates};
use super::notices::{self, Notice};
use super::standings::{count_rooms, lock_room, lock_users};
use crate::error::{Error, StoreError};
use crate::store::records::{ChangeRecord, Committed, Person, RoomRecord, Subject, UserFact};
use crate::store::rooms::NewRoom;
use crate::store::rows::{RoomRow, room_columns};
use crate::store::words::Word;

/// Suffixes of a taken slug that are tried in one statement.
const SUFFIXES: u32 = 100;

/// A public or private room with its first members.
pub(super) async fn create(
    conn: &mut Conn,
    new: NewRoom,
) -> Result<(RoomRecord, Committed), Error> {
    let mut people = vec![new.owner];
    people.extend(&new.members);
    let persons = lock_users(conn, &people).await?;
    let unknown = || Problem::invalid("members", Violation::Unknown);
    let owner = persons.get(&new.owner).ok_or(Code::UserNotFound)?.clone();
    let counts = count_rooms(conn, &people).await?;
    let is_full =
        |user: &UserId| counts.get(user).copied().unwrap_or_default() >= i64::from(new.max_rooms);
    if is_full(&new.owner) {
        return Err(too_many_rooms(new.max_rooms));
    }
    let is_good = |user: &UserId| persons.contains_key(user) && !is_full(user);
    if !new.members.iter().all(is_good) {
        return Err(unknown().into());
    }

    let room = insert(conn, &new, people.len()).await?;
    insert_members(conn, &room, &people, Role::Owner).await?;
    let mut facts = Facts::default();
    for user in &people {
        facts.add(
            *user,
            UserFact::Joined {
                room: room.id,
                after: room.last_seq,
            },
        );
    }
    let notices = new.members.iter().map(|user| Notice {
        user: *user,
        kind: NotificationKind::Invite,
        room: Some(room.id),
        message: None,
        sender: Arc::new(owner.clone()),
        text: room.name.clone(),
        at: new.at,
    });
    notices::insert(conn, notices.collect(), &mut facts).await?;
    let users = facts.raise(conn, new.at).await?;
    let changes = joins(&room, &people, &persons, Role::Owner, &owner, new.at);
    Ok((room, Committed { changes, users }))
}

fn too_many_rooms(max: u32) -> Error {
    Problem::limit(Code::TooManyRooms, u64::from(max)).into()
}

/// Inserts the room, under the first free spelling of its slug if that was generated.
async fn insert(conn: &mut Conn, new: &NewRoom, members: usize) -> Result<RoomRecord, Error> {
    let members = i64::try_from(members).unwrap_or(i64::MAX);
    let mut first = 1;
    loop {
        let spellings: Vec<String> = if new.is_slug_chosen {
            vec![new.slug.clone()]
        } else {
            (first..first + SUFFIXES)
                .map(|n| match n {
                    1 => new.slug.clone(),
                    n => format!("{}-{n}", new.slug),
                })
                .collect()
        };
        let taken: Vec<(String,)> =
            sqlx::query_as(concat!("SELECT slug FROM rooms WHERE slug ", any!("$1")))
                .bind(texts(&spellings))
                .fetch_all(&mut *conn)
                .await?;
        let taken: HashSet<String> = taken.into_iter().map(|(slug,)| slug).collect();
        for slug in spellings.iter().filter(|slug| !taken.contains(*slug)) {
            // Another transaction may take it in between; then the next one is tried.
            let row: Option<RoomRow> = sqlx::query_as(concat!(
                "INSERT INTO rooms (kind, name, name_key, slug, description, search_key, last_seq,
                     member_count, active_at, changed_at, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $8, $8)
                 ON CONFLICT (slug) DO NOTHING RETURNING ",
                room_columns!("")
            ))
            .bind(new.kind.word())
            .bind(&new.name)
            .bind(text::identity(&new.name))
            .bind(slug)
            .bind(&new.description)
            .bind(search_key(&new.name, Some(slug), &new.description))
            .bind(members)
            .bind(new.at.as_micros())
            .fetch_optional(&mut *conn)
            .await
            .map_err(refused)?;
            if let Some(row) = row {
                return Ok(row.try_into()?);
            }
        }
        if new.is_slug_chosen {
            return Err(Code::SlugTaken.into());
        }
        first += SUFFIXES;
    }
}

/// A room's name or slug that somebody has.
pub(super) fn refused(error: sqlx::Error) -> Error {
    if violates(&error, "rooms_public_name", "rooms.name_key") {
        Code::NameTaken.into()
    } else if violates(&error, "rooms_slug_key", "rooms.slug") {
        Code::SlugTaken.into()
    } else {
        error.into()
    }
}

/// A member as they are inserted.
struct NewMember {
    user_id: i64,
    role: &'static str,
    seq: Seq,
}

/// Members of a new room, at positions 1, 2, … in order.
async fn insert_members(
    conn: &mut Conn,
    room: &RoomRecord,
    people: &[UserId],
    first: Role,
) -> Result<(), StoreError> {
    let rows: Vec<NewMember> = (1..)
        .zip(people)
        .map(|(seq, user)| NewMember {
            user_id: user.0,
            role: if seq == 1 { first } else { Role::Member }.word(),
            seq,
        })
        .collect();
    let query = sqlx::query(concat!(
        "INSERT INTO members (room_id, user_id, role, changed_seq, change_kind, joined_at, read_number)
         SELECT $1, n.user_id, n.role, n.seq, $2, $3, 0 FROM ",
        rows!("n": user_id bigint "$4", role text "$5", seq bigint "$6")
    ))
    .bind(room.id.0)
    .bind(EventType::MemberJoined.word())
    .bind(room.created_at.as_micros());
    let query = bind_rows!(query, &rows; user_id, role, seq);
    query.execute(conn).await?;
    Ok(())
}

/// The first changes of a new room.
fn joins(
    room: &RoomRecord,
    people: &[UserId],
    persons: &HashMap<UserId, Person>,
    first: Role,
    actor: &Person,
    at: Timestamp,
) -> Vec<ChangeRecord> {
    let people = people.iter().filter_map(|user| persons.get(user));
    people
        .zip(1..)
        .map(|(person, seq)| {
            let role = if seq == 1 { first } else { Role::Member };
            ChangeRecord {
                room: room.id,
                seq,
                kind: EventType::MemberJoined,
                at,
                actor: Some(Arc::new(actor.clone())),
                subject: Subject::Member(person.clone(), role),
            }
        })
        .collect()
}

/// The two of a direct room, lower id first.
fn pair(user: UserId, peer: UserId) -> (i64, i64) {
    (user.0.min(peer.0), user.0.max(peer.0))
}

/// The direct room that there is, shown again to `user` if they hid it.
pub(super) async fn show(
    conn: &mut Conn,
    user: UserId,
    peer: UserId,
    at: Timestamp,
) -> Result<Option<(RoomRecord, Committed)>, Error> {
    let (low, high) = pair(user, peer);
    // By index `rooms_direct`.
    let found: Option<(i64,)> = sqlx::query_as(
        "SELECT r.id FROM rooms r JOIN users p ON p.id = $3 AND p.deleted_at IS NULL
         WHERE r.kind = 'direct' AND r.direct_low = $1 AND r.direct_high = $2
           AND r.deleted_at IS NULL",
    )
    .bind(low)
    .bind(high)
    .bind(peer.0)
    .fetch_optional(&mut *conn)
    .await?;
    let Some((room,)) = found else {
        return Ok(None);
    };
    let room = lock_room(conn, RoomId(room)).await?;
    let shown = sqlx::query(
        "UPDATE members SET is_hidden = 0 WHERE room_id = $1 AND user_id = $2 AND is_hidden = 1",
    )
    .bind(room.id.0)
    .bind(user.0)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let mut facts = Facts::default();
    if shown > 0 {
        facts.add(
            user,
            UserFact::Joined {
                room: room.id,
                after: room.last_seq,
            },
        );
    }
    let users = facts.raise(conn, at).await?;
    let changes = Vec::new();
    Ok(Some((room, Committed { changes, users })))
}

/// Makes the direct room of two users; `None` if somebody else just made it.
pub(super) async fn direct(
    conn: &mut Conn,
    user: UserId,
    peer: UserId,
    max_rooms: u32,
    at: Timestamp,
) -> Result<Option<(RoomRecord, Committed)>, Error> {
    let people = [user, peer];
    let persons = lock_users(conn, &people).await?;
    let (Some(actor), true) = (persons.get(&user), persons.contains_key(&peer)) else {
        return Err(Code::UserNotFound.into());
    };
    let (low, high) = pair(user, peer);
    let exists: Option<(i64,)> = sqlx::query_as(
        "SELECT id FROM rooms WHERE kind = 'direct' AND direct_low = $1 AND direct_high = $2
           AND deleted_at IS NULL",
    )
    .bind(low)
    .bind(high)
    .fetch_optional(&mut *conn)
    .await?;
    if exists.is_some() {
        return Ok(None);
    }
    // Only who asks is held to the limit: anybody may write to a user in many rooms.
    let counts = count_rooms(conn, &[user]).await?;
    if counts.get(&user).copied().unwrap_or_default() >= i64::from(max_rooms) {
        return Err(too_many_rooms(max_rooms));
    }
    let row: RoomRow = sqlx::query_as(concat!(
        "INSERT INTO rooms (kind, name, name_key, description, search_key, direct_low, direct_high,
             last_seq, member_count, active_at, changed_at, created_at)
         VALUES ('direct', '', '', '', '', $1, $2, 2, 2, $3, $3, $3) RETURNING ",
        room_columns!("")
    ))
    .bind(low)
    .bind(high)
    .bind(at.as_micros())
    .fetch_one(&mut *conn)
    .await?;
    let room: RoomRecord = row.try_into()?;
    debug_assert_eq!(room.kind, RoomKind::Direct);
    insert_members(conn, &room, &people, Role::Member).await?;
    let mut facts = Facts::default();
    for user in people {
        facts.add(
            user,
            UserFact::Joined {
                room: room.id,
                after: room.last_seq,
            },
        );
    }
    let users = facts.raise(conn, at).await?;
    let changes = joins(&room, &people, &persons, Role::Member, actor, at);
    Ok(Some((room, Committed { changes, users })))
}

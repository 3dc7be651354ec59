//! Rooms and memberships: reading them, and the small writes. Making rooms is in `making`, changing them in
//! `changing`, removing what is left of them in `purging`.

use std::collections::HashMap;

use async_trait::async_trait;
use chapar_shared::protocol::objects::Role;
use chapar_shared::{Code, NotificationId, Number, RoomId, Timestamp, UserId, text};

use super::bumps::Facts;
use super::db::{Conn, Store, any, holds, ids};
use super::standings::{standings, stranger};
use super::{changing, listings, making, overviews, purging};
use crate::error::{Error, StoreError};
use crate::store::records::{Committed, Membership, Page, Person, RoomRecord, RoomSight, UserFact};
use crate::store::rooms::{
    Decide, NewRoom, ReadOutcome, RoomChange, RoomFacts, RoomOutcome, Rooms,
};
use crate::store::rows::{PersonRow, RoomRow, SightRow, person_columns, room_columns, sights};
use crate::store::words::Word;

#[derive(sqlx::FromRow)]
struct MemberRow {
    #[sqlx(flatten)]
    person: PersonRow,
    role: String,
    joined_at: i64,
}

#[async_trait]
impl Rooms for Store {
    async fn create_room(&self, room: NewRoom) -> Result<(RoomRecord, Committed), Error> {
        let mut tx = self.begin_write().await?;
        let made = making::create(&mut tx, room).await?;
        tx.commit().await?;
        Ok(made)
    }

    async fn direct_room(
        &self,
        user: UserId,
        peer: UserId,
        max_rooms: u32,
        at: Timestamp,
    ) -> Result<(RoomRecord, bool, Committed), Error> {
        // The usual case needs no lock of users; where two make it at once, the second finds it here.
        loop {
            let mut tx = self.begin_write().await?;
            if let Some((room, committed)) = making::show(&mut tx, user, peer, at).await? {
                tx.commit().await?;
                return Ok((room, false, committed));
            }
            if let Some((room, committed)) =
                making::direct(&mut tx, user, peer, max_rooms, at).await?
            {
                tx.commit().await?;
                return Ok((room, true, committed));
            }
            // Made by somebody else between the two: it is committed now, and never goes again.
            tx.rollback().await?;
        }
    }

    async fn room(&self, room: RoomId, viewer: UserId) -> Result<Option<RoomSight>, StoreError> {
        let row: Option<SightRow> = sqlx::query_as(concat!(
            sights!(),
            "WHERE r.id = $2 AND r.deleted_at IS NULL"
        ))
        .bind(viewer.0)
        .bind(room.0)
        .fetch_optional(self.reader())
        .await?;
        row.map(RoomSight::try_from).transpose()
    }

    /// By indexes `rooms_slug_key` (SQLite's own of the constraint) and `rooms_public_name`.
    async fn room_by_slug(
        &self,
        slug: &str,
        viewer: UserId,
    ) -> Result<Option<RoomSight>, StoreError> {
        let by_slug: Option<SightRow> = sqlx::query_as(concat!(
            sights!(),
            "WHERE r.slug = $2 AND r.deleted_at IS NULL"
        ))
        .bind(viewer.0)
        .bind(text::slug(slug, usize::MAX).unwrap_or_default())
        .fetch_optional(self.reader())
        .await?;
        if let Some(row) = by_slug {
            return row.try_into().map(Some);
        }
        let by_name: Option<SightRow> = sqlx::query_as(concat!(
            sights!(),
            "WHERE r.name_key = $2 AND r.kind = 'public' AND r.deleted_at IS NULL"
        ))
        .bind(viewer.0)
        .bind(text::identity(slug.trim()))
        .fetch_optional(self.reader())
        .await?;
        by_name.map(RoomSight::try_from).transpose()
    }

    async fn own_room_by_name(
        &self,
        name: &str,
        user: UserId,
    ) -> Result<Option<RoomSight>, StoreError> {
        listings::own_by_name(self.reader(), name, user).await
    }

    async fn direct_room_of(
        &self,
        user: UserId,
        peer: UserId,
    ) -> Result<Option<RoomSight>, StoreError> {
        listings::direct(self.reader(), user, peer).await
    }

    async fn listed_rooms(
        &self,
        query: &str,
        viewer: UserId,
        before: Option<RoomId>,
        limit: u32,
    ) -> Result<Vec<RoomSight>, StoreError> {
        listings::rooms(self.reader(), query, viewer, before, limit).await
    }

    async fn owners(&self, rooms: &[RoomId]) -> Result<HashMap<RoomId, Person>, StoreError> {
        listings::owners(self.reader(), rooms).await
    }

    /// By index `members_user`.
    async fn rooms_of(
        &self,
        user: UserId,
        after: Option<(Timestamp, RoomId)>,
        limit: u32,
    ) -> Result<Page<RoomSight, (Timestamp, RoomId)>, StoreError> {
        let (active, id) = activity(after);
        let rows: Vec<SightRow> = sqlx::query_as(concat!(
            sights!(),
            "WHERE m.user_id = $1 AND m.left_at IS NULL AND m.is_hidden = 0 AND r.deleted_at IS NULL
               AND (r.active_at, r.id) < ($2, $3)
             ORDER BY r.active_at DESC, r.id DESC LIMIT $4"
        ))
        .bind(user.0)
        .bind(active)
        .bind(id)
        .bind(i64::from(limit) + 1)
        .fetch_all(self.reader())
        .await?;
        sight_page(rows, limit)
    }

    async fn discover(
        &self,
        query: &str,
        viewer: UserId,
        after: Option<(Timestamp, RoomId)>,
        limit: u32,
    ) -> Result<Page<RoomSight, (Timestamp, RoomId)>, StoreError> {
        let (active, id) = activity(after);
        let rows: Vec<SightRow> = sqlx::query_as(DISCOVER)
            .bind(viewer.0)
            .bind(query)
            .bind(active)
            .bind(id)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.reader())
            .await?;
        sight_page(rows, limit)
    }

    async fn members(
        &self,
        room: RoomId,
        after: Option<(Timestamp, UserId)>,
        limit: u32,
    ) -> Result<Page<(Person, Role), (Timestamp, UserId)>, StoreError> {
        let (joined, user) = after.map_or((i64::MIN, 0), |(at, user)| (at.as_micros(), user.0));
        let mut rows: Vec<MemberRow> = sqlx::query_as(MEMBERS)
            .bind(room.0)
            .bind(joined)
            .bind(user)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.reader())
            .await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last_joined = rows.last().map(|row| Timestamp::from_micros(row.joined_at));
        let items: Vec<(Person, Role)> = rows
            .into_iter()
            .map(|row| Ok((row.person.into(), Word::read(&row.role)?)))
            .collect::<Result<_, StoreError>>()?;
        let last_user = items.last().map(|(person, _)| person.id);
        let next = last_joined.zip(last_user).filter(|_| has_more);
        Ok(Page { items, next })
    }

    async fn rosters(
        &self,
        rooms: &[RoomId],
        limit: u32,
    ) -> Result<HashMap<RoomId, Vec<Person>>, StoreError> {
        let mut conn = self.reader().acquire().await?;
        overviews::rosters(&mut conn, rooms, limit).await
    }

    async fn change_room(
        &self,
        room: RoomId,
        actor: UserId,
        target: Option<UserId>,
        at: Timestamp,
        decide: Decide<'_, RoomFacts, RoomChange>,
    ) -> Result<RoomOutcome, Error> {
        let mut tx = self.begin_write().await?;
        let outcome = changing::change(&mut tx, room, actor, target, at, decide).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Without the room's lock, which would make readers and senders wait for each other: what a mark needs
    /// of the room, its newest number, only grows.
    async fn mark_read(
        &self,
        room: RoomId,
        user: UserId,
        number: Number,
        at: Timestamp,
        decide: Decide<'_, RoomFacts, ()>,
    ) -> Result<ReadOutcome, Error> {
        let mut tx = self.begin_write().await?;
        let row: Option<RoomRow> = sqlx::query_as(concat!(
            "SELECT ",
            room_columns!("r."),
            " FROM rooms r WHERE r.id = $1 AND r.deleted_at IS NULL"
        ))
        .bind(room.0)
        .fetch_optional(&mut *tx)
        .await?;
        let record: RoomRecord = row.ok_or(Code::RoomNotFound)?.try_into()?;
        let actor = standings(&mut tx, room, &[user]).await?.remove(&user);
        let facts = RoomFacts {
            room: record,
            actor: actor.map_or(stranger(user), |(_, standing)| standing),
            target: None,
            successor: None,
            is_last_owner: false,
        };
        decide(&facts)?;

        let number = number.min(facts.room.last_number);
        let moved: Option<(i64,)> = sqlx::query_as(
            "UPDATE members SET read_number = $3
             WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL AND read_number < $3
             RETURNING read_number",
        )
        .bind(room.0)
        .bind(user.0)
        .bind(number)
        .fetch_optional(&mut *tx)
        .await?;
        let (read_number,): (i64,) = match moved {
            Some(moved) => moved,
            None => sqlx::query_as(
                "SELECT read_number FROM members
                 WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL",
            )
            .bind(room.0)
            .bind(user.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(Code::NotAMember)?,
        };
        // By index `notifications_unread`.
        let read: Vec<(i64,)> = sqlx::query_as(
            "UPDATE notifications SET read_at = $4
             WHERE user_id = $1 AND room_id = $2 AND number <= $3 AND read_at IS NULL RETURNING id",
        )
        .bind(user.0)
        .bind(room.0)
        .bind(read_number)
        .bind(at.as_micros())
        .fetch_all(&mut *tx)
        .await?;
        let mut bumps = Facts::default();
        if let Some((newest,)) = read.into_iter().max() {
            let up_to = NotificationId(newest);
            let room = Some(room);
            bumps.add(user, UserFact::NotificationsRead { up_to, room });
        }
        let users = bumps.raise(&mut tx, at).await?;
        tx.commit().await?;
        Ok(ReadOutcome {
            read_number,
            has_moved: moved.is_some(),
            member_count: facts.room.member_count,
            committed: Committed {
                changes: Vec::new(),
                users,
            },
        })
    }

    async fn set_muted(
        &self,
        room: RoomId,
        user: UserId,
        is_muted: bool,
    ) -> Result<Option<Membership>, StoreError> {
        let mut tx = self.begin_write().await?;
        sqlx::query(
            "UPDATE members SET is_muted = $3
             WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL",
        )
        .bind(room.0)
        .bind(user.0)
        .bind(i64::from(is_muted))
        .execute(&mut *tx)
        .await?;
        let membership = membership(&mut tx, room, user).await?;
        tx.commit().await?;
        Ok(membership)
    }

    /// By index `members_user`.
    async fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let known: Vec<(i64,)> = sqlx::query_as(concat!(
            "SELECT DISTINCT b.user_id FROM members a
             JOIN members b ON b.room_id = a.room_id AND b.left_at IS NULL AND b.user_id ",
            any!("$2"),
            " WHERE a.user_id = $1 AND a.left_at IS NULL"
        ))
        .bind(user.0)
        .bind(ids(others.iter().map(|other| other.0)))
        .fetch_all(self.reader())
        .await?;
        let is_known = |other: &UserId| *other == user || known.contains(&(other.0,));
        Ok(others.iter().copied().filter(is_known).collect())
    }

    async fn companions(
        &self,
        user: UserId,
        max_members: i64,
        limit: u32,
    ) -> Result<Vec<Person>, StoreError> {
        let rows: Vec<PersonRow> = sqlx::query_as(COMPANIONS)
            .bind(user.0)
            .bind(max_members)
            .bind(i64::from(limit))
            .fetch_all(self.reader())
            .await?;
        Ok(rows.into_iter().map(Person::from).collect())
    }

    async fn purge_rooms(&self, limit: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin_write().await?;
        let removed = purging::purge(&mut tx, i64::from(limit)).await?;
        tx.commit().await?;
        Ok(removed)
    }
}

/// By index `rooms_discover`: the latest activity first, to the slot of 2^26 µs.
pub(super) const DISCOVER: &str = concat!(
    sights!(),
    "WHERE r.kind = 'public' AND r.deleted_at IS NULL AND (m.is_banned IS NULL OR m.is_banned = 0)
               AND ($2 = '' OR ",
    holds!("r.search_key", "$2"),
    ") AND (r.active_slot, r.id) < ($3 >> 26, $4)
             ORDER BY r.active_slot DESC, r.id DESC LIMIT $5"
);

/// By index `members_room`.
pub(super) const MEMBERS: &str = concat!(
    "SELECT ",
    person_columns!("u"),
    ", m.role, m.joined_at FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.room_id = $1 AND m.left_at IS NULL AND (m.joined_at, m.user_id) > ($2, $3)
             ORDER BY m.joined_at, m.user_id LIMIT $4"
);

/// By index `members_user`, then `members_room`. The user is joined to the others by `UNION`: by `OR` every user
/// would be read.
pub(super) const COMPANIONS: &str = concat!(
    "WITH near (id) AS (
         SELECT CAST($1 AS bigint)
         UNION
         SELECT b.user_id FROM members a
         JOIN rooms r ON r.id = a.room_id AND r.member_count <= $2 AND r.deleted_at IS NULL
         JOIN members b ON b.room_id = a.room_id AND b.left_at IS NULL
         WHERE a.user_id = $1 AND a.left_at IS NULL
     )
     SELECT ",
    person_columns!("u"),
    " FROM near JOIN users u ON u.id = near.id WHERE u.deleted_at IS NULL
      ORDER BY CASE WHEN u.id = $1 THEN 0 ELSE 1 END, u.id LIMIT $3"
);

/// A current member's relation to a room.
pub(super) async fn membership(
    conn: &mut Conn,
    room: RoomId,
    user: UserId,
) -> Result<Option<Membership>, StoreError> {
    let row: Option<(String, i64, i64)> = sqlx::query_as(
        "SELECT role, read_number, is_muted FROM members
         WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL",
    )
    .bind(room.0)
    .bind(user.0)
    .fetch_optional(conn)
    .await?;
    row.map(|(role, read_number, is_muted)| {
        Ok(Membership {
            role: Word::read(&role)?,
            read_number,
            is_muted: is_muted == 1,
        })
    })
    .transpose()
}

/// Where a list by activity goes on.
fn activity(after: Option<(Timestamp, RoomId)>) -> (i64, i64) {
    after.map_or((i64::MAX, i64::MAX), |(at, room)| (at.as_micros(), room.0))
}

fn sight_page(
    rows: Vec<SightRow>,
    limit: u32,
) -> Result<Page<RoomSight, (Timestamp, RoomId)>, StoreError> {
    let items = rows
        .into_iter()
        .map(RoomSight::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(items, limit, |last: &RoomSight| {
        (last.room.active_at, last.room.id)
    }))
}

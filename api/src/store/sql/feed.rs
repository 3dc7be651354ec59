//! The change feed: the statements.

use std::sync::Arc;

use async_trait::async_trait;
use chapar_shared::internal::RoomHead;
use chapar_shared::protocol::EventType;
use chapar_shared::{NotificationId, RoomId, Seq, SessionId, Timestamp, UserId};

use super::bodies::{Viewer, complete};
use super::db::{Conn, Store, any, ids};
use crate::error::StoreError;
use crate::store::feed::{Feed, FeedPage, UserSnapshot};
use crate::store::records::{
    ChangeRecord, MessageRecord, NotificationRecord, Person, RoomRecord, RoomSight, Subject,
};
use crate::store::rows::{
    MessageRow, NotificationRow, PersonRow, RoomRow, SightRow, messages, notifications,
    person_columns, room_columns, sights,
};
use crate::store::words::Word;

/// Notifications told at once in a user's state.
const NOTIFICATIONS: i64 = 100;

#[derive(sqlx::FromRow)]
struct FeedRoom {
    #[sqlx(flatten)]
    room: RoomRow,
    changed_seq: i64,
    change_kind: String,
    changed_at: i64,
}

#[derive(sqlx::FromRow)]
struct FeedMember {
    #[sqlx(flatten)]
    person: PersonRow,
    role: String,
    changed_seq: i64,
    change_kind: String,
    joined_at: i64,
    left_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct OwnRow {
    #[sqlx(flatten)]
    person: PersonRow,
    version: i64,
    is_banned: i64,
    deleted_at: Option<i64>,
}

#[async_trait]
impl Feed for Store {
    async fn changes(
        &self,
        room: RoomId,
        since: Seq,
        origin: Option<Seq>,
        limit: u32,
    ) -> Result<Option<FeedPage>, StoreError> {
        let mut tx = self.begin_read().await?;
        let row: Option<FeedRoom> = sqlx::query_as(concat!(
            "SELECT ",
            room_columns!("r."),
            ", r.changed_seq, r.change_kind, r.changed_at FROM rooms r WHERE r.id = $1"
        ))
        .bind(room.0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let head = row.room.clone();
        let head = RoomRecord::try_from(head)?.last_seq;
        let limit = limit.max(1) as usize;
        let origin = origin.map_or(since, |origin| origin.min(since));
        let messages = changed_messages(&mut tx, room, since, limit + 1).await?;
        let members = changed_members(&mut tx, room, since, limit + 1).await?;

        // Where the page ends: each list is cut one beyond it, so their merged beginning is whole.
        let mut positions: Vec<Seq> = messages
            .iter()
            .map(|message| message.changed_seq)
            .chain(members.iter().map(|member| member.changed_seq))
            .chain((row.changed_seq > since).then_some(row.changed_seq))
            .collect();
        positions.sort_unstable();
        let has_more = positions.len() > limit;
        let next = if has_more { positions[limit - 1] } else { head };

        let mut items = Vec::with_capacity(positions.len().min(limit));
        let kinds: Vec<EventType> = messages
            .iter()
            .map(|message| kind_since(message, origin))
            .collect::<Result<_, _>>()?;
        let page = messages
            .into_iter()
            .take_while(|message| message.changed_seq <= next)
            .collect();
        let page = complete(&mut tx, page, Viewer::Nobody).await?;
        tx.commit().await?;
        items.extend(kinds.into_iter().zip(page).map(message_change));
        for member in members {
            if member.changed_seq <= next {
                items.push(member_change(room, member)?);
            }
        }
        if row.changed_seq > since && row.changed_seq <= next {
            items.push(ChangeRecord {
                room,
                seq: row.changed_seq,
                kind: Word::read(&row.change_kind)?,
                at: Timestamp::from_micros(row.changed_at),
                actor: None,
                subject: Subject::Room(Box::new(row.room.try_into()?)),
            });
        }
        items.sort_unstable_by_key(|item| item.seq);
        Ok(Some(FeedPage {
            items,
            next,
            head,
            has_more,
        }))
    }

    async fn heads(
        &self,
        rooms: &[RoomId],
        users: &[UserId],
    ) -> Result<(Vec<RoomHead>, Vec<(UserId, i64)>), StoreError> {
        let mut tx = self.begin_read().await?;
        let heads: Vec<(i64, i64, i64, i64)> = sqlx::query_as(concat!(
            "SELECT id, last_seq, last_number, member_count FROM rooms WHERE id ",
            any!("$1")
        ))
        .bind(ids(rooms.iter().map(|room| room.0)))
        .fetch_all(&mut *tx)
        .await?;
        let versions: Vec<(i64, i64)> = sqlx::query_as(concat!(
            "SELECT id, version FROM users WHERE id ",
            any!("$1")
        ))
        .bind(ids(users.iter().map(|user| user.0)))
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let head = |(room, seq, number, members)| RoomHead {
            room: RoomId(room),
            seq,
            number,
            members,
        };
        Ok((
            heads.into_iter().map(head).collect(),
            versions.into_iter().map(user_version).collect(),
        ))
    }

    /// The oldest first, since those are the next to
    /// leave the sweeper's window.
    async fn changed_since(
        &self,
        at: Timestamp,
        limit: u32,
    ) -> Result<(Vec<(RoomId, Seq)>, Vec<(UserId, i64)>), StoreError> {
        let mut tx = self.begin_read().await?;
        let rooms: Vec<(i64, i64)> = sqlx::query_as(CHANGED_ROOMS)
            .bind(at.as_micros())
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        let users: Vec<(i64, i64)> = sqlx::query_as(CHANGED_USERS)
            .bind(at.as_micros())
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok((
            rooms
                .into_iter()
                .map(|(room, seq)| (RoomId(room), seq))
                .collect(),
            users.into_iter().map(user_version).collect(),
        ))
    }

    async fn user_state(
        &self,
        user: UserId,
        after: NotificationId,
    ) -> Result<Option<UserSnapshot>, StoreError> {
        let mut tx = self.begin_read().await?;
        let own: Option<OwnRow> = sqlx::query_as(concat!(
            "SELECT ",
            person_columns!("u"),
            ", u.version, u.is_banned, u.deleted_at FROM users u WHERE u.id = $1"
        ))
        .bind(user.0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(own) = own else {
            return Ok(None);
        };
        let (rooms, sessions) = if own.is_banned == 0 && own.deleted_at.is_none() {
            (
                rooms_of(&mut tx, user).await?,
                live_sessions(&mut tx, user).await?,
            )
        } else {
            (Vec::new(), Vec::new())
        };
        let rows: Vec<NotificationRow> = sqlx::query_as(concat!(
            notifications!(),
            "WHERE n.user_id = $1 AND n.id > $2 ORDER BY n.id LIMIT $3"
        ))
        .bind(user.0)
        .bind(after.0)
        .bind(NOTIFICATIONS)
        .fetch_all(&mut *tx)
        .await?;
        let (last, read): (Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT MAX(id) FROM notifications WHERE user_id = $1),
                    (SELECT MAX(id) FROM notifications WHERE user_id = $1 AND id < COALESCE(
                        (SELECT MIN(id) FROM notifications WHERE user_id = $1 AND read_at IS NULL),
                        9223372036854775807))",
        )
        .bind(user.0)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(UserSnapshot {
            version: own.version,
            person: own.person.into(),
            rooms,
            sessions,
            notifications: rows
                .into_iter()
                .map(NotificationRecord::try_from)
                .collect::<Result<_, _>>()?,
            last_notification: NotificationId(last.unwrap_or_default()),
            read_up_to: NotificationId(read.unwrap_or_default()),
        }))
    }

    async fn epoch(&self) -> Result<String, StoreError> {
        let known: Option<(String,)> = sqlx::query_as("SELECT value FROM meta WHERE key = 'epoch'")
            .fetch_optional(self.reader())
            .await?;
        if let Some((epoch,)) = known {
            return Ok(epoch);
        }
        // Nodes that start at once agree on the first one's: the update writes what is there.
        self.write_epoch(
            "INSERT INTO meta (key, value) VALUES ('epoch', $1)
             ON CONFLICT (key) DO UPDATE SET value = meta.value RETURNING value",
        )
        .await
    }

    async fn new_epoch(&self) -> Result<String, StoreError> {
        self.write_epoch(
            "INSERT INTO meta (key, value) VALUES ('epoch', $1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING value",
        )
        .await
    }
}

/// By index `rooms_changed`, whose slots are of 2^24 µs.
pub(super) const CHANGED_ROOMS: &str = "SELECT id, last_seq FROM rooms
     WHERE changed_slot >= $1 >> 24 AND changed_at >= $1 ORDER BY changed_at LIMIT $2";

/// By index `users_changed_at`.
pub(super) const CHANGED_USERS: &str =
    "SELECT id, version FROM users WHERE changed_at >= $1 ORDER BY changed_at LIMIT $2";

impl Store {
    async fn write_epoch(&self, statement: &'static str) -> Result<String, StoreError> {
        let mut tx = self.begin_write().await?;
        let (epoch,): (String,) = sqlx::query_as(statement)
            .bind(uuid::Uuid::new_v4().simple().to_string())
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(epoch)
    }
}

/// By index `messages_changes`.
pub(super) const CHANGED_MESSAGES: &str = concat!(
    messages!(),
    "WHERE m.room_id = $1 AND m.changed_seq > $2 ORDER BY m.changed_seq LIMIT $3"
);

async fn changed_messages(
    conn: &mut Conn,
    room: RoomId,
    since: Seq,
    limit: usize,
) -> Result<Vec<MessageRow>, StoreError> {
    Ok(sqlx::query_as(CHANGED_MESSAGES)
        .bind(room.0)
        .bind(since)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?)
}

/// By index `members_changes`.
pub(super) const CHANGED_MEMBERS: &str = concat!(
    "SELECT ",
    person_columns!("u"),
    ", m.role, m.changed_seq, m.change_kind, m.joined_at, m.left_at
     FROM members m JOIN users u ON u.id = m.user_id
     WHERE m.room_id = $1 AND m.changed_seq > $2 ORDER BY m.changed_seq LIMIT $3"
);

async fn changed_members(
    conn: &mut Conn,
    room: RoomId,
    since: Seq,
    limit: usize,
) -> Result<Vec<FeedMember>, StoreError> {
    Ok(sqlx::query_as(CHANGED_MEMBERS)
        .bind(room.0)
        .bind(since)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?)
}

/// What a message's change is to one who knew everything up to `origin`.
fn kind_since(message: &MessageRow, origin: Seq) -> Result<EventType, StoreError> {
    if message.deleted_at.is_some() {
        Ok(EventType::MessageDeleted)
    } else if message.seq > origin {
        Ok(EventType::MessageCreated)
    } else {
        Word::read(&message.change_kind)
    }
}

fn message_change((kind, message): (EventType, MessageRecord)) -> ChangeRecord {
    ChangeRecord {
        room: message.room,
        seq: message.changed_seq,
        kind,
        at: message
            .deleted_at
            .or(message.edited_at)
            .unwrap_or(message.created_at),
        actor: Some(Arc::clone(&message.sender)),
        subject: Subject::Message(Arc::new(message), None),
    }
}

fn member_change(room: RoomId, member: FeedMember) -> Result<ChangeRecord, StoreError> {
    let person = Person::from(member.person);
    Ok(ChangeRecord {
        room,
        seq: member.changed_seq,
        kind: Word::read(&member.change_kind)?,
        at: Timestamp::from_micros(member.left_at.unwrap_or(member.joined_at)),
        actor: Some(Arc::new(person.clone())),
        subject: Subject::Member(person, Word::read(&member.role)?),
    })
}

/// By index `members_user`.
async fn rooms_of(conn: &mut Conn, user: UserId) -> Result<Vec<RoomSight>, StoreError> {
    let rows: Vec<SightRow> = sqlx::query_as(concat!(
        sights!(),
        "WHERE m.user_id = $1 AND m.left_at IS NULL AND m.is_hidden = 0 AND r.deleted_at IS NULL
         ORDER BY r.active_at DESC, r.id DESC"
    ))
    .bind(user.0)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(RoomSight::try_from).collect()
}

/// By index `sessions_user`.
async fn live_sessions(conn: &mut Conn, user: UserId) -> Result<Vec<SessionId>, StoreError> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT id FROM sessions
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY id",
    )
    .bind(user.0)
    .bind(Timestamp::now().as_micros())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id,)| SessionId(id)).collect())
}

fn user_version((user, version): (i64, i64)) -> (UserId, i64) {
    (UserId(user), version)
}

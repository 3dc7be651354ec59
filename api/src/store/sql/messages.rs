//! Messages: reading and changing them. Sending is in `sending`.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chapar_shared::protocol::objects::Role;
use chapar_shared::protocol::{EventType, ReactionChange};
use chapar_shared::{
    AttachmentId, Code, MessageId, Number, Problem, RoomId, Seq, Timestamp, UserId, Violation,
};

use super::bodies::{Viewer, complete};
use super::db::{Conn, Store, locked};
use super::send_facts::Nonces;
use super::standings::{lock_room, standings, stranger};
use super::{listings, overviews, sending};
use crate::error::{Error, StoreError};
use crate::store::messages::{
    Around, DecideSend, History, MessageChange, MessageFacts, MessageOutcome, Messages, NewMessage,
    SendOutcome,
};
use crate::store::records::{ChangeRecord, MessageRecord, Person, Subject};
use crate::store::rooms::Decide;
use crate::store::rows::{FileRow, MessageRow, messages};
use crate::store::words::Word;

#[async_trait]
impl Messages for Store {
    async fn commit_sends(
        &self,
        batch: &[NewMessage],
        decide: DecideSend<'_>,
    ) -> Result<SendOutcome, StoreError> {
        // A look at the nonces costs a tenth of the database's work, and one that was used before is rare: so they are
        // trusted at first. Under the rooms' locks what was looked up stays true.
        let mut conn = self.sender().await?;
        for nonces in [Nonces::Trusted, Nonces::LookedUp] {
            let mut tx = self.begin_write_on(&mut conn).await?;
            if let Some(outcome) = sending::commit(&mut tx, batch, decide, nonces).await? {
                tx.commit().await?;
                self.keep_sender(conn);
                return Ok(outcome);
            }
            tx.rollback().await?;
        }
        Err(StoreError::Failed(
            "a nonce was used behind the room's lock".into(),
        ))
    }

    async fn change_message(
        &self,
        room: RoomId,
        message: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: Decide<'_, MessageFacts, MessageChange>,
    ) -> Result<MessageOutcome, Error> {
        let mut tx = self.begin_write().await?;
        let outcome = change(&mut tx, room, message, actor, at, decide).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    async fn message(
        &self,
        room: RoomId,
        message: MessageId,
        viewer: UserId,
    ) -> Result<Option<MessageRecord>, StoreError> {
        let mut tx = self.begin_read().await?;
        let found = read(&mut tx, room, message, viewer).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn history(
        &self,
        room: RoomId,
        viewer: UserId,
        around: Around,
        limit: u32,
    ) -> Result<History, StoreError> {
        let limit = i64::from(limit);
        let mut tx = self.begin_read().await?;
        let head: Option<(Seq,)> = sqlx::query_as("SELECT last_seq FROM rooms WHERE id = $1")
            .bind(room.0)
            .fetch_optional(&mut *tx)
            .await?;
        let rows = match around {
            Around::Latest => below(&mut tx, room, i64::MAX, limit).await?,
            Around::Before(number) => below(&mut tx, room, number, limit).await?,
            Around::After(number) => above(&mut tx, room, number, limit).await?,
            Around::Around(number) => {
                let older = limit / 2;
                let from = number.saturating_sub(1);
                let mut rows = above(&mut tx, room, from, limit - older).await?;
                rows.extend(below(&mut tx, room, number, older).await?);
                rows
            }
        };
        let items = complete(&mut tx, rows, Viewer::User(viewer)).await?;
        tx.commit().await?;
        let seq = head.map_or(0, |(seq,)| seq);
        Ok(History { items, seq })
    }

    async fn direct_messages(
        &self,
        user: UserId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<(MessageRecord, UserId)>, StoreError> {
        let mut tx = self.begin_read().await?;
        let messages = listings::direct_messages(&mut tx, user, before, limit).await?;
        tx.commit().await?;
        Ok(messages)
    }

    async fn latest(
        &self,
        rooms: &[RoomId],
        viewer: UserId,
    ) -> Result<HashMap<RoomId, MessageRecord>, StoreError> {
        let mut tx = self.begin_read().await?;
        let latest = overviews::latest(&mut tx, rooms, viewer).await?;
        tx.commit().await?;
        Ok(latest)
    }
}

/// By index `messages_number`.
pub(super) const BELOW: &str = concat!(
    messages!(),
    "WHERE m.room_id = $1 AND m.number < $2 ORDER BY m.number DESC LIMIT $3"
);

/// By index `messages_number`.
pub(super) const ABOVE: &str = concat!(
    messages!(),
    "WHERE m.room_id = $1 AND m.number > $2 ORDER BY m.number LIMIT $3"
);

/// The messages just below a number, newest first.
async fn below(
    conn: &mut Conn,
    room: RoomId,
    number: Number,
    limit: i64,
) -> Result<Vec<MessageRow>, StoreError> {
    Ok(sqlx::query_as(BELOW)
        .bind(room.0)
        .bind(number)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

/// The messages just above a number, newest first.
async fn above(
    conn: &mut Conn,
    room: RoomId,
    number: Number,
    limit: i64,
) -> Result<Vec<MessageRow>, StoreError> {
    let mut rows: Vec<MessageRow> = sqlx::query_as(ABOVE)
        .bind(room.0)
        .bind(number)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.reverse();
    Ok(rows)
}

async fn read(
    conn: &mut Conn,
    room: RoomId,
    message: MessageId,
    viewer: UserId,
) -> Result<Option<MessageRecord>, StoreError> {
    let row: Option<MessageRow> =
        sqlx::query_as(concat!(messages!(), "WHERE m.id = $1 AND m.room_id = $2"))
            .bind(message.0)
            .bind(room.0)
            .fetch_optional(&mut *conn)
            .await?;
    let row = row.into_iter().collect();
    Ok(complete(conn, row, Viewer::User(viewer)).await?.pop())
}

async fn change(
    conn: &mut Conn,
    room: RoomId,
    message: MessageId,
    actor: UserId,
    at: Timestamp,
    decide: Decide<'_, MessageFacts, MessageChange>,
) -> Result<MessageOutcome, Error> {
    let room = lock_room(conn, room).await?;
    let message = read(conn, room.id, message, actor)
        .await?
        .ok_or(Code::MessageNotFound)?;
    let mut people = standings(conn, room.id, &[actor, message.sender.id]).await?;
    let author_role: Option<Role> = people
        .get(&message.sender.id)
        .and_then(|(_, author)| author.role);
    let (person, standing) = people.remove(&actor).unzip();
    let facts = MessageFacts {
        room,
        actor: standing.unwrap_or(stranger(actor)),
        message,
        author_role,
    };
    let change = decide(&facts)?;
    let MessageFacts { room, message, .. } = facts;
    let seq = room.last_seq + 1;
    let reaction = match &change {
        MessageChange::React { emoji, added } => Some(ReactionChange {
            user: actor,
            emoji: emoji.clone(),
            added: *added,
        }),
        _ => None,
    };
    let Some(kind) = apply(conn, &message, actor, at, change).await? else {
        let change = None;
        return Ok(MessageOutcome { message, change });
    };
    write_position(conn, room.id, message.id, seq, kind, at).await?;
    let message = read(conn, room.id, message.id, actor)
        .await?
        .ok_or(Code::MessageNotFound)?;
    let change = record(&message, seq, kind, at, person.map(Arc::new), reaction);
    Ok(MessageOutcome {
        message,
        change: Some(change),
    })
}

fn record(
    message: &MessageRecord,
    seq: Seq,
    kind: EventType,
    at: Timestamp,
    actor: Option<Arc<Person>>,
    reaction: Option<ReactionChange>,
) -> ChangeRecord {
    ChangeRecord {
        room: message.room,
        seq,
        kind,
        at,
        actor,
        subject: Subject::Message(Arc::new(message.clone()), reaction),
    }
}

/// Writes the change but its position; `None` if it changes nothing.
async fn apply(
    conn: &mut Conn,
    message: &MessageRecord,
    actor: UserId,
    at: Timestamp,
    change: MessageChange,
) -> Result<Option<EventType>, Error> {
    // A tombstone does not change any more.
    if message.deleted_at.is_some() {
        return Ok(None);
    }
    match change {
        MessageChange::Nothing => Ok(None),
        MessageChange::Edit { content } => {
            if content == message.content {
                return Ok(None);
            }
            sqlx::query("UPDATE messages SET content = $2, edited_at = $3 WHERE id = $1")
                .bind(message.id.0)
                .bind(content)
                .bind(at.as_micros())
                .execute(conn)
                .await?;
            Ok(Some(EventType::MessageEdited))
        }
        MessageChange::Delete => {
            delete(conn, message.id, at).await?;
            Ok(Some(EventType::MessageDeleted))
        }
        MessageChange::React { emoji, added } => {
            let has_changed = react(conn, message.id, actor, &emoji, added, at).await?;
            Ok(has_changed.then_some(EventType::MessageReacted))
        }
        MessageChange::Attach { file } => {
            attach(conn, message.id, actor, file).await?;
            Ok(Some(EventType::MessageEdited))
        }
    }
}

async fn delete(conn: &mut Conn, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE messages SET content = '', deleted_at = $2 WHERE id = $1")
        .bind(message.0)
        .bind(at.as_micros())
        .execute(&mut *conn)
        .await?;
    for statement in [
        "UPDATE attachments SET is_orphaned = 1 WHERE message_id = $1",
        "DELETE FROM reactions WHERE message_id = $1",
        "DELETE FROM notifications WHERE message_id = $1",
    ] {
        sqlx::query(statement)
            .bind(message.0)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Whether that changed anything.
async fn react(
    conn: &mut Conn,
    message: MessageId,
    user: UserId,
    emoji: &str,
    added: bool,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let rows = if added {
        sqlx::query(
            "INSERT INTO reactions (message_id, user_id, emoji, created_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(message.0)
        .bind(user.0)
        .bind(emoji)
        .bind(at.as_micros())
        .execute(conn)
        .await?
    } else {
        sqlx::query("DELETE FROM reactions WHERE message_id = $1 AND user_id = $2 AND emoji = $3")
            .bind(message.0)
            .bind(user.0)
            .bind(emoji)
            .execute(conn)
            .await?
    };
    Ok(rows.rows_affected() > 0)
}

async fn attach(
    conn: &mut Conn,
    message: MessageId,
    owner: UserId,
    file: AttachmentId,
) -> Result<(), Error> {
    let row: Option<FileRow> = sqlx::query_as(concat!(
        "SELECT id, owner_id, message_id, name, content_type, size, width, height, has_thumbnail,
                object, created_at, is_orphaned
         FROM attachments WHERE id = $1 AND owner_id = $2",
        locked!()
    ))
    .bind(file.0)
    .bind(owner.0)
    .fetch_optional(&mut *conn)
    .await?;
    if !row.is_some_and(|row| row.is_free()) {
        return Err(Problem::invalid("attachments", Violation::Unknown).into());
    }
    sqlx::query(
        "UPDATE attachments SET message_id = $2, position =
             (SELECT COALESCE(MAX(other.position) + 1, 0) FROM attachments other
              WHERE other.message_id = $2)
         WHERE id = $1",
    )
    .bind(file.0)
    .bind(message.0)
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_position(
    conn: &mut Conn,
    room: RoomId,
    message: MessageId,
    seq: Seq,
    kind: EventType,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE messages SET changed_seq = $2, change_kind = $3 WHERE id = $1")
        .bind(message.0)
        .bind(seq)
        .bind(kind.word())
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE rooms SET last_seq = $2, changed_at = $3 WHERE id = $1")
        .bind(room.0)
        .bind(seq)
        .bind(at.as_micros())
        .execute(conn)
        .await?;
    Ok(())
}

//! Making notifications, in one statement for a whole transaction.

use chapar_shared::protocol::objects::NotificationKind;
use chapar_shared::{MessageId, NotificationId, Number, RoomId, Timestamp, UserId};
use serde_json::json;

use super::bumps::Facts;
use super::db::{Conn, rows};
use crate::error::StoreError;
use crate::store::records::{NotificationRecord, Person, UserFact};
use crate::store::words::Word;

/// Characters of a message that its notification shows.
const TEXT: usize = 200;

/// A notification to make.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) user: UserId,
    pub(super) kind: NotificationKind,
    /// `None` for a notice to oneself.
    pub(super) room: Option<RoomId>,
    /// The message and its number; `None` for an invitation or a notice.
    pub(super) message: Option<(MessageId, Number)>,
    pub(super) sender: Person,
    pub(super) text: String,
    pub(super) at: Timestamp,
}

/// The beginning of a message, as its notification shows it.
pub(super) fn beginning(content: &str) -> String {
    content.chars().take(TEXT).collect()
}

/// Inserts them with ascending ids in this order, and notes each for its user.
pub(super) async fn insert(
    conn: &mut Conn,
    notices: Vec<Notice>,
    facts: &mut Facts,
) -> Result<(), StoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    let rows = notices.iter().enumerate().map(|(place, notice)| {
        json!({
            "place": place,
            "user_id": notice.user,
            "kind": notice.kind.word(),
            "room_id": notice.room,
            "message_id": notice.message.map(|(message, _)| message),
            "number": notice.message.map_or(0, |(_, number)| number),
            "sender_id": notice.sender.id,
            "text": notice.text,
            "at": notice.at.as_micros(),
        })
    });
    let rows = rows.collect::<serde_json::Value>().to_string();
    let mut ids: Vec<(i64, i64)> = sqlx::query_as(concat!(
        "INSERT INTO notifications
             (user_id, kind, room_id, message_id, number, sender_id, text, created_at)
         SELECT n.user_id, n.kind, n.room_id, n.message_id, n.number, n.sender_id, n.text, n.at
         FROM ",
        rows!("$1" AS "n": place bigint, user_id bigint, kind text, room_id bigint,
              message_id bigint, number bigint, sender_id bigint, text text, at bigint),
        " ORDER BY n.place RETURNING id, user_id"
    ))
    .bind(rows)
    .fetch_all(conn)
    .await?;
    // Ids ascend in the order of the places, whatever the order of the answer.
    ids.sort_unstable();
    for (notice, (id, _)) in notices.into_iter().zip(ids) {
        let record = NotificationRecord {
            id: NotificationId(id),
            kind: notice.kind,
            room: notice.room,
            message: notice.message.map(|(message, _)| message),
            sender: notice.sender,
            text: notice.text,
            created_at: notice.at,
            read_at: None,
        };
        facts.add(notice.user, UserFact::Notified(Box::new(record)));
    }
    Ok(())
}

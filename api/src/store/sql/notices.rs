//! Making notifications, in one statement for a whole transaction.

use std::sync::Arc;

use chapar_shared::protocol::objects::NotificationKind;
use chapar_shared::{MessageId, NotificationId, Number, RoomId, Timestamp, UserId};

use super::bumps::Facts;
use super::db::{Conn, bind_rows, rows};
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
    pub(super) sender: Arc<Person>,
    pub(super) text: String,
    pub(super) at: Timestamp,
}

/// A notification as it is inserted.
struct NewRow<'a> {
    place: i64,
    user_id: i64,
    kind: &'static str,
    room_id: Option<i64>,
    message_id: Option<i64>,
    number: Number,
    sender_id: i64,
    text: &'a str,
    at: i64,
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
    let rows: Vec<NewRow<'_>> = (0..)
        .zip(&notices)
        .map(|(place, notice)| NewRow {
            place,
            user_id: notice.user.0,
            kind: notice.kind.word(),
            room_id: notice.room.map(|room| room.0),
            message_id: notice.message.map(|(message, _)| message.0),
            number: notice.message.map_or(0, |(_, number)| number),
            sender_id: notice.sender.id.0,
            text: &notice.text,
            at: notice.at.as_micros(),
        })
        .collect();
    let query = sqlx::query_as(concat!(
        "INSERT INTO notifications
             (user_id, kind, room_id, message_id, number, sender_id, text, created_at)
         SELECT n.user_id, n.kind, n.room_id, n.message_id, n.number, n.sender_id, n.text, n.at
         FROM ",
        rows!("n": place bigint "$1", user_id bigint "$2", kind text "$3", room_id bigint "$4",
              message_id bigint "$5", number bigint "$6", sender_id bigint "$7", text text "$8",
              at bigint "$9"),
        " ORDER BY n.place RETURNING id, user_id"
    ));
    let query = bind_rows!(query, &rows; place, user_id, kind, room_id, message_id, number,
        sender_id, text, at);
    let mut ids: Vec<(i64, i64)> = query.fetch_all(conn).await?;
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

//! Notifications: the statements.

use async_trait::async_trait;
use chapar_shared::protocol::objects::NotificationKind;
use chapar_shared::{NotificationId, RoomId, Timestamp, UserId};

use super::bumps::Facts;
use super::db::{Conn, Store};
use super::notices::{self, Notice};
use crate::error::StoreError;
use crate::store::notifications::{NewNotice, Notifications};
use crate::store::records::{Committed, NotificationRecord, Page, UserFact};
use crate::store::rows::{NotificationRow, notifications};

/// By index `notifications_user`.
pub(super) const NEWEST: &str = concat!(
    notifications!(),
    "WHERE n.user_id = $1 AND n.id < $2 ORDER BY n.id DESC LIMIT $3"
);

#[async_trait]
impl Notifications for Store {
    async fn notifications(
        &self,
        user: UserId,
        before: Option<NotificationId>,
        limit: u32,
    ) -> Result<Page<NotificationRecord, NotificationId>, StoreError> {
        let rows: Vec<NotificationRow> = sqlx::query_as(NEWEST)
            .bind(user.0)
            .bind(before.map_or(i64::MAX, |id| id.0))
            .bind(i64::from(limit) + 1)
            .fetch_all(self.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(NotificationRecord::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut(items, limit, |last: &NotificationRecord| last.id))
    }

    async fn notify(&self, notice: NewNotice) -> Result<Option<Committed>, StoreError> {
        let mut tx = self.begin_write().await?;
        let room = if notice.sender.id == notice.recipient {
            None
        } else {
            match shared_room(&mut tx, notice.sender.id, notice.recipient).await? {
                None => return Ok(None),
                Some((_, 1)) => return Ok(Some(Committed::default())),
                Some((room, _)) => Some(RoomId(room)),
            }
        };
        let mut facts = Facts::default();
        let made = Notice {
            user: notice.recipient,
            kind: NotificationKind::Notice,
            room,
            message: None,
            sender: notice.sender,
            text: notice.text,
            at: notice.at,
        };
        notices::insert(&mut tx, vec![made], &mut facts).await?;
        let users = facts.raise(&mut tx, notice.at).await?;
        tx.commit().await?;
        Ok(Some(Committed {
            changes: Vec::new(),
            users,
        }))
    }

    async fn read_notifications(
        &self,
        user: UserId,
        up_to: NotificationId,
        at: Timestamp,
    ) -> Result<Committed, StoreError> {
        let mut tx = self.begin_write().await?;
        let read: Vec<(i64,)> = sqlx::query_as(
            "UPDATE notifications SET read_at = $3
             WHERE user_id = $1 AND id <= $2 AND read_at IS NULL RETURNING id",
        )
        .bind(user.0)
        .bind(up_to.0)
        .bind(at.as_micros())
        .fetch_all(&mut *tx)
        .await?;
        let mut facts = Facts::default();
        if let Some((newest,)) = read.into_iter().max() {
            let up_to = NotificationId(newest);
            facts.add(user, UserFact::NotificationsRead { up_to, room: None });
        }
        let users = facts.raise(&mut tx, at).await?;
        tx.commit().await?;
        Ok(Committed {
            changes: Vec::new(),
            users,
        })
    }

    /// By index `notifications_read_at`.
    async fn purge_notifications(
        &self,
        read_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin_write().await?;
        let removed = sqlx::query(
            "DELETE FROM notifications WHERE id IN (
                 SELECT id FROM notifications WHERE read_at IS NOT NULL AND read_at < $1
                 ORDER BY read_at LIMIT $2)",
        )
        .bind(read_before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        Ok(removed)
    }
}

/// The room in which one hears of the other, and whether the other muted it. By index `members_user`.
async fn shared_room(
    conn: &mut Conn,
    user: UserId,
    other: UserId,
) -> Result<Option<(i64, i64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT r.id, b.is_muted FROM members a
         JOIN members b ON b.room_id = a.room_id AND b.user_id = $2 AND b.left_at IS NULL
         JOIN rooms r ON r.id = a.room_id AND r.deleted_at IS NULL
         WHERE a.user_id = $1 AND a.left_at IS NULL
         ORDER BY CASE WHEN r.kind = 'direct' THEN 0 ELSE 1 END, b.is_muted, r.active_at DESC, r.id DESC
         LIMIT 1",
    )
    .bind(user.0)
    .bind(other.0)
    .fetch_optional(conn)
    .await?)
}

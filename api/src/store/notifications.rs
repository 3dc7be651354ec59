//! Notifications.

use async_trait::async_trait;

use chapar_shared::{NotificationId, Timestamp, UserId};

use super::records::{Committed, NotificationRecord, Page};
use crate::error::StoreError;

/// What a user should see.
#[async_trait]
pub trait Notifications {
    /// A user's notifications, newest first.
    async fn notifications(
        &self,
        user: UserId,
        before: Option<NotificationId>,
        limit: u32,
    ) -> Result<Page<NotificationRecord, NotificationId>, StoreError>;

    /// Reads all up to one; the user's version rises if any was unread.
    async fn read_notifications(
        &self,
        user: UserId,
        up_to: NotificationId,
        at: Timestamp,
    ) -> Result<Committed, StoreError>;

    /// Removes notifications that were read before a time, at most `limit`.
    async fn purge_notifications(
        &self,
        read_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;
}

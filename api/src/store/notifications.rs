//! Notifications.

use std::sync::Arc;

use async_trait::async_trait;

use chapar_shared::{NotificationId, Timestamp, UserId};

use super::records::{Committed, NotificationRecord, Page, Person};
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

    /// Notifies `recipient` of a text by hand: in the direct room of the two, else in the room with the latest activity
    /// of those that both are in, one that the recipient did not mute if there is any. Nothing is made where it is
    /// muted, as nothing is of a message there. To oneself it is in no room. `None` where they share no room.
    async fn notify(&self, notice: NewNotice) -> Result<Option<Committed>, StoreError>;

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

/// A notification by hand.
#[derive(Clone, Debug)]
pub struct NewNotice {
    /// By whom.
    pub sender: Arc<Person>,
    /// To whom; neither banned nor deleted.
    pub recipient: UserId,
    /// Clean.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

//! What a user should see, and that they saw it.

use chapar_shared::{NotificationId, UserId};

use super::Context;
use crate::error::Error;
use crate::store::{NotificationRecord, Page};

/// Notifications. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notifications {
    ctx: Context,
}

impl Notifications {
    /// Over the domain's context.
    pub fn new(ctx: Context) -> Self {
        Self { ctx }
    }

    /// The user's notifications, newest first.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn list(
        &self,
        user: UserId,
        before: Option<NotificationId>,
        limit: u32,
    ) -> Result<Page<NotificationRecord, NotificationId>, Error> {
        Ok(self.ctx.store.notifications(user, before, limit).await?)
    }

    /// Reads all of them up to one.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn read(&self, user: UserId, up_to: NotificationId) -> Result<(), Error> {
        let at = self.ctx.clock.now();
        let committed = self.ctx.store.read_notifications(user, up_to, at).await?;
        self.ctx.publisher.committed(&committed, None).await;
        Ok(())
    }
}

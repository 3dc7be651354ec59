//! What a user should see, that they saw it, and what one user tells another by hand.

use chapar_broker::{Demand, Verdict};
use chapar_shared::{Code, NotificationId, Problem, UserId, text};

use super::{Actor, Context, users};
use crate::error::Error;
use crate::store::notifications::NewNotice;
use crate::store::{NotificationRecord, Page};

/// Characters of a notice.
const MAX_NOTICE: usize = 1000;

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

    /// Sends a notification by hand, to the user of a name or to oneself. It is counted as a message is.
    ///
    /// # Errors
    /// Refused `invalid` (field `message`), `user_not_found`, `forbidden` where the two share no room,
    /// `rate_limited`; a failure of the store.
    pub async fn notify(
        &self,
        actor: Actor,
        recipient: Option<&str>,
        message: &str,
    ) -> Result<(), Error> {
        let store = &self.ctx.store;
        let text = text::content(message, MAX_NOTICE, false)
            .map_err(|violation| Problem::invalid("message", violation))?;
        self.count(actor.user).await?;
        let sender = store.user(actor.user).await?.ok_or(Code::UserNotFound)?;
        let recipient = match recipient {
            None => actor.user,
            Some(name) => users::of_username(store, name).await?.id,
        };
        let notice = NewNotice {
            sender: sender.person.into(),
            recipient,
            text,
            at: self.ctx.clock.now(),
        };
        let committed = store.notify(notice).await?.ok_or(Code::Forbidden)?;
        self.ctx.publisher.committed(&committed, None).await;
        Ok(())
    }

    /// Takes one of the user's sends.
    async fn count(&self, user: UserId) -> Result<(), Error> {
        let demand = Demand {
            key: format!("send:{{{user}}}"),
            bucket: self.ctx.limits.send_user,
        };
        match self.ctx.limiter.take(&[vec![demand]]).await.first() {
            Some(Verdict::Limited { retry_after }) => {
                Err(Problem::rate_limited(*retry_after).into())
            }
            _ => Ok(()),
        }
    }
}

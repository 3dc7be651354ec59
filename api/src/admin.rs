//! What the administrator does from the command line. Users are named as they sign in, or by `#id`.

use chapar_shared::problem::Violations;
use chapar_shared::{Code, Problem, RoomId, UserId, Violation};

use crate::domain::accounts::{self, Registration};
use crate::domain::{Accounts, Context, Passwords, Sessions, policy};
use crate::error::Error;
use crate::store::Page;
use crate::store::sessions::Revoke;
use crate::store::users::{UserPatch, UserRecord};

/// Rooms left at once when a user is deleted.
const ROOMS: u32 = 100;

/// The administrator's commands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    context: Context,
    passwords: Passwords,
    accounts: Accounts,
    sessions: Sessions,
}

impl Admin {
    pub(crate) fn new(
        context: Context,
        passwords: Passwords,
        accounts: Accounts,
        sessions: Sessions,
    ) -> Self {
        Self {
            context,
            passwords,
            accounts,
            sessions,
        }
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Refused `invalid`, `username_taken`, `email_taken`; failures of ours.
    pub async fn create_user(&self, registration: Registration) -> Result<UserRecord, Error> {
        self.accounts.create_user(registration).await
    }

    /// Sets a password; all sessions of the user end.
    ///
    /// # Errors
    /// Refused `user_not_found`, `invalid`; failures of ours.
    pub async fn reset_password(&self, name: &str, password: &str) -> Result<(), Error> {
        let mut violations = Violations::default();
        let checked = accounts::password(password, &self.context.limits);
        violations.check("password", checked);
        violations.finish()?;
        let user = self.find(name).await?;
        let patch = UserPatch {
            password_hash: Some(self.passwords.turn().await?.hash(password).await?),
            ..UserPatch::default()
        };
        let now = self.context.clock.now();
        let store = &self.context.store;
        let (_, committed) = store.update_user(user.person.id, patch, now).await?;
        self.sessions.ended(&committed).await;
        Ok(())
    }

    /// All users, deleted ones too, by ascending id.
    ///
    /// # Errors
    /// Store errors.
    pub async fn list_users(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<UserRecord, UserId>, Error> {
        Ok(self.context.store.list_users(after, limit).await?)
    }

    /// Ends all sessions of a user; `false` where there was none.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn revoke_sessions(&self, name: &str) -> Result<bool, Error> {
        let user = self.find(name).await?;
        self.sessions.revoke(user.person.id, Revoke::All).await
    }

    /// Bans a user from signing in, ending their sessions, or lifts that.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn set_banned(&self, name: &str, is_banned: bool) -> Result<(), Error> {
        let user = self.find(name).await?;
        self.ban(user.person.id, is_banned).await
    }

    async fn ban(&self, user: UserId, is_banned: bool) -> Result<(), Error> {
        let now = self.context.clock.now();
        let store = &self.context.store;
        let committed = store.set_banned(user, is_banned, now).await?;
        self.sessions.ended(&committed).await;
        Ok(())
    }

    /// Deletes a user: they leave their rooms, their names are free and their personal data gone. What they wrote
    /// stays, by `deleted-<id>`. Begun and not finished, it may be called again.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn delete_user(&self, name: &str) -> Result<(), Error> {
        let user = self.find(name).await?.person.id;
        // Banned first, so that they do nothing more; whoever adds them meanwhile is met by the second round.
        self.ban(user, true).await?;
        self.leave_rooms(user).await?;
        let now = self.context.clock.now();
        let committed = self.context.store.delete_user(user, now).await?;
        self.sessions.ended(&committed).await;
        self.leave_rooms(user).await
    }

    async fn leave_rooms(&self, user: UserId) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.context.store.rooms_of(user, after, ROOMS).await?;
            for sight in &page.items {
                match self.leave(user, sight.room.id).await {
                    // It ended, or they were removed, meanwhile.
                    Err(Error::Refused(_)) => {}
                    left => left?,
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// By the rules of leaving: direct rooms are hidden and stay for the other one.
    async fn leave(&self, user: UserId, room: RoomId) -> Result<(), Error> {
        let now = self.context.clock.now();
        let outcome = self
            .context
            .store
            .change_room(room, user, Some(user), now, &policy::remove_member)
            .await?;
        let publisher = &self.context.publisher;
        publisher.committed(&outcome.committed, None).await;
        Ok(())
    }

    /// A new epoch, after an older copy of the database was restored: every client loads its rooms again.
    ///
    /// # Errors
    /// Store errors.
    pub async fn new_epoch(&self) -> Result<String, Error> {
        Ok(self.context.store.new_epoch().await?)
    }

    async fn find(&self, name: &str) -> Result<UserRecord, Error> {
        let store = &self.context.store;
        let found = match name.strip_prefix('#') {
            Some(id) => {
                let id = id.parse();
                let id = id.map_err(|_| Problem::invalid("user", Violation::Format))?;
                store.user(id).await?.filter(|user| !user.is_deleted)
            }
            None => store.user_by_name(name).await?,
        };
        found.ok_or_else(|| Code::UserNotFound.into())
    }
}

//! Users and their names.

use async_trait::async_trait;

use chapar_shared::{AttachmentId, Timestamp, UserId};

use super::records::{Committed, Page, Person};
use crate::error::{Error, StoreError};

/// Users. Names are compared as `text::identity` gives them; usernames and e-mails share one namespace.
#[async_trait]
pub trait Users {
    /// Makes a user.
    ///
    /// # Errors
    /// Refused `username_taken`, `email_taken`; [`StoreError`].
    async fn create_user(&self, user: NewUser) -> Result<UserRecord, Error>;

    /// A user, deleted or banned ones too.
    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError>;

    /// The user of a username or e-mail, not a deleted one.
    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError>;

    /// Users whose username or display name holds `query` (in the form of `text::search_key`; all for an
    /// empty one), by ascending id; neither banned nor deleted ones.
    async fn search_users(
        &self,
        query: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<Person, UserId>, StoreError>;

    /// All users for the administrator, by ascending id.
    async fn list_users(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<UserRecord, UserId>, StoreError>;

    /// Changes what the patch names. A new password revokes all sessions but `keep_session`.
    ///
    /// # Errors
    /// Refused `email_taken`, `user_not_found`, `invalid` with `avatar: unknown` (not the user's own image);
    /// [`StoreError`].
    async fn update_user(
        &self,
        user: UserId,
        patch: UserPatch,
        at: Timestamp,
    ) -> Result<(UserRecord, Committed), Error>;

    /// Puts a hash of the same password with newer parameters in the place of `before`; nothing where the
    /// password was changed meanwhile. Sessions stay.
    async fn renew_password_hash(
        &self,
        user: UserId,
        before: &str,
        after: &str,
    ) -> Result<(), StoreError>;

    /// Bans a user (every session is revoked) or lifts the ban. Nothing to commit if it was so before.
    ///
    /// # Errors
    /// Refused `user_not_found`; [`StoreError`].
    async fn set_banned(
        &self,
        user: UserId,
        is_banned: bool,
        at: Timestamp,
    ) -> Result<Committed, Error>;

    /// Deletes a user whose memberships have already ended: names freed, sessions revoked, personal data and
    /// password gone. Their messages stay, by `deleted-<id>`.
    ///
    /// # Errors
    /// Refused `user_not_found`; [`StoreError`].
    async fn delete_user(&self, user: UserId, at: Timestamp) -> Result<Committed, Error>;
}

/// A user to make; all texts clean.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// As they wrote it, NFKC.
    pub username: String,
    /// Trimmed.
    pub email: Option<String>,
    /// What people call them.
    pub display_name: String,
    /// PHC string.
    pub password_hash: String,
    /// When.
    pub at: Timestamp,
}

/// What to change of a user; `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// Clean.
    pub display_name: Option<String>,
    /// Clean; may be empty.
    pub first_name: Option<String>,
    /// Clean; may be empty.
    pub last_name: Option<String>,
    /// Clean; `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// An image of the user's own; `Some(None)` removes it.
    pub avatar: Option<Option<AttachmentId>>,
    /// PHC string.
    pub password_hash: Option<String>,
    /// The session that stays when the password changes.
    pub keep_session: Option<chapar_shared::SessionId>,
}

/// A user with what only the domain sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// What others see, and the e-mail.
    pub person: Person,
    /// As they gave it; empty if they did not.
    pub first_name: String,
    /// The same.
    pub last_name: String,
    /// PHC string; empty for deleted users.
    pub password_hash: String,
    /// May not sign in.
    pub is_banned: bool,
    /// Is gone.
    pub is_deleted: bool,
    /// Raised by every change addressed to them.
    pub version: i64,
    /// When they registered.
    pub created_at: Timestamp,
}

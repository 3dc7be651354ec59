//! Device sessions and their refresh tokens.

use async_trait::async_trait;

use chapar_shared::{SessionId, Timestamp, UserId};

use super::records::Committed;
use super::rooms::Decide;
use crate::error::{Error, StoreError};

/// Sessions. A refresh token is never stored: a session keeps the number of its generation, and a token is
/// derived from session, generation and salt with a key that is not in the database.
#[async_trait]
pub trait Sessions {
    /// Makes a session.
    async fn create_session(&self, session: NewSession) -> Result<SessionRecord, StoreError>;

    /// Those of the sessions that are neither revoked nor expired, and whose users are neither banned nor deleted.
    async fn live_sessions(
        &self,
        sessions: &[SessionId],
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError>;

    /// A user's live sessions, newest first; at most 1,000.
    async fn sessions(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError>;

    /// Renews, keeps or revokes a session as `decide` says of it under lock; `None` where it was revoked.
    ///
    /// # Errors
    /// What `decide` refuses; refused `invalid_refresh_token` where there is no live one; [`StoreError`].
    async fn rotate_session(
        &self,
        session: SessionId,
        now: Timestamp,
        decide: Decide<'_, SessionRecord, Rotation>,
    ) -> Result<(Option<SessionRecord>, Committed), Error>;

    /// Ends sessions of a user; those already ended are left out of what is committed.
    async fn revoke_sessions(
        &self,
        user: UserId,
        which: Revoke,
        now: Timestamp,
    ) -> Result<Committed, StoreError>;

    /// Removes sessions that ended before a time, at most `limit`.
    async fn purge_sessions(&self, ended_before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// A session to make.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose.
    pub user: UserId,
    /// `User-Agent`, cut.
    pub device: String,
    /// Where from.
    pub address: String,
    /// Random, goes into the refresh tokens.
    pub salt: String,
    /// When.
    pub at: Timestamp,
    /// When its newest refresh token ends.
    pub expires: Timestamp,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// `User-Agent`, cut.
    pub device: String,
    /// Where from.
    pub address: String,
    /// Goes into the refresh tokens.
    pub salt: String,
    /// How often it was renewed: the only refresh token that is good has this number.
    pub generation: i64,
    /// When the newest generation was made.
    pub rotated_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last renewed.
    pub last_used_at: Timestamp,
    /// When its newest refresh token ends.
    pub expires: Timestamp,
}

/// What to do with a session whose refresh token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The next generation, good until then.
    Next {
        /// When its refresh token ends.
        expires: Timestamp,
    },
    /// The same generation again: an answer was lost.
    Same,
    /// The token was stolen: the session ends.
    Revoke,
}

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoke {
    /// One.
    One(SessionId),
    /// All.
    All,
    /// All but one.
    AllBut(SessionId),
}

//! The change feed: where rooms and users stand, and what changed since.

use async_trait::async_trait;

use chapar_shared::internal::RoomHead;
use chapar_shared::{NotificationId, RoomId, Seq, SessionId, Timestamp, UserId};

use super::records::{ChangeRecord, NotificationRecord, Person, RoomSight};
use crate::error::StoreError;

/// Reading what changed. Everything in one answer is read in one snapshot, on the primary.
#[async_trait]
pub trait Feed {
    /// What changed in a room after `since`, compacted: each message, member and the room itself once, in
    /// its latest state, by ascending `changed_seq`. A message's kind is `message.deleted` for a tombstone,
    /// `message.created` if its `seq` is above `origin`, else that of its latest change. `origin`, at most
    /// `since` and by default that, is the position from which the reader set out: the pages before this one
    /// left out what was changed behind them. Works for deleted rooms, whose last change is `room.deleted`.
    /// `None`: no such room.
    async fn changes(
        &self,
        room: RoomId,
        since: Seq,
        origin: Option<Seq>,
        limit: u32,
    ) -> Result<Option<FeedPage>, StoreError>;

    /// Heads of rooms (deleted ones too, as long as their row stands) and versions of users.
    async fn heads(
        &self,
        rooms: &[RoomId],
        users: &[UserId],
    ) -> Result<(Vec<RoomHead>, Vec<(UserId, i64)>), StoreError>;

    /// Rooms and users that changed at or after a time, for the sweeper; at most `limit` of each.
    async fn changed_since(
        &self,
        at: Timestamp,
        limit: u32,
    ) -> Result<(Vec<(RoomId, Seq)>, Vec<(UserId, i64)>), StoreError>;

    /// A user's state, with their notifications after `after`, oldest first and at most 100. `None`: no such
    /// user. A banned or deleted user has neither rooms nor sessions.
    async fn user_state(
        &self,
        user: UserId,
        after: NotificationId,
    ) -> Result<Option<UserSnapshot>, StoreError>;

    /// The store's epoch; the first call makes it.
    async fn epoch(&self) -> Result<String, StoreError>;

    /// A new epoch, after an older copy was restored.
    async fn new_epoch(&self) -> Result<String, StoreError>;
}

/// A page of a room's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// By ascending `seq`.
    pub items: Vec<ChangeRecord>,
    /// All from `since` to here is covered.
    pub next: Seq,
    /// The head.
    pub head: Seq,
    /// There is more after `next`.
    pub has_more: bool,
}

/// A user at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSnapshot {
    /// The version.
    pub version: i64,
    /// Who, with their e-mail.
    pub person: Person,
    /// Their rooms, hidden direct ones left out.
    pub rooms: Vec<RoomSight>,
    /// Live sessions.
    pub sessions: Vec<SessionId>,
    /// After the one that was named.
    pub notifications: Vec<NotificationRecord>,
    /// The newest notification; 0 where there is none.
    pub last_notification: NotificationId,
    /// All notifications up to this one are read; 0 where the first is unread.
    pub read_up_to: NotificationId,
}

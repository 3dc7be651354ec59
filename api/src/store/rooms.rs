//! Rooms, their members and what they have read.

use std::collections::HashMap;

use async_trait::async_trait;

use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{Number, Problem, RoomId, Timestamp, UserId};

use super::records::{Committed, Membership, Page, Person, RoomRecord, RoomSight};
use crate::error::{Error, StoreError};

/// A function of the domain that sees the facts under lock and says what to do.
pub type Decide<'a, Facts, Change> = &'a (dyn Fn(&Facts) -> Result<Change, Problem> + Send + Sync);

/// Rooms and memberships.
#[async_trait]
pub trait Rooms {
    /// Makes a room with its owner and members, all of whom exist. A slug that was generated (not chosen)
    /// and is taken gets `-2`, `-3`, … . The members' changes take `seq` 1, 2, … in order, the owner first;
    /// every member but the owner gets an invitation.
    ///
    /// # Errors
    /// Refused `name_taken` (public), `slug_taken` (chosen), `too_many_rooms` (the owner's), `invalid` with
    /// `members: unknown`; [`StoreError`].
    async fn create_room(&self, room: NewRoom) -> Result<(RoomRecord, Committed), Error>;

    /// The one direct room of two users, made if there is none, shown again to `user` if they hid it; `true` if it was
    /// made.
    ///
    /// # Errors
    /// Refused `user_not_found`, `too_many_rooms`; [`StoreError`].
    async fn direct_room(
        &self,
        user: UserId,
        peer: UserId,
        max_rooms: u32,
        at: Timestamp,
    ) -> Result<(RoomRecord, bool, Committed), Error>;

    /// A room as `viewer` sees it. `None` where there is none or it ended: who may see it is the domain's.
    async fn room(&self, room: RoomId, viewer: UserId) -> Result<Option<RoomSight>, StoreError>;

    /// The room of a slug, or a public room of a name, as `viewer` sees it.
    async fn room_by_slug(
        &self,
        slug: &str,
        viewer: UserId,
    ) -> Result<Option<RoomSight>, StoreError>;

    /// A private room of this name that the user is in; the oldest of several.
    async fn own_room_by_name(
        &self,
        name: &str,
        user: UserId,
    ) -> Result<Option<RoomSight>, StoreError>;

    /// The direct room of two users as `user` sees it, if there is one, hidden or not.
    async fn direct_room_of(
        &self,
        user: UserId,
        peer: UserId,
    ) -> Result<Option<RoomSight>, StoreError>;

    /// Rooms with a name that `viewer` may know of: public ones that they are not banned from and their own, those
    /// whose name, slug or description holds `query` (in the form of `text::search_key`; all for an empty one) and
    /// whose id is below `before`. By descending id.
    async fn listed_rooms(
        &self,
        query: &str,
        viewer: UserId,
        before: Option<RoomId>,
        limit: u32,
    ) -> Result<Vec<RoomSight>, StoreError>;

    /// Who has owned each of these rooms longest of its present owners.
    async fn owners(&self, rooms: &[RoomId]) -> Result<HashMap<RoomId, Person>, StoreError>;

    /// The user's rooms, latest activity first; hidden direct ones left out. `after`: the activity and id of
    /// the last one of the page before.
    async fn rooms_of(
        &self,
        user: UserId,
        after: Option<(Timestamp, RoomId)>,
        limit: u32,
    ) -> Result<Page<RoomSight, (Timestamp, RoomId)>, StoreError>;

    /// Public rooms whose name, slug or description holds `query` (in the form of `text::search_key`; all
    /// for an empty one) and that `viewer` is not banned from, latest activity first, to the minute.
    async fn discover(
        &self,
        query: &str,
        viewer: UserId,
        after: Option<(Timestamp, RoomId)>,
        limit: u32,
    ) -> Result<Page<RoomSight, (Timestamp, RoomId)>, StoreError>;

    /// Members in the order in which they came.
    async fn members(
        &self,
        room: RoomId,
        after: Option<(Timestamp, UserId)>,
        limit: u32,
    ) -> Result<Page<(Person, Role), (Timestamp, UserId)>, StoreError>;

    /// Who is in each of these rooms: at most the first `limit` of each, in the order in which they came.
    async fn rosters(
        &self,
        rooms: &[RoomId],
        limit: u32,
    ) -> Result<HashMap<RoomId, Vec<Person>>, StoreError>;

    /// Changes a room or one relation to it, as `decide` says of the facts under the room's lock.
    ///
    /// # Errors
    /// What `decide` refuses; `room_not_found`; `name_taken` and `slug_taken` of a patch; [`StoreError`].
    async fn change_room(
        &self,
        room: RoomId,
        actor: UserId,
        target: Option<UserId>,
        at: Timestamp,
        decide: Decide<'_, RoomFacts, RoomChange>,
    ) -> Result<RoomOutcome, Error>;

    /// Moves a member's read mark to `number`: never back, never beyond the head. Notifications of the
    /// room's messages up to there are read.
    ///
    /// # Errors
    /// What `decide` refuses; `room_not_found`; [`StoreError`].
    async fn mark_read(
        &self,
        room: RoomId,
        user: UserId,
        number: Number,
        at: Timestamp,
        decide: Decide<'_, RoomFacts, ()>,
    ) -> Result<ReadOutcome, Error>;

    /// Sets whether a member wants no notifications of a room. `None` where they are not a member.
    async fn set_muted(
        &self,
        room: RoomId,
        user: UserId,
        is_muted: bool,
    ) -> Result<Option<Membership>, StoreError>;

    /// Those of `others` who share a room with `user` (or are the user).
    async fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, StoreError>;

    /// The user, then everybody with whom they share a room of at most `max_members` members, by ascending id;
    /// at most `limit`, no deleted ones.
    async fn companions(
        &self,
        user: UserId,
        max_members: i64,
        limit: u32,
    ) -> Result<Vec<Person>, StoreError>;

    /// Removes messages, reactions and memberships of deleted rooms, at most `limit` rows; gives the number
    /// removed. Files are left to [`super::Files`].
    async fn purge_rooms(&self, limit: u32) -> Result<u64, StoreError>;
}

/// A room to make.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// Public or private.
    pub kind: RoomKind,
    /// Clean; may be empty for a private room.
    pub name: String,
    /// Clean.
    pub slug: String,
    /// The client chose the slug: a taken one is refused.
    pub is_slug_chosen: bool,
    /// Clean.
    pub description: String,
    /// Who makes it.
    pub owner: UserId,
    /// Others, without repeats and without the owner.
    pub members: Vec<UserId>,
    /// Rooms that one user may be in: the owner beyond it is refused, other members beyond it are refused as
    /// `invalid`.
    pub max_rooms: u32,
    /// When.
    pub at: Timestamp,
}

/// A user as a room's rules see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub user: UserId,
    /// The user exists and is not deleted.
    pub exists: bool,
    /// `None` outside.
    pub role: Option<Role>,
    /// Banned from the room.
    pub is_banned: bool,
    /// How many rooms they are in.
    pub rooms: i64,
}

/// What holds under the room's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomFacts {
    /// The room; never a deleted one.
    pub room: RoomRecord,
    /// Who acts.
    pub actor: Standing,
    /// On whom.
    pub target: Option<Standing>,
    /// If the target (or, without one, the actor) is the last owner: the oldest admin, else the oldest
    /// member besides them.
    pub successor: Option<UserId>,
    /// The target (or, without one, the actor) is the only owner.
    pub is_last_owner: bool,
}

/// What to do to a room. The target is the call's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// Nothing; takes no `seq`.
    Nothing,
    /// The target comes in.
    Add {
        /// As what.
        role: Role,
        /// Somebody else let them in: they get an invitation.
        is_invitation: bool,
    },
    /// The target's role.
    SetRole(Role),
    /// The target goes, and `successor` becomes owner (a change of its own, before).
    Remove {
        /// The new owner, if one is needed.
        successor: Option<UserId>,
    },
    /// The target hides a direct room: no `seq`, their version rises.
    Hide,
    /// The target is kept out, and removed if they are in.
    Ban,
    /// The target may come again: no `seq`.
    Unban,
    /// New name, slug, description; `None` keeps.
    Patch {
        /// Clean.
        name: Option<String>,
        /// Clean and chosen.
        slug: Option<String>,
        /// Clean.
        description: Option<String>,
    },
    /// The room ends: its last change, then every member's `Left`. Name and slug are free again.
    Delete,
}

/// What [`Rooms::change_room`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomOutcome {
    /// The room after it.
    pub room: RoomRecord,
    /// The target's relation after it.
    pub target: Option<Membership>,
    /// To publish.
    pub committed: Committed,
}

/// What [`Rooms::mark_read`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOutcome {
    /// Where the mark is now.
    pub read_number: Number,
    /// Whether it moved.
    pub has_moved: bool,
    /// The room's members, for who is told.
    pub member_count: i64,
    /// The user's version, if notifications were read.
    pub committed: Committed,
}

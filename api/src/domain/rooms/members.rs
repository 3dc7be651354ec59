//! Coming and going: adding, joining, roles, removing, leaving, bans, mutes.

use chapar_shared::protocol::objects::Role;
use chapar_shared::{Code, RoomId, UserId};

use super::Rooms;
use crate::domain::policy;
use crate::error::Error;
use crate::store::RoomSight;

impl Rooms {
    /// Adds somebody, joins (the target is oneself), or sets a role; `role`: `None` keeps the one they have.
    ///
    /// # Errors
    /// What [`policy::put_member`] refuses; a failure of the store.
    pub async fn put_member(
        &self,
        user: UserId,
        room: RoomId,
        target: UserId,
        role: Option<Role>,
    ) -> Result<(), Error> {
        let limits = &self.ctx.limits;
        self.change(user, room, Some(target), &|facts| {
            policy::put_member(facts, role, limits)
        })
        .await
    }

    /// Removes somebody, or leaves (the target is oneself); a direct room is hidden.
    ///
    /// # Errors
    /// What [`policy::remove_member`] refuses; a failure of the store.
    pub async fn remove_member(
        &self,
        user: UserId,
        room: RoomId,
        target: UserId,
    ) -> Result<(), Error> {
        self.change(user, room, Some(target), &policy::remove_member)
            .await
    }

    /// Keeps somebody out of a room.
    ///
    /// # Errors
    /// What [`policy::ban`] refuses; a failure of the store.
    pub async fn ban(&self, user: UserId, room: RoomId, target: UserId) -> Result<(), Error> {
        self.change(user, room, Some(target), &policy::ban).await
    }

    /// Lets somebody come again.
    ///
    /// # Errors
    /// What [`policy::unban`] refuses; a failure of the store.
    pub async fn unban(&self, user: UserId, room: RoomId, target: UserId) -> Result<(), Error> {
        self.change(user, room, Some(target), &policy::unban).await
    }

    /// Sets whether the user wants no notifications of a room that they are in.
    ///
    /// # Errors
    /// Refused `room_not_found`, `not_a_member`, `banned`; a failure of the store.
    pub async fn set_muted(
        &self,
        user: UserId,
        room: RoomId,
        is_muted: bool,
    ) -> Result<RoomSight, Error> {
        let mut sight = self.get(user, room).await?;
        let me = self.ctx.store.set_muted(room, user, is_muted).await?;
        sight.me = Some(me.ok_or(Code::NotAMember)?);
        Ok(sight)
    }

    /// Leaves every room, as a user does who is deleted: direct rooms stay, as their peers' own.
    ///
    /// # Errors
    /// A failure of the store; rooms left before it stay left.
    pub async fn leave_all(&self, user: UserId) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.list(user, after, self.ctx.limits.max_page).await?;
            for sight in page.items {
                match self.remove_member(user, sight.room.id, user).await {
                    // Somebody else was quicker.
                    Ok(()) | Err(Error::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

//! Rooms by what people call them, and the rooms that one may know of.

use std::collections::HashMap;

use chapar_shared::{Code, RoomId, UserId, text};

use super::Rooms;
use crate::domain::policy;
use crate::error::Error;
use crate::store::{Person, RoomSight};

impl Rooms {
    /// The room that a name means to the user: of that slug, else the public one of that name, else their own.
    ///
    /// # Errors
    /// Refused `room_not_found`, `banned`; a failure of the store.
    pub async fn find(&self, user: UserId, name: &str) -> Result<RoomSight, Error> {
        let store = &self.ctx.store;
        let found = store.room_by_slug(name, user).await?;
        let found = match found.map(|sight| policy::read(&sight).map(|()| sight)) {
            Some(Ok(sight)) => return Ok(sight),
            Some(Err(problem)) => Err(problem),
            None => Err(Code::RoomNotFound.into()),
        };
        // What hides behind a slug hides nothing of the user's own.
        match store.own_room_by_name(name, user).await? {
            Some(sight) => Ok(sight),
            None => found.map_err(Error::from),
        }
    }

    /// The room of [`Rooms::find`], which the user is in afterwards: a public one lets them in.
    ///
    /// # Errors
    /// As [`Rooms::find`]; what [`policy::put_member`] refuses.
    pub async fn enter(&self, user: UserId, name: &str) -> Result<RoomSight, Error> {
        let sight = self.find(user, name).await?;
        if sight.me.is_some() {
            return Ok(sight);
        }
        self.put_member(user, sight.room.id, user, None).await?;
        self.own(user, sight.room.id).await
    }

    /// The direct room of two users, if they have one; nothing is made or shown again.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn direct_of(&self, user: UserId, peer: UserId) -> Result<Option<RoomSight>, Error> {
        Ok(self.ctx.store.direct_room_of(user, peer).await?)
    }

    /// Rooms with a name that the user may know of: public ones and their own, those that hold `query`, newest first;
    /// after the room `before`, where one is given.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn listed(
        &self,
        user: UserId,
        query: &str,
        before: Option<RoomId>,
        limit: u32,
    ) -> Result<Vec<RoomSight>, Error> {
        let key = text::search_key(query);
        let store = &self.ctx.store;
        Ok(store.listed_rooms(&key, user, before, limit).await?)
    }

    /// Who owns each of these rooms that their viewer may read; of several owners the first.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn owners(&self, sights: &[RoomSight]) -> Result<HashMap<RoomId, Person>, Error> {
        let rooms = super::readable_rooms(sights);
        Ok(self.ctx.store.owners(&rooms).await?)
    }
}

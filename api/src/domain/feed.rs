//! Where rooms and users stand and what changed since, with the store's epoch in every answer.

use std::sync::Arc;
use std::time::Duration;

use chapar_shared::internal::{
    ChangesPage, ChangesRequest, CompanionsRequest, CompanionsResponse, HeadsRequest,
    HeadsResponse, OpenRequest, Person, RoomRequest, RoomResponse, UserRequest, UserState,
};
use chapar_shared::protocol::objects::Role;
use chapar_shared::protocol::reply::ReadyRoom;
use chapar_shared::{Code, NotificationId, RoomId, Seq, UserId};
use moka::future::Cache;

use super::{Context, policy, present};
use crate::error::{Error, StoreError};
use crate::store::{RoomSight, feed::UserSnapshot};

/// Heads asked for at once, of rooms and of users.
const MAX_HEADS: usize = 10_000;
/// Changes of one page for a gateway.
const MAX_CHANGES: u32 = 1000;

/// People around a user told at once.
const MAX_COMPANIONS: u32 = 1000;
/// Rooms with more members than this make nobody companions: they are crowds.
const MAX_COMPANY: i64 = 200;

/// Reads the change feed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    ctx: Context,
    /// Re-read each second, by one query however many ask.
    epoch: Cache<(), Arc<str>>,
}

impl Feed {
    /// Over the domain's context.
    pub fn new(ctx: Context) -> Self {
        let epoch = Cache::builder()
            .max_capacity(1)
            .time_to_live(Duration::from_secs(1))
            .build();
        Self { ctx, epoch }
    }

    /// The store's epoch, at most a second old.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn epoch(&self) -> Result<String, Error> {
        let read = async { self.ctx.store.epoch().await.map(Arc::from) };
        match self.epoch.try_get_with((), read).await {
            Ok(epoch) => Ok(epoch.as_ref().to_owned()),
            // One failure is shared by all who waited for it.
            Err(shared) => Err(StoreError::Unavailable(shared.into()).into()),
        }
    }

    /// The state of a user whose session a socket was opened with.
    ///
    /// # Errors
    /// Refused `session_revoked`; a failure of the store.
    pub async fn open(&self, request: OpenRequest) -> Result<UserState, Error> {
        let nothing = NotificationId(i64::MAX);
        let snapshot = self.ctx.store.user_state(request.user, nothing).await?;
        match snapshot {
            Some(snapshot) if snapshot.sessions.contains(&request.session) => {
                self.state(snapshot).await
            }
            _ => Err(Code::SessionRevoked.into()),
        }
    }

    /// A user's state, with the notifications after a known one.
    ///
    /// # Errors
    /// Refused `user_not_found`; a failure of the store.
    pub async fn user(&self, request: UserRequest) -> Result<UserState, Error> {
        let snapshot = self
            .ctx
            .store
            .user_state(request.user, request.after)
            .await?;
        self.state(snapshot.ok_or(Code::UserNotFound)?).await
    }

    async fn state(&self, snapshot: UserSnapshot) -> Result<UserState, Error> {
        let links = &self.ctx.links;
        Ok(UserState {
            epoch: self.epoch().await?,
            version: snapshot.version,
            user: present::own_user(&snapshot.person, links),
            rooms: snapshot.rooms.iter().map(ready_room).collect(),
            sessions: snapshot.sessions,
            notifications: snapshot
                .notifications
                .iter()
                .map(|one| present::notification(one, links))
                .collect(),
            last_notification: snapshot.last_notification,
            read_up_to: snapshot.read_up_to,
        })
    }

    /// Where rooms and users stand.
    ///
    /// # Errors
    /// Refused `invalid` for too many; a failure of the store.
    pub async fn heads(&self, request: HeadsRequest) -> Result<HeadsResponse, Error> {
        let mut bad = chapar_shared::problem::Violations::default();
        for (field, count) in [
            ("rooms", request.rooms.len()),
            ("users", request.users.len()),
        ] {
            if count > MAX_HEADS {
                let max = MAX_HEADS as u64;
                bad.add(field, chapar_shared::Violation::TooMany { max });
            }
        }
        bad.finish()?;
        let store = &self.ctx.store;
        let (rooms, users) = store.heads(&request.rooms, &request.users).await?;
        Ok(HeadsResponse {
            epoch: self.epoch().await?,
            rooms,
            users,
        })
    }

    /// What changed in a room, for a gateway, which asks only of rooms that it has listeners of.
    ///
    /// # Errors
    /// Refused `room_not_found`; a failure of the store.
    pub async fn changes(&self, request: ChangesRequest) -> Result<ChangesPage, Error> {
        let limit = request.limit.clamp(1, MAX_CHANGES);
        let page = self
            .ctx
            .store
            .changes(request.room, request.since.max(0), request.origin, limit)
            .await?
            .ok_or(Code::RoomNotFound)?;
        let links = &self.ctx.links;
        Ok(ChangesPage {
            epoch: self.epoch().await?,
            items: page
                .items
                .iter()
                .map(|change| present::change(change, None, links))
                .collect(),
            next: page.next,
            seq: page.head,
            more: page.has_more,
        })
    }

    /// What changed in a room, for a user who may read it. `origin` is where their first page began.
    ///
    /// # Errors
    /// Refused `room_not_found`, `banned`; a failure of the store.
    pub async fn changes_for(
        &self,
        user: UserId,
        room: RoomId,
        since: Seq,
        origin: Option<Seq>,
        limit: u32,
    ) -> Result<ChangesPage, Error> {
        let sight = self.ctx.store.room(room, user).await?;
        policy::read(&sight.ok_or(Code::RoomNotFound)?)?;
        let request = ChangesRequest {
            room,
            since,
            origin,
            limit,
        };
        self.changes(request).await
    }

    /// One room as one of its members sees it; `None` for everybody else.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn room(&self, request: RoomRequest) -> Result<RoomResponse, Error> {
        let sight = self.ctx.store.room(request.room, request.user).await?;
        Ok(RoomResponse {
            epoch: self.epoch().await?,
            room: sight
                .filter(|sight| sight.me.is_some())
                .map(|sight| present::room_view(&sight, &self.ctx.links)),
        })
    }

    /// The members of a room that the user is in, or everybody with whom the user shares a room that is not a
    /// crowd, themselves included.
    ///
    /// # Errors
    /// Refused `room_not_found` unless the user is in the room; a failure of the store.
    pub async fn companions(
        &self,
        request: CompanionsRequest,
    ) -> Result<CompanionsResponse, Error> {
        let store = &self.ctx.store;
        let people: Vec<_> = if let Some(room) = request.room {
            let sight = store.room(room, request.user).await?;
            sight.and_then(|sight| sight.me).ok_or(Code::RoomNotFound)?;
            let page = store.members(room, None, MAX_COMPANIONS).await?;
            page.items.into_iter().map(|(person, _)| person).collect()
        } else {
            store
                .companions(request.user, MAX_COMPANY, MAX_COMPANIONS)
                .await?
        };
        Ok(CompanionsResponse {
            epoch: self.epoch().await?,
            people: people
                .into_iter()
                .map(|person| Person {
                    id: person.id,
                    username: person.username,
                    email: person.email,
                })
                .collect(),
        })
    }
}

fn ready_room(sight: &RoomSight) -> ReadyRoom {
    let (room, me) = (&sight.room, sight.me);
    ReadyRoom {
        id: room.id,
        kind: room.kind,
        name: room.name.clone(),
        slug: room.slug.clone(),
        seq: room.last_seq,
        number: room.last_number,
        read_number: me.map_or(0, |me| me.read_number),
        role: me.map_or(Role::Member, |me| me.role),
    }
}

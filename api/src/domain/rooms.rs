//! Rooms and who is in them. The rules stand in [`policy`]; here they meet the store and the publisher.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use chapar_shared::envelope::{Channel, Envelope, Ephemeral};
use chapar_shared::problem::Violations;
use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::protocol::{Event, EventBody, ReadMark};
use chapar_shared::text;
use chapar_shared::{Code, Number, Problem, RoomId, Timestamp, UserId, Violation};

use super::{Context, policy};
use crate::error::Error;
use crate::store::rooms::{NewRoom, RoomChange, RoomFacts};
use crate::store::{Membership, Page, Person, RoomSight};

mod finding;
mod members;

/// A place in a list of rooms: the activity and id of the last one.
pub type RoomCursor = (Timestamp, RoomId);
/// A place in a list of members: when the last one came, and who it is.
pub type MemberCursor = (Timestamp, UserId);

/// People told of one room.
const MAX_ROSTER: usize = 1000;
/// People told of each room of a long list, if there are as many.
const MIN_ROSTER: usize = 50;
/// People told of all rooms of a list, where each room has its least.
const MAX_ROSTERS: usize = 50_000;

/// Those of the rooms that their viewer may read.
fn readable_rooms(sights: &[RoomSight]) -> Vec<RoomId> {
    let readable = sights.iter().filter(|sight| policy::read(sight).is_ok());
    readable.map(|sight| sight.room.id).collect()
}

/// Those of the rooms that the viewer is in.
pub(super) fn own_rooms(sights: &[RoomSight]) -> Vec<RoomId> {
    let own = sights.iter().filter(|sight| sight.me.is_some());
    own.map(|sight| sight.room.id).collect()
}

/// Rooms and memberships. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rooms {
    ctx: Context,
}

/// A room to make, not yet checked.
#[derive(Clone, Debug)]
pub struct RoomDraft {
    /// Public or private.
    pub kind: RoomKind,
    /// Needed where public.
    pub name: Option<String>,
    /// Made from the name where `None`.
    pub slug: Option<String>,
    /// Possibly none.
    pub description: Option<String>,
    /// Who else is in it from the start.
    pub members: Vec<UserId>,
}

/// What to change of a room, not yet checked; `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct RoomPatch {
    /// What it is called.
    pub name: Option<String>,
    /// Where it is found.
    pub slug: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

impl Rooms {
    /// Over the domain's context.
    pub fn new(ctx: Context) -> Self {
        Self { ctx }
    }

    /// Makes a room, owned by `user`.
    ///
    /// # Errors
    /// Refused `invalid`, `name_taken`, `slug_taken`, `too_many_rooms`, `too_many_members`; a failure of the
    /// store.
    pub async fn create(&self, user: UserId, draft: RoomDraft) -> Result<RoomSight, Error> {
        let new = self.check_draft(user, draft)?;
        let (room, committed) = self.ctx.store.create_room(new).await?;
        self.ctx.publisher.committed(&committed, None).await;
        Ok(RoomSight {
            me: Some(Membership {
                role: Role::Owner,
                read_number: room.last_number,
                is_muted: false,
            }),
            room,
            is_banned: false,
            peer: None,
        })
    }

    fn check_draft(&self, owner: UserId, draft: RoomDraft) -> Result<NewRoom, Problem> {
        let limits = &self.ctx.limits;
        let mut bad = Violations::default();
        if draft.kind == RoomKind::Direct {
            bad.add("kind", Violation::Format);
        }
        let name = draft.name.unwrap_or_default();
        let name = match text::room_name(&name, limits.max_name) {
            Ok(name) if name.is_empty() && draft.kind == RoomKind::Public => {
                Err(Violation::Required)
            }
            other => other,
        };
        let name = bad.check("name", name).unwrap_or_default();
        let is_slug_chosen = draft.slug.is_some();
        let slug = match draft.slug {
            Some(slug) => bad
                .check("slug", text::slug(&slug, limits.max_slug))
                .unwrap_or_default(),
            None => text::slug_from(&name, limits.max_slug),
        };
        let description = draft.description.unwrap_or_default();
        let description = bad
            .check(
                "description",
                text::label(&description, limits.max_description),
            )
            .unwrap_or_default();
        let mut seen = HashSet::from([owner]);
        let mut members = draft.members;
        members.retain(|member| seen.insert(*member));
        if members.len() > limits.max_initial_members {
            let max = limits.max_initial_members as u64;
            bad.add("members", Violation::TooMany { max });
        }
        bad.finish()?;
        let max = policy::max_members(draft.kind, limits);
        if members.len() >= max as usize {
            return Err(Problem::limit(Code::TooManyMembers, max.into()));
        }
        Ok(NewRoom {
            kind: draft.kind,
            name,
            slug,
            is_slug_chosen,
            description,
            owner,
            members,
            max_rooms: limits.max_rooms,
            at: self.ctx.clock.now(),
        })
    }

    /// The one direct room of two users; `true` if it was made by this.
    ///
    /// # Errors
    /// Refused `invalid` for oneself, `user_not_found`, `too_many_rooms`; a failure of the store.
    pub async fn direct(&self, user: UserId, peer: UserId) -> Result<(RoomSight, bool), Error> {
        if user == peer {
            return Err(Problem::invalid("user_id", Violation::Oneself).into());
        }
        let (max, at) = (self.ctx.limits.max_rooms, self.ctx.clock.now());
        let (room, is_new, committed) = self.ctx.store.direct_room(user, peer, max, at).await?;
        self.ctx.publisher.committed(&committed, None).await;
        Ok((self.sight(user, room.id).await?, is_new))
    }

    /// A room that the user may read.
    ///
    /// # Errors
    /// Refused `room_not_found`, `banned`; a failure of the store.
    pub async fn get(&self, user: UserId, room: RoomId) -> Result<RoomSight, Error> {
        self.sight(user, room).await
    }

    /// A room that the user is in; any other is as if it were not there.
    ///
    /// # Errors
    /// Refused `room_not_found`; a failure of the store.
    pub async fn own(&self, user: UserId, room: RoomId) -> Result<RoomSight, Error> {
        let sight = self.ctx.store.room(room, user).await?;
        let sight = sight.filter(|sight| sight.me.is_some());
        sight.ok_or_else(|| Code::RoomNotFound.into())
    }

    /// Who is in each of these rooms that their viewer may read, in the order in which they came: at most 1,000 of one
    /// room, and fewer of each the more rooms there are.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn rosters(
        &self,
        sights: &[RoomSight],
    ) -> Result<HashMap<RoomId, Vec<Person>>, Error> {
        let rooms = readable_rooms(sights);
        let limit = (MAX_ROSTERS / rooms.len().max(1)).clamp(MIN_ROSTER, MAX_ROSTER);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        Ok(self.ctx.store.rosters(&rooms, limit).await?)
    }

    /// A room by its slug, or a public one by its name.
    ///
    /// # Errors
    /// As [`Rooms::get`].
    pub async fn get_by_slug(&self, user: UserId, slug: &str) -> Result<RoomSight, Error> {
        let sight = self.ctx.store.room_by_slug(slug, user).await?;
        let sight = sight.ok_or(Code::RoomNotFound)?;
        policy::read(&sight)?;
        Ok(sight)
    }

    async fn sight(&self, user: UserId, room: RoomId) -> Result<RoomSight, Error> {
        let sight = self.ctx.store.room(room, user).await?;
        let sight = sight.ok_or(Code::RoomNotFound)?;
        policy::read(&sight)?;
        Ok(sight)
    }

    /// The user's rooms, latest activity first.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn list(
        &self,
        user: UserId,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> Result<Page<RoomSight, RoomCursor>, Error> {
        Ok(self.ctx.store.rooms_of(user, after, limit).await?)
    }

    /// Public rooms that hold `query` in name, slug or description.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn discover(
        &self,
        user: UserId,
        query: &str,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> Result<Page<RoomSight, RoomCursor>, Error> {
        let key = text::search_key(query);
        Ok(self.ctx.store.discover(&key, user, after, limit).await?)
    }

    /// Renames or describes a room.
    ///
    /// # Errors
    /// What [`policy::patch`] refuses; `invalid`, `name_taken`, `slug_taken`; a failure of the store.
    pub async fn patch(
        &self,
        user: UserId,
        room: RoomId,
        patch: RoomPatch,
    ) -> Result<RoomSight, Error> {
        let limits = &self.ctx.limits;
        let mut bad = Violations::default();
        let patch = policy::Patch {
            name: patch
                .name
                .and_then(|name| bad.check("name", text::room_name(&name, limits.max_name))),
            slug: patch
                .slug
                .and_then(|slug| bad.check("slug", text::slug(&slug, limits.max_slug))),
            description: patch
                .description
                .and_then(|it| bad.check("description", text::label(&it, limits.max_description))),
        };
        let bad = bad.finish();
        self.change(user, room, None, &|facts| {
            // Who may not change the room learns nothing else.
            policy::patch(facts, &policy::Patch::default())?;
            bad.clone()?;
            policy::patch(facts, &patch)
        })
        .await?;
        self.sight(user, room).await
    }

    /// Ends a room.
    ///
    /// # Errors
    /// What [`policy::delete_room`] refuses; a failure of the store.
    pub async fn delete(&self, user: UserId, room: RoomId) -> Result<(), Error> {
        self.change(user, room, None, &policy::delete_room).await
    }

    /// Members in the order in which they came.
    ///
    /// # Errors
    /// As [`Rooms::get`].
    pub async fn members(
        &self,
        user: UserId,
        room: RoomId,
        after: Option<MemberCursor>,
        limit: u32,
    ) -> Result<Page<(Person, Role), MemberCursor>, Error> {
        self.sight(user, room).await?;
        Ok(self.ctx.store.members(room, after, limit).await?)
    }

    /// Moves the user's read mark; gives where it is then. Every move is told: to the room while it is
    /// small, else to the user's own devices.
    ///
    /// # Errors
    /// What [`policy::mark_read`] refuses; `invalid` for a negative number; a failure of the store.
    pub async fn mark_read(
        &self,
        user: UserId,
        room: RoomId,
        number: Number,
    ) -> Result<Number, Error> {
        if number < 0 {
            let range = Violation::OutOfRange {
                min: 0,
                max: (1 << 53) - 1,
            };
            return Err(Problem::invalid("number", range).into());
        }
        let at = self.ctx.clock.now();
        let decide = policy::mark_read;
        let outcome = self
            .ctx
            .store
            .mark_read(room, user, number, at, &decide)
            .await?;
        let mut more = Vec::new();
        if outcome.has_moved {
            let max = i64::from(self.ctx.limits.max_read_event_members);
            let channel = if outcome.member_count <= max {
                Channel::Room(room)
            } else {
                Channel::User(user)
            };
            let mark = EventBody::Read(ReadMark {
                user,
                number: outcome.read_number,
            });
            let envelope = Envelope::Ephemeral(Ephemeral {
                room,
                except: None,
                actor: None,
                frame: Event::ephemeral(room, mark).frame(),
            });
            more.push((channel, Bytes::from(envelope.encode())));
        }
        let publisher = &self.ctx.publisher;
        publisher
            .committed_with(&outcome.committed, |_| None, more)
            .await;
        Ok(outcome.read_number)
    }

    /// Those of `others` who share a room with the user.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn acquainted(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>, Error> {
        Ok(self.ctx.store.acquainted(user, others).await?)
    }

    async fn change(
        &self,
        user: UserId,
        room: RoomId,
        target: Option<UserId>,
        decide: &(dyn Fn(&RoomFacts) -> Result<RoomChange, Problem> + Send + Sync),
    ) -> Result<(), Error> {
        let at = self.ctx.clock.now();
        let store = &self.ctx.store;
        let outcome = store.change_room(room, user, target, at, decide).await?;
        self.ctx.publisher.committed(&outcome.committed, None).await;
        Ok(())
    }
}

//! Who may do what: the protocol's table as pure functions of the facts that hold under a room's lock.
//!
//! A room that is not public answers everybody outside, banned people too, as if it were not there. A
//! direct room has two equal members: it is never entered, left, renamed or ended, only hidden. What is
//! already so is [`RoomChange::Nothing`], so that a request repeated after a lost answer succeeds.

use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{Code, Limits, Problem, Violation};

use crate::store::RoomSight;
use crate::store::messages::SendFacts;
use crate::store::rooms::{RoomChange, RoomFacts, Standing};

mod messages;
#[cfg(test)]
mod tests;

pub use messages::{attach, delete_message, edit, react};

/// Reading a room, its members, history and changes: members, and anyone not banned where it is public.
///
/// # Errors
/// `room_not_found`; `banned` of a public one.
pub fn read(sight: &RoomSight) -> Result<(), Problem> {
    match (sight.me, sight.room.kind) {
        (None, RoomKind::Public) if sight.is_banned => Err(Code::Banned.into()),
        (Some(_), _) | (None, RoomKind::Public) => Ok(()),
        (None, _) => Err(Code::RoomNotFound.into()),
    }
}

/// The role of a member.
///
/// # Errors
/// For everybody else `room_not_found`; in a public room `banned` or `not_a_member`.
pub fn member(kind: RoomKind, standing: &Standing) -> Result<Role, Problem> {
    match (standing.role, kind) {
        (Some(role), _) => Ok(role),
        (None, RoomKind::Public) if standing.is_banned => Err(Code::Banned.into()),
        (None, RoomKind::Public) => Err(Code::NotAMember.into()),
        (None, _) => Err(Code::RoomNotFound.into()),
    }
}

/// A member who has at least the role `least`, in a room that is not direct.
fn power(facts: &RoomFacts, least: Role) -> Result<Role, Problem> {
    let role = member(facts.room.kind, &facts.actor)?;
    if facts.room.kind == RoomKind::Direct {
        Err(Code::DirectRoom.into())
    } else if role < least {
        Err(Code::Forbidden.into())
    } else {
        Ok(role)
    }
}

/// Sending.
///
/// # Errors
/// Not a member; `invalid` with `reply_to` or `attachments: unknown`.
pub fn send(facts: &SendFacts<'_>) -> Result<(), Problem> {
    let room = facts.room.ok_or(Code::RoomNotFound)?;
    member(room.kind, &facts.sender)?;
    if !facts.has_reply_target {
        return Err(Problem::invalid("reply_to", Violation::Unknown));
    }
    if !facts.has_attachments {
        return Err(Problem::invalid("attachments", Violation::Unknown));
    }
    Ok(())
}

/// Marking a room as read.
///
/// # Errors
/// Not a member.
pub fn mark_read(facts: &RoomFacts) -> Result<(), Problem> {
    member(facts.room.kind, &facts.actor).map(|_| ())
}

/// Joining, adding somebody, or setting a role; `role`: `None` keeps the one they have.
///
/// # Errors
/// Not a member (of a room that cannot be joined), `banned`; `direct_room`; `forbidden`; `user_not_found`;
/// `too_many_members`, `too_many_rooms`.
pub fn put_member(
    facts: &RoomFacts,
    role: Option<Role>,
    limits: &Limits,
) -> Result<RoomChange, Problem> {
    let target = target(facts);
    let is_oneself = target.user == facts.actor.user;
    if is_oneself && target.role.is_none() {
        return join(facts, role, limits);
    }
    let power = power(facts, Role::Member)?;
    if let Some(current) = target.role {
        return match role {
            None => Ok(RoomChange::Nothing),
            Some(role) if role == current => Ok(RoomChange::Nothing),
            // Somebody has to be left who may set roles.
            Some(_) if power < Role::Owner || facts.is_last_owner => Err(Code::Forbidden.into()),
            Some(role) => Ok(RoomChange::SetRole(role)),
        };
    }
    let role = role.unwrap_or(Role::Member);
    if power < Role::Admin || (role > Role::Member && power < Role::Owner) {
        return Err(Code::Forbidden.into());
    }
    if !target.exists {
        return Err(Code::UserNotFound.into());
    }
    // Whoever was banned comes back only after the ban was lifted.
    if target.is_banned {
        return Err(Code::Forbidden.into());
    }
    has_place(facts, target, limits)?;
    Ok(RoomChange::Add {
        role,
        is_invitation: true,
    })
}

fn join(facts: &RoomFacts, role: Option<Role>, limits: &Limits) -> Result<RoomChange, Problem> {
    match member(facts.room.kind, &facts.actor) {
        Err(problem) if problem.code == Code::NotAMember => {}
        Err(problem) => return Err(problem),
        Ok(_) => return Ok(RoomChange::Nothing),
    }
    if role.is_some_and(|role| role > Role::Member) {
        return Err(Code::Forbidden.into());
    }
    has_place(facts, &facts.actor, limits)?;
    Ok(RoomChange::Add {
        role: Role::Member,
        is_invitation: false,
    })
}

fn has_place(facts: &RoomFacts, who: &Standing, limits: &Limits) -> Result<(), Problem> {
    let max = max_members(facts.room.kind, limits);
    if facts.room.member_count >= i64::from(max) {
        return Err(Problem::limit(Code::TooManyMembers, max.into()));
    }
    if who.rooms >= i64::from(limits.max_rooms) {
        return Err(Problem::limit(Code::TooManyRooms, limits.max_rooms.into()));
    }
    Ok(())
}

/// How many may be in a room of a kind.
pub fn max_members(kind: RoomKind, limits: &Limits) -> u32 {
    match kind {
        RoomKind::Public => limits.max_public_members,
        RoomKind::Private => limits.max_private_members,
        RoomKind::Direct => 2,
    }
}

/// Leaving, or removing somebody. A direct room is hidden instead of left; the last one to leave a room
/// ends it.
///
/// # Errors
/// Not a member; `direct_room`; `forbidden`.
pub fn remove_member(facts: &RoomFacts) -> Result<RoomChange, Problem> {
    let target = target(facts);
    if target.user == facts.actor.user {
        member(facts.room.kind, &facts.actor)?;
        return Ok(match facts.room.kind {
            RoomKind::Direct => RoomChange::Hide,
            _ if facts.room.member_count <= 1 => RoomChange::Delete,
            _ => RoomChange::Remove {
                successor: facts.is_last_owner.then_some(facts.successor).flatten(),
            },
        });
    }
    let power = power(facts, Role::Admin)?;
    match target.role {
        None => Ok(RoomChange::Nothing),
        Some(Role::Owner) if power < Role::Owner => Err(Code::Forbidden.into()),
        Some(_) => Ok(RoomChange::Remove { successor: None }),
    }
}

/// Keeping somebody out, whether they are in or not.
///
/// # Errors
/// Not a member; `direct_room`; `forbidden`; `user_not_found`; `invalid` for oneself.
pub fn ban(facts: &RoomFacts) -> Result<RoomChange, Problem> {
    let power = power(facts, Role::Admin)?;
    let target = target(facts);
    if target.user == facts.actor.user {
        return Err(Problem::invalid("user_id", Violation::Oneself));
    }
    if !target.exists {
        return Err(Code::UserNotFound.into());
    }
    if target.role == Some(Role::Owner) && power < Role::Owner {
        return Err(Code::Forbidden.into());
    }
    Ok(if target.is_banned {
        RoomChange::Nothing
    } else {
        RoomChange::Ban
    })
}

/// Letting somebody come again.
///
/// # Errors
/// Not a member; `direct_room`; `forbidden`.
pub fn unban(facts: &RoomFacts) -> Result<RoomChange, Problem> {
    power(facts, Role::Admin)?;
    Ok(if target(facts).is_banned {
        RoomChange::Unban
    } else {
        RoomChange::Nothing
    })
}

/// New name, slug and description of a room, all clean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// `None` keeps.
    pub name: Option<String>,
    /// `None` keeps.
    pub slug: Option<String>,
    /// `None` keeps.
    pub description: Option<String>,
}

/// Renaming or describing a room.
///
/// # Errors
/// Not a member; `direct_room`; `forbidden`; `invalid` for a public room without a name.
pub fn patch(facts: &RoomFacts, patch: &Patch) -> Result<RoomChange, Problem> {
    power(facts, Role::Admin)?;
    let room = &facts.room;
    if room.kind == RoomKind::Public && patch.name.as_deref() == Some("") {
        return Err(Problem::invalid("name", Violation::Required));
    }
    let differs = |new: &Option<String>, old: &str| new.clone().filter(|new| new != old);
    let name = differs(&patch.name, &room.name);
    let slug = differs(&patch.slug, room.slug.as_deref().unwrap_or_default());
    let description = differs(&patch.description, &room.description);
    Ok(
        if name.is_none() && slug.is_none() && description.is_none() {
            RoomChange::Nothing
        } else {
            RoomChange::Patch {
                name,
                slug,
                description,
            }
        },
    )
}

/// Ending a room.
///
/// # Errors
/// Not a member; `direct_room`; `forbidden`.
pub fn delete_room(facts: &RoomFacts) -> Result<RoomChange, Problem> {
    power(facts, Role::Owner).map(|_| RoomChange::Delete)
}

/// Every call about a member names one, oneself included.
fn target(facts: &RoomFacts) -> &Standing {
    facts.target.as_ref().unwrap_or(&facts.actor)
}

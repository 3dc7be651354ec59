//! Rules of what may be done to a message.

use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{AttachmentId, Code, Limits, Problem, Violation};

use super::member;
use crate::store::messages::{MessageChange, MessageFacts};

fn actor(facts: &MessageFacts) -> Result<Role, Problem> {
    member(facts.room.kind, &facts.actor)
}

fn is_author(facts: &MessageFacts) -> bool {
    facts.message.sender.id == facts.actor.user
}

/// A member, of a message that was not deleted.
fn standing(facts: &MessageFacts) -> Result<(), Problem> {
    actor(facts)?;
    match facts.message.deleted_at {
        Some(_) => Err(Code::MessageNotFound.into()),
        None => Ok(()),
    }
}

fn author(facts: &MessageFacts) -> Result<(), Problem> {
    standing(facts)?;
    if is_author(facts) {
        Ok(())
    } else {
        Err(Code::Forbidden.into())
    }
}

/// New text for a message, already clean: its author, while a member.
///
/// # Errors
/// Not a member; `message_not_found`; `forbidden`; `invalid` for an empty text without attachments.
pub fn edit(facts: &MessageFacts, content: &str) -> Result<MessageChange, Problem> {
    author(facts)?;
    if content.is_empty() && facts.message.attachments.is_empty() {
        return Err(Problem::invalid("content", Violation::Required));
    }
    Ok(if content == facts.message.content {
        MessageChange::Nothing
    } else {
        MessageChange::Edit {
            content: content.to_owned(),
        }
    })
}

/// A message's end: its author; admins too, but for an owner's; owners. In a direct room only its author.
///
/// # Errors
/// Not a member; `forbidden`.
pub fn delete_message(facts: &MessageFacts) -> Result<MessageChange, Problem> {
    let role = actor(facts)?;
    let may = is_author(facts)
        || (facts.room.kind != RoomKind::Direct
            && match role {
                Role::Owner => true,
                Role::Admin => facts.author_role != Some(Role::Owner),
                Role::Member => false,
            });
    if !may {
        return Err(Code::Forbidden.into());
    }
    Ok(if facts.message.deleted_at.is_some() {
        MessageChange::Nothing
    } else {
        MessageChange::Delete
    })
}

/// A reaction put or taken back, its emoji already checked: every member.
///
/// # Errors
/// Not a member; `message_not_found`; `too_many_reactions`.
pub fn react(
    facts: &MessageFacts,
    emoji: &str,
    added: bool,
    limits: &Limits,
) -> Result<MessageChange, Problem> {
    standing(facts)?;
    let reactions = &facts.message.reactions;
    let kind = reactions.iter().find(|one| one.emoji == emoji);
    if kind.is_some_and(|one| one.is_mine) == added {
        return Ok(MessageChange::Nothing);
    }
    if kind.is_none() && reactions.len() >= limits.max_reactions {
        return Err(Problem::limit(
            Code::TooManyReactions,
            limits.max_reactions as u64,
        ));
    }
    Ok(MessageChange::React {
        emoji: emoji.to_owned(),
        added,
    })
}

/// A file added to a message later: its author, while a member.
///
/// # Errors
/// Not a member; `message_not_found`; `forbidden`; `invalid` for too many attachments.
pub fn attach(
    facts: &MessageFacts,
    file: AttachmentId,
    limits: &Limits,
) -> Result<MessageChange, Problem> {
    author(facts)?;
    let attachments = &facts.message.attachments;
    if attachments.iter().any(|one| one.id == file) {
        return Ok(MessageChange::Nothing);
    }
    if attachments.len() >= limits.max_attachments {
        return Err(Problem::invalid(
            "attachments",
            Violation::TooMany {
                max: limits.max_attachments as u64,
            },
        ));
    }
    Ok(MessageChange::Attach { file })
}

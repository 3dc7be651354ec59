//! The objects of the wire.

use std::collections::HashSet;

use serde::Serialize;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{MessageId, RoomId, Timestamp, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::Site;
use crate::domain::Actor;
use crate::store::users::UserRecord;
use crate::store::{MessageRecord, RoomSight};

/// A group.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) id: RoomId,
    pub(super) name: String,
    pub(super) slug: String,
    #[serde(rename = "type")]
    pub(super) kind: RoomKind,
    /// The owner's username.
    pub(super) created_by: Option<String>,
    pub(super) members_count: i64,
}

/// A message, or one file of a message that has several.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) id: MessageId,
    /// The author's username.
    pub(super) user: String,
    #[serde(rename = "message")]
    pub(super) text: String,
    pub(super) timestamp: Timestamp,
    /// Absolute.
    pub(super) file: Option<String>,
    /// What the file is called; for pages.
    #[serde(skip)]
    pub(super) file_name: String,
}

/// A message between two people.
#[derive(Debug, Serialize)]
pub(super) struct PrivateMessage {
    #[serde(flatten)]
    pub(super) message: Message,
    sender: String,
    recipient: String,
}

/// A private chat in a list.
#[derive(Debug, Serialize)]
pub(super) struct PrivateChat {
    pub(super) username: String,
    pub(super) is_online: bool,
    pub(super) last_message: Option<Message>,
    pub(super) unread: i64,
}

/// Oneself.
#[derive(Debug, Serialize)]
pub(super) struct Profile {
    pub(super) id: UserId,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// Absolute.
    pub(super) avatar_url: Option<String>,
}

/// The rooms of these that are groups: those with a slug.
pub(super) async fn groups(state: &ApiState, sights: &[RoomSight]) -> Result<Vec<Group>, Failure> {
    let mut owners = state.rooms.owners(sights).await?;
    let group = |sight: &RoomSight| {
        let room = &sight.room;
        Some(Group {
            id: room.id,
            name: room.name.clone(),
            slug: room.slug.clone()?,
            kind: room.kind,
            created_by: owners.remove(&room.id).map(|owner| owner.username),
            members_count: room.member_count,
        })
    };
    Ok(sights.iter().filter_map(group).collect())
}

/// A message with its first file, then each further file as an item of the same id; nothing of a deleted one.
pub(super) fn message(state: &ApiState, site: &Site, record: &MessageRecord) -> Vec<Message> {
    if record.deleted_at.is_some() {
        return Vec::new();
    }
    let mut files = record.attachments.iter().map(|file| {
        let address = site.absolute(&state.links.file(file.id));
        (Some(address), file.name.clone())
    });
    let first = files.next().unwrap_or_default();
    let item = |text: String, (file, file_name): (Option<String>, String)| Message {
        id: record.id,
        user: record.sender.username.clone(),
        text,
        timestamp: record.created_at,
        file,
        file_name,
    };
    let mut items = vec![item(record.content.clone(), first)];
    items.extend(files.map(|file| item(String::new(), file)));
    items
}

/// Messages of the direct room of two.
pub(super) fn private(
    messages: Vec<Message>,
    own: &str,
    peer: &str,
) -> impl Iterator<Item = PrivateMessage> {
    messages.into_iter().map(move |message| {
        let recipient = if message.user == own { peer } else { own };
        PrivateMessage {
            sender: message.user.clone(),
            recipient: recipient.to_owned(),
            message,
        }
    })
}

/// Who of these people is online. Where that is not known, nobody is.
pub(super) async fn online(
    state: &ApiState,
    caller: Actor,
    people: &[UserId],
) -> Result<HashSet<UserId>, Failure> {
    let mut online = HashSet::new();
    for some in people.chunks(state.limits.max_watched.max(1)) {
        match state.users.presence(caller, some).await {
            Ok(presences) => online.extend(presences.online),
            Err(crate::Error::Refused(problem)) => {
                tracing::debug!(code = %problem.code, "who is online is not known");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(online)
}

/// Oneself.
pub(super) fn profile(state: &ApiState, site: &Site, user: UserRecord) -> Profile {
    let person = user.person;
    let avatar = person.avatar.map(|file| state.links.file(file));
    Profile {
        id: person.id,
        username: person.username,
        email: person.email,
        first_name: user.first_name,
        last_name: user.last_name,
        avatar_url: avatar.map(|address| site.absolute(&address)),
    }
}

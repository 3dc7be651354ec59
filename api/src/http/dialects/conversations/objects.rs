//! The objects of the wire.

use std::collections::HashMap;

use serde::Serialize;

use chapar_shared::{AttachmentId, MessageId, RoomId, Timestamp, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::Site;
use crate::store::{FileRecord, MessageRecord, RoomSight};

/// A conversation.
#[derive(Debug, Serialize)]
pub(super) struct Conversation {
    id: RoomId,
    /// Usernames, in the order in which they came.
    participants: Vec<String>,
    participant_ids: Vec<UserId>,
    created_at: Timestamp,
    /// Deleted ones left out.
    last_message: Option<Message>,
    /// There are more people in it than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    users_truncated: bool,
}

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    id: MessageId,
    sender: String,
    sender_id: UserId,
    /// Empty when deleted.
    content: String,
    timestamp: Timestamp,
    is_edited: bool,
    is_deleted: bool,
    attachments: Vec<Attachment>,
}

/// A file of a message.
#[derive(Debug, Serialize)]
pub(super) struct Attachment {
    id: AttachmentId,
    /// Absolute.
    file: String,
    uploaded_at: Timestamp,
}

/// Rooms that the caller is in, as conversations.
pub(super) async fn conversations(
    state: &ApiState,
    site: &Site,
    caller: UserId,
    sights: Vec<RoomSight>,
) -> Result<Vec<Conversation>, Failure> {
    let mut people = state.rooms.rosters(&sights).await?;
    let mut latest: HashMap<_, _> = state.messages.latest(caller, &sights).await?;
    let conversation = |sight: RoomSight| {
        let room = sight.room;
        let people = people.remove(&room.id).unwrap_or_default();
        let last_message = latest.remove(&room.id);
        Conversation {
            id: room.id,
            users_truncated: i64::try_from(people.len()).is_ok_and(|told| told < room.member_count),
            participant_ids: people.iter().map(|person| person.id).collect(),
            participants: people.into_iter().map(|person| person.username).collect(),
            created_at: room.created_at,
            last_message: last_message.map(|last| message(state, site, last)),
        }
    };
    Ok(sights.into_iter().map(conversation).collect())
}

/// A message as everybody in the conversation sees it.
pub(super) fn message(state: &ApiState, site: &Site, message: MessageRecord) -> Message {
    let files = message.attachments.iter();
    Message {
        attachments: files.map(|file| attachment(state, site, file)).collect(),
        id: message.id,
        sender: message.sender.username.clone(),
        sender_id: message.sender.id,
        content: message.content,
        timestamp: message.created_at,
        is_edited: message.edited_at.is_some(),
        is_deleted: message.deleted_at.is_some(),
    }
}

/// A file of a message.
pub(super) fn attachment(state: &ApiState, site: &Site, file: &FileRecord) -> Attachment {
    Attachment {
        id: file.id,
        file: site.absolute(&state.links.file(file.id)),
        uploaded_at: file.created_at,
    }
}

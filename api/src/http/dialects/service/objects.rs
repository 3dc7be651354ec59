//! The objects of the wire.

use serde::Serialize;
use utoipa::ToSchema;

use chapar_shared::{RoomId, Timestamp, UserId};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::Site;
use crate::store::{MessageRecord, Person, RoomSight};

/// A user, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    /// Decimal digits.
    pub(super) id: String,
    pub(super) username: String,
    /// `null` for who registered elsewhere without one.
    #[schema(required)]
    pub(super) email: Option<String>,
}

/// A chat room.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatRoom {
    /// Decimal digits.
    id: String,
    /// The other one's name, for a private chat.
    name: String,
    description: String,
    /// E-mails, or usernames where there is none, in the order in which they came; at most 1,000.
    members: Vec<String>,
    /// The newest, oldest first, where one room is asked for; else none.
    messages: Vec<Message>,
    /// There are more members than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    users_truncated: bool,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Message {
    /// Decimal digits.
    id: String,
    /// The author's e-mail, or username where there is none.
    sender: String,
    /// The text, and the addresses of files, each on a line.
    content: String,
    timestamp: Timestamp,
}

/// A chat of two.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PrivateChat {
    /// Decimal digits; also good as a chat room's.
    pub(super) id: String,
    /// The username, where there is no e-mail.
    pub(super) other_user_email: String,
    pub(super) other_username: String,
    pub(super) is_online: bool,
    /// The newest.
    #[schema(required)]
    pub(super) last_message: Option<Message>,
}

/// What somebody is called here.
pub(super) fn name_of(person: &Person) -> String {
    person
        .email
        .clone()
        .unwrap_or_else(|| person.username.clone())
}

/// Rooms that the caller is in, as chat rooms.
pub(super) async fn chat_rooms(
    state: &ApiState,
    sights: Vec<RoomSight>,
) -> Result<Vec<ChatRoom>, Failure> {
    let mut people = state.rooms.rosters(&sights).await?;
    let chat_room = |sight: RoomSight| {
        let people = people.remove(&sight.room.id).unwrap_or_default();
        let count = sight.room.member_count;
        ChatRoom {
            id: sight.room.id.to_string(),
            name: sight.peer.as_ref().map_or(sight.room.name, name_of),
            description: sight.room.description,
            users_truncated: i64::try_from(people.len()).is_ok_and(|told| told < count),
            members: people.iter().map(name_of).collect(),
            messages: Vec::new(),
        }
    };
    Ok(sights.into_iter().map(chat_room).collect())
}

/// One of them.
pub(super) async fn chat_room(
    state: &ApiState,
    sight: RoomSight,
    messages: Vec<Message>,
) -> Result<ChatRoom, Failure> {
    let one = chat_rooms(state, vec![sight]).await?.pop();
    let one = one.ok_or(chapar_shared::Code::RoomNotFound)?;
    Ok(ChatRoom { messages, ..one })
}

/// A message; `None` for a deleted one.
pub(super) fn message(state: &ApiState, site: &Site, record: &MessageRecord) -> Option<Message> {
    if record.deleted_at.is_some() {
        return None;
    }
    let text = Some(record.content.clone()).filter(|text| !text.is_empty());
    let files = record.attachments.iter();
    let files = files.map(|file| site.absolute(&state.links.file(file.id)));
    Some(Message {
        id: record.id.to_string(),
        sender: name_of(&record.sender),
        content: text.into_iter().chain(files).collect::<Vec<_>>().join("\n"),
        timestamp: record.created_at,
    })
}

/// The room that a path names; a text that is no number names none.
pub(super) fn room_id(text: &str) -> Result<RoomId, Failure> {
    text.parse()
        .map_err(|_| chapar_shared::Code::RoomNotFound.into())
}

/// A user of theirs.
pub(super) fn user(id: UserId, username: String, email: Option<String>) -> User {
    User {
        id: id.to_string(),
        username,
        email,
    }
}

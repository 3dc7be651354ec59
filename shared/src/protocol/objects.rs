//! The objects of the native protocol, as they stand in REST answers and events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AttachmentId, MessageId, NotificationId, Number, RoomId, Seq, SessionId, Timestamp, UserId,
};

/// A user as everybody sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Unique and stable.
    pub id: UserId,
    /// Unique without regard to case and Unicode form; 1 to 64 characters.
    pub username: String,
    /// What people call them; the username where none was given.
    pub display_name: String,
    /// Signed and expiring; `null` without a picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
}

/// A user as they see themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnUser {
    /// What everybody sees.
    #[serde(flatten)]
    pub user: User,
    /// Seen by oneself only.
    #[schema(required)]
    pub email: Option<String>,
}

/// Who may find and enter a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Anyone may find, read and join it.
    Public,
    /// Only its members know of it.
    Private,
    /// The one room of two people.
    Direct,
}

/// A member's power in a room, least first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also adds, removes and bans members, deletes others' messages, changes name and description.
    Admin,
    /// Also sets roles and deletes the room.
    Owner,
}

/// A room as everybody who may see it does; this form stands in room events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Room {
    /// Unique and stable.
    pub id: RoomId,
    /// Public, private or direct.
    pub kind: RoomKind,
    /// Up to 100 characters; empty for direct and unnamed rooms.
    pub name: String,
    /// Unique; letters of any script; `null` for direct rooms.
    #[schema(required)]
    pub slug: Option<String>,
    /// Up to 500 characters, possibly empty.
    pub description: String,
    /// The room's newest position.
    pub seq: Seq,
    /// The newest message's number.
    pub number: Number,
    /// How many are in it.
    pub member_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a room is to the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomMe {
    /// Their role.
    pub role: Role,
    /// The number of the last message they read; unread = `number` − this.
    pub read_number: Number,
    /// Whether they asked for no notifications of it.
    pub muted: bool,
}

/// A room in an answer to one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomView {
    /// What everybody sees.
    #[serde(flatten)]
    pub room: Room,
    /// The other of a direct room; absent elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<User>,
    /// `null` for who is not a member.
    #[schema(required)]
    pub me: Option<RoomMe>,
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who.
    pub user: User,
    /// Their role; in `member.left` the one they had.
    pub role: Role,
}

/// A message in its latest state. A deleted one is without content, attachments and reactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Unique over all rooms.
    pub id: MessageId,
    /// Where it was sent.
    pub room: RoomId,
    /// The position of its creation.
    pub seq: Seq,
    /// The position of its latest change; `seq` while there was none.
    pub changed_seq: Seq,
    /// Its place among the room's messages.
    pub number: Number,
    /// Its author.
    pub sender: User,
    /// Trimmed text, up to 4,000 characters; empty only with attachments or when deleted.
    pub content: String,
    /// The sender's idempotency key, if they named one.
    #[schema(required)]
    pub nonce: Option<String>,
    /// The message of the same room that this one answers.
    #[schema(required)]
    pub reply_to: Option<MessageId>,
    /// Up to 10 files.
    pub attachments: Vec<Attachment>,
    /// In order of first use.
    pub reactions: Vec<Reaction>,
    /// When it was committed.
    pub created_at: Timestamp,
    /// When its text was last changed.
    #[schema(required)]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    #[schema(required)]
    pub deleted_at: Option<Timestamp>,
}

/// One kind of reaction on a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Up to 32 bytes.
    pub emoji: String,
    /// How many reacted so.
    pub count: i64,
    /// Whether the reader is among them; left out of events, which are the same for every receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub me: Option<bool>,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Names it in a message.
    pub id: AttachmentId,
    /// The claimed file name, without path.
    pub name: String,
    /// Recognised from the content; `application/octet-stream` where it was not.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// Signed; valid for 7 days.
    pub url: String,
    /// Pixels, for images.
    #[schema(required)]
    pub width: Option<u32>,
    /// Pixels, for images.
    #[schema(required)]
    pub height: Option<u32>,
    /// Signed; for images.
    #[schema(required)]
    pub thumbnail_url: Option<String>,
}

/// What signing in gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// A JWT for `Authorization: Bearer`.
    pub access_token: String,
    /// Opaque; exchanged once for the next pair.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds for which the access token lives.
    pub expires_in: i64,
    /// Who signed in.
    pub user: OwnUser,
}

/// One device's sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Names it for revoking.
    pub id: SessionId,
    /// The `User-Agent` it signed in with, cut to 200 characters.
    pub device: String,
    /// The address it signed in from.
    pub address: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it last renewed its token.
    pub last_used_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Why a user is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// A message in a direct room.
    Direct,
    /// `@username` in a message's text.
    Mention,
    /// Added to a room by somebody.
    Invite,
    /// Sent by hand by somebody with whom the user shares a room, or by the user.
    Notice,
}

/// Something a user should see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Ascending for each user.
    pub id: NotificationId,
    /// Why.
    pub kind: NotificationKind,
    /// Where; of a notice the direct room of the two or another that they share, and `null` of one to oneself.
    #[schema(required)]
    pub room: Option<RoomId>,
    /// The message, unless it is an invitation or a notice.
    #[schema(required)]
    pub message: Option<MessageId>,
    /// Who caused it.
    pub sender: User,
    /// The beginning of the message's text, or the room's name, or the notice.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was read; left out of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
}

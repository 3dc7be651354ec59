//! What the store gives and takes: records, without anything of SQL.

use std::sync::Arc;

use chapar_shared::protocol::objects::{NotificationKind, Role, RoomKind};
use chapar_shared::protocol::{EventType, ReactionChange};
use chapar_shared::{
    AttachmentId, MessageId, NotificationId, Number, RoomId, Seq, SessionId, Timestamp, UserId,
};

/// A user as others see them, with the e-mail that some dialects show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Unique and stable.
    pub id: UserId,
    /// As they wrote it; `deleted-<id>` of a deleted user.
    pub username: String,
    /// What people call them.
    pub display_name: String,
    /// Their picture's file.
    pub avatar: Option<AttachmentId>,
    /// Only for themselves and for dialects that name people by it.
    pub email: Option<String>,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Unique and stable.
    pub id: RoomId,
    /// Public, private or direct.
    pub kind: RoomKind,
    /// Empty for direct and unnamed rooms.
    pub name: String,
    /// `None` for direct and deleted rooms.
    pub slug: Option<String>,
    /// Possibly empty.
    pub description: String,
    /// Its head.
    pub last_seq: Seq,
    /// Its newest message's number.
    pub last_number: Number,
    /// How many are in it.
    pub member_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The time of its newest message, or of its making.
    pub active_at: Timestamp,
    /// It ended; only its last change is left of it.
    pub is_deleted: bool,
}

/// A user's relation to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Their role.
    pub role: Role,
    /// The last message they read.
    pub read_number: Number,
    /// They want no notifications of it.
    pub is_muted: bool,
}

/// A room as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSight {
    /// The room; never a deleted one.
    pub room: RoomRecord,
    /// `None` for who is not a member.
    pub me: Option<Membership>,
    /// Banned from it.
    pub is_banned: bool,
    /// The other of a direct room.
    pub peer: Option<Person>,
}

/// A message with all that is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Unique over all rooms.
    pub id: MessageId,
    /// Its room.
    pub room: RoomId,
    /// The position of its creation.
    pub seq: Seq,
    /// The position of its latest change.
    pub changed_seq: Seq,
    /// Its place among the room's messages.
    pub number: Number,
    /// Its author.
    pub sender: Arc<Person>,
    /// Empty when deleted.
    pub content: String,
    /// The client's nonce; `None` where the gateway made it.
    pub nonce: Option<String>,
    /// What it answers.
    pub reply_to: Option<MessageId>,
    /// In the order of the send; empty when deleted.
    pub attachments: Vec<FileRecord>,
    /// In order of first use; empty when deleted.
    pub reactions: Vec<ReactionRecord>,
    /// When it was committed.
    pub created_at: Timestamp,
    /// When its text was last changed.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// One kind of reaction on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionRecord {
    /// The emoji.
    pub emoji: String,
    /// How many reacted so.
    pub count: i64,
    /// Whether the viewer did; `false` where there is none.
    pub is_mine: bool,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Unique and stable.
    pub id: AttachmentId,
    /// Who uploaded it.
    pub owner: UserId,
    /// The claimed name, made safe.
    pub name: String,
    /// Recognised from the content.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// Pixels, for images.
    pub width: Option<u32>,
    /// Pixels, for images.
    pub height: Option<u32>,
    /// There is a thumbnail beside it.
    pub has_thumbnail: bool,
    /// Its random name in the object storage.
    pub object: String,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// One item of a room's change feed, live or replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// The room.
    pub room: RoomId,
    /// Its position.
    pub seq: Seq,
    /// What happened.
    pub kind: EventType,
    /// When it was committed; in replays the nearest time known of what it is about.
    pub at: Timestamp,
    /// Who did it; in replays the message's author or the member, and nobody for the room.
    pub actor: Option<Arc<Person>>,
    /// What it happened to, in its state after it.
    pub subject: Subject,
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A message, and the reaction if that is what changed and it is live.
    Message(Arc<MessageRecord>, Option<ReactionChange>),
    /// A member; the role they have or had.
    Member(Person, Role),
    /// The room itself.
    Room(Box<RoomRecord>),
}

/// What one transaction changed for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserBump {
    /// The user.
    pub user: UserId,
    /// Their version after it.
    pub version: i64,
    /// In order.
    pub facts: Vec<UserFact>,
}

/// One thing that changed for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserFact {
    /// They came into a room, or a hidden direct room came back.
    Joined {
        /// The room.
        room: RoomId,
        /// The position from which on they are to hear of it.
        after: Seq,
    },
    /// They are no longer in a room, or hid a direct one.
    Left {
        /// The room.
        room: RoomId,
        /// What it was.
        kind: RoomKind,
        /// What it was called.
        name: String,
    },
    /// They got a notification.
    Notified(Box<NotificationRecord>),
    /// They read notifications up to one, of one room or of all.
    NotificationsRead {
        /// The newest of them.
        up_to: NotificationId,
        /// `None`: all rooms.
        room: Option<RoomId>,
    },
    /// Sessions of theirs ended.
    Revoked(Vec<SessionId>),
    /// They were banned or deleted.
    Shut,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRecord {
    /// Ascending.
    pub id: NotificationId,
    /// Why.
    pub kind: NotificationKind,
    /// Where; `None` for a notice to oneself.
    pub room: Option<RoomId>,
    /// The message; `None` for invitations and notices.
    pub message: Option<MessageId>,
    /// Who caused it.
    pub sender: Arc<Person>,
    /// The beginning of the text (at most 200 characters), or the room's name, or the notice.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was read.
    pub read_at: Option<Timestamp>,
}

/// Everything to publish after a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// By room and position, ascending within a room.
    pub changes: Vec<ChangeRecord>,
    /// One for each user.
    pub users: Vec<UserBump>,
}

/// A page of a list by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// At most as many as asked for.
    pub items: Vec<T>,
    /// The key to go on after; `None` at the end.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// A page of at most `limit` items from a list read one longer, with the key of its last item if there
    /// are more.
    pub fn cut(mut items: Vec<T>, limit: u32, key: impl FnOnce(&T) -> K) -> Self {
        let limit = limit as usize;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = if has_more {
            items.last().map(key)
        } else {
            None
        };
        Self { items, next }
    }
}

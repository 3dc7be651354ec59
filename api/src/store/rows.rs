//! Rows that several statements read alike, and the columns they are read from. For both databases.

use std::sync::Arc;

use chapar_shared::protocol::objects::Role;
use chapar_shared::{AttachmentId, MessageId, NotificationId, RoomId, Timestamp, UserId};

use super::records::{
    FileRecord, Membership, MessageRecord, NotificationRecord, Person, RoomRecord, RoomSight,
};
use super::rooms::Standing;
use super::words::Word;
use crate::error::StoreError;

/// The columns of a [`PersonRow`] from a table `users` of this alias.
macro_rules! person_columns {
    ($users:literal) => {
        $crate::store::rows::person_columns!($users, "person")
    };
    ($users:literal, $prefix:literal) => {
        concat!(
            $users,
            ".id AS ",
            $prefix,
            "_id, ",
            $users,
            ".username AS ",
            $prefix,
            "_username, ",
            $users,
            ".display_name AS ",
            $prefix,
            "_display_name, ",
            $users,
            ".avatar_id AS ",
            $prefix,
            "_avatar, ",
            $users,
            ".email AS ",
            $prefix,
            "_email"
        )
    };
}
pub(super) use person_columns;

/// A user as others see them, joined to something of theirs.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(
    clippy::struct_field_names,
    reason = "the prefix keeps the columns apart from those they are joined to"
)]
pub(super) struct PersonRow {
    person_id: i64,
    person_username: String,
    person_display_name: String,
    person_avatar: Option<i64>,
    person_email: Option<String>,
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        Self {
            id: UserId(row.person_id),
            username: row.person_username,
            display_name: row.person_display_name,
            avatar: row.person_avatar.map(AttachmentId),
            email: row.person_email,
        }
    }
}

/// The columns of a [`RoomRow`]: `room_columns!("r.")` from a table `rooms` named `r`, and `room_columns!("")` from the
/// one inserted into, which SQLite's `RETURNING` does not know by another name.
macro_rules! room_columns {
    ($rooms:literal) => {
        concat!(
            $rooms,
            "id AS room_id, ",
            $rooms,
            "kind AS room_kind, ",
            $rooms,
            "name AS room_name, ",
            $rooms,
            "slug AS room_slug, ",
            $rooms,
            "description AS room_description, ",
            $rooms,
            "last_seq AS room_last_seq, ",
            $rooms,
            "last_number AS room_last_number, ",
            $rooms,
            "member_count AS room_member_count, ",
            $rooms,
            "created_at AS room_created_at, ",
            $rooms,
            "active_at AS room_active_at, ",
            $rooms,
            "deleted_at AS room_deleted_at"
        )
    };
}
pub(super) use room_columns;

/// A room.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(
    clippy::struct_field_names,
    reason = "the prefix keeps the columns apart from those they are joined to"
)]
pub(super) struct RoomRow {
    room_id: i64,
    room_kind: String,
    room_name: String,
    room_slug: Option<String>,
    room_description: String,
    room_last_seq: i64,
    room_last_number: i64,
    room_member_count: i64,
    room_created_at: i64,
    room_active_at: i64,
    room_deleted_at: Option<i64>,
}

impl TryFrom<RoomRow> for RoomRecord {
    type Error = StoreError;

    fn try_from(row: RoomRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: RoomId(row.room_id),
            kind: Word::read(&row.room_kind)?,
            name: row.room_name,
            slug: row.room_slug,
            description: row.room_description,
            last_seq: row.room_last_seq,
            last_number: row.room_last_number,
            member_count: row.room_member_count,
            created_at: Timestamp::from_micros(row.room_created_at),
            active_at: Timestamp::from_micros(row.room_active_at),
            is_deleted: row.room_deleted_at.is_some(),
        })
    }
}

/// Rooms as the user `$1` sees them: the columns of a [`SightRow`] and the tables they come from.
macro_rules! sights {
    () => {
        concat!(
            "SELECT ",
            $crate::store::rows::room_columns!("r."),
            ", m.role AS me_role, m.left_at AS me_left_at, m.read_number AS me_read_number,
               m.is_muted AS me_is_muted, m.is_banned AS me_is_banned, ",
            $crate::store::rows::person_columns!("p", "peer"),
            " FROM rooms r
              LEFT JOIN members m ON m.room_id = r.id AND m.user_id = $1
              LEFT JOIN users p
                ON p.id = CASE WHEN r.direct_low = $1 THEN r.direct_high ELSE r.direct_low END "
        )
    };
}
pub(super) use sights;

/// A room as one user sees it.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct SightRow {
    #[sqlx(flatten)]
    room: RoomRow,
    me_role: Option<String>,
    me_left_at: Option<i64>,
    me_read_number: Option<i64>,
    me_is_muted: Option<i64>,
    me_is_banned: Option<i64>,
    peer_id: Option<i64>,
    peer_username: Option<String>,
    peer_display_name: Option<String>,
    peer_avatar: Option<i64>,
    peer_email: Option<String>,
}

impl TryFrom<SightRow> for RoomSight {
    type Error = StoreError;

    fn try_from(row: SightRow) -> Result<Self, StoreError> {
        let me = match row.me_role {
            Some(role) if row.me_left_at.is_none() => Some(Membership {
                role: Word::read(&role)?,
                read_number: row.me_read_number.unwrap_or_default(),
                is_muted: row.me_is_muted == Some(1),
            }),
            _ => None,
        };
        let peer = row.peer_id.map(|id| Person {
            id: UserId(id),
            username: row.peer_username.unwrap_or_default(),
            display_name: row.peer_display_name.unwrap_or_default(),
            avatar: row.peer_avatar.map(AttachmentId),
            email: row.peer_email,
        });
        Ok(Self {
            room: row.room.try_into()?,
            me,
            is_banned: row.me_is_banned == Some(1),
            peer,
        })
    }
}

/// A user and how they stand to a room.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct StandingRow {
    #[sqlx(flatten)]
    person: PersonRow,
    user_deleted_at: Option<i64>,
    role: Option<String>,
    left_at: Option<i64>,
    is_banned: Option<i64>,
    rooms: i64,
}

impl StandingRow {
    /// The user and their standing.
    pub(super) fn read(self) -> Result<(Person, Standing), StoreError> {
        let role: Option<Role> = match self.role {
            Some(role) if self.left_at.is_none() => Some(Word::read(&role)?),
            _ => None,
        };
        let person = Person::from(self.person);
        let standing = Standing {
            user: person.id,
            exists: self.user_deleted_at.is_none(),
            role,
            is_banned: self.is_banned == Some(1),
            rooms: self.rooms,
        };
        Ok((person, standing))
    }
}

/// The columns of a [`MessageRow`] from `messages m` and `users u`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.id, m.room_id, m.seq, m.changed_seq, m.change_kind, m.number, m.content, m.nonce,
             m.is_nonce_hidden, m.reply_to, m.created_at, m.edited_at, m.deleted_at, ",
            $crate::store::rows::person_columns!("u")
        )
    };
}
pub(super) use message_columns;

/// Messages with their authors: the columns of a [`MessageRow`] and the tables they come from.
macro_rules! messages {
    () => {
        concat!(
            "SELECT ",
            $crate::store::rows::message_columns!(),
            " FROM messages m JOIN users u ON u.id = m.sender_id "
        )
    };
}
pub(super) use messages;

/// A message with its author, without attachments and reactions.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct MessageRow {
    pub(super) id: i64,
    room_id: i64,
    pub(super) seq: i64,
    pub(super) changed_seq: i64,
    pub(super) change_kind: String,
    number: i64,
    content: String,
    nonce: Option<String>,
    is_nonce_hidden: i64,
    reply_to: Option<i64>,
    created_at: i64,
    edited_at: Option<i64>,
    pub(super) deleted_at: Option<i64>,
    #[sqlx(flatten)]
    sender: PersonRow,
}

impl From<MessageRow> for MessageRecord {
    fn from(row: MessageRow) -> Self {
        Self {
            id: MessageId(row.id),
            room: RoomId(row.room_id),
            seq: row.seq,
            changed_seq: row.changed_seq,
            number: row.number,
            sender: Arc::new(row.sender.into()),
            content: row.content,
            nonce: row.nonce.filter(|_| row.is_nonce_hidden == 0),
            reply_to: row.reply_to.map(MessageId),
            attachments: Vec::new(),
            reactions: Vec::new(),
            created_at: Timestamp::from_micros(row.created_at),
            edited_at: row.edited_at.map(Timestamp::from_micros),
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
        }
    }
}

/// A file.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct FileRow {
    id: i64,
    owner_id: i64,
    pub(super) message_id: Option<i64>,
    name: String,
    content_type: String,
    size: i64,
    width: Option<i64>,
    height: Option<i64>,
    has_thumbnail: i64,
    object: String,
    created_at: i64,
    pub(super) is_orphaned: i64,
}

impl FileRow {
    /// Its id.
    pub(super) fn id(&self) -> AttachmentId {
        AttachmentId(self.id)
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> UserId {
        UserId(self.owner_id)
    }

    /// In no message, and not about to be removed.
    pub(super) fn is_free(&self) -> bool {
        self.message_id.is_none() && self.is_orphaned == 0
    }
}

impl From<FileRow> for FileRecord {
    fn from(row: FileRow) -> Self {
        let pixels = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        Self {
            id: AttachmentId(row.id),
            owner: UserId(row.owner_id),
            name: row.name,
            content_type: row.content_type,
            size: row.size,
            width: pixels(row.width),
            height: pixels(row.height),
            has_thumbnail: row.has_thumbnail == 1,
            object: row.object,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

/// Notifications with who caused them: the columns of a [`NotificationRow`] and their tables.
macro_rules! notifications {
    () => {
        concat!(
            "SELECT n.id, n.kind, n.room_id, n.message_id, n.text, n.created_at, n.read_at, ",
            $crate::store::rows::person_columns!("u"),
            " FROM notifications n JOIN users u ON u.id = n.sender_id "
        )
    };
}
pub(super) use notifications;

/// A notification with who caused it.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct NotificationRow {
    id: i64,
    kind: String,
    room_id: Option<i64>,
    message_id: Option<i64>,
    text: String,
    created_at: i64,
    read_at: Option<i64>,
    #[sqlx(flatten)]
    sender: PersonRow,
}

impl TryFrom<NotificationRow> for NotificationRecord {
    type Error = StoreError;

    fn try_from(row: NotificationRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: NotificationId(row.id),
            kind: Word::read(&row.kind)?,
            room: row.room_id.map(RoomId),
            message: row.message_id.map(MessageId),
            sender: Arc::new(row.sender.into()),
            text: row.text,
            created_at: Timestamp::from_micros(row.created_at),
            read_at: row.read_at.map(Timestamp::from_micros),
        })
    }
}

//! The words by which the database knows kinds and roles. They are the wire's, but changing the wire must
//! not change what is stored, so they stand here once more.

use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::{NotificationKind, Role, RoomKind};

use crate::error::StoreError;

/// A kind that a column holds as a word.
pub(super) trait Word: Copy + Sized + 'static {
    /// Every value and its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word.
    fn word(self) -> &'static str;

    /// The value of a column's word.
    fn read(word: &str) -> Result<Self, StoreError> {
        Self::WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(value, _)| *value)
            .ok_or_else(|| StoreError::Failed(format!("unknown word {word:?} in a column").into()))
    }
}

macro_rules! words {
    ($($type:ident { $($value:ident $word:literal,)* })*) => {$(
        impl Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$value, $word),)*];

            fn word(self) -> &'static str {
                match self { $(Self::$value => $word,)* }
            }
        }
    )*};
}

words! {
    RoomKind {
        Public "public",
        Private "private",
        Direct "direct",
    }
    Role {
        Member "member",
        Admin "admin",
        Owner "owner",
    }
    NotificationKind {
        Direct "direct",
        Mention "mention",
        Invite "invite",
        Notice "notice",
    }
    EventType {
        MessageCreated "message.created",
        MessageEdited "message.edited",
        MessageDeleted "message.deleted",
        MessageReacted "message.reacted",
        MemberJoined "member.joined",
        MemberLeft "member.left",
        MemberChanged "member.changed",
        RoomChanged "room.changed",
        RoomDeleted "room.deleted",
    }
}

//! One value of every frame, event, command, problem and envelope, as the golden files hold them.

mod frames;
mod nodes;

use chapar_shared::protocol::{
    Attachment, Event, EventBody, LeftRoom, Member, Message, Notification, NotificationKind,
    NotificationsRead, Presence, Reacted, Reaction, ReactionChange, ReadMark, Role, Room, RoomKind,
    RoomMe, RoomView, Typing, User,
};
use chapar_shared::{AttachmentId, MessageId, NotificationId, RoomId, Timestamp, UserId};

pub(crate) use frames::{commands, frames};
pub(crate) use nodes::{envelopes, problems};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_795_180_455 + seconds) * 1_000_000 + 1)
}

fn sara() -> User {
    User {
        id: UserId(7),
        username: "سارا".into(),
        display_name: "سارا رضایی".into(),
        avatar_url: Some("https://chat.example/files/5?e=1&s=a".into()),
    }
}

fn ali() -> User {
    User {
        id: UserId(9),
        username: "ali".into(),
        display_name: "Ali".into(),
        avatar_url: None,
    }
}

fn room() -> Room {
    Room {
        id: RoomId(12),
        kind: RoomKind::Public,
        name: "گروه دوستان".into(),
        slug: Some("گروه-دوستان".into()),
        description: "هر شب،\nساعت ۹".into(),
        seq: 346,
        number: 31,
        member_count: 2,
        created_at: at(0),
    }
}

fn message() -> Message {
    Message {
        id: MessageId(78),
        room: RoomId(12),
        seq: 346,
        changed_seq: 346,
        number: 31,
        sender: sara(),
        content: "سلام، این «می‌روم» است 🌱".into(),
        nonce: Some("9f1c".into()),
        reply_to: Some(MessageId(77)),
        attachments: vec![Attachment {
            id: AttachmentId(5),
            name: "عکس.png".into(),
            content_type: "image/png".into(),
            size: 2048,
            url: "https://chat.example/files/5?e=1&s=b".into(),
            width: Some(640),
            height: Some(480),
            thumbnail_url: Some("https://chat.example/files/5/thumbnail?e=1&s=c".into()),
        }],
        reactions: vec![],
        created_at: at(60),
        edited_at: None,
        deleted_at: None,
    }
}

fn edited() -> Message {
    Message {
        changed_seq: 347,
        content: "درود".into(),
        edited_at: Some(at(90)),
        ..message()
    }
}

fn deleted() -> Message {
    Message {
        changed_seq: 349,
        content: String::new(),
        attachments: vec![],
        deleted_at: Some(at(120)),
        ..message()
    }
}

fn reacted() -> Reacted {
    let reaction = Reaction {
        emoji: "🌱".into(),
        count: 1,
        me: None,
    };
    Reacted {
        message: Message {
            changed_seq: 348,
            reactions: vec![reaction],
            ..message()
        },
        change: Some(ReactionChange {
            user: UserId(9),
            emoji: "🌱".into(),
            added: true,
        }),
    }
}

fn member(role: Role) -> Member {
    Member { user: ali(), role }
}

fn notification() -> Notification {
    Notification {
        id: NotificationId(3),
        kind: NotificationKind::Mention,
        room: Some(RoomId(12)),
        message: Some(MessageId(78)),
        sender: sara(),
        text: "سلام @ali".into(),
        created_at: at(60),
        read_at: None,
    }
}

/// Every event type once, `message.reacted` live and replayed, notification events with and without a room.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(crate) fn events() -> Vec<(&'static str, Event)> {
    let change = |seq, body| Event::change(RoomId(12), seq, body);
    let ephemeral = |body| Event::ephemeral(RoomId(12), body);
    let joined = RoomView {
        room: room(),
        peer: None,
        me: Some(RoomMe {
            role: Role::Member,
            read_number: 31,
            muted: false,
        }),
    };
    let direct = RoomView {
        room: Room {
            id: RoomId(13),
            kind: RoomKind::Direct,
            name: String::new(),
            slug: None,
            description: String::new(),
            ..room()
        },
        peer: Some(ali()),
        ..joined.clone()
    };
    let replayed = Reacted {
        change: None,
        ..reacted()
    };
    let left = LeftRoom {
        id: RoomId(12),
        kind: RoomKind::Public,
        name: "گروه دوستان".into(),
    };
    let invite = Notification {
        kind: NotificationKind::Invite,
        message: None,
        text: "گروه دوستان".into(),
        ..notification()
    };
    let notice = Notification {
        kind: NotificationKind::Notice,
        room: None,
        text: "یادت نرود".into(),
        ..invite.clone()
    };
    let read = |room| {
        EventBody::NotificationRead(NotificationsRead {
            up_to: NotificationId(3),
            room,
        })
    };
    let presence = |online, last_seen| {
        EventBody::Presence(Presence {
            user: UserId(9),
            online,
            last_seen,
        })
    };
    vec![
        (
            "message.created",
            change(346, EventBody::MessageCreated(message())),
        ),
        (
            "message.edited",
            change(347, EventBody::MessageEdited(edited())),
        ),
        (
            "message.deleted",
            change(349, EventBody::MessageDeleted(deleted())),
        ),
        (
            "message.reacted",
            change(348, EventBody::MessageReacted(reacted())),
        ),
        (
            "message.reacted.replayed",
            change(348, EventBody::MessageReacted(replayed)),
        ),
        (
            "member.joined",
            change(350, EventBody::MemberJoined(member(Role::Member))),
        ),
        (
            "member.left",
            change(352, EventBody::MemberLeft(member(Role::Admin))),
        ),
        (
            "member.changed",
            change(351, EventBody::MemberChanged(member(Role::Admin))),
        ),
        ("room.changed", change(353, EventBody::RoomChanged(room()))),
        ("room.deleted", change(354, EventBody::RoomDeleted(room()))),
        (
            "typing",
            ephemeral(EventBody::Typing(Typing {
                user: UserId(9),
                typing: true,
            })),
        ),
        (
            "read",
            ephemeral(EventBody::Read(ReadMark {
                user: UserId(9),
                number: 31,
            })),
        ),
        ("presence.online", Event::user(presence(true, None))),
        (
            "presence.offline",
            Event::user(presence(false, Some(at(0)))),
        ),
        ("room.joined", Event::user(EventBody::RoomJoined(joined))),
        (
            "room.joined.direct",
            Event::user(EventBody::RoomJoined(direct)),
        ),
        ("room.left", Event::user(EventBody::RoomLeft(left))),
        (
            "notification.created",
            Event::user(EventBody::NotificationCreated(notification())),
        ),
        (
            "notification.created.invite",
            Event::user(EventBody::NotificationCreated(invite)),
        ),
        (
            "notification.created.notice",
            Event::user(EventBody::NotificationCreated(notice)),
        ),
        ("notification.read", Event::user(read(None))),
        (
            "notification.read.room",
            Event::user(read(Some(RoomId(12)))),
        ),
    ]
}

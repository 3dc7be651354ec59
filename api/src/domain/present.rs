//! Records as the objects and envelopes of the wire.

use chapar_shared::envelope::{Actor, RoomChange, UserChange, UserEvent};
use chapar_shared::protocol::objects as wire;
use chapar_shared::protocol::{Event, EventBody, EventType, NotificationsRead, Reacted};

use crate::media::Links;
use crate::store::{
    ChangeRecord, FileRecord, MessageRecord, NotificationRecord, Person, RoomRecord, RoomSight,
    Subject, UserBump, UserFact,
};

/// A user as everybody sees them.
pub fn user(person: &Person, links: &Links) -> wire::User {
    wire::User {
        id: person.id,
        username: person.username.clone(),
        display_name: person.display_name.clone(),
        avatar_url: person.avatar.map(|file| links.file(file)),
    }
}

/// A user as they see themselves.
pub fn own_user(person: &Person, links: &Links) -> wire::OwnUser {
    wire::OwnUser {
        user: user(person, links),
        email: person.email.clone(),
    }
}

/// A file.
pub fn attachment(file: &FileRecord, links: &Links) -> wire::Attachment {
    wire::Attachment {
        id: file.id,
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
        url: links.file(file.id),
        width: file.width,
        height: file.height,
        thumbnail_url: file.has_thumbnail.then(|| links.thumbnail(file.id)),
    }
}

/// A message; the viewer's own reactions are marked if the record was read for a viewer.
pub fn message(message: &MessageRecord, links: &Links) -> wire::Message {
    wire::Message {
        id: message.id,
        room: message.room,
        seq: message.seq,
        changed_seq: message.changed_seq,
        number: message.number,
        sender: user(&message.sender, links),
        content: message.content.clone(),
        nonce: message.nonce.clone(),
        reply_to: message.reply_to,
        attachments: message
            .attachments
            .iter()
            .map(|file| attachment(file, links))
            .collect(),
        reactions: message
            .reactions
            .iter()
            .map(|one| wire::Reaction {
                emoji: one.emoji.clone(),
                count: one.count,
                me: Some(one.is_mine),
            })
            .collect(),
        created_at: message.created_at,
        edited_at: message.edited_at,
        deleted_at: message.deleted_at,
    }
}

/// A message as all receivers of an event see it.
fn event_message(record: &MessageRecord, links: &Links) -> wire::Message {
    let mut message = message(record, links);
    for reaction in &mut message.reactions {
        reaction.me = None;
    }
    message
}

/// A room as all receivers of an event see it.
pub fn room(room: &RoomRecord) -> wire::Room {
    wire::Room {
        id: room.id,
        kind: room.kind,
        name: room.name.clone(),
        slug: room.slug.clone(),
        description: room.description.clone(),
        seq: room.last_seq,
        number: room.last_number,
        member_count: room.member_count,
        created_at: room.created_at,
    }
}

/// A room as one user sees it.
pub fn room_view(sight: &RoomSight, links: &Links) -> wire::RoomView {
    wire::RoomView {
        room: room(&sight.room),
        peer: sight.peer.as_ref().map(|peer| user(peer, links)),
        me: sight.me.map(|me| wire::RoomMe {
            role: me.role,
            read_number: me.read_number,
            muted: me.is_muted,
        }),
    }
}

/// A notification, as a list shows it.
pub fn notification(notification: &NotificationRecord, links: &Links) -> wire::Notification {
    wire::Notification {
        id: notification.id,
        kind: notification.kind,
        room: notification.room,
        message: notification.message,
        sender: user(&notification.sender, links),
        text: notification.text.clone(),
        created_at: notification.created_at,
        read_at: notification.read_at,
    }
}

/// A change with its native frame, for envelopes and replays.
pub fn change(change: &ChangeRecord, trace: Option<String>, links: &Links) -> RoomChange {
    let (message_id, body) = match &change.subject {
        Subject::Message(record, reaction) => {
            let message = event_message(record, links);
            let body = match change.kind {
                EventType::MessageDeleted => EventBody::MessageDeleted(message),
                EventType::MessageEdited => EventBody::MessageEdited(message),
                EventType::MessageReacted => EventBody::MessageReacted(Reacted {
                    message,
                    change: reaction.clone(),
                }),
                _ => EventBody::MessageCreated(message),
            };
            (Some(record.id), body)
        }
        Subject::Member(person, role) => {
            let member = wire::Member {
                user: user(person, links),
                role: *role,
            };
            let body = match change.kind {
                EventType::MemberJoined => EventBody::MemberJoined(member),
                EventType::MemberLeft => EventBody::MemberLeft(member),
                _ => EventBody::MemberChanged(member),
            };
            (None, body)
        }
        Subject::Room(record) => {
            let room = room(record);
            let body = match change.kind {
                EventType::RoomDeleted => EventBody::RoomDeleted(room),
                _ => EventBody::RoomChanged(room),
            };
            (None, body)
        }
    };
    RoomChange {
        room: change.room,
        seq: change.seq,
        kind: change.kind,
        message: message_id,
        actor: change.actor.as_ref().map(|person| Actor {
            id: person.id,
            username: person.username.clone(),
            avatar_url: person.avatar.map(|file| links.file(file)),
            email: person.email.clone(),
        }),
        at: change.at,
        trace,
        frame: Event::change(change.room, change.seq, body).frame(),
    }
}

/// What one transaction changed for a user, with the frames of what is delivered as it is.
pub fn user_change(bump: &UserBump, links: &Links) -> UserChange {
    let changes = bump.facts.iter().map(|fact| match fact {
        UserFact::Joined { room, after } => UserEvent::Joined {
            room: *room,
            after: *after,
        },
        UserFact::Left { room, kind, name } => UserEvent::Left {
            room: *room,
            kind: *kind,
            name: name.clone(),
        },
        UserFact::Notified(record) => {
            let mut data = notification(record, links);
            data.read_at = None;
            UserEvent::Notification {
                id: record.id,
                frame: Event::user(EventBody::NotificationCreated(data)).frame(),
            }
        }
        UserFact::NotificationsRead { up_to, room } => UserEvent::Notification {
            id: *up_to,
            frame: Event::user(EventBody::NotificationRead(NotificationsRead {
                up_to: *up_to,
                room: *room,
            }))
            .frame(),
        },
        UserFact::Revoked(sessions) => UserEvent::Revoked {
            sessions: sessions.clone(),
        },
        UserFact::Shut => UserEvent::Shut,
    });
    UserChange {
        user: bump.user,
        version: bump.version,
        changes: changes.collect(),
    }
}

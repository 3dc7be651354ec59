//! Problems, and what nodes send each other.

use chapar_shared::envelope::{
    Actor, Envelope, Ephemeral, RoomChange, UserChange, UserEvent as ForUser,
};
use chapar_shared::protocol::{Event, EventBody, EventType, Presence, RoomKind, Typing};
use chapar_shared::{
    Code, MessageId, NotificationId, Problem, RoomId, SessionId, UserId, Violation,
};
use serde_json::value::RawValue;

use super::{at, message, notification};

/// Every code with what goes with it, and every violation.
pub(crate) fn problems() -> Vec<(String, Problem)> {
    let mut problems: Vec<(String, Problem)> = Code::ALL
        .iter()
        .map(|&code| (code.as_str(), problem(code)))
        .collect();
    let violations = [
        ("username", Violation::Required),
        ("content", Violation::TooLong { max: 4000 }),
        ("nonce", Violation::TooManyBytes { max: 64 }),
        ("password", Violation::TooShort { min: 8 }),
        ("attachments", Violation::TooMany { max: 10 }),
        ("limit", Violation::OutOfRange { min: 1, max: 100 }),
        ("name", Violation::Characters),
        ("slug", Violation::AllDigits),
        ("email", Violation::Format),
        ("reply_to", Violation::Unknown),
        ("current_password", Violation::Wrong),
        ("user_id", Violation::Oneself),
        ("password2", Violation::Differs),
    ];
    let errors = violations.map(|(field, violation)| (field.to_owned(), vec![violation]));
    problems.push((
        "invalid.every_violation".into(),
        Problem {
            errors: errors.into(),
            ..Code::Invalid.into()
        },
    ));
    problems
}

fn problem(code: Code) -> Problem {
    match code {
        Code::TooLarge => Problem::limit(code, 262_144),
        Code::TooManyRooms => Problem::limit(code, 1000),
        Code::TooManyMembers => Problem::limit(code, 10_000),
        Code::TooManyReactions => Problem::limit(code, 20),
        Code::StorageFull => Problem::limit(code, 1 << 30),
        Code::Invalid => Problem::invalid("content", Violation::Required),
        Code::RateLimited => Problem::rate_limited(std::time::Duration::from_millis(1200)),
        _ => code.into(),
    }
}

/// What nodes send each other: nodes of two releases run side by side while one is rolled out.
pub(crate) fn envelopes() -> Vec<(&'static str, Envelope)> {
    let frame = |event: Event| RawValue::from_string(event.encode()).unwrap();
    let created = Event::change(RoomId(12), 346, EventBody::MessageCreated(message()));
    let typing = EventBody::Typing(Typing {
        user: UserId(9),
        typing: true,
    });
    let notified = Event::user(EventBody::NotificationCreated(notification()));
    let change = RoomChange {
        room: RoomId(12),
        seq: 346,
        kind: EventType::MessageCreated,
        message: Some(MessageId(78)),
        actor: Some(Actor {
            id: UserId(7),
            username: "سارا".into(),
            avatar_url: None,
            email: Some("sara@example.com".into()),
        }),
        at: at(60),
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        frame: frame(created),
    };
    let changes = vec![
        ForUser::Joined {
            room: RoomId(12),
            after: 3,
        },
        ForUser::Left {
            room: RoomId(13),
            kind: RoomKind::Private,
            name: "ب".into(),
        },
        ForUser::Notification {
            id: NotificationId(3),
            frame: frame(notified),
        },
        ForUser::Revoked {
            sessions: vec![SessionId(41)],
        },
        ForUser::Shut,
    ];
    let ephemeral = Ephemeral {
        room: RoomId(12),
        except: Some(UserId(9)),
        actor: Some(Actor {
            id: UserId(9),
            username: "علی".into(),
            avatar_url: None,
            email: None,
        }),
        frame: frame(Event::ephemeral(RoomId(12), typing)),
    };
    let presence = Presence {
        user: UserId(9),
        online: false,
        last_seen: Some(at(0)),
    };
    vec![
        ("change", Envelope::Change(change)),
        ("ephemeral", Envelope::Ephemeral(ephemeral)),
        (
            "user",
            Envelope::User(UserChange {
                user: UserId(9),
                version: 4,
                changes,
            }),
        ),
        (
            "head",
            Envelope::Head {
                room: RoomId(12),
                seq: 346,
            },
        ),
        (
            "version",
            Envelope::Version {
                user: UserId(9),
                version: 4,
            },
        ),
        ("presence", Envelope::Presence(presence)),
    ]
}

//! What happens, as events of this dialect. Made once for all sockets of a room.
//!
//! | event | payload |
//! |---|---|
//! | `chat_response` | `{"room_id", "message": {"id", "sender", "content", "timestamp"}}`; one more for each file, its address as `content` and as `file_url`, with its `filename` |
//! | `message_edited` | `{"room_id", "message": {"id", "sender", "content", "timestamp"}}` |
//! | `message_deleted` | `{"room_id", "message_id"}` |
//! | `typing` | `{"room_id", "user", "username", "is_typing"}` |
//! | `user_online`, `user_offline` | `{"email", "username"}` |
//!
//! Ids are strings. A person is called by e-mail, or by username where there is none.

use serde::Serialize;

use chapar_shared::Timestamp;
use chapar_shared::envelope::Actor;
use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::Message;

use super::super::{Utf8Bytes, View, reading};
use super::own;
use super::packets;
use super::parcels::Parcel;
use crate::hub::Change;

/// A durable change, in parcels.
pub(super) fn change(change: &Change, view: &View) -> Vec<String> {
    match change.kind {
        EventType::MessageCreated
        | EventType::MessageEdited
        | EventType::MessageDeleted
        | EventType::MessageReacted => {
            let message = reading::message(change);
            message.map_or_else(Vec::new, |message| of_message(change, &message, view))
        }
        EventType::MemberJoined | EventType::MemberLeft => {
            let room = reading::room(&change.frame);
            vec![Parcel::Company(room).encode()]
        }
        EventType::MemberChanged | EventType::RoomChanged | EventType::RoomDeleted => Vec::new(),
    }
}

fn of_message(change: &Change, message: &Message, view: &View) -> Vec<String> {
    let actor = change.actor.as_ref();
    let room_id = message.room.to_string();
    // A repair tells a message once, in its latest state: it may be new though its latest change is another.
    let is_new = message.seq > change.known;
    match change.kind {
        EventType::MessageDeleted => {
            #[derive(Serialize)]
            struct Deleted<'a> {
                room_id: &'a str,
                message_id: String,
            }
            let deleted = Deleted {
                room_id: &room_id,
                message_id: message.id.to_string(),
            };
            vec![packets::event("message_deleted", &deleted)]
        }
        _ if is_new => said(message, actor, view),
        EventType::MessageEdited => {
            let body = Body::of(message, actor, &message.content);
            let edited = Said {
                room_id: &room_id,
                message: body,
            };
            vec![packets::event("message_edited", &edited)]
        }
        _ => Vec::new(),
    }
}

/// A message that is new to the sockets: its text, if it has any, and each of its files.
fn said(message: &Message, actor: Option<&Actor>, view: &View) -> Vec<String> {
    let room_id = &*message.room.to_string();
    let event = |body: Body<'_>| {
        let said = Said {
            room_id,
            message: body,
        };
        packets::event("chat_response", &said)
    };
    let mut parcels = Vec::with_capacity(1);
    if !message.content.is_empty() {
        let packet = event(Body::of(message, actor, &message.content));
        parcels.push(
            match message.nonce.as_deref().filter(|it| own::is_ours(it)) {
                Some(nonce) => Parcel::Said {
                    nonce: nonce.into(),
                    sender: message.sender.id,
                    packet: packet.into(),
                }
                .encode(),
                None => packet,
            },
        );
    }
    for file in &message.attachments {
        let address = reading::absolute(&file.url, view);
        let mut body = Body::of(message, actor, &address);
        body.file_url = Some(&address);
        body.filename = Some(&file.name);
        parcels.push(event(body));
    }
    parcels
}

/// An event without position.
pub(super) fn event(frame: &Utf8Bytes, actor: Option<&Actor>) -> Vec<String> {
    let parcel = if let Some(presence) = reading::presence(frame) {
        Some(Parcel::Presence(presence).encode())
    } else if reading::is_of(frame, "room.joined") || reading::is_of(frame, "room.left") {
        Some(Parcel::Company(None).encode())
    } else {
        typing(frame, actor)
    };
    parcel.into_iter().collect()
}

fn typing(frame: &Utf8Bytes, actor: Option<&Actor>) -> Option<String> {
    #[derive(Serialize)]
    struct Typist<'a> {
        room_id: String,
        user: &'a str,
        username: &'a str,
        is_typing: bool,
    }
    let typing = reading::typing(frame)?;
    let actor = actor?;
    let typist = Typist {
        room_id: reading::room(frame)?.to_string(),
        user: actor.email.as_ref().unwrap_or(&actor.username),
        username: &actor.username,
        is_typing: typing.typing,
    };
    Some(packets::event("typing", &typist))
}

#[derive(Debug, Serialize)]
struct Said<'a> {
    room_id: &'a str,
    message: Body<'a>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    id: String,
    sender: &'a str,
    content: &'a str,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

impl<'a> Body<'a> {
    fn of(message: &'a Message, actor: Option<&'a Actor>, content: &'a str) -> Self {
        let email = actor
            .filter(|actor| actor.id == message.sender.id)
            .and_then(|actor| actor.email.as_deref());
        Self {
            id: message.id.to_string(),
            sender: email.unwrap_or(&message.sender.username),
            content,
            timestamp: message.created_at,
            file_url: None,
            filename: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn change_of(after: i64, kind: EventType, data: &Value) -> Vec<String> {
        let frame = json!({"op": "event", "room": 12, "seq": 9, "type": "x", "data": data});
        let change = Change::of(after, 9, kind, 7, &frame.to_string());
        super::change(&change, &View::default())
    }

    fn message(seq: i64, nonce: Option<&str>) -> Value {
        json!({
            "id": 7, "room": 12, "seq": seq, "changed_seq": 9, "number": 1,
            "sender": {"id": 3, "username": "علی", "display_name": "علی", "avatar_url": null},
            "content": "سلام", "nonce": nonce, "reply_to": null, "attachments": [], "reactions": [],
            "created_at": "2026-01-02T03:04:05Z", "edited_at": null, "deleted_at": null
        })
    }

    fn parts(parcels: &[String]) -> Value {
        serde_json::from_str(parcels[0].strip_prefix('2').unwrap()).unwrap()
    }

    #[test]
    fn a_message_is_said_by_name_where_there_is_no_email() {
        let said = change_of(8, EventType::MessageCreated, &message(9, Some("theirs")));
        let said = parts(&said);
        assert_eq!(
            (&said[0], &said[1]["room_id"]),
            (&json!("chat_response"), &json!("12"))
        );
        let body = &said[1]["message"];
        assert_eq!(
            body["timestamp"].as_str().unwrap().get(..19),
            Some("2026-01-02T03:04:05")
        );
        assert_eq!((&body["id"], &body["sender"]), (&json!("7"), &json!("علی")));
        let own = change_of(8, EventType::MessageCreated, &message(9, Some("sio1.2")));
        assert!(
            matches!(Parcel::read(&own[0]), Some(Parcel::Said { .. })),
            "{own:?}"
        );
    }

    #[test]
    fn a_message_that_changed_before_it_was_seen_is_said() {
        for kind in [EventType::MessageEdited, EventType::MessageReacted] {
            let said = parts(&change_of(4, kind, &message(5, None)));
            assert_eq!(said[0], "chat_response", "{kind:?}");
        }
        let edited = parts(&change_of(5, EventType::MessageEdited, &message(5, None)));
        assert_eq!(edited[0], "message_edited");
        assert!(change_of(5, EventType::MessageReacted, &message(5, None)).is_empty());
        let deleted = change_of(4, EventType::MessageDeleted, &message(5, None));
        assert_eq!(
            deleted,
            [r#"2["message_deleted",{"room_id":"12","message_id":"7"}]"#]
        );
    }

    #[test]
    fn files_are_said_one_by_one() {
        let file = |id: i64| {
            json!({"id": id, "name": "عکس.png", "content_type": "image/png", "size": 1, "url": "/f",
                "width": null, "height": null, "thumbnail_url": null})
        };
        let mut message = message(9, None);
        message["content"] = json!("");
        message["attachments"] = json!([file(1), file(2)]);
        let said = change_of(8, EventType::MessageCreated, &message);
        assert_eq!(said.len(), 2);
        let body = &parts(&said)[1]["message"];
        assert_eq!(
            (&body["content"], &body["file_url"]),
            (&json!("/f"), &json!("/f"))
        );
        assert_eq!(
            (&body["id"], &body["filename"]),
            (&json!("7"), &json!("عکس.png"))
        );
    }

    #[test]
    fn who_comes_and_goes_is_for_the_writer() {
        let frame = json!({"op": "event", "type": "presence",
            "data": {"user": 3, "online": true, "last_seen": null}});
        let parcels = event(&Utf8Bytes::from(frame.to_string()), None);
        assert!(matches!(
            Parcel::read(&parcels[0]),
            Some(Parcel::Presence(_))
        ));
        let joined = change_of(8, EventType::MemberJoined, &json!({}));
        assert!(matches!(
            Parcel::read(&joined[0]),
            Some(Parcel::Company(Some(_)))
        ));
        let read =
            json!({"op": "event", "room": 12, "type": "read", "data": {"user": 3, "number": 1}});
        assert!(event(&Utf8Bytes::from(read.to_string()), None).is_empty());
    }
}

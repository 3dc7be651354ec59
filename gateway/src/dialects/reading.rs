//! What dialects read out of native frames, and write in more than one of them.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use chapar_shared::RoomId;
use chapar_shared::protocol::reply::ReplyError;
use chapar_shared::protocol::{Message, Notification, Presence, ServerFrame, Typing};

use super::{Frames, Utf8Bytes, View};
use crate::hub::Change;

#[derive(serde::Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(serde::Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// The message of a change that is about one.
pub(super) fn message(change: &Change) -> Option<Message> {
    data(&change.frame)
}

/// The room that a frame is about.
pub(super) fn room(frame: &Utf8Bytes) -> Option<RoomId> {
    #[derive(serde::Deserialize)]
    struct Of {
        room: Option<RoomId>,
    }
    serde_json::from_str::<Of>(frame).ok()?.room
}

/// Who came or went, of an event that says so.
pub(super) fn presence(frame: &Utf8Bytes) -> Option<Presence> {
    is_of(frame, "presence").then(|| data(frame))?
}

/// Who types, of an event that says so.
pub(super) fn typing(frame: &Utf8Bytes) -> Option<Typing> {
    is_of(frame, "typing").then(|| data(frame))?
}

/// The notification of an event that tells of a new one.
pub(super) fn notification(frame: &Utf8Bytes) -> Option<Notification> {
    is_of(frame, "notification.created").then(|| data(frame))?
}

/// Whether a frame is an event of this type.
pub(super) fn is_of(frame: &Utf8Bytes, kind: &str) -> bool {
    serde_json::from_str(frame).is_ok_and(|it: Kind<'_>| it.kind == kind)
}

/// Frames are the api's own: one that cannot be read is of another release, and its dialect says nothing of it.
fn data<T: DeserializeOwned>(frame: &Utf8Bytes) -> Option<T> {
    match serde_json::from_str(frame) {
        Ok(Data { data }) => Some(data),
        Err(error) => {
            tracing::warn!(category = ?error.classify(), "a native frame cannot be read");
            None
        }
    }
}

/// Why a command was refused, of an answer that says so.
pub(super) fn refusal(frame: &ServerFrame) -> Option<&ReplyError> {
    match frame {
        ServerFrame::Reply(reply) => reply.error.as_ref(),
        _ => None,
    }
}

/// The sentence for people: of the first field that is wrong, where it is about fields.
pub(super) fn detail(error: &ReplyError) -> &str {
    let of_field = error.errors.values().flatten().next();
    of_field.unwrap_or(&error.detail)
}

/// An address as the client can use it.
pub(super) fn absolute(address: &str, view: &View) -> String {
    match &view.base {
        Some(base) if address.starts_with('/') => format!("{base}{address}"),
        _ => address.to_owned(),
    }
}

/// One frame.
pub(super) fn frame(value: &impl Serialize) -> Utf8Bytes {
    let text = serde_json::to_string(value);
    text.expect("frames hold no map keys or floats that JSON lacks")
        .into()
}

/// Frames, in order.
pub(super) fn frames(mut all: Vec<Utf8Bytes>) -> Frames {
    match (all.pop(), all.is_empty()) {
        (None, _) => Frames::None,
        (Some(only), true) => Frames::One(only),
        (Some(last), false) => {
            all.push(last);
            Frames::Many(all.into())
        }
    }
}

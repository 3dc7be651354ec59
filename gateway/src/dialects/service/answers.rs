//! What a client is told of what it asked: acknowledgements, and the events that say the same for clients
//! without a callback.
//!
//! A command's id holds the event's name and the number of its callback, so that an answer needs no memory.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use chapar_shared::protocol::CommandId;
use chapar_shared::protocol::objects::Message;
use chapar_shared::protocol::reply::{Reply, ReplyError};
use chapar_shared::{Language, Problem};

use super::events::CHAT_MESSAGE;
use super::packets;
use super::parcels::Parcel;

/// The id of a command: an event's name and its callback.
pub(super) fn command_id(event: Option<&str>, ack: Option<i64>) -> CommandId {
    let event = event.unwrap_or_default();
    CommandId::Text(match ack {
        Some(ack) => format!("{event} {ack}"),
        None => event.to_owned(),
    })
}

fn parts(id: Option<&CommandId>) -> (&str, Option<i64>) {
    let Some(CommandId::Text(text)) = id else {
        return ("", None);
    };
    match text.split_once(' ') {
        Some((event, ack)) => (event, ack.parse().ok()),
        None => (text, None),
    }
}

/// A reply in parcels.
pub(super) fn reply(reply: &Reply) -> Vec<String> {
    let (event, ack) = parts(reply.id.as_ref());
    if let Some(error) = &reply.error {
        return refusal(ack, error);
    }
    let sent = (event == CHAT_MESSAGE)
        .then(|| reply.ok.as_deref().and_then(message))
        .flatten();
    match sent {
        Some(message) => vec![sent_parcel(&message, ack)],
        None => ack.map(|ack| packets::ack(ack, &OK)).into_iter().collect(),
    }
}

/// What is wrong, for the callback and as an event.
pub(super) fn refusal(ack: Option<i64>, error: &ReplyError) -> Vec<String> {
    #[derive(Serialize)]
    struct Refused<'a> {
        status: &'static str,
        message: &'a str,
        code: &'a str,
    }
    #[derive(Serialize)]
    struct Wrong<'a> {
        message: &'a str,
    }
    let message = &*sentence(error);
    let refused = Refused {
        status: "error",
        message,
        code: &error.code,
    };
    let ack = ack.map(|ack| packets::ack(ack, &refused));
    let event = packets::event("error", &Wrong { message });
    ack.into_iter().chain([event]).collect()
}

/// A problem of which no connection is known yet.
pub(super) fn words(problem: &Problem) -> ReplyError {
    problem.to_reply(Language::default())
}

/// Who is online.
pub(super) fn online_users(ack: Option<i64>, names: &[String]) -> Vec<String> {
    let ack = ack.map(|ack| packets::ack(ack, &names));
    let event = packets::event("online_users", &names);
    ack.into_iter().chain([event]).collect()
}

/// How the socket that sent a message shows it.
pub(super) fn received(content: &str, id: &str, room_id: &str) -> String {
    #[derive(Serialize)]
    struct Received<'a> {
        status: &'static str,
        message: &'a str,
        id: &'a str,
        room_id: &'a str,
    }
    let received = Received {
        status: "received",
        message: content,
        id,
        room_id,
    };
    packets::event("chat_response", &received)
}

fn sent_parcel(message: &Message, ack: Option<i64>) -> String {
    #[derive(Serialize)]
    struct Stored<'a> {
        status: &'static str,
        id: &'a str,
        room_id: &'a str,
    }
    let (id, room_id) = (&*message.id.to_string(), &*message.room.to_string());
    let stored = Stored {
        status: "received",
        id,
        room_id,
    };
    Parcel::Sent {
        nonce: message.nonce.as_deref().unwrap_or_default().into(),
        ack: ack.map(|ack| packets::ack(ack, &stored).into()),
        packet: received(&message.content, id, room_id).into(),
    }
    .encode()
}

#[derive(Serialize)]
struct Done {
    status: &'static str,
}

const OK: Done = Done { status: "ok" };

fn message(ok: &RawValue) -> Option<Message> {
    #[derive(Deserialize)]
    struct Answer {
        message: Message,
    }
    serde_json::from_str::<Answer>(ok.get())
        .ok()
        .map(|answer| answer.message)
}

/// The sentence, with the fields that it is about.
fn sentence(error: &ReplyError) -> String {
    if error.errors.is_empty() {
        return error.detail.clone();
    }
    let fields = error
        .errors
        .iter()
        .map(|(field, texts)| format!("{field}: {}", texts.join(", ")));
    fields.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use chapar_shared::problem::Violation;
    use chapar_shared::{Code, Language};

    use super::*;

    fn error(problem: &Problem, ack: Option<i64>) -> Vec<String> {
        reply(&Reply {
            id: Some(command_id(Some("typing"), ack)),
            ok: None,
            error: Some(problem.to_reply(Language::En)),
        })
    }

    #[test]
    fn what_is_wrong_is_told_to_the_callback_and_as_an_event() {
        let wrong = Problem::invalid("room_id", Violation::Required);
        assert_eq!(
            error(&wrong, Some(3)),
            [
                r#"33[{"status":"error","message":"room_id: required","code":"invalid"}]"#,
                r#"2["error",{"message":"room_id: required"}]"#
            ]
        );
        assert_eq!(
            error(&Code::RoomNotFound.into(), None),
            [r#"2["error",{"message":"There is no such room."}]"#]
        );
    }

    #[test]
    fn what_went_well_is_told_to_a_callback_alone() {
        let done = |ack| {
            reply(&Reply {
                id: Some(command_id(Some("typing"), ack)),
                ok: Some(RawValue::from_string("{}".into()).unwrap()),
                error: None,
            })
        };
        assert_eq!(done(Some(0)), [r#"30[{"status":"ok"}]"#]);
        assert!(done(None).is_empty());
    }

    #[test]
    fn names_are_one_argument() {
        let names = ["علی".to_owned(), "a@b.example".to_owned()];
        assert_eq!(
            online_users(Some(1), &names),
            [
                r#"31[["علی","a@b.example"]]"#,
                r#"2["online_users",["علی","a@b.example"]]"#
            ]
        );
    }
}

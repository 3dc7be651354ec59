//! What each target's protocol looks like to a client: how one joins, what is said, what a delivery is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::json;

use crate::socket::{Greeting, Step};

use super::Kind;

/// A protocol.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    form: Form,
    /// What the frame of every delivery begins with.
    pub delivery: &'static [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// This server's.
    Native,
    /// `join ROOM`, `say ROOM TEXT`; a delivery is the text.
    Plain,
    /// Engine.IO 4 and Socket.IO 5, WebSocket only.
    SocketIo,
}

impl Wire {
    /// That of a target.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Gateway | Kind::Whole => Self {
                form: Form::Native,
                delivery: br#"{"op":"event""#,
            },
            Kind::Bare | Kind::BareWide | Kind::Ws | Kind::Channels => Self {
                form: Form::Plain,
                delivery: b"#",
            },
            Kind::Socketio | Kind::PythonSocketio => Self {
                form: Form::SocketIo,
                delivery: br#"42["message""#,
            },
        }
    }

    pub(super) fn greeting(
        self,
        address: SocketAddr,
        token: Option<&str>,
        rooms: &[usize],
        since: &BTreeMap<usize, u64>,
    ) -> Greeting {
        let (path, steps) = match self.form {
            Form::Native => {
                let mut hello = json!({"op": "hello", "token": token});
                if !since.is_empty() {
                    hello["since"] = json!(since);
                }
                let hello = Step::Say(hello.to_string());
                ("/v1/ws", vec![hello, Step::Hear(r#"{"op":"ready""#)])
            }
            Form::Plain => {
                let join = |room| [Step::Say(format!("join {room}")), Step::Hear("joined")];
                ("/", rooms.iter().flat_map(join).collect())
            }
            Form::SocketIo => {
                let mut steps = vec![Step::Hear("0{"), Step::Say("40".into()), Step::Hear("40")];
                steps.extend(rooms.iter().flat_map(|room| {
                    [
                        Step::Say(format!(r#"42["join","{room}"]"#)),
                        Step::Hear(r#"42["joined""#),
                    ]
                }));
                ("/socket.io/?EIO=4&transport=websocket", steps)
            }
        };
        Greeting {
            address,
            path: path.to_owned(),
            steps,
        }
    }

    /// A sender's message: `text` holds nothing that JSON escapes.
    pub fn say(self, room: usize, id: u64, text: &str) -> String {
        match self.form {
            Form::Native => {
                format!(r#"{{"op":"send","id":{id},"room":{room},"content":"{text}"}}"#)
            }
            Form::Plain => format!("say {room} {text}"),
            Form::SocketIo => format!(r#"42["say","{room}","{text}"]"#),
        }
    }

    /// Whether a frame answers a sender. One that acknowledges holds the message, one that refuses does not.
    pub fn is_answer(self, frame: &[u8]) -> bool {
        self.form == Form::Native && frame.starts_with(br#"{"op":"reply""#)
    }
}

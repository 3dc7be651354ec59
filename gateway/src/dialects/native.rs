//! The native protocol. Its frames come ready-made from the api, so that nothing is encoded here but answers.

use chapar_shared::protocol::command::{self, ParseError};
use chapar_shared::protocol::{ClientFrame, CommandId};

use super::{Dialect, Frames, Outgoing};

/// See the module.
#[derive(Debug)]
pub(crate) struct Native;

impl Dialect for Native {
    fn parse(&self, text: &str) -> Result<(Option<CommandId>, ClientFrame), ParseError> {
        command::parse(text)
    }

    fn encode(&self, outgoing: &Outgoing<'_>) -> Frames {
        Frames::One(match outgoing {
            Outgoing::Change(change) => change.frame.clone(),
            Outgoing::Event(frame) => (*frame).clone(),
            Outgoing::Server(frame) => frame.encode().into(),
        })
    }
}

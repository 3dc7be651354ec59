//! Where a connection's writer puts what its queue holds: into the transport's buffer of one session.
//!
//! The buffer is bounded in packets and small: while it is full the writer waits, and the connection's queue,
//! which is bounded in bytes, fills behind it.

use std::collections::VecDeque;
use std::sync::Arc;

use engineioxide::Str;
use serde::Deserialize;
use tokio::sync::mpsc::error::TrySendError;

use super::answers;
use super::company::Company;
use super::handler::Session;
use super::own::Own;
use super::parcels::Parcel;
use super::stream::Lifeline;
use crate::dialects::Utf8Bytes;
use crate::hub::User;

/// See the module.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) session: Arc<Session>,
    pub(super) lifeline: Arc<Lifeline>,
    pub(super) user: Arc<User>,
    pub(super) company: Arc<Company>,
    pub(super) own: Own,
}

/// The session is closed.
#[derive(Debug)]
pub(super) struct Closed;

impl Outlet {
    /// Puts all of `frames` into the session's buffer. May be dropped midway, and nothing is written after it.
    ///
    /// # Errors
    /// The session is closed.
    pub(super) async fn write(&mut self, frames: &mut VecDeque<Utf8Bytes>) -> Result<(), Closed> {
        while let Some(frame) = frames.pop_front() {
            for packet in self.packets(&frame) {
                emit(&self.session, &self.lifeline, packet).await?;
            }
        }
        Ok(())
    }

    /// What of a queued text is for this client.
    fn packets(&mut self, text: &str) -> Vec<Str> {
        let copied = Str::copy_from_slice;
        match Parcel::read(text) {
            Some(Parcel::Said {
                nonce,
                sender,
                packet,
            }) if self.own.is_own(&nonce, sender) => {
                if self.own.heard(&nonce) {
                    as_received(&packet).map(Str::from).into_iter().collect()
                } else {
                    Vec::new()
                }
            }
            Some(Parcel::Packet(packet) | Parcel::Said { packet, .. }) => vec![copied(&packet)],
            Some(Parcel::Sent { nonce, ack, packet }) => {
                let overdue = self.own.answered(&nonce, &packet).map(Str::from);
                let ack = ack.map(|ack| copied(&ack));
                ack.into_iter().chain(overdue).collect()
            }
            Some(Parcel::Presence(presence)) => {
                let packet = self.company.tell(&presence);
                packet.map(Str::from).into_iter().collect()
            }
            Some(Parcel::Company(room)) => {
                let members = room
                    .and_then(|room| self.user.room(room))
                    .map_or(0, |room| room.members());
                self.company.note_change(members);
                if room.is_some() {
                    return Vec::new();
                }
                // A room was left or joined: of one that was left no event comes any more.
                self.own.let_go().into_iter().map(Str::from).collect()
            }
            None => {
                tracing::error!("a queued text is no parcel");
                Vec::new()
            }
        }
    }
}

/// Puts one packet into the session's buffer; waits while that is full.
///
/// # Errors
/// The session is closed.
pub(super) async fn emit(
    session: &Session,
    lifeline: &Lifeline,
    packet: impl Into<Str>,
) -> Result<(), Closed> {
    let mut packet = packet.into();
    loop {
        match session.emit(packet) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(Closed),
            Err(TrySendError::Full(back)) => {
                packet = back;
                lifeline.progress().await;
            }
        }
    }
}

/// What others see as said, as its own socket shows it.
fn as_received(packet: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        room_id: String,
        message: Body,
    }
    #[derive(Deserialize)]
    struct Body {
        id: String,
        content: String,
    }
    let (_, said): (&str, Said) = serde_json::from_str(packet.strip_prefix('2')?).ok()?;
    let Said { room_id, message } = said;
    Some(answers::received(&message.content, &message.id, &room_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_see_becomes_what_the_author_sees() {
        let packet = r#"2["chat_response",{"room_id":"12","message":{"id":"7","sender":"علی","content":"سلام","timestamp":"x"}}]"#;
        assert_eq!(
            as_received(packet).unwrap(),
            r#"2["chat_response",{"status":"received","message":"سلام","id":"7","room_id":"12"}]"#
        );
        assert_eq!(as_received("2[]"), None);
    }
}

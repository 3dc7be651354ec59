//! What a connection's queue holds for its writer: packets ready to be sent, and what only the writer can put
//! into words, because it depends on the one socket.
//!
//! The queue holds text. A packet begins with its type, a digit; the others begin with a letter. Nothing of it
//! leaves the node.

use std::borrow::Cow;

use chapar_shared::protocol::Presence;
use chapar_shared::{RoomId, UserId};

/// One text of the queue.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parcel<'a> {
    /// A packet to send as it is.
    Packet(Cow<'a, str>),
    /// A message whose nonce a Socket.IO socket made: that socket shows it as its own.
    Said {
        nonce: Cow<'a, str>,
        sender: UserId,
        /// For every other socket.
        packet: Cow<'a, str>,
    },
    /// The answer to a message that this socket sent.
    Sent {
        nonce: Cow<'a, str>,
        /// For the callback, where the client gave one.
        ack: Option<Cow<'a, str>>,
        packet: Cow<'a, str>,
    },
    /// Somebody came online or went offline.
    Presence(Presence),
    /// The user's companions may be others: somebody came into this room or left it, or the user did, whatever
    /// the room.
    Company(Option<RoomId>),
}

impl Parcel<'_> {
    /// The text that [`Parcel::read`] reads.
    pub(super) fn encode(&self) -> String {
        match self {
            Self::Packet(packet) => packet.to_string(),
            Self::Said {
                nonce,
                sender,
                packet,
            } => format!("E{nonce}\n{sender}\n{packet}"),
            Self::Sent { nonce, ack, packet } => {
                let ack = ack.as_deref().unwrap_or_default();
                format!("A{nonce}\n{ack}\n{packet}")
            }
            Self::Presence(presence) => {
                let presence =
                    serde_json::to_string(presence).expect("ids, flags and times are JSON");
                format!("P{presence}")
            }
            Self::Company(Some(room)) => format!("C{room}"),
            Self::Company(None) => "C".to_owned(),
        }
    }
}

impl<'a> Parcel<'a> {
    /// Reads what [`Parcel::encode`] wrote.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let first = text.chars().next()?;
        if first.is_ascii_digit() {
            return Some(Self::Packet(text.into()));
        }
        let rest = &text[first.len_utf8()..];
        match first {
            'E' => {
                let (nonce, rest) = rest.split_once('\n')?;
                let (sender, packet) = rest.split_once('\n')?;
                Some(Self::Said {
                    nonce: nonce.into(),
                    sender: sender.parse().ok()?,
                    packet: packet.into(),
                })
            }
            'A' => {
                let (nonce, rest) = rest.split_once('\n')?;
                let (ack, packet) = rest.split_once('\n')?;
                Some(Self::Sent {
                    nonce: nonce.into(),
                    ack: (!ack.is_empty()).then(|| ack.into()),
                    packet: packet.into(),
                })
            }
            'P' => serde_json::from_str(rest).ok().map(Self::Presence),
            'C' if rest.is_empty() => Some(Self::Company(None)),
            'C' => rest.parse().ok().map(|room| Self::Company(Some(room))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parcels_read_back() {
        let packet = || Cow::from(r#"2["chat_response",{"a":"سلام\n"}]"#);
        for parcel in [
            Parcel::Packet(packet()),
            Parcel::Said {
                nonce: "sio1.2".into(),
                sender: UserId(7),
                packet: packet(),
            },
            Parcel::Sent {
                nonce: "sio1.2".into(),
                ack: None,
                packet: packet(),
            },
            Parcel::Sent {
                nonce: "sio1.2".into(),
                ack: Some("31[{}]".into()),
                packet: packet(),
            },
            Parcel::Presence(Presence {
                user: UserId(7),
                online: true,
                last_seen: None,
            }),
            Parcel::Company(None),
            Parcel::Company(Some(RoomId(12))),
        ] {
            let text = parcel.encode();
            assert_eq!(Parcel::read(&text), Some(parcel), "{text}");
        }
        assert_eq!(Parcel::read(""), None);
    }
}

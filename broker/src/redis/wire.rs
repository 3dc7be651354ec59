//! What the broker sends itself beside what it was asked to publish.

use bytes::Bytes;

/// No envelope, which is JSON, starts like this. Confirmations pass through rooms' channels, so other nodes see
/// and skip them.
const MARK: &[u8] = b"\0chapar:";

/// A message of the broker to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Which broker's, since a node's id may be used again.
    pub(super) broker: u64,
    /// Which.
    pub(super) nonce: u64,
}

/// Whose message it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A note of some broker.
    Note(Note),
    /// For the node.
    Message,
}

impl Note {
    pub(super) fn encode(self) -> Bytes {
        let mut bytes = MARK.to_vec();
        bytes.extend(self.broker.to_be_bytes());
        bytes.extend(self.nonce.to_be_bytes());
        bytes.into()
    }
}

pub(super) fn classify(bytes: &[u8]) -> Incoming {
    let Some(rest) = bytes.strip_prefix(MARK) else {
        return Incoming::Message;
    };
    match (rest.first_chunk(), rest.last_chunk()) {
        (Some(broker), Some(nonce)) if rest.len() == 16 => Incoming::Note(Note {
            broker: u64::from_be_bytes(*broker),
            nonce: u64::from_be_bytes(*nonce),
        }),
        _ => Incoming::Message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_read_back_and_nothing_else_is_one() {
        let note = Note {
            broker: 7,
            nonce: u64::MAX,
        };
        assert_eq!(classify(&note.encode()), Incoming::Note(note));
        for other in ["{}", "", "\0chapar:", "\0chapar:0123456789abcdefg"] {
            assert_eq!(classify(other.as_bytes()), Incoming::Message);
        }
    }
}

//! What a socket said itself.
//!
//! The socket that sent a message shows it as received and every other one as said, so that its writer must
//! know its own: it gives each message a nonce that no other socket makes. The answer and the event of a message
//! come in either order, and one of them may not come at all (the answer was lost on its way; the user left the
//! room before the event): whichever is first is told, the other one is dropped.

use std::collections::VecDeque;

use chapar_shared::UserId;

/// Messages of which one of the two came and the other did not. More are forgotten, oldest first.
const MAX_TOLD: usize = 256;

/// What the nonces of all Socket.IO sockets begin with.
const MARK: &str = "sio";

/// Whether a Socket.IO socket made the nonce. Others may forge it, and are told apart by their sender.
pub(super) fn is_ours(nonce: &str) -> bool {
    nonce.strip_prefix(MARK).is_some_and(|rest| {
        rest.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'.')
    })
}

/// Makes a socket's nonces.
#[derive(Debug)]
pub(super) struct Nonces {
    prefix: String,
    count: u64,
}

impl Nonces {
    pub(super) fn new() -> Self {
        Self {
            prefix: format!("{MARK}{:032x}.", rand::random::<u128>()),
            count: 0,
        }
    }

    /// What all of them begin with, and none of another socket.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn next(&mut self) -> String {
        self.count += 1;
        format!("{}{:x}", self.prefix, self.count)
    }
}

/// Which of a socket's own messages it was told of.
#[derive(Debug)]
pub(super) struct Own {
    user: UserId,
    prefix: String,
    told: VecDeque<String>,
}

impl Own {
    /// Of a user's socket whose nonces begin so.
    pub(super) fn new(user: UserId, prefix: &str) -> Self {
        Self {
            user,
            prefix: prefix.to_owned(),
            told: VecDeque::new(),
        }
    }

    /// Whether this socket said it: another's nonce can begin the same by intent alone.
    pub(super) fn is_own(&self, nonce: &str, sender: UserId) -> bool {
        sender == self.user && nonce.starts_with(&self.prefix)
    }

    /// Notes that the answer or the event of an own message came; whether it was the first of the two.
    pub(super) fn is_first(&mut self, nonce: &str) -> bool {
        if let Some(at) = self.told.iter().position(|told| told == nonce) {
            self.told.remove(at);
            return false;
        }
        if self.told.len() >= MAX_TOLD {
            self.told.pop_front();
        }
        self.told.push_back(nonce.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_knows_its_own_messages_and_no_others() {
        let (mut one, mut other) = (Nonces::new(), Nonces::new());
        let own = Own::new(UserId(1), one.prefix());
        let (mine, theirs) = (one.next(), other.next());
        assert!(is_ours(&mine) && is_ours(&theirs) && mine != one.next());
        assert!(mine.len() <= 64);
        assert!(own.is_own(&mine, UserId(1)));
        assert!(!own.is_own(&mine, UserId(2)) && !own.is_own(&theirs, UserId(1)));
        assert!(!is_ours("abc") && !is_ours("sio\n"));
    }

    #[test]
    fn each_message_is_told_once_whichever_word_of_it_is_first() {
        let mut own = Own::new(UserId(1), "sio1.");
        assert!(own.is_first("sio1.1"));
        assert!(own.is_first("sio1.2"));
        assert!(!own.is_first("sio1.1"));
        assert!(!own.is_first("sio1.2"));
        for n in 0..1000 {
            assert!(own.is_first(&format!("sio1.{n}")));
        }
        assert_eq!(own.told.len(), MAX_TOLD);
    }
}

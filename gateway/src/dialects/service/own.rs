//! What a socket said itself.
//!
//! The socket that sent a message shows it as received and every other one as said, so that its writer must
//! know its own: it gives each message a nonce that no other socket makes. The answer and the event of a message
//! come in either order. The message is shown where its event stands, so that the author sees the room in the
//! order in which all do; only where the event does not come (the user left the room before it) does the answer
//! stand in for it.

use std::collections::VecDeque;

use chapar_shared::UserId;

/// Messages that were shown and whose other word did not come yet. More are forgotten, oldest first.
const MAX_TOLD: usize = 256;

/// Answers that wait for the event. More are shown out of order, oldest first.
const MAX_AWAITED: usize = 256;

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

/// A message of this socket's that was answered: its nonce, and the packet that shows it.
type Answered = (String, String);

/// Which of a socket's own messages it was told of.
#[derive(Debug)]
pub(super) struct Own {
    user: UserId,
    prefix: String,
    told: VecDeque<String>,
    awaited: VecDeque<Answered>,
}

impl Own {
    /// Of a user's socket whose nonces begin so.
    pub(super) fn new(user: UserId, prefix: &str) -> Self {
        Self {
            user,
            prefix: prefix.to_owned(),
            told: VecDeque::new(),
            awaited: VecDeque::new(),
        }
    }

    /// Whether this socket said it: another's nonce can begin the same by intent alone.
    pub(super) fn is_own(&self, nonce: &str, sender: UserId) -> bool {
        sender == self.user && nonce.starts_with(&self.prefix)
    }

    /// Notes the answer to an own message; the packet is shown with the event, unless that came. Gives one that
    /// is to be shown now, because too many wait.
    pub(super) fn answered(&mut self, nonce: &str, packet: &str) -> Option<String> {
        if self.was_told(nonce) {
            return None;
        }
        self.awaited
            .push_back((nonce.to_owned(), packet.to_owned()));
        if self.awaited.len() <= MAX_AWAITED {
            return None;
        }
        let (nonce, packet) = self.awaited.pop_front()?;
        self.tell(nonce);
        Some(packet)
    }

    /// Notes the event of an own message; whether it is to be shown.
    pub(super) fn heard(&mut self, nonce: &str) -> bool {
        if self.was_told(nonce) {
            return false;
        }
        match self.awaited.iter().position(|(it, _)| it == nonce) {
            Some(at) => drop(self.awaited.remove(at)),
            None => self.tell(nonce.to_owned()),
        }
        true
    }

    /// The packets of answers whose events may not come, to be shown now.
    pub(super) fn let_go(&mut self) -> Vec<String> {
        let awaited = std::mem::take(&mut self.awaited);
        let (nonces, packets): (Vec<_>, Vec<_>) = awaited.into_iter().unzip();
        for nonce in nonces {
            self.tell(nonce);
        }
        packets
    }

    fn tell(&mut self, nonce: String) {
        if self.told.len() >= MAX_TOLD {
            self.told.pop_front();
        }
        self.told.push_back(nonce);
    }

    fn was_told(&mut self, nonce: &str) -> bool {
        let at = self.told.iter().position(|told| told == nonce);
        at.and_then(|at| self.told.remove(at)).is_some()
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
    fn a_message_is_shown_once_and_with_its_event() {
        let mut own = Own::new(UserId(1), "sio1.");
        assert_eq!(own.answered("sio1.1", "one"), None);
        assert!(own.heard("sio1.1"), "the answer waited for it");
        assert!(own.heard("sio1.2"), "it came before the answer");
        assert_eq!(own.answered("sio1.2", "two"), None);
        assert!(own.let_go().is_empty(), "neither is shown again");
    }

    #[test]
    fn an_answer_stands_in_for_an_event_that_may_not_come() {
        let mut own = Own::new(UserId(1), "sio1.");
        assert_eq!(own.answered("sio1.1", "one"), None);
        assert_eq!(own.let_go(), ["one"]);
        assert!(!own.heard("sio1.1"), "it came after all");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut own = Own::new(UserId(1), "sio1.");
        for n in 0..MAX_AWAITED {
            assert_eq!(own.answered(&format!("sio1.{n}"), &n.to_string()), None);
        }
        assert_eq!(own.answered("sio1.x", "x").as_deref(), Some("0"));
        assert!(!own.heard("sio1.0") && own.heard("sio1.1"));
        for n in 0..1000 {
            assert!(own.heard(&format!("sio2.{n}")));
        }
        assert_eq!(own.told.len(), MAX_TOLD);
    }
}

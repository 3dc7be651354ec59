//! A room's recent changes, from which reconnects are served.
//!
//! An entry covers the positions from its predecessor's (exclusive) to its own. The ring is without holes and
//! each of its entries stands as it was live; so a position is served from it only if it is such a boundary.

use std::collections::VecDeque;
use std::sync::Arc;

use chapar_shared::protocol::EventType;
use chapar_shared::{MessageId, Seq};

use super::change::Change;

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    max_changes: usize,
    max_bytes: usize,
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    after: Seq,
    seq: Seq,
    message: Option<MessageId>,
    /// `None` where the message was deleted later: its position is covered, its content is not shown.
    change: Option<Arc<Change>>,
}

impl Entry {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self
                .change
                .as_ref()
                .map_or(0, |change| size_of::<Change>() + change.frame.len())
    }
}

impl Ring {
    pub(crate) fn new(max_changes: usize, max_bytes: usize) -> Self {
        Self {
            max_changes,
            max_bytes,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// Keeps the newest change. A delete blanks the older entries of its message. An edit or reaction drops
    /// the ring up to them, because what it replays must show each message once, in its latest state.
    pub(crate) fn push(&mut self, change: &Arc<Change>) {
        if self
            .entries
            .back()
            .is_some_and(|last| last.seq != change.after)
        {
            self.clear();
        }
        if let Some(message) = change.message {
            match change.kind {
                EventType::MessageDeleted => self.blank(message),
                EventType::MessageEdited | EventType::MessageReacted => self.drop_through(message),
                _ => {}
            }
        }
        let entry = Entry {
            after: change.after,
            seq: change.seq,
            message: change.message,
            change: Some(Arc::clone(change)),
        };
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.entries.len() > self.max_changes || self.bytes > self.max_bytes {
            self.pop_front();
        }
    }

    /// The changes after `position`, at most `max_bytes` of frames but at least one, and the position that
    /// they lead to; `None` where the ring does not cover it.
    pub(crate) fn after(&self, position: Seq, max_bytes: usize) -> Option<(Vec<Arc<Change>>, Seq)> {
        let at = self
            .entries
            .binary_search_by_key(&position, |entry| entry.after)
            .ok()?;
        let (mut changes, mut next, mut bytes) = (Vec::new(), position, 0);
        for entry in self.entries.iter().skip(at) {
            if let Some(change) = &entry.change {
                if bytes > 0 && bytes + change.frame.len() > max_bytes {
                    break;
                }
                bytes += change.frame.len();
                changes.push(Arc::clone(change));
            }
            next = entry.seq;
        }
        Some((changes, next))
    }

    fn blank(&mut self, message: MessageId) {
        for entry in &mut self.entries {
            if entry.message == Some(message) && entry.change.is_some() {
                let before = entry.bytes();
                entry.change = None;
                self.bytes -= before - entry.bytes();
            }
        }
    }

    fn drop_through(&mut self, message: MessageId) {
        let last = self
            .entries
            .iter()
            .rposition(|entry| entry.message == Some(message));
        for _ in 0..last.map_or(0, |at| at + 1) {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(seq: Seq, kind: EventType, message: i64) -> Arc<Change> {
        Arc::new(Change::of(
            seq - 1,
            seq,
            kind,
            message,
            &format!("frame {seq}"),
        ))
    }

    fn ring(changes: &[(Seq, EventType, i64)]) -> Ring {
        let mut ring = Ring::new(100, 1 << 20);
        for &(seq, kind, message) in changes {
            ring.push(&change(seq, kind, message));
        }
        ring
    }

    fn seqs(ring: &Ring, position: Seq) -> Option<(Vec<Seq>, Seq)> {
        let (changes, next) = ring.after(position, 1 << 20)?;
        Some((changes.iter().map(|change| change.seq).collect(), next))
    }

    const NEW: EventType = EventType::MessageCreated;

    #[test]
    fn serves_from_boundaries_only() {
        let ring = ring(&[(5, NEW, 1), (6, NEW, 2), (7, NEW, 3)]);
        assert_eq!(seqs(&ring, 4), Some((vec![5, 6, 7], 7)));
        assert_eq!(seqs(&ring, 6), Some((vec![7], 7)));
        assert_eq!(seqs(&ring, 3), None);
        assert_eq!(seqs(&ring, 7), None);
    }

    #[test]
    fn a_hole_forgets_what_is_before_it() {
        let ring = ring(&[(5, NEW, 1), (7, NEW, 3)]);
        assert_eq!(seqs(&ring, 4), None);
        assert_eq!(seqs(&ring, 6), Some((vec![7], 7)));
    }

    #[test]
    fn a_delete_blanks_and_an_edit_drops() {
        let deleted = ring(&[(5, NEW, 1), (6, NEW, 2), (7, EventType::MessageDeleted, 1)]);
        assert_eq!(seqs(&deleted, 4), Some((vec![6, 7], 7)));
        let edited = ring(&[(5, NEW, 1), (6, NEW, 2), (7, EventType::MessageEdited, 1)]);
        assert_eq!(seqs(&edited, 4), None);
        assert_eq!(seqs(&edited, 5), Some((vec![6, 7], 7)));
    }

    #[test]
    fn is_bounded_in_number_and_bytes() {
        let mut ring = Ring::new(3, 1 << 20);
        for seq in 1..10 {
            ring.push(&change(seq, NEW, seq));
        }
        assert_eq!(seqs(&ring, 6), Some((vec![7, 8, 9], 9)));
        assert_eq!(seqs(&ring, 5), None);
        let mut ring = Ring::new(100, 1);
        ring.push(&change(1, NEW, 1));
        assert_eq!((ring.bytes, ring.entries.len()), (0, 0));
        let ring = super::tests::ring(&[(1, NEW, 1), (2, NEW, 2)]);
        assert_eq!(
            ring.after(0, 1)
                .map(|(changes, next)| (changes.len(), next)),
            Some((1, 1))
        );
    }
}

//! A room's change as the hub keeps it: decoded once, its frame shared by all who get it.

use chapar_shared::envelope::{Actor, RoomChange};
use chapar_shared::internal::ChangesPage;
use chapar_shared::protocol::EventType;
use chapar_shared::{MessageId, Seq, Timestamp};
use std::sync::Arc;

use super::position::Reader;
use crate::dialects::Utf8Bytes;

/// One change and the positions it covers: those above `after`, up to `seq`.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) after: Seq,
    pub(crate) seq: Seq,
    /// Who gets it had everything up to here, and of what came later only what pages showed: a message that was
    /// created above is told for the first time, whatever its latest change is.
    pub(crate) known: Seq,
    pub(crate) kind: EventType,
    pub(crate) message: Option<MessageId>,
    pub(crate) actor: Option<Actor>,
    pub(crate) at: Timestamp,
    pub(crate) frame: Utf8Bytes,
    /// Where the trace of its command stands, if that is sampled.
    pub(crate) trace: Option<String>,
}

impl Change {
    /// A live change: dense, so that it covers its own position alone.
    pub(crate) fn live(change: RoomChange) -> Self {
        let after = change.seq - 1;
        Self::covering(after, after, change)
    }

    fn covering(after: Seq, known: Seq, change: RoomChange) -> Self {
        Self {
            after,
            seq: change.seq,
            known,
            kind: change.kind,
            message: change.message,
            actor: change.actor,
            at: change.at,
            frame: text(change.frame),
            trace: change.trace,
        }
    }

    #[cfg(test)]
    pub(crate) fn of(after: Seq, seq: Seq, kind: EventType, message: i64, frame: &str) -> Self {
        Self {
            after,
            seq,
            known: after,
            kind,
            message: Some(MessageId(message)),
            actor: None,
            at: Timestamp::default(),
            frame: frame.into(),
            trace: None,
        }
    }
}

/// A ready-made frame as the socket takes it, without a copy.
pub(crate) fn text(frame: Box<serde_json::value::RawValue>) -> Utf8Bytes {
    String::from(Box::<str>::from(frame)).into()
}

/// A page of changes after a position, each covering from its predecessor.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Arc<Change>>,
    /// Everything up to here is covered.
    pub(crate) next: Seq,
    /// The head in the same snapshot.
    pub(crate) head: Seq,
    /// Nothing was superseded in between.
    pub(crate) is_dense: bool,
    /// The reader's origin, unless it saw every message up to `next` now: the page leads to the head, or left
    /// out nothing that the reader lacks.
    pub(crate) origin: Option<Seq>,
}

impl Page {
    /// The page that answers a reader. Items out of order or at or before its position are left out: a page can
    /// only lead forward.
    pub(crate) fn read(reader: Reader, page: ChangesPage) -> Self {
        let mut after = reader.since;
        let mut items = Vec::with_capacity(page.items.len());
        let mut is_dense = true;
        for change in page.items {
            if change.seq > after {
                is_dense &= change.seq == after + 1;
                let seq = change.seq;
                items.push(Arc::new(Change::covering(after, reader.origin, change)));
                after = seq;
            }
        }
        let next = page.next.max(after);
        let head = page.seq.max(next);
        let is_dense = is_dense && next == after;
        let is_whole = next == head || (is_dense && reader.origin == reader.since);
        Self {
            items,
            next,
            head,
            is_dense,
            origin: (!is_whole).then_some(reader.origin),
        }
    }
}

//! What rooms and those who ask of them tell each other about positions.

use chapar_shared::Seq;

/// What is known of a room's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) head: Option<Seq>,
    /// Raised whenever the room's positions are forgotten.
    pub(super) generation: u64,
    pub(super) is_forgotten: bool,
}

impl Known {
    /// Whether it should be compared with the api's: known, or forgotten. One not yet known is left to who
    /// subscribed the room, because it must be read after that was confirmed.
    pub(crate) fn is_comparable(self) -> bool {
        self.head.is_some() || self.is_forgotten
    }
}

/// Whether a gap was found that nobody repairs yet; the caller starts the repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Gap {
    None,
    Found,
}

/// Where a client wants to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Where its rooms were read.
    Snapshot,
    /// After the position that it has.
    Since(Seq),
    /// It names a position of another epoch.
    Reset,
}

/// Where a new listener stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    /// The `seq` for `ready`.
    pub(crate) seq: Seq,
    /// The client's position is of no use: it must load the room again.
    pub(crate) is_reset: bool,
}

/// Who wants a page: it is not the same for readers who set out from different positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    /// The position that it reached.
    pub(crate) since: Seq,
    /// The position from which it set out, where pages before left something out; else `since`.
    pub(crate) origin: Seq,
}

impl Reader {
    pub(crate) fn new(since: Seq, origin: Option<Seq>) -> Self {
        Self {
            since,
            origin: origin.unwrap_or(since),
        }
    }
}

/// What a listener's writer does to get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Nothing: it is live, gone or waits for a reset.
    Done,
    /// A page was queued; there may be more.
    More,
    /// A page must be fetched.
    Fetch {
        /// From where.
        reader: Reader,
        /// For [`super::Room::push_page`].
        generation: u64,
    },
}

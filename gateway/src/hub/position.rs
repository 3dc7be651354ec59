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

/// What a listener's writer does to get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Nothing: it is live, gone or waits for a reset.
    Done,
    /// A page was queued; there may be more.
    More,
    /// The page after this position must be fetched.
    Fetch {
        /// The listener's position.
        since: Seq,
        /// For [`super::Room::push_page`].
        generation: u64,
    },
}

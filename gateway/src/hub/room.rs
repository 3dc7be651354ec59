//! One room on this node: its head, its ring, early changes and listeners, under one lock.
//!
//! Invariants, while the lock is free:
//! - A live listener has, or has queued, everything up to the head; a change goes to it if it begins at or
//!   after the listener's position, and moves that. So live delivery, replay and repair meet without hole or
//!   overlap, whoever was first.
//! - `target` is the highest position known to exist. A head below it is being repaired.
//! - With an unknown head nothing is delivered; what comes is held.
//! - While pages of a repair or a replay follow each other, a message may be new to the reader though it was
//!   created behind its position: a page leaves out what was changed behind it. Until the reader is through,
//!   it gets nothing but further pages, which are made for where it set out (`origin`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chapar_shared::internal::RoomHead;
use chapar_shared::protocol::reply::Reset;
use chapar_shared::protocol::{EventType, ServerFrame};
use chapar_shared::{RoomId, Seq, Timestamp, UserId};

use super::change::{Change, Page};
use super::listeners::{Listener, Listeners, Stage};
use super::pages::InFlight;
use super::position::{Attached, Gap, Known, Pull, Reader, Start};
use super::ring::Ring;
use crate::config::Config;
use crate::connection::Connection;
use crate::dialects::{Encodings, Frames, Outgoing};
use crate::measures::{self, Missing};

/// Bytes of frames that one pull from the ring gives.
const PULL_BYTES: usize = 64 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    max_early: usize,
    state: Mutex<State>,
    /// Held while a page is fetched: one fetch in flight for the room, whoever asks.
    pub(super) fetching: tokio::sync::Mutex<()>,
    /// Pages in flight by who wants them, for others who want the same.
    pub(super) in_flight: Mutex<HashMap<Reader, InFlight>>,
}

#[derive(Debug)]
struct State {
    /// Raised whenever all positions are forgotten.
    generation: u64,
    head: Option<Seq>,
    /// Where a repair set out that is between two pages.
    origin: Option<Seq>,
    target: Seq,
    members: i64,
    early: BTreeMap<Seq, Arc<Change>>,
    ring: Ring,
    is_repairing: bool,
    /// The head was known and then forgotten; it must be asked for again.
    is_forgotten: bool,
    listeners: Listeners,
}

impl Room {
    pub(crate) fn new(id: RoomId, config: &Config) -> Self {
        Self {
            id,
            max_early: config.max_early,
            state: Mutex::new(State {
                generation: 0,
                head: None,
                origin: None,
                target: 0,
                members: 0,
                early: BTreeMap::new(),
                ring: Ring::new(config.ring_changes, config.ring_bytes),
                is_repairing: false,
                is_forgotten: false,
                listeners: Listeners::default(),
            }),
            fetching: tokio::sync::Mutex::default(),
            in_flight: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a live change.
    pub(crate) fn offer(self: &Arc<Self>, change: Change) -> Gap {
        let mut state = self.lock();
        state.target = state.target.max(change.seq);
        match state.head {
            Some(head) if change.seq <= head => return Gap::None,
            Some(head) if change.after == head && state.origin.is_none() => {
                state.deliver(self, &Arc::new(change));
                state.deliver_early(self);
            }
            _ if state.early.len() < self.max_early => {
                state.early.insert(change.seq, Arc::new(change));
            }
            _ => {}
        }
        state.gap()
    }

    /// Takes word that the room is at least at `seq`.
    pub(crate) fn raise(&self, seq: Seq) -> Gap {
        let mut state = self.lock();
        state.target = state.target.max(seq);
        state.gap()
    }

    /// Takes a head that the api answered; `before` is what was known before it was asked. A head below that
    /// is a store that went back: every position is forgotten and listeners are reset.
    pub(crate) fn learn(self: &Arc<Self>, answer: RoomHead, before: Known) -> Gap {
        let mut state = self.lock();
        state.members = answer.members;
        if before.generation == state.generation
            && before.head.is_some_and(|head| answer.seq < head)
        {
            tracing::warn!(
                room.id = self.id.0,
                "the room's head went back: positions are forgotten"
            );
            state.forget();
        }
        match state.head {
            Some(_) => state.target = state.target.max(answer.seq),
            None => state.set_head(self, answer.seq),
        }
        state.gap()
    }

    /// Forgets every position: they are of another epoch. Listeners wait for [`Room::learn`].
    pub(crate) fn forget(&self) {
        self.lock().forget();
    }

    /// What is known of the head.
    pub(crate) fn known(&self) -> Known {
        let state = self.lock();
        Known {
            head: state.head,
            generation: state.generation,
            is_forgotten: state.is_forgotten,
        }
    }

    /// How many are in it, as of the last comparison and the changes since.
    pub(crate) fn members(&self) -> i64 {
        self.lock().members
    }

    /// Adds a listener, not yet live. `snapshot` is the position at which the user's rooms were read.
    pub(crate) fn attach(
        &self,
        connection: &Arc<Connection>,
        start: Start,
        max_replay: i64,
        snapshot: Seq,
    ) -> Attached {
        let mut state = self.lock();
        state.target = state.target.max(snapshot);
        let head = state.head.unwrap_or(snapshot).max(snapshot);
        let top = state.target.max(head);
        let (after, seq, is_reset) = match start {
            Start::Snapshot => (snapshot, snapshot, false),
            Start::Since(since) if since <= top && top - since <= max_replay => {
                (since, since.max(snapshot), false)
            }
            Start::Since(_) | Start::Reset => (head, head, true),
        };
        let is_stale = state.head.is_none() && state.is_forgotten;
        let begins = if is_stale {
            Stage::Stale
        } else {
            Stage::Replaying
        };
        state
            .listeners
            .insert(Listener::new(connection, after, begins));
        Attached { seq, is_reset }
    }

    /// Adds a listener at a position, not yet live.
    pub(crate) fn attach_at(&self, connection: &Arc<Connection>, after: Seq) {
        let listener = Listener::new(connection, after, Stage::Replaying);
        self.lock().listeners.insert(listener);
    }

    /// Makes a listener live if it is at the head, else asks its writer to pull what it lacks.
    pub(crate) fn activate(self: &Arc<Self>, connection: &Connection) -> Gap {
        let mut state = self.lock();
        let head = state.head;
        if let Some(listener) = state.listeners.get_mut(connection.id)
            && listener.stage == Stage::Replaying
        {
            if listener.is_at(head) {
                listener.stage = Stage::Live;
            } else {
                connection.queue.pull(Arc::clone(self));
            }
        }
        // The listener may stand beyond the head: what the others lack is fetched.
        state.gap()
    }

    /// Removes a listener.
    pub(crate) fn detach(&self, connection: u64) {
        self.lock().listeners.remove(connection);
    }

    /// The next step of a replaying listener: live, a page from the ring, or one to be fetched.
    pub(crate) fn pull(&self, connection: &Connection) -> Pull {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(listener) = state.listeners.get_mut(connection.id) else {
            return Pull::Done;
        };
        if listener.stage != Stage::Replaying {
            return Pull::Done;
        }
        if listener.is_at(state.head) {
            listener.stage = Stage::Live;
            return Pull::Done;
        }
        if state.head.is_some()
            && listener.origin.is_none()
            && let Some((changes, next)) = state.ring.after(listener.after, PULL_BYTES)
        {
            measures::ring_hit();
            listener.after = next;
            connection.queue.push_page(encode(&changes, connection));
            return Pull::More;
        }
        Pull::Fetch {
            reader: Reader::new(listener.after, listener.origin),
            generation: state.generation,
        }
    }

    /// Queues a fetched page for the listener that wanted it, unless that moved or ended meanwhile. Tells
    /// whether it leads further; if not, the api is behind this node and is asked again later.
    pub(crate) fn push_page(
        self: &Arc<Self>,
        connection: &Connection,
        reader: Reader,
        generation: u64,
        page: &Page,
    ) -> (Gap, bool) {
        let mut state = self.lock();
        if state.generation != generation {
            return (Gap::None, true);
        }
        state.target = state.target.max(page.head);
        if let Some(listener) = state.listeners.get_mut(connection.id)
            && listener.stage == Stage::Replaying
            && reader == Reader::new(listener.after, listener.origin)
        {
            listener.after = page.next;
            listener.origin = page.origin;
            connection.queue.push_page(encode(&page.items, connection));
        }
        if state.head.is_none() && page.next == page.head {
            // Heads leave a room out that ended; its changes tell where it stands.
            state.set_head(self, page.head);
            return (state.gap(), true);
        }
        (state.gap(), page.next > reader.since)
    }

    /// Where repair goes on, and for [`Room::repair_with`] the generation; `None` where it is done or nobody
    /// is interested.
    pub(crate) fn repair_from(&self) -> Option<(Reader, u64)> {
        let mut state = self.lock();
        let from = state
            .head
            .filter(|&head| head < state.target && !state.listeners.is_empty())
            .map(|head| (Reader::new(head, state.origin), state.generation));
        if from.is_none() {
            state.is_repairing = false;
        }
        from
    }

    /// Delivers a fetched page and moves the head over it. Without effect if the head moved meanwhile: the
    /// page is compacted for a reader at its start only.
    pub(crate) fn repair_with(self: &Arc<Self>, reader: Reader, generation: u64, page: &Page) {
        let mut state = self.lock();
        let state = &mut *state;
        let now = state.head.map(|head| Reader::new(head, state.origin));
        if state.generation != generation || now != Some(reader) {
            return;
        }
        state.origin = page.origin;
        if page.items.is_empty() && page.next == reader.since {
            // The api does not know of what was announced; the next announcement says so again.
            state.target = reader.since;
            state.early.clear();
            state.move_readers(reader, page.origin);
            return;
        }
        state.choose_readers(self, reader, page);
        for change in &page.items {
            state.deliver(self, change);
        }
        state.move_readers(reader, page.origin);
        if !page.is_dense || reader.origin != reader.since {
            state.ring.clear();
        }
        state.head = Some(page.next);
        state.target = state.target.max(page.head);
        measures::repaired(page.items.len() as u64);
        state.deliver_early(self);
    }

    /// Gives repair up: the api does not know the room.
    pub(crate) fn give_up(&self) {
        let mut state = self.lock();
        state.target = state.head.unwrap_or(0);
        if let (Some(head), Some(_)) = (state.head, state.origin) {
            let reader = Reader::new(head, state.origin);
            state.move_readers(reader, None);
        }
        state.origin = None;
        state.early.clear();
        state.is_repairing = false;
    }

    /// Queues what may be dropped for every live listener but one user's.
    pub(crate) fn relay(&self, frames: &Encodings<'_>, except: Option<UserId>) {
        let mut dropped = 0;
        for listener in self.lock().listeners.iter_mut() {
            let connection = &listener.connection;
            if listener.stage == Stage::Live
                && except != Some(connection.user)
                && !connection.queue.push_ephemeral(&frames.get(connection))
            {
                dropped += 1;
            }
        }
        if dropped > 0 {
            measures::dropped_ephemerals(dropped);
        }
    }
}

/// The end of a traced change's way on this node. One span, whatever the number of listeners.
fn fan_out(trace: &str, change: &Change) -> tracing::Span {
    let span = chapar_trace::span!(
        "fan_out",
        otel.kind = "consumer",
        seq = change.seq,
        sockets = tracing::field::Empty
    );
    chapar_trace::below(span, trace)
}

fn encode(changes: &[Arc<Change>], connection: &Connection) -> Vec<Frames> {
    let dialect = connection.dialect.get();
    changes
        .iter()
        .map(|change| dialect.encode(&Outgoing::Change(change), &connection.view))
        .collect()
}

impl State {
    fn gap(&mut self) -> Gap {
        if self.is_repairing
            || self.listeners.is_empty()
            || self.head.is_none_or(|head| head >= self.target)
        {
            return Gap::None;
        }
        self.is_repairing = true;
        measures::gap(Missing::Room);
        Gap::Found
    }

    /// A page of a repair is made for where the repair set out: a message created since then is new in it. To a
    /// listener that stands within it by itself, having come from another node, the message may be known, so
    /// that one asks from its own position. The others are marked by the repair's origin.
    fn choose_readers(&mut self, room: &Arc<Room>, reader: Reader, page: &Page) {
        let is_first = reader.origin == reader.since;
        if is_first && page.is_dense && page.origin.is_none() {
            return; // as it was live: the same for everybody
        }
        for listener in self.listeners.iter_mut() {
            if listener.stage != Stage::Live {
                continue;
            }
            let reads = if is_first {
                listener.after <= reader.since
            } else {
                listener.origin == Some(reader.origin)
            };
            if reads {
                listener.origin = Some(reader.origin);
            } else if listener.after < page.next {
                listener.stage = Stage::Replaying;
                listener.connection.queue.pull(Arc::clone(room));
            }
        }
    }

    /// Marks those who read a repair's page by where it goes on from.
    fn move_readers(&mut self, reader: Reader, origin: Option<Seq>) {
        for listener in self.listeners.iter_mut() {
            if listener.stage == Stage::Live && listener.origin == Some(reader.origin) {
                listener.origin = origin;
            }
        }
    }

    /// The hot path: for each live listener one comparison, one shared frame, one push.
    fn deliver(&mut self, room: &Arc<Room>, change: &Arc<Change>) {
        let span = change.trace.as_deref().map(|trace| fan_out(trace, change));
        let frames = Encodings::new(Outgoing::Change(change));
        let mut delivered = 0;
        for listener in self.listeners.iter_mut() {
            if listener.stage != Stage::Live || listener.after >= change.seq {
                continue;
            }
            if listener.after > change.after {
                // Compacted over a position where this listener is: what it lacks is asked for from there.
                listener.stage = Stage::Replaying;
                listener.connection.queue.pull(Arc::clone(room));
                continue;
            }
            listener.after = change.seq;
            let connection = &listener.connection;
            connection.queue.push(&frames.get(connection));
            delivered += 1;
        }
        self.head = Some(change.seq);
        self.ring.push(change);
        match change.kind {
            EventType::MemberJoined => self.members += 1,
            EventType::MemberLeft => self.members -= 1,
            EventType::RoomDeleted => self.listeners.remove_live(),
            _ => {}
        }
        if delivered > 0 {
            measures::delivered(delivered, Timestamp::now().since(change.at));
        }
        if let Some(span) = span {
            span.record("sockets", delivered);
        }
    }

    /// Delivers the held changes that continue the head, and drops those it passed.
    fn deliver_early(&mut self, room: &Arc<Room>) {
        while self.origin.is_none()
            && let Some((&seq, change)) = self.early.first_key_value()
        {
            let head = self.head.unwrap_or(0);
            if seq > head && change.after != head {
                return;
            }
            if let Some((_, change)) = self.early.pop_first()
                && seq > head
            {
                self.deliver(room, &change);
            }
        }
    }

    fn set_head(&mut self, room: &Arc<Room>, head: Seq) {
        self.head = Some(head);
        self.is_forgotten = false;
        self.target = self.target.max(head);
        for listener in self.listeners.iter_mut() {
            if listener.stage == Stage::Stale {
                listener.after = head;
                listener.origin = None;
                listener.stage = Stage::Live;
                let reset = ServerFrame::Reset(Reset {
                    room: room.id,
                    seq: head,
                });
                listener.connection.send(&reset);
            }
        }
        self.deliver_early(room);
    }

    fn forget(&mut self) {
        self.generation += 1;
        self.is_forgotten |= self.head.is_some();
        self.head = None;
        self.origin = None;
        self.target = 0;
        self.early.clear();
        self.ring.clear();
        for listener in self.listeners.iter_mut() {
            listener.stage = Stage::Stale;
        }
    }
}

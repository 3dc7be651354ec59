//! The life of one socket of a client.

use std::collections::BTreeMap;
use std::time::Duration;

use chapar_shared::protocol::Event;
use chapar_shared::{RoomId, Seq};
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::desk::Desk;
use super::reload::{Loaded, reload};
use super::wire::{Incoming, Wire};
use super::{Client, SCATTER};
use crate::record::{Change, What};

/// Why a session ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The run is over.
    Over,
    /// It dropped the socket because the run wanted it to.
    Scattered,
    /// The server asked for a reconnect, and the delay that it named is over.
    Told,
    /// The server was silent for two heartbeats.
    Silent,
    /// The server closed with this code, or the connection was lost (1006).
    Closed(u16),
}

/// What belongs to one socket.
struct Session<'a> {
    positions: &'a mut BTreeMap<RoomId, Seq>,
    /// Rooms that are being loaded after a `reset`, and what came of them meanwhile.
    held: BTreeMap<RoomId, Vec<Event>>,
    loading: JoinSet<Loaded>,
    /// When the server wants it to reconnect; it serves until then.
    leave_at: Option<Instant>,
}

impl Client {
    /// Serves a socket until it ends.
    pub(super) async fn session(
        &mut self,
        mut wire: Wire,
        heartbeat: Duration,
        positions: &mut BTreeMap<RoomId, Seq>,
        desk: &mut Desk,
    ) -> End {
        let mut session = Session {
            positions,
            held: BTreeMap::new(),
            loading: JoinSet::new(),
            leave_at: None,
        };
        let mut orders = self.orders.clone();
        let scatters = orders.borrow_and_update().scatters;
        let mut scatter_at = None;
        let mut heard = Instant::now();
        for (frame, what) in desk.all_again() {
            self.add_all(what);
            if !wire.send(&frame).await {
                return End::Closed(1006);
            }
        }
        loop {
            let is_sending = orders.borrow().is_sending;
            let step = if is_sending { desk.next_step() } else { None };
            let retry = desk.next_retry();
            self.report(|status| status.unanswered = desk.unanswered());
            let frames = tokio::select! {
                incoming = wire.next() => {
                    heard = Instant::now();
                    if let Some(end) = self.take(&mut session, desk, incoming) {
                        return end;
                    }
                    Vec::new()
                }
                () = at(step), if step.is_some() => desk.act().into_iter().collect(),
                () = at(retry), if retry.is_some() => desk.due_again(),
                () = at(session.leave_at), if session.leave_at.is_some() => {
                    wire.close().await;
                    return End::Told;
                }
                () = at(scatter_at), if scatter_at.is_some() => return End::Scattered,
                () = sleep_until(heard + 2 * heartbeat) => return End::Silent,
                Some(loaded) = session.loading.join_next() => {
                    if let Ok(loaded) = loaded {
                        self.resume(&mut session, desk, loaded);
                    }
                    Vec::new()
                }
                changed = orders.changed() => {
                    let now = *orders.borrow_and_update();
                    if changed.is_err() || now.is_over {
                        wire.close().await;
                        return End::Over;
                    }
                    if now.scatters != scatters && scatter_at.is_none() {
                        let after = SCATTER.mul_f64(self.jitter.random_range(0.0..1.0));
                        scatter_at = Some(Instant::now() + after);
                    }
                    Vec::new()
                }
            };
            for (frame, what) in frames {
                self.add_all(what);
                if !wire.send(&frame).await {
                    return End::Closed(1006);
                }
            }
        }
    }

    fn take(
        &mut self,
        session: &mut Session<'_>,
        desk: &mut Desk,
        incoming: Incoming,
    ) -> Option<End> {
        match incoming {
            Incoming::Event(event) => {
                if let Some(held) = event.room.and_then(|room| session.held.get_mut(&room)) {
                    held.push(*event);
                } else {
                    self.deliver(session, desk, *event);
                }
            }
            Incoming::Reply(id, reply) => {
                let what = desk.answered(id, reply);
                self.add_all(what);
            }
            Incoming::Reset(reset) if self.rooms.contains(&reset.room) => {
                if session.held.insert(reset.room, Vec::new()).is_none() {
                    session
                        .loading
                        .spawn(reload(std::sync::Arc::clone(&self.user), reset.room));
                }
            }
            Incoming::Reset(_) | Incoming::Sign => {}
            Incoming::Reconnect(after_ms) => {
                self.add(What::Told { after_ms });
                session.leave_at = Some(Instant::now() + Duration::from_millis(after_ms));
            }
            Incoming::Closed(code) => return Some(End::Closed(code)),
            Incoming::Nonsense(how) => self.add(What::Broke(how)),
        }
        None
    }

    fn deliver(&self, session: &mut Session<'_>, desk: &mut Desk, event: Event) {
        let (Some(room), Some(seq)) = (event.room, event.seq) else {
            return;
        };
        if !self.rooms.contains(&room) {
            return;
        }
        let change = Change::of(event);
        if let Some(message) = change.message() {
            desk.saw(room, message.id);
        }
        self.add(What::Delivered { room, seq, change });
        self.move_to(session, room, seq);
    }

    fn move_to(&self, session: &mut Session<'_>, room: RoomId, seq: Seq) {
        session.positions.insert(room, seq);
        self.report(|status| {
            status.positions.insert(room, seq);
        });
    }

    /// Goes on with a room that was loaded again.
    fn resume(&self, session: &mut Session<'_>, desk: &mut Desk, loaded: Loaded) {
        let Loaded {
            room,
            seq,
            messages,
        } = loaded;
        self.add(What::Loaded {
            room,
            seq,
            messages,
        });
        self.move_to(session, room, seq);
        for event in session.held.remove(&room).unwrap_or_default() {
            if event.seq.is_none_or(|at| at > seq) {
                self.deliver(session, desk, event);
            }
        }
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

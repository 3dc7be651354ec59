//! A client as the protocol asks for: it comes back after every end, anywhere, with the positions it has, and
//! repeats what was not answered under the same nonce.

mod desk;
pub(crate) mod reload;
mod session;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chapar_shared::{RoomId, Seq};
use chapar_tests::User;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::plan::Plan;
use crate::record::{ClientId, Record, What};
use desk::Desk;
use session::End;
use wire::Wire;

/// How long connecting may take, up to `ready`.
const CONNECT: Duration = Duration::from_secs(20);

/// The first wait after an end, doubled with each failure, with jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(3);

/// What the run wants of all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Go on with the plan.
    pub(crate) is_sending: bool,
    /// Whenever it is raised: drop the socket within [`SCATTER`] and come back.
    pub(crate) scatters: u32,
    /// Go home.
    pub(crate) is_over: bool,
}

/// The time over which a scattered crowd drops its sockets.
pub(crate) const SCATTER: Duration = Duration::from_secs(5);

/// How a client stands, for the run to wait for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// Commands without an answer.
    pub(crate) unanswered: usize,
    pub(crate) positions: BTreeMap<RoomId, Seq>,
    /// Which door its socket came through, while it has one.
    pub(crate) door: Option<usize>,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) user: Arc<User>,
    pub(crate) rooms: Vec<RoomId>,
    /// Where sockets are to be had; tried from the one of its own number on.
    pub(crate) doors: Arc<[String]>,
    /// What it does; `None` for one that only reads.
    pub(crate) plan: Option<Plan>,
    /// For what depends on chance outside of the plan.
    pub(crate) jitter: StdRng,
    pub(crate) record: Record,
    pub(crate) status: Arc<Mutex<Status>>,
    pub(crate) orders: watch::Receiver<Orders>,
}

impl Client {
    /// Lives until the orders say that it is over.
    pub(crate) async fn live(mut self) {
        let mut desk = Desk::new(self.id, self.rooms.clone(), self.plan.take());
        let mut epoch: Option<String> = None;
        let mut positions: BTreeMap<RoomId, Seq> = BTreeMap::new();
        let mut door = self.id % self.doors.len();
        let mut backoff = FIRST_BACKOFF;
        while !self.orders.borrow().is_over {
            let token = self.user.token();
            let connect = Wire::connect(&self.doors[door], &token, epoch.as_deref(), &positions);
            let wait = match timeout(CONNECT, connect).await {
                Ok(Ok((wire, ready))) => {
                    backoff = FIRST_BACKOFF;
                    epoch = Some(ready.epoch.clone());
                    let mut rooms: Vec<(RoomId, Seq)> =
                        ready.rooms.iter().map(|room| (room.id, room.seq)).collect();
                    rooms.retain(|(room, _)| self.rooms.contains(room));
                    for (room, seq) in &rooms {
                        positions.entry(*room).or_insert(*seq);
                    }
                    self.add(What::Opened { rooms });
                    self.report(|status| {
                        status.positions.clone_from(&positions);
                        status.door = Some(door);
                    });
                    let heartbeat = Duration::from_secs(ready.heartbeat_s);
                    let end = self
                        .session(wire, heartbeat, &mut positions, &mut desk)
                        .await;
                    self.report(|status| status.door = None);
                    self.wait_after(end)
                }
                Ok(Err(code)) => code.and_then(|code| self.wait_after(End::Closed(code))),
                Err(_) => None,
            };
            let wait = wait.unwrap_or_else(|| {
                backoff = (backoff * 2).min(LAST_BACKOFF);
                backoff.mul_f64(self.jitter.random_range(0.5..1.0))
            });
            door = self.jitter.random_range(0..self.doors.len());
            let mut orders = self.orders.clone();
            tokio::select! {
                () = sleep(wait) => {}
                over = orders.wait_for(|orders| orders.is_over) => {
                    if over.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// How long to wait before coming back; `None`: as after a failure.
    fn wait_after(&mut self, end: End) -> Option<Duration> {
        match end {
            End::Over | End::Scattered => Some(Duration::ZERO),
            End::Told => {
                self.add(What::Closed { code: 1000 });
                Some(Duration::ZERO)
            }
            End::Silent => {
                self.add(What::Closed { code: 1006 });
                None
            }
            End::Closed(code) => {
                self.add(What::Closed { code });
                match code {
                    // Going away, a lost connection, too slow, event source lost: come back and resume.
                    1001 | 1006 | 4010 | 4012 => None,
                    4008 => Some(Duration::from_mins(1)),
                    // Nothing that this client does earns it any other.
                    other => {
                        self.add(What::Broke(format!("closed with {other}")));
                        None
                    }
                }
            }
        }
    }

    fn add(&self, what: What) {
        self.record.add(self.id, what);
    }

    fn add_all(&self, what: impl IntoIterator<Item = What>) {
        for what in what {
            self.add(what);
        }
    }

    fn report(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

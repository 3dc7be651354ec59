//! Rooms that are written to on their own: their lock was not had in time, or a batch with them failed.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rand::RngExt;
use tokio::time::sleep;

use chapar_shared::{Code, RoomId};

use super::Job;
use super::commit::{Committer, Trouble, refuse};

type Run = Pin<Box<dyn Future<Output = RoomId> + Send>>;

/// One room's sends, in order.
#[derive(Default)]
struct Lane {
    jobs: VecDeque<Job>,
    is_singly: bool,
}

/// The lanes: each runs at most once at a time, some of them at the same time.
pub(super) struct Lanes {
    committer: Committer,
    rooms: HashMap<RoomId, Lane>,
    /// Lanes that do not run, in the order of their turn.
    turn: VecDeque<RoomId>,
    running: FuturesUnordered<Run>,
    waiting: usize,
}

impl Lanes {
    pub(super) fn new(committer: Committer) -> Self {
        Self {
            committer,
            rooms: HashMap::new(),
            turn: VecDeque::new(),
            running: FuturesUnordered::new(),
            waiting: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Sends that wait in lanes.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Opens a lane for each room of a batch that was not committed.
    pub(super) fn split(&mut self, jobs: Vec<Job>, trouble: Trouble) {
        for job in jobs {
            let room = job.message.room;
            let lane = self.rooms.entry(room).or_insert_with(|| {
                self.turn.push_back(room);
                Lane::default()
            });
            lane.is_singly |= trouble == Trouble::Failed;
            lane.jobs.push_back(job);
            self.waiting += 1;
        }
        self.start();
    }

    /// Takes a job whose room has a lane; gives back any other. One too many is answered `unavailable`.
    pub(super) fn take(&mut self, job: Job) -> Option<Job> {
        let Some(lane) = self.rooms.get_mut(&job.message.room) else {
            return Some(job);
        };
        if self.waiting >= self.committer.config.max_queue {
            job.ticket.answer(Err(Code::Unavailable.into()));
        } else {
            lane.jobs.push_back(job);
            self.waiting += 1;
        }
        None
    }

    /// Waits until a lane's run ends; it runs again if more came for it, else it closes.
    ///
    /// May be dropped midway. Never ends while no lane runs.
    pub(super) async fn next(&mut self) {
        let Some(room) = self.running.next().await else {
            return std::future::pending().await;
        };
        match self.rooms.get_mut(&room) {
            Some(lane) if !lane.jobs.is_empty() => {
                lane.is_singly = false;
                self.turn.push_back(room);
            }
            _ => drop(self.rooms.remove(&room)),
        }
        self.start();
    }

    fn start(&mut self) {
        let config = &self.committer.config;
        while self.running.len() < config.max_lanes.max(1) {
            let Some(room) = self.turn.pop_front() else {
                return;
            };
            let Some(lane) = self.rooms.get_mut(&room) else {
                continue;
            };
            let count = lane.jobs.len().min(config.max_batch.max(1));
            let jobs: Vec<Job> = lane.jobs.drain(..count).collect();
            self.waiting -= count;
            let chunks = if lane.is_singly {
                jobs.into_iter().map(|job| vec![job]).collect()
            } else {
                VecDeque::from([jobs])
            };
            let committer = self.committer.clone();
            self.running
                .push(Box::pin(async move { run(committer, room, chunks).await }));
        }
    }
}

/// Commits the chunks of one room in order.
async fn run(committer: Committer, room: RoomId, mut chunks: VecDeque<Vec<Job>>) -> RoomId {
    let mut attempts = 0;
    while let Some(chunk) = chunks.pop_front() {
        match committer.commit(chunk).await {
            Ok(()) => attempts = 0,
            Err((jobs, Trouble::Failed)) if jobs.len() == 1 => refuse(jobs, Code::Internal),
            Err((jobs, Trouble::Failed)) => {
                for job in jobs.into_iter().rev() {
                    chunks.push_front(vec![job]);
                }
            }
            Err((jobs, Trouble::Busy)) if attempts + 1 >= committer.config.max_attempts => {
                tracing::warn!(room.id = room.0, attempts, "a room's lock is not to be had");
                refuse(jobs, Code::Unavailable);
                refuse(chunks.drain(..).flatten(), Code::Unavailable);
            }
            Err((jobs, _)) => {
                chunks.push_front(jobs);
                backoff(attempts).await;
                attempts += 1;
            }
        }
    }
    room
}

/// 25 ms, twice as long each time, at most a second; by half at random, so that nodes do not meet again.
pub(super) async fn backoff(attempts: u32) {
    let full = Duration::from_millis(25 << attempts.min(6)).min(Duration::from_secs(1));
    let part = rand::rng().random_range(0.5..1.0);
    sleep(full.mul_f64(part)).await;
}

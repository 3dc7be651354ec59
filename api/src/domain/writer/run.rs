//! The writer's loop: at most one batch of many rooms in flight, and beside it lanes of single rooms.

use futures_util::future::{Fuse, FusedFuture, FutureExt};
use std::pin::Pin;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use chapar_shared::Code;

use super::Job;
use super::commit::{Committer, Trouble, refuse};
use super::lanes::{Lanes, backoff};
use crate::measures;

type Batch = Pin<Box<dyn Future<Output = Option<(Vec<Job>, Trouble)>> + Send>>;

/// A batch of so many says that the next one will be large too, if it may grow.
const MANY: usize = 32;

pub(super) struct Loop {
    committer: Committer,
    jobs: mpsc::Receiver<Job>,
    lanes: Lanes,
}

impl Loop {
    pub(super) fn new(committer: Committer, jobs: mpsc::Receiver<Job>) -> Self {
        let lanes = Lanes::new(committer.clone());
        Self {
            committer,
            jobs,
            lanes,
        }
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut batch: Fuse<Batch> = Fuse::terminated();
        let mut is_open = true;
        let (mut was_large, mut began) = (false, Instant::now());
        // When the next batch may begin.
        let mut not_before = began;
        // What a batch has no room for, but was already taken from the queue.
        let mut first = None;
        loop {
            let is_lingering = not_before > Instant::now();
            if batch.is_terminated() && !is_lingering {
                let jobs = self.next_batch(&mut first);
                if !jobs.is_empty() {
                    (was_large, began) = (jobs.len() >= MANY, Instant::now());
                    batch = attempt(self.committer.clone(), jobs).fuse();
                }
            }
            let is_idle = batch.is_terminated();
            if !is_open && is_idle && self.lanes.is_empty() {
                return;
            }
            tokio::select! {
                left = &mut batch, if !is_idle => {
                    if let Some((jobs, trouble)) = left {
                        self.lanes.split(jobs, trouble);
                    } else if was_large {
                        let pause = began.elapsed() / 4;
                        not_before = Instant::now() + pause.min(self.committer.config.linger);
                    }
                }
                () = sleep_until(not_before), if is_idle && is_lingering => {}
                () = self.lanes.next(), if !self.lanes.is_empty() => {}
                job = self.jobs.recv(), if is_idle && is_open && !is_lingering => match job {
                    Some(job) => first = Some(job),
                    None => is_open = false,
                },
                () = shutdown.cancelled(), if !self.jobs.is_closed() => self.jobs.close(),
            }
        }
    }

    /// What is queued now, up to the bounds; what is for a room with a lane goes there.
    fn next_batch(&mut self, first: &mut Option<Job>) -> Vec<Job> {
        let config = &self.committer.config;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < config.max_batch.max(1) {
            let Some(job) = first.take().or_else(|| self.jobs.try_recv().ok()) else {
                break;
            };
            let Some(job) = self.lanes.take(job) else {
                continue;
            };
            bytes += job.message.content.len();
            if bytes > config.max_batch_bytes && !batch.is_empty() {
                *first = Some(job);
                break;
            }
            batch.push(job);
        }
        measures::waiting(self.jobs.len() + self.lanes.waiting());
        batch
    }
}

/// Commits a batch, however often it takes to learn the outcome; the deadlines of its jobs bound that.
fn attempt(committer: Committer, mut jobs: Vec<Job>) -> Batch {
    Box::pin(async move {
        let mut attempts = 0;
        loop {
            match committer.commit(jobs).await {
                Ok(()) => return None,
                Err((same, Trouble::Unknown)) => {
                    jobs = same;
                    backoff(attempts).await;
                    attempts += 1;
                }
                Err((jobs, Trouble::Failed)) if jobs.len() == 1 => {
                    refuse(jobs, Code::Internal);
                    return None;
                }
                Err(left) => return Some(left),
            }
        }
    })
}

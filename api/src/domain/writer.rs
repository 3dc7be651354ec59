//! The one writer of messages on a node: what arrives while a commit is in flight forms the next batch.
//!
//! A send is answered after its commit, and its publishing begins then too, in a task of its own: neither
//! waits for the other, and publishes go out in the order of the commits. An idle node adds no delay; a busy one lets
//! each batch grow for a moment.
//!
//! Sends to one room are committed in the order in which they were queued. A room whose lock is not had in
//! time is split off into a lane of its own, so that the others go on without it; what arrives for it
//! meanwhile waits behind it. A transaction that fails is repeated command by command, so that one bad row
//! never fails its neighbours. Where the outcome of a commit is not known it is repeated until the deadline:
//! every message has a nonce, so nothing is written twice.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use chapar_shared::{Code, Problem};

use super::Publisher;
use crate::clock::Clock;
use crate::store::messages::NewMessage;
use crate::store::{MessageRecord, Messages};

mod commit;
mod lanes;
mod run;
#[cfg(test)]
mod tests;

use commit::{Committer, publish_in_order};
use run::Loop;

/// Section `api.writer` of the configuration.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// Sends that wait for a batch; 10,000. Beyond it senders wait, and are then told `unavailable`. The
    /// same number may wait behind rooms that were split off.
    pub max_queue: usize,
    /// Sends of one transaction; 500. More hold the rooms' locks for longer.
    pub max_batch: usize,
    /// Bytes of text in one transaction; 1 MiB.
    pub max_batch_bytes: usize,
    /// How long a batch that follows a large one may wait for more sends; `5ms`, but at most a quarter of the time that
    /// the last one took. A transaction has a price of its own, which more sends share. Sends that come one by one never
    /// wait; `0ms` turns it off.
    #[serde(with = "chapar_shared::duration")]
    pub linger: Duration,
    /// How long a transaction may take before its outcome counts as unknown; `4s`. Must be above the
    /// store's lock timeout.
    #[serde(with = "chapar_shared::duration")]
    pub commit_timeout: Duration,
    /// How long a send may take in all before it is answered `unavailable`; `10s`.
    #[serde(with = "chapar_shared::duration")]
    pub deadline: Duration,
    /// How often a room whose lock is not had is tried again before its sends are answered `unavailable`; 5.
    pub max_attempts: u32,
    /// Rooms that are written to on their own at the same time; 4. Each takes a connection to the database.
    pub max_lanes: usize,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            max_queue: 10_000,
            max_batch: 500,
            max_batch_bytes: 1 << 20,
            linger: Duration::from_millis(5),
            commit_timeout: Duration::from_secs(4),
            deadline: Duration::from_secs(10),
            max_attempts: 5,
            max_lanes: 4,
        }
    }
}

/// A message as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub message: Arc<MessageRecord>,
    /// It was there already: its nonce was used before for the same body.
    pub is_repeat: bool,
}

impl Sent {
    /// The message alone.
    pub fn into_message(self) -> MessageRecord {
        Arc::unwrap_or_clone(self.message)
    }
}

/// Queues sends. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Job>,
    deadline: Duration,
}

/// A send that is queued or being committed.
#[derive(Debug)]
struct Job {
    message: NewMessage,
    ticket: Ticket,
}

/// Whose a send is.
#[derive(Debug)]
struct Ticket {
    trace: Option<String>,
    deadline: Instant,
    answer: oneshot::Sender<Result<Sent, Problem>>,
}

impl Ticket {
    /// The sender may have gone; what was committed stays committed.
    fn answer(self, result: Result<Sent, Problem>) {
        drop(self.answer.send(result));
    }
}

/// The answer to a queued send, still to come. Dropping it does not take the send back.
#[derive(Debug)]
pub struct Pending {
    answer: oneshot::Receiver<Result<Sent, Problem>>,
    deadline: Instant,
}

impl Pending {
    /// Waits for the commit.
    ///
    /// # Errors
    /// What the rules refuse; `nonce_conflict`; `unavailable` where it cannot be done or its outcome is not
    /// known in time; `internal`.
    pub async fn wait(self) -> Result<Sent, Problem> {
        match timeout_at(self.deadline, self.answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(Code::Unavailable.into()),
        }
    }
}

impl Writer {
    /// Starts the writer's two tasks on `tasks`. After `shutdown` they take no more, commit and publish what
    /// is queued, and end.
    pub fn start(
        store: Arc<dyn Messages + Send + Sync>,
        publisher: Publisher,
        clock: Clock,
        config: WriterConfig,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(config.max_queue.max(1));
        let (told, to_publish) = mpsc::channel(commit::MAX_UNPUBLISHED);
        tasks.spawn(publish_in_order(publisher, to_publish));
        let deadline = config.deadline;
        let committer = Committer::new(store, clock, config, told);
        tasks.spawn(Loop::new(committer, jobs).run(shutdown));
        Self { queue, deadline }
    }

    /// Queues a message; sends to one room are committed in the order of these calls. A message without a
    /// nonce gets a hidden one, so that it may be repeated. Waits while the queue is full.
    ///
    /// # Errors
    /// `unavailable` when there is no place before the deadline, or the node shuts down.
    pub async fn queue(
        &self,
        mut message: NewMessage,
        trace: Option<String>,
    ) -> Result<Pending, Problem> {
        if message.nonce.is_none() {
            message.nonce = Some(uuid::Uuid::now_v7().simple().to_string());
            message.is_nonce_hidden = true;
        }
        let deadline = Instant::now() + self.deadline;
        let place = timeout_at(deadline, self.queue.reserve()).await;
        let Ok(Ok(place)) = place else {
            return Err(Code::Unavailable.into());
        };
        let (answer, receiver) = oneshot::channel();
        place.send(Job {
            message,
            ticket: Ticket {
                trace,
                deadline,
                answer,
            },
        });
        Ok(Pending {
            answer: receiver,
            deadline,
        })
    }
}

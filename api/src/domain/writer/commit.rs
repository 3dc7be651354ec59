//! One transaction: expired sends left out, the rest committed, answered, and handed to the publishing task.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::Span;

use chapar_shared::{Code, MessageId};

use super::{Job, Sent, Ticket, WriterConfig};
use crate::clock::Clock;
use crate::domain::{Publisher, policy};
use crate::error::StoreError;
use crate::measures::{self, Reason, Sending};
use crate::store::messages::{Messages, NewMessage, SendFacts, SendOutcome};
use crate::store::{ChangeRecord, Committed, Subject};

/// Commits that wait to be published. Beyond it, as when the broker hangs, they are left to the sweeper.
pub(super) const MAX_UNPUBLISHED: usize = 256;
/// Commits published in one round trip.
const MAX_PUBLISHED_AT_ONCE: usize = 32;

/// What is to be published of one commit.
#[derive(Debug)]
pub(super) struct Told {
    committed: Committed,
    traces: HashMap<MessageId, String>,
}

/// Why a transaction was not committed, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A room's lock was not had: nothing was written.
    Busy,
    /// Something in it is bad: nothing was written.
    Failed,
    /// Not known whether it was committed.
    Unknown,
}

/// Commits batches. Cheap to clone.
#[derive(Clone)]
pub(super) struct Committer {
    pub(super) config: Arc<WriterConfig>,
    store: Arc<dyn Messages + Send + Sync>,
    clock: Clock,
    committed: mpsc::Sender<Told>,
}

impl Committer {
    pub(super) fn new(
        store: Arc<dyn Messages + Send + Sync>,
        clock: Clock,
        config: WriterConfig,
        committed: mpsc::Sender<Told>,
    ) -> Self {
        Self {
            config: Arc::new(config),
            store,
            clock,
            committed,
        }
    }

    /// Commits the jobs in one transaction and answers them, or gives those back that are not answered.
    pub(super) async fn commit(&self, jobs: Vec<Job>) -> Result<(), (Vec<Job>, Trouble)> {
        let now = Instant::now();
        let (jobs, late): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.ticket.deadline > now);
        refuse(late, Code::Unavailable);
        if jobs.is_empty() {
            return Ok(());
        }
        // The time of the attempt, not of the queueing: the sweeper looks for what changed lately.
        let at = self.clock.now();
        let (batch, tickets): (Vec<NewMessage>, Vec<Ticket>) = jobs
            .into_iter()
            .map(|Job { message, ticket }| (NewMessage { at, ..message }, ticket))
            .unzip();
        measures::batch(batch.len());
        let spans = committing(&tickets);
        let decide = |_: &NewMessage, facts: &SendFacts| policy::send(facts);
        let commit = self.store.commit_sends(&batch, &decide);
        let result = timeout(self.config.commit_timeout, commit).await;
        measures::committed(now.elapsed());
        drop(spans);
        let trouble = match result {
            Ok(Ok(outcome)) => {
                self.tell(tickets, outcome);
                return Ok(());
            }
            Ok(Err(StoreError::Busy(_))) => Trouble::Busy,
            Ok(Err(StoreError::Unavailable(_))) | Err(_) => Trouble::Unknown,
            Ok(Err(error @ StoreError::Failed(_))) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    count = batch.len(),
                    "a batch of sends failed"
                );
                Trouble::Failed
            }
        };
        measures::not_committed(match trouble {
            Trouble::Busy => Reason::Busy,
            Trouble::Failed => Reason::Failed,
            Trouble::Unknown => Reason::Unknown,
        });
        let jobs = batch.into_iter().zip(tickets);
        let jobs = jobs.map(|(message, ticket)| Job { message, ticket });
        Err((jobs.collect(), trouble))
    }

    /// Hands the commit to the publishing task without waiting, then answers.
    fn tell(&self, tickets: Vec<Ticket>, outcome: SendOutcome) {
        let traces = tickets
            .iter()
            .zip(&outcome.results)
            .filter_map(|(ticket, result)| {
                let (message, _) = result.as_ref().ok()?;
                Some((message.id, ticket.trace.clone()?))
            })
            .collect();
        let told = Told {
            committed: outcome.committed,
            traces,
        };
        let outcome_size = told.committed.changes.len() as u64;
        if self.committed.try_send(told).is_err() {
            measures::not_published(outcome_size);
        }
        let (mut new, mut repeats, mut refused) = (0, 0, 0);
        for result in &outcome.results {
            match result {
                Ok((_, false)) => new += 1,
                Ok((_, true)) => repeats += 1,
                Err(_) => refused += 1,
            }
        }
        measures::sent(Sending::New, new);
        measures::sent(Sending::Repeat, repeats);
        measures::sent(Sending::Refused, refused);
        for (ticket, result) in tickets.into_iter().zip(outcome.results) {
            ticket.answer(result.map(|(message, is_repeat)| Sent { message, is_repeat }));
        }
    }
}

/// Other traces that a commit's span points to, at most.
const MAX_LINKS: usize = 8;

/// The transaction in the trace of each of its messages that is sampled: a trace must be whole without the others.
/// Each span points to some of its neighbours', with which it shares its time.
fn committing(tickets: &[Ticket]) -> Vec<Span> {
    let traces = || tickets.iter().filter_map(|ticket| ticket.trace.as_deref());
    traces()
        .enumerate()
        .map(|(at, trace)| {
            let span = chapar_trace::span!("commit", batch.size = tickets.len());
            let span = chapar_trace::below(span, trace);
            let others = traces().enumerate().filter(|(other, _)| *other != at);
            others
                .take(MAX_LINKS)
                .for_each(|(_, other)| chapar_trace::link(&span, other));
            span
        })
        .collect()
}

/// Answers all of them so.
pub(super) fn refuse(jobs: impl IntoIterator<Item = Job>, code: Code) {
    for job in jobs {
        measures::sent(
            if code == Code::Unavailable {
                Sending::Unavailable
            } else {
                Sending::Refused
            },
            1,
        );
        job.ticket.answer(Err(code.into()));
    }
}

/// Publishes commits in their order, several in one round trip when they come faster than that.
pub(super) async fn publish_in_order(publisher: Publisher, mut committed: mpsc::Receiver<Told>) {
    let mut several = Vec::new();
    while committed
        .recv_many(&mut several, MAX_PUBLISHED_AT_ONCE)
        .await
        > 0
    {
        let mut all = Committed::default();
        let mut traces = HashMap::new();
        for told in several.drain(..) {
            all.changes.extend(told.committed.changes);
            all.users.extend(told.committed.users);
            traces.extend(told.traces);
        }
        let trace = |change: &ChangeRecord| match &change.subject {
            Subject::Message(message, _) => traces.get(&message.id).map(String::as_str),
            _ => None,
        };
        publisher.committed_with(&all, trace, Vec::new()).await;
    }
}

//! Commands on their way to the api, in batches across connections.
//!
//! A connection's commands wait in its lane, in order. A lane is in one batch at a time, so that no command
//! overtakes an earlier one of the same connection, not even while that is retried. What arrives while a batch is
//! in flight forms the next one, which leaves when no other is in flight, or `batch_linger` after the one before: a
//! batch has a price of its own, which more commands share, and a slow one holds nobody up. After a large one the
//! next waits as long, for those who were answered together ask again together. A command that was accepted runs
//! even if its connection closes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use chapar_shared::internal::{Command, Outcome, Submission, SubmitRequest};
use chapar_shared::protocol::reply::Reply;
use chapar_shared::protocol::{CommandId, ServerFrame};
use chapar_shared::{Code, Problem};

use super::Connection;
use crate::Config;
use crate::backend::BackendError;
use crate::measures;
use crate::node::Node;
use crate::retry::Backoff;

/// A batch of so many commands is large.
const MANY: usize = 64;

/// The lanes that have commands and are in no batch, and the tasks that submit them.
#[derive(Debug, Default)]
pub(crate) struct Submitter {
    state: Mutex<State>,
    /// The next batch need wait no longer.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Arc<Connection>>,
    /// Tasks, of which each has a batch in flight or waits to submit the next one.
    runners: usize,
    is_waiting: bool,
    in_flight: usize,
    /// Before it the next batch leaves only if it is full.
    lingers_until: Option<Instant>,
}

/// A connection's waiting commands.
#[derive(Debug, Default)]
pub(super) struct Lane(Mutex<LaneState>);

#[derive(Debug, Default)]
struct LaneState {
    waiting: VecDeque<Pending>,
    /// Of commands in flight.
    taken: usize,
    /// It is ready or in a batch.
    is_scheduled: bool,
}

#[derive(Debug)]
struct Pending {
    id: Option<CommandId>,
    command: Command,
    accepted: Instant,
    span: Span,
}

/// A command in a batch.
#[derive(Debug)]
struct Ticket {
    connection: Arc<Connection>,
    id: Option<CommandId>,
    accepted: Instant,
    /// From the command's frame to its answer: the beginning of its trace.
    span: Span,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Submitter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Until when the next batch waits for more commands; `None` where it leaves now.
    fn wait(&self, config: &Config) -> Option<Instant> {
        let is_early =
            |until: &Instant| *until > Instant::now() && self.ready.len() < config.max_batch;
        self.lingers_until.filter(is_early)
    }
}

impl Node {
    /// Accepts a command; its reply comes later.
    ///
    /// # Errors
    /// `rate_limited` where the connection has too many waiting.
    pub(super) fn submit(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        id: Option<CommandId>,
        command: Command,
    ) -> Result<(), Problem> {
        {
            let mut lane = connection.lane.lock();
            if lane.waiting.len() + lane.taken >= self.config.max_pending_commands {
                return Err(Problem::rate_limited(Duration::from_secs(1)));
            }
            measures::submitted(&command);
            let span = chapar_trace::span!(
                "command",
                otel.kind = "server",
                otel.name = measures::op(&command),
                dialect = connection.dialect.get().name(),
                outcome = Empty,
            );
            lane.waiting.push_back(Pending {
                id,
                command,
                accepted: Instant::now(),
                span,
            });
            if std::mem::replace(&mut lane.is_scheduled, true) {
                return Ok(());
            }
        }
        let mut state = self.submitter.lock();
        state.ready.push_back(Arc::clone(connection));
        self.call_runner(state);
        Ok(())
    }

    /// Has a task see to what is ready, unless all have batches in flight.
    fn call_runner(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.is_waiting {
            if state.ready.len() >= self.config.max_batch {
                self.submitter.changed.notify_one();
            }
        } else if !state.ready.is_empty() && state.runners < self.config.max_batches {
            state.is_waiting = true;
            state.runners += 1;
            drop(state);
            let node = Arc::clone(self);
            self.spawn(async move { run_batches(&node).await });
        }
    }

    /// The next batch, when it is its time, or the end of this runner where nothing waits.
    async fn next_batch(&self) -> Option<(Vec<Ticket>, Vec<Submission>)> {
        loop {
            let until = {
                let mut state = self.submitter.lock();
                match state.wait(&self.config) {
                    Some(until) if !state.ready.is_empty() => until,
                    _ => return self.take_batch(&mut state),
                }
            };
            let _is_sooner = timeout_at(until, self.submitter.changed.notified()).await;
        }
    }

    fn take_batch(&self, state: &mut State) -> Option<(Vec<Ticket>, Vec<Submission>)> {
        let (mut tickets, mut submissions, mut bytes) = (Vec::new(), Vec::new(), 0);
        while tickets.len() < self.config.max_batch
            && bytes < self.config.max_batch_bytes
            && let Some(connection) = state.ready.pop_front()
        {
            let mut lane = connection.lane.lock();
            while tickets.len() < self.config.max_batch
                && bytes < self.config.max_batch_bytes
                && let Some(pending) = lane.waiting.pop_front()
            {
                bytes += size(&pending.command);
                lane.taken += 1;
                submissions.push(Submission {
                    connection: connection.id,
                    user: connection.user,
                    session: connection.session,
                    command: pending.command,
                    is_retry: false,
                    trace: None,
                });
                tickets.push(Ticket {
                    connection: Arc::clone(&connection),
                    id: pending.id,
                    accepted: pending.accepted,
                    span: pending.span,
                });
            }
        }
        state.is_waiting = false;
        if tickets.is_empty() {
            state.runners -= 1;
            return None;
        }
        state.in_flight += 1;
        state.lingers_until = Some(Instant::now() + self.config.batch_linger);
        Some((tickets, submissions))
    }

    /// Lets the lanes of an answered batch go on. Tells whether its runner takes the next batch.
    fn finish_batch(&self, mut connections: Vec<Arc<Connection>>) -> bool {
        let commands = connections.len();
        connections.dedup_by_key(|connection| connection.id);
        for connection in connections {
            let is_ready = {
                let mut lane = connection.lane.lock();
                lane.taken = 0;
                lane.is_scheduled = !lane.waiting.is_empty();
                lane.is_scheduled
            };
            if is_ready {
                self.submitter.lock().ready.push_back(connection);
            }
        }
        let mut state = self.submitter.lock();
        state.in_flight -= 1;
        if commands >= MANY {
            state.lingers_until = Some(Instant::now() + self.config.batch_linger);
        } else if state.in_flight == 0 {
            state.lingers_until = None;
            self.submitter.changed.notify_one();
        }
        let goes_on = !std::mem::replace(&mut state.is_waiting, true);
        if !goes_on {
            state.runners -= 1;
        }
        goes_on
    }
}

async fn run_batches(node: &Arc<Node>) {
    while let Some((tickets, submissions)) = node.next_batch().await {
        // For what this batch had no room for.
        node.call_runner(node.submitter.lock());
        let connections = tickets
            .iter()
            .map(|ticket| Arc::clone(&ticket.connection))
            .collect();
        run(node, tickets, submissions).await;
        if !node.finish_batch(connections) {
            return;
        }
    }
}

/// Submits until there is an answer for each command, or its time is over.
async fn run(node: &Arc<Node>, mut tickets: Vec<Ticket>, mut submissions: Vec<Submission>) {
    measures::batch(tickets.len());
    let spans = trace(&tickets, &mut submissions);
    // The request itself is part of the first trace alone.
    let first_span = spans.first().cloned().unwrap_or_else(Span::none);
    let mut backoff = Backoff::default();
    loop {
        give_up_late(node, &mut tickets, &mut submissions);
        let Some(first) = tickets.iter().map(|ticket| ticket.accepted).min() else {
            return;
        };
        let request = SubmitRequest {
            submissions: submissions.clone(),
        };
        let answer = timeout_at(
            first + node.config.submit_timeout,
            node.backend.submit(request).instrument(first_span.clone()),
        )
        .await;
        match answer {
            Ok(Ok(response)) if response.outcomes.len() == tickets.len() => {
                let _is_known = node.is_current(&response.epoch);
                for (ticket, outcome) in tickets.into_iter().zip(response.outcomes) {
                    answer_one(ticket, outcome);
                }
                return;
            }
            Ok(Ok(response)) => tracing::error!(
                submissions = tickets.len(),
                outcomes = response.outcomes.len(),
                "the api did not answer each command"
            ),
            Ok(Err(BackendError::Refused(problem))) => {
                tracing::error!(code = %problem.code, "the api refused a whole batch");
                for ticket in tickets {
                    answer_one(ticket, Outcome::Error(Code::Unavailable.into()));
                }
                return;
            }
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a batch has no answer"
            ),
            Err(_) => continue,
        }
        for submission in &mut submissions {
            submission.is_retry = true;
        }
        measures::resubmission();
        backoff.wait().await;
    }
}

/// The batch in the trace of each of its commands that is sampled, and where the api goes on with them. A batch is
/// of many traces, and a trace must be whole without the others: so each has a span of the whole batch's time.
fn trace(tickets: &[Ticket], submissions: &mut [Submission]) -> Vec<Span> {
    let size = tickets.len();
    let both = tickets.iter().zip(submissions);
    both.filter_map(|(ticket, submission)| {
        let parent = chapar_trace::traceparent(&ticket.span)?;
        let span = chapar_trace::span!("submit", otel.kind = "client", batch.size = size);
        let span = chapar_trace::below(span, &parent);
        submission.trace = chapar_trace::traceparent(&span);
        Some(span)
    })
    .collect()
}

/// Answers `unavailable` to those whose time is over.
fn give_up_late(node: &Node, tickets: &mut Vec<Ticket>, submissions: &mut Vec<Submission>) {
    let is_late = |ticket: &Ticket| ticket.accepted.elapsed() >= node.config.submit_timeout;
    if !tickets.iter().any(is_late) {
        return;
    }
    let all = std::mem::take(tickets)
        .into_iter()
        .zip(std::mem::take(submissions));
    for (ticket, mut submission) in all {
        if is_late(&ticket) {
            answer_one(ticket, Outcome::Error(Code::Unavailable.into()));
        } else {
            submission.is_retry = true;
            tickets.push(ticket);
            submissions.push(submission);
        }
    }
}

fn answer_one(ticket: Ticket, outcome: Outcome) {
    let word = measures::acknowledged(&outcome, ticket.accepted.elapsed());
    ticket.span.record("outcome", word);
    let (ok, error) = match outcome {
        Outcome::Ok(ok) => (Some(ok), None),
        Outcome::Error(problem) => (None, Some(problem.to_reply(ticket.connection.language))),
    };
    let reply = Reply {
        id: ticket.id,
        ok,
        error,
    };
    ticket.connection.send(&ServerFrame::Reply(reply));
}

/// About the bytes that a command takes in a batch.
fn size(command: &Command) -> usize {
    let text = match command {
        Command::Send(send) => send.content.len() + send.attachments.len() * 8,
        Command::Edit { content, .. } => content.len(),
        Command::Delete { .. } | Command::React { .. } | Command::Read { .. } => 0,
    };
    text + 128
}

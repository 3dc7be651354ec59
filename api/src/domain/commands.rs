//! Commands that gateways submit, in batches of many connections.
//!
//! Commands of one connection run in the order in which they came, different connections at the same time.
//! Consecutive sends of a connection to one room are queued without waiting for each other, so that they
//! share a commit; everything else waits for what came before it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::timeout;
use tracing::{Instrument, Span};

use chapar_shared::internal::{Command, Outcome, Submission, SubmitRequest, SubmitResponse};
use chapar_shared::protocol::objects::Message;
use chapar_shared::{Code, Number, RoomId, Seq, UserId};

use super::writer::{Pending, Sent};
use super::{Context, Feed, Messages, Rooms, Sessions, present};
use crate::error::Error;
use crate::store::messages::NewMessage;

/// Connections that do other things than send whose commands run at the same time, of one batch.
const MAX_CONNECTIONS: usize = 64;
/// How long a command other than a send may take before it is answered `unavailable`.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs submitted commands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Commands {
    ctx: Context,
    sessions: Sessions,
    rooms: Rooms,
    messages: Messages,
    feed: Feed,
}

/// A submission that may run, with its place in the batch.
struct Task {
    at: usize,
    submission: Submission,
    /// A send's message, checked and admitted.
    message: Option<NewMessage>,
}

#[derive(Serialize)]
struct Sends {
    message: Message,
}

#[derive(Serialize)]
struct Changes {
    seq: Seq,
}

#[derive(Serialize)]
struct Reads {
    read_number: Number,
}

impl Commands {
    /// Over the services of a node.
    pub fn new(
        ctx: Context,
        sessions: Sessions,
        rooms: Rooms,
        messages: Messages,
        feed: Feed,
    ) -> Self {
        Self {
            ctx,
            sessions,
            rooms,
            messages,
            feed,
        }
    }

    /// Runs a batch; an outcome for each submission, in their order. May be dropped midway: what
    /// was begun is done or not, as after a lost answer, and what was not begun is not.
    ///
    /// # Errors
    /// A failure of the store, before anything was done.
    pub async fn submit(&self, request: SubmitRequest) -> Result<SubmitResponse, Error> {
        let epoch = self.feed.epoch().await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; request.submissions.len()];
        let named = request.submissions.iter();
        let named: HashSet<_> = named.map(|one| (one.user, one.session)).collect();
        let dead = self.sessions.dead(&named).await;
        let mut tasks = Vec::with_capacity(request.submissions.len());
        for (at, submission) in request.submissions.into_iter().enumerate() {
            if let Some(problem) = dead.get(&(submission.user, submission.session)) {
                outcomes[at] = Some(Outcome::Error(problem.clone()));
                continue;
            }
            let Command::Send(send) = &submission.command else {
                tasks.push(Task {
                    at,
                    submission,
                    message: None,
                });
                continue;
            };
            match self.messages.check(submission.user, send.clone()) {
                Ok(message) => tasks.push(Task {
                    at,
                    submission,
                    message: Some(message),
                }),
                Err(problem) => outcomes[at] = Some(Outcome::Error(problem)),
            }
        }
        let tasks = self.admit(tasks, &mut outcomes).await;
        let mut connections: HashMap<u64, Vec<Task>> = HashMap::new();
        for task in tasks {
            let connection = task.submission.connection;
            connections.entry(connection).or_default().push(task);
        }
        // Sends wait for the writer alone: all of the batch's are to be in its next transaction.
        let is_sending = |tasks: &Vec<Task>| tasks.iter().all(|task| task.message.is_some());
        let (sending, other): (Vec<_>, Vec<_>) = connections.into_values().partition(is_sending);
        let count = sending.len().max(1);
        let run = |tasks| self.connection(tasks);
        let sending = stream::iter(sending).map(run).buffer_unordered(count);
        let other = stream::iter(other)
            .map(run)
            .buffer_unordered(MAX_CONNECTIONS);
        let mut running = stream::select(sending, other);
        while let Some(done) = running.next().await {
            for (at, outcome) in done {
                outcomes[at] = Some(outcome);
            }
        }
        let outcomes = outcomes.into_iter();
        Ok(SubmitResponse {
            epoch,
            outcomes: outcomes
                .map(|outcome| outcome.unwrap_or_else(|| Outcome::Error(Code::Internal.into())))
                .collect(),
        })
    }

    /// Takes the tokens of all sends in one round trip, but of those submitted before, which were counted.
    async fn admit(&self, tasks: Vec<Task>, outcomes: &mut [Option<Outcome>]) -> Vec<Task> {
        let is_counted = |task: &Task| task.message.is_some() && !task.submission.is_retry;
        let sends: Vec<(UserId, RoomId)> = tasks
            .iter()
            .filter(|task| is_counted(task))
            .filter_map(|task| Some((task.submission.user, task.message.as_ref()?.room)))
            .collect();
        let mut verdicts = self.messages.admit(&sends).await.into_iter();
        let mut admitted = Vec::with_capacity(tasks.len());
        for task in tasks {
            let verdict = if is_counted(&task) {
                verdicts.next().unwrap_or(Ok(()))
            } else {
                Ok(())
            };
            match verdict {
                Ok(()) => admitted.push(task),
                Err(problem) => outcomes[task.at] = Some(Outcome::Error(problem)),
            }
        }
        admitted
    }

    /// Runs the commands of one connection in order.
    async fn connection(&self, tasks: Vec<Task>) -> Vec<(usize, Outcome)> {
        let mut done = Vec::with_capacity(tasks.len());
        let mut queued = Vec::new();
        // Sends to several rooms may be committed in any order if a room is locked.
        let mut room = None;
        for task in tasks {
            let at = task.at;
            if task.message.as_ref().map(|message| message.room) != room {
                self.finish(&mut queued, &mut done).await;
            }
            let span = executing(&task.submission);
            let trace = chapar_trace::traceparent(&span);
            let Some(message) = task.message else {
                room = None;
                let submission = Submission {
                    trace,
                    ..task.submission
                };
                // Boxed: its many kinds would make the future of every connection large, which is moved.
                let run = Box::pin(self.run(submission)).instrument(span);
                done.push((at, run.await));
                continue;
            };
            room = Some(message.room);
            match self.messages.queue(message, trace).await {
                Ok(pending) => queued.push((at, pending, span)),
                Err(problem) => done.push((at, Outcome::Error(problem))),
            }
        }
        self.finish(&mut queued, &mut done).await;
        done
    }

    async fn finish(
        &self,
        queued: &mut Vec<(usize, Pending, Span)>,
        done: &mut Vec<(usize, Outcome)>,
    ) {
        for (at, pending, _span) in queued.drain(..) {
            let outcome = match pending.wait().await {
                Ok(Sent { message, .. }) => ok(&Sends {
                    message: present::message(&message, &self.ctx.links),
                }),
                Err(problem) => Outcome::Error(problem),
            };
            done.push((at, outcome));
        }
    }

    async fn run(&self, submission: Submission) -> Outcome {
        match timeout(DEADLINE, self.change(submission)).await {
            Ok(Ok(value)) => Outcome::Ok(value),
            Ok(Err(error)) => Outcome::Error(error.into_problem()),
            Err(_) => Outcome::Error(Code::Unavailable.into()),
        }
    }

    async fn change(&self, submission: Submission) -> Result<Box<RawValue>, Error> {
        let Submission {
            user,
            command,
            trace,
            ..
        } = submission;
        let trace = trace.as_deref();
        let (messages, links) = (&self.messages, &self.ctx.links);
        match command {
            Command::Send(command) => {
                let sent = messages.send(user, command).await?;
                let message = present::message(&sent.message, links);
                Ok(raw(&Sends { message }))
            }
            Command::Edit {
                room,
                message,
                content,
            } => {
                let edited = messages.edit(user, room, message, &content, trace).await?;
                let message = present::message(&edited, links);
                Ok(raw(&Sends { message }))
            }
            Command::Delete { room, message } => {
                let deleted = messages.delete(user, room, message, trace).await?;
                let seq = deleted.changed_seq;
                Ok(raw(&Changes { seq }))
            }
            Command::React {
                room,
                message,
                emoji,
                added,
            } => {
                let reacted = messages
                    .react(user, room, message, &emoji, added, trace)
                    .await?;
                let seq = reacted.changed_seq;
                Ok(raw(&Changes { seq }))
            }
            Command::Read { room, number } => {
                let read_number = self.rooms.mark_read(user, room, number).await?;
                Ok(raw(&Reads { read_number }))
            }
        }
    }
}

/// A traced command from here to its outcome.
fn executing(submission: &Submission) -> Span {
    match &submission.trace {
        Some(trace) => chapar_trace::below(chapar_trace::span!("execute"), trace),
        None => Span::none(),
    }
}

fn ok(value: &impl Serialize) -> Outcome {
    Outcome::Ok(raw(value))
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("wire objects hold no map keys or floats that JSON lacks")
}

//! What a client asks for: read, limited, answered here or handed to the submitter.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use chapar_shared::internal::{
    AcquaintedRequest, Command, NotifyRequest, SendCommand, UploadRequest,
};
use chapar_shared::limits::Bucket;
use chapar_shared::problem::Violation;
use chapar_shared::protocol::command::{Auth, ParseError, Send, TypingCommand, Watch};
use chapar_shared::protocol::reply::Reply;
use chapar_shared::protocol::{ClientFrame, CloseCode, CommandId, ServerFrame};
use chapar_shared::token::TokenError;
use chapar_shared::{Code, Problem, Timestamp};

use super::Connection;
use super::strikes::Strikes;
use crate::backend::BackendError;
use crate::dialects::{FileFrame, Incoming};
use crate::hub::User;
use crate::node::Node;

/// One connection's commands, whatever brings them.
pub(crate) struct Commands {
    node: Arc<Node>,
    connection: Arc<Connection>,
    user: Arc<User>,
    limiter: DefaultDirectRateLimiter,
    malformed: Strikes,
    excess: Strikes,
}

/// What became of a command at once.
enum Answer {
    Ok(Box<RawValue>),
    /// The submitter answers.
    Later,
    /// Done; said only if the client asked.
    Quiet,
}

impl Commands {
    /// Of a connection that was opened for this user.
    pub(crate) fn new(node: &Arc<Node>, connection: &Arc<Connection>, user: &Arc<User>) -> Self {
        Self {
            node: Arc::clone(node),
            connection: Arc::clone(connection),
            user: Arc::clone(user),
            limiter: RateLimiter::direct(quota(node.limits.commands)),
            malformed: Strikes::new(10, Duration::from_mins(1)),
            excess: Strikes::new(10, Duration::from_secs(10)),
        }
    }

    /// Reads one frame.
    pub(super) fn read(&self, text: &str) -> Result<Incoming, ParseError> {
        let connection = &self.connection;
        connection.dialect.get().parse(text, &connection.view)
    }

    /// Runs what was read, or answers that it could not be.
    ///
    /// # Errors
    /// The code to close with.
    pub(super) async fn take(
        &mut self,
        frame: Result<Incoming, ParseError>,
    ) -> Result<(), CloseCode> {
        match frame {
            Ok(Incoming::Command(id, frame)) => self.run_frame(id, frame).await,
            Ok(Incoming::File(file)) => self.send_file(file).await,
            Ok(Incoming::Notice { recipient, message }) => self.notify(recipient, message).await,
            Err(ParseError::Malformed { id, .. }) => self.refuse(id, Code::MalformedFrame),
            Err(ParseError::UnknownOp { id }) => self.refuse(id, Code::UnknownOp),
        }
    }

    /// Reads and runs a frame longer than others may be: only one with a file may.
    ///
    /// # Errors
    /// The code to close with.
    pub(super) async fn take_long(&mut self, text: String) -> Result<(), CloseCode> {
        let connection = &self.connection;
        let (dialect, view) = (connection.dialect.get(), connection.view.clone());
        if !dialect.takes_files() {
            return Err(CloseCode::FrameTooLarge);
        }
        // Reading so much takes a while.
        let reading = move || dialect.parse(&text, &view);
        match self.node.tracker.spawn_blocking(reading).await {
            Ok(Ok(Incoming::File(file))) => self.send_file(file).await,
            _ => Err(CloseCode::FrameTooLarge),
        }
    }

    /// Refuses a binary frame: no dialect has any.
    ///
    /// # Errors
    /// The code to close with.
    pub(super) fn take_binary(&mut self, len: usize) -> Result<(), CloseCode> {
        if len > self.node.limits.max_frame_bytes {
            Err(CloseCode::FrameTooLarge)
        } else if self.connection.dialect.get().closes_malformed() {
            Err(CloseCode::Unauthenticated)
        } else {
            self.refuse(None, Code::MalformedFrame)
        }
    }

    async fn notify(
        &mut self,
        recipient: Option<String>,
        message: String,
    ) -> Result<(), CloseCode> {
        if !self.is_within_rate(None)? {
            return Ok(());
        }
        let request = NotifyRequest {
            user: self.connection.user,
            session: self.connection.session,
            recipient,
            message,
        };
        if let Err(error) = self.node.backend.notify(request).await {
            self.reply(None, Err(problem(error)));
        }
        Ok(())
    }

    /// Has a file kept, then sends it like any message.
    async fn send_file(&mut self, file: FileFrame) -> Result<(), CloseCode> {
        if !self.is_within_rate(None)? {
            return Ok(());
        }
        let request = UploadRequest {
            user: self.connection.user,
            session: self.connection.session,
            filename: file.filename,
            data: file.data,
        };
        let attachment = match self.node.backend.upload(request).await {
            Ok(kept) => kept.attachment,
            Err(error) => {
                self.reply(None, Err(problem(error)));
                return Ok(());
            }
        };
        let send = Send {
            room: file.room,
            content: file.content,
            nonce: None,
            reply_to: None,
            attachments: vec![attachment],
        };
        self.run_frame(None, ClientFrame::Send(send)).await
    }

    /// Runs a frame that was read. Its one answer, if it has any, is queued for the connection, now or later,
    /// as [`ServerFrame::Reply`] with this `id`.
    ///
    /// # Errors
    /// The code to close with.
    pub(crate) async fn run_frame(
        &mut self,
        id: Option<CommandId>,
        frame: ClientFrame,
    ) -> Result<(), CloseCode> {
        if matches!(frame, ClientFrame::Hello(_)) {
            // A second `hello` is no command.
            return self.refuse(id, Code::MalformedFrame);
        }
        // Sends have limits of their own, for all nodes together.
        if !matches!(frame, ClientFrame::Send(_)) && !self.is_within_rate(id.as_ref())? {
            return Ok(());
        }
        match self.run(id.clone(), frame).await {
            Ok(Answer::Ok(ok)) => self.reply(id, Ok(ok)),
            Ok(Answer::Quiet) if id.is_some() => self.reply(id, Ok(empty())),
            Ok(Answer::Later | Answer::Quiet) => {}
            Err(problem) => self.reply(id, Err(problem)),
        }
        Ok(())
    }

    /// Answers a frame that could not be read.
    ///
    /// # Errors
    /// The code to close with: after too many of them, where the dialect is strict, and where it is not, when
    /// they come faster than commands may.
    pub(crate) fn refuse(
        &mut self,
        id: Option<CommandId>,
        problem: impl Into<Problem>,
    ) -> Result<(), CloseCode> {
        if self.connection.dialect.get().closes_malformed() {
            self.reply(id, Err(problem.into()));
            return if self.malformed.strike() {
                Err(CloseCode::Malformed)
            } else {
                Ok(())
            };
        }
        if self.is_within_rate(id.as_ref())? {
            self.reply(id, Err(problem.into()));
        }
        Ok(())
    }

    /// Counts a command; one too many is answered.
    ///
    /// # Errors
    /// The code to close with when that happens again and again.
    pub(crate) fn is_within_rate(&mut self, id: Option<&CommandId>) -> Result<bool, CloseCode> {
        let Err(until) = self.limiter.check() else {
            return Ok(true);
        };
        let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
        self.reply(id.cloned(), Err(Problem::rate_limited(wait)));
        if self.excess.strike() {
            Err(CloseCode::RateLimited)
        } else {
            Ok(false)
        }
    }

    async fn run(&self, id: Option<CommandId>, frame: ClientFrame) -> Result<Answer, Problem> {
        let command = match frame {
            ClientFrame::Send(send) => Command::Send(with_nonce(send)),
            ClientFrame::Edit(edit) => Command::Edit {
                room: edit.room,
                message: edit.message,
                content: edit.content,
            },
            ClientFrame::Delete(delete) => Command::Delete {
                room: delete.room,
                message: delete.message,
            },
            ClientFrame::React(react) => Command::React {
                room: react.room,
                message: react.message,
                emoji: react.emoji,
                added: true,
            },
            ClientFrame::Unreact(react) => Command::React {
                room: react.room,
                message: react.message,
                emoji: react.emoji,
                added: false,
            },
            ClientFrame::Read(read) => Command::Read {
                room: read.room,
                number: read.number,
            },
            ClientFrame::Typing(typing) => return self.typing(&typing),
            ClientFrame::Watch(watch) => return self.watch(watch).await,
            ClientFrame::Auth(auth) => return self.auth(&auth),
            ClientFrame::Ping | ClientFrame::Hello(_) => return Ok(Answer::Ok(empty())),
        };
        self.node.submit(&self.connection, id, command)?;
        Ok(Answer::Later)
    }

    fn typing(&self, typing: &TypingCommand) -> Result<Answer, Problem> {
        let user = &self.user;
        let room = user.room(typing.room).ok_or(Code::RoomNotFound)?;
        let is_small = room.members() <= i64::from(self.node.limits.max_typing_members);
        if is_small && user.may_type(typing.room, typing.typing, self.node.config.typing_interval) {
            let (typists, actor) = (&self.node.typists, user.actor());
            typists.tell(typing.room, user.id, actor, typing.typing);
        }
        Ok(Answer::Quiet)
    }

    async fn watch(&self, watch: Watch) -> Result<Answer, Problem> {
        let max = self.node.limits.max_watched;
        if watch.users.len() > max {
            return Err(Problem::invalid(
                "users",
                Violation::TooMany { max: max as u64 },
            ));
        }
        let request = AcquaintedRequest {
            user: self.connection.user,
            users: watch.users,
        };
        let mut users = if request.users.is_empty() {
            Vec::new()
        } else {
            let answer = self.node.backend.acquainted(request).await;
            answer.map_err(problem)?.users
        };
        users.sort_unstable();
        users.dedup();
        users.truncate(max);
        let online = self.node.watch(&self.connection, users).await;
        Ok(Answer::Ok(raw(&json!({ "online": online }))))
    }

    fn auth(&self, auth: &Auth) -> Result<Answer, Problem> {
        let claims = self
            .node
            .keyring
            .verify(&auth.token, Timestamp::now())
            .map_err(|error| match error {
                TokenError::Expired => Code::TokenExpired,
                TokenError::Invalid => Code::Unauthenticated,
            })?;
        if (claims.user, claims.session) != (self.connection.user, self.connection.session) {
            return Err(Code::Unauthenticated.into());
        }
        self.connection
            .expires
            .store(claims.expires.as_micros(), Ordering::Relaxed);
        self.node.connections.expire_at(&self.connection);
        Ok(Answer::Ok(empty()))
    }

    fn reply(&self, id: Option<CommandId>, result: Result<Box<RawValue>, Problem>) {
        let (ok, error) = match result {
            Ok(ok) => (Some(ok), None),
            Err(problem) => (None, Some(problem.to_reply(self.connection.language))),
        };
        self.connection
            .send(&ServerFrame::Reply(Reply { id, ok, error }));
    }
}

/// What the client is told.
fn problem(error: BackendError) -> Problem {
    match error {
        BackendError::Refused(problem) => problem,
        BackendError::Unavailable(error) => {
            tracing::warn!(error = &*error, "the api gave no answer");
            Code::Unavailable.into()
        }
    }
}

/// A send that can be repeated: without a nonce of the client's it gets one of ours.
fn with_nonce(send: Send) -> SendCommand {
    let is_nonce_hidden = send.nonce.is_none();
    SendCommand {
        room: send.room,
        content: send.content,
        nonce: send
            .nonce
            // By time, so that the store's index of nonces grows at its end.
            .or_else(|| Some(Uuid::now_v7().simple().to_string())),
        is_nonce_hidden,
        reply_to: send.reply_to,
        attachments: send.attachments,
    }
}

fn quota(bucket: Bucket) -> Quota {
    let capacity = NonZeroU32::new(bucket.capacity).unwrap_or(NonZeroU32::MIN);
    let pause = Duration::try_from_secs_f64(1.0 / bucket.refill_per_s)
        .unwrap_or(Duration::MAX)
        .max(Duration::from_nanos(1));
    Quota::with_period(pause).map_or(Quota::per_second(capacity), |quota| {
        quota.allow_burst(capacity)
    })
}

fn raw(value: &serde_json::Value) -> Box<RawValue> {
    to_raw_value(value).expect("a JSON value is JSON")
}

fn empty() -> Box<RawValue> {
    raw(&json!({}))
}

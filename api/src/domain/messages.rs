//! Messages: sending, changing, reading. Every send, whatever way it came in, goes through the writer.

use std::collections::HashMap;

use chapar_shared::internal::SendCommand;
use chapar_shared::{AttachmentId, Code, MessageId, Problem, RoomId, UserId, Violation};

use tracing::{Instrument, Span};

use super::rooms::own_rooms;
use super::writer::{Pending, Sent, Writer};
use super::{Context, policy};
use crate::error::Error;
use crate::store::messages::{Around, History, MessageChange, MessageFacts, NewMessage};
use crate::store::{Committed, MessageRecord, RoomSight};

mod check;

/// Messages. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Messages {
    ctx: Context,
    writer: Writer,
}

impl Messages {
    /// Over the domain's context and the node's one writer.
    pub fn new(ctx: Context, writer: Writer) -> Self {
        Self { ctx, writer }
    }

    /// Sends a message and waits for its commit.
    ///
    /// # Errors
    /// Refused `invalid`, `rate_limited`, `room_not_found`, `not_a_member`, `banned`, `nonce_conflict`,
    /// `unavailable`.
    pub async fn send(&self, user: UserId, send: SendCommand) -> Result<Sent, Error> {
        let message = self.check(user, send)?;
        if let Some(refused) = self.admit(&[(user, message.room)]).await.pop() {
            refused?;
        }
        let trace = chapar_trace::current();
        Ok(self.queue(message, trace).await?.wait().await?)
    }

    /// Checks a send's content. Costs no token and touches no store.
    ///
    /// # Errors
    /// `invalid`.
    pub fn check(&self, user: UserId, send: SendCommand) -> Result<NewMessage, Problem> {
        check::send(user, send, &self.ctx.limits, self.ctx.clock.now())
    }

    /// Takes the tokens of sends, in one round trip: for each whether it may go on.
    pub async fn admit(&self, sends: &[(UserId, RoomId)]) -> Vec<Result<(), Problem>> {
        check::admit(&self.ctx, sends).await
    }

    /// Queues a checked and admitted message at the writer.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn queue(
        &self,
        message: NewMessage,
        trace: Option<String>,
    ) -> Result<Pending, Problem> {
        self.writer.queue(message, trace).await
    }

    /// Gives a message new text. `trace` is where the command's trace stands.
    ///
    /// # Errors
    /// What [`policy::edit`] refuses; `invalid`; a failure of the store.
    pub async fn edit(
        &self,
        user: UserId,
        room: RoomId,
        message: MessageId,
        content: &str,
        trace: Option<&str>,
    ) -> Result<MessageRecord, Error> {
        // Whether it may be empty is known under the lock.
        let content = check::content(content, true, &self.ctx.limits);
        self.change(user, room, message, trace, &|facts| match &content {
            Ok(content) => policy::edit(facts, content),
            Err(problem) => {
                // Who may not edit learns nothing else.
                policy::edit(facts, &facts.message.content)?;
                Err(problem.clone())
            }
        })
        .await
    }

    /// Deletes a message; gives the tombstone.
    ///
    /// # Errors
    /// What [`policy::delete_message`] refuses; a failure of the store.
    pub async fn delete(
        &self,
        user: UserId,
        room: RoomId,
        message: MessageId,
        trace: Option<&str>,
    ) -> Result<MessageRecord, Error> {
        self.change(user, room, message, trace, &policy::delete_message)
            .await
    }

    /// Puts a reaction, or takes it back.
    ///
    /// # Errors
    /// What [`policy::react`] refuses; `invalid`; a failure of the store.
    pub async fn react(
        &self,
        user: UserId,
        room: RoomId,
        message: MessageId,
        emoji: &str,
        added: bool,
        trace: Option<&str>,
    ) -> Result<MessageRecord, Error> {
        let limits = &self.ctx.limits;
        check::emoji(emoji, limits)?;
        self.change(user, room, message, trace, &|facts| {
            policy::react(facts, emoji, added, limits)
        })
        .await
    }

    /// Adds a file of the author's to their message.
    ///
    /// # Errors
    /// What [`policy::attach`] refuses; `invalid` with `attachments: unknown`; a failure of the store.
    pub async fn attach(
        &self,
        user: UserId,
        room: RoomId,
        message: MessageId,
        file: AttachmentId,
    ) -> Result<MessageRecord, Error> {
        let limits = &self.ctx.limits;
        self.change(user, room, message, None, &|facts| {
            policy::attach(facts, file, limits)
        })
        .await
    }

    async fn change(
        &self,
        user: UserId,
        room: RoomId,
        message: MessageId,
        trace: Option<&str>,
        decide: &(dyn Fn(&MessageFacts) -> Result<MessageChange, Problem> + Send + Sync),
    ) -> Result<MessageRecord, Error> {
        let at = self.ctx.clock.now();
        let store = &self.ctx.store;
        let span = match trace {
            Some(trace) => {
                chapar_trace::below(chapar_trace::span!("commit", batch.size = 1), trace)
            }
            None => Span::none(),
        };
        let changing = store.change_message(room, message, user, at, decide);
        let outcome = changing.instrument(span).await;
        let outcome = match outcome {
            // A stranger to the room is not told which messages it has.
            Err(Error::Refused(problem)) if problem.code == Code::MessageNotFound => {
                self.may_read(user, room).await?;
                return Err(problem.into());
            }
            other => other?,
        };
        if let Some(change) = outcome.change {
            let committed = Committed {
                changes: vec![change],
                users: Vec::new(),
            };
            self.ctx.publisher.committed(&committed, trace).await;
        }
        Ok(outcome.message)
    }

    async fn may_read(&self, user: UserId, room: RoomId) -> Result<(), Error> {
        let sight = self.ctx.store.room(room, user).await?;
        Ok(policy::read(&sight.ok_or(Code::RoomNotFound)?)?)
    }

    /// One message, tombstones included.
    ///
    /// # Errors
    /// Refused `room_not_found`, `banned`, `message_not_found`; a failure of the store.
    pub async fn get(
        &self,
        user: UserId,
        room: RoomId,
        message: MessageId,
    ) -> Result<MessageRecord, Error> {
        self.may_read(user, room).await?;
        let message = self.ctx.store.message(room, message, user).await?;
        Ok(message.ok_or(Code::MessageNotFound)?)
    }

    /// The messages nearest to a number, newest first, tombstones included.
    ///
    /// # Errors
    /// Refused `room_not_found`, `banned`, `invalid` for a negative number; a failure of the store.
    pub async fn history(
        &self,
        user: UserId,
        room: RoomId,
        around: Around,
        limit: u32,
    ) -> Result<History, Error> {
        let (field, number) = match around {
            Around::Latest => ("before", 0),
            Around::Before(number) => ("before", number),
            Around::After(number) => ("after", number),
            Around::Around(number) => ("around", number),
        };
        if number < 0 {
            let range = Violation::OutOfRange {
                min: 0,
                max: (1 << 53) - 1,
            };
            return Err(Problem::invalid(field, range).into());
        }
        self.may_read(user, room).await?;
        Ok(self.ctx.store.history(room, user, around, limit).await?)
    }

    /// The newest messages of all the user's direct rooms together, newest first, with who received each; those
    /// before `before`, where one is given. Deleted ones are left out.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn direct(
        &self,
        user: UserId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<(MessageRecord, UserId)>, Error> {
        let store = &self.ctx.store;
        Ok(store.direct_messages(user, before, limit).await?)
    }

    /// The newest message of each of these rooms that the user is in, deleted ones left out.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn latest(
        &self,
        user: UserId,
        sights: &[RoomSight],
    ) -> Result<HashMap<RoomId, MessageRecord>, Error> {
        Ok(self.ctx.store.latest(&own_rooms(sights), user).await?)
    }
}

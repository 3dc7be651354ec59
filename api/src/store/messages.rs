//! Messages: sending in batches, changing, reading.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use chapar_shared::protocol::objects::Role;
use chapar_shared::{AttachmentId, MessageId, Number, Problem, RoomId, Seq, Timestamp, UserId};

use super::records::{ChangeRecord, Committed, MessageRecord, RoomRecord};
use super::rooms::{Decide, Standing};
use crate::error::{Error, StoreError};

/// A function of the domain that says whether a message may be sent.
pub type DecideSend<'a> =
    &'a (dyn Fn(&NewMessage, &SendFacts<'_>) -> Result<(), Problem> + Send + Sync);

/// Messages, their reactions and attachments.
#[async_trait]
pub trait Messages {
    /// Commits a batch of sends in one transaction: locks the rooms in id order, reads the facts, asks
    /// `decide` for each message in order, only then gives out `seq` and `number` and inserts in one
    /// statement. Also in it: the sender's read mark, the rooms' activity, notifications (direct, mention),
    /// hidden direct rooms shown again, attachments bound to their message.
    ///
    /// A message whose nonce is already there (in the table, or earlier in the batch) is answered with the
    /// first one if its `body_hash` is the same, else refused `nonce_conflict`; `decide` is asked only of
    /// new ones. Results stand in the order of the batch.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when a room's lock was not had in time: nothing of the batch is committed.
    async fn commit_sends(
        &self,
        batch: &[NewMessage],
        decide: DecideSend<'_>,
    ) -> Result<SendOutcome, StoreError>;

    /// Changes a message as `decide` says of the facts under the room's lock.
    ///
    /// # Errors
    /// What `decide` refuses; `room_not_found`, `message_not_found`; [`StoreError`].
    async fn change_message(
        &self,
        room: RoomId,
        message: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: Decide<'_, MessageFacts, MessageChange>,
    ) -> Result<MessageOutcome, Error>;

    /// One message, with the viewer's own reactions marked. Tombstones included.
    async fn message(
        &self,
        room: RoomId,
        message: MessageId,
        viewer: UserId,
    ) -> Result<Option<MessageRecord>, StoreError>;

    /// The messages nearest to a number, newest first, tombstones included, and the head they were read at.
    async fn history(
        &self,
        room: RoomId,
        viewer: UserId,
        around: Around,
        limit: u32,
    ) -> Result<History, StoreError>;

    /// The newest messages of the user's direct rooms together, those below an id, with who received each; deleted
    /// ones and hidden rooms left out. Newest first.
    async fn direct_messages(
        &self,
        user: UserId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<(MessageRecord, UserId)>, StoreError>;

    /// The newest message of each of these rooms that was not deleted; a room without one is left out.
    async fn latest(
        &self,
        rooms: &[RoomId],
        viewer: UserId,
    ) -> Result<HashMap<RoomId, MessageRecord>, StoreError>;
}

/// Which messages of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// The newest.
    Latest,
    /// Those just before a number.
    Before(Number),
    /// Those just after a number.
    After(Number),
    /// Half before and half after a number, and it.
    Around(Number),
}

/// A page of a room's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// By descending number.
    pub items: Vec<MessageRecord>,
    /// The head of the same snapshot.
    pub seq: Seq,
}

/// A message to commit, its text already clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Where to.
    pub room: RoomId,
    /// Whose.
    pub sender: UserId,
    /// Clean; empty only with attachments.
    pub content: String,
    /// SHA-256 of what the sender named, in hexadecimal: a repeat of the nonce must have the same.
    pub body_hash: String,
    /// Idempotency key.
    pub nonce: Option<String>,
    /// The nonce is a gateway's own.
    pub is_nonce_hidden: bool,
    /// What it answers.
    pub reply_to: Option<MessageId>,
    /// Without repeats.
    pub attachments: Vec<AttachmentId>,
    /// Mentioned usernames, as `text::mentions` gives them.
    pub mentions: Vec<Vec<String>>,
    /// When.
    pub at: Timestamp,
}

/// What holds for one send under the room's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendFacts<'a> {
    /// `None`: no such room, or it ended.
    pub room: Option<&'a RoomRecord>,
    /// The sender's; in how many rooms they are is not counted here.
    pub sender: Standing,
    /// `reply_to` is a message of this room that is not deleted, or there is none.
    pub has_reply_target: bool,
    /// Every attachment is the sender's own and not yet used.
    pub has_attachments: bool,
}

/// What became of a batch.
#[derive(Debug)]
pub struct SendOutcome {
    /// In the order of the batch: the message, and whether it is a repeat.
    pub results: Vec<Result<(Arc<MessageRecord>, bool), Problem>>,
    /// To publish.
    pub committed: Committed,
}

/// What holds for a message under the room's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFacts {
    /// Its room; never a deleted one.
    pub room: RoomRecord,
    /// Who acts.
    pub actor: Standing,
    /// The message, with the actor's own reactions marked.
    pub message: MessageRecord,
    /// The author's role in the room; `None` if they are no longer in it.
    pub author_role: Option<Role>,
}

/// What to do to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageChange {
    /// Nothing; takes no `seq`.
    Nothing,
    /// New text.
    Edit {
        /// Clean.
        content: String,
    },
    /// Its end: a tombstone without content, attachments, reactions. Its files are orphans then.
    Delete,
    /// A reaction of the actor's.
    React {
        /// The emoji.
        emoji: String,
        /// Put, or taken back.
        added: bool,
    },
    /// A file of the actor's own, not yet used: refused `invalid` with `attachments: unknown` otherwise.
    Attach {
        /// Which.
        file: AttachmentId,
    },
}

/// What [`Messages::change_message`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageOutcome {
    /// The message after it.
    pub message: MessageRecord,
    /// To publish; `None` if nothing changed.
    pub change: Option<ChangeRecord>,
}

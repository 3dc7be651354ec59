//! What a gateway asks of the api, and what it gets: the bodies of the api's internal listener.
//!
//! Every answer carries the store's `epoch`: a change of it tells the gateway that positions it knows mean
//! nothing any more.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::envelope::RoomChange;
use crate::protocol::objects::{Notification, OwnUser, RoomView};
use crate::protocol::reply::ReadyRoom;
use crate::{
    AttachmentId, MessageId, NotificationId, Number, Problem, RoomId, Seq, SessionId, UserId,
};

/// A command as the api runs it, whatever dialect it came in. Tagged from outside: an inner tag would make serde
/// buffer the whole of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A new message.
    Send(SendCommand),
    /// New text for a message.
    Edit {
        /// The message's room.
        room: RoomId,
        /// Which.
        message: MessageId,
        /// The new text.
        content: String,
    },
    /// A message's end.
    Delete {
        /// The message's room.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// A reaction put (`added`) or taken back.
    React {
        /// The message's room.
        room: RoomId,
        /// Which.
        message: MessageId,
        /// Up to 32 bytes.
        emoji: String,
        /// Put, or taken back.
        added: bool,
    },
    /// A read mark.
    Read {
        /// The room.
        room: RoomId,
        /// The last message read.
        number: Number,
    },
}

/// A new message, not yet checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendCommand {
    /// Where to.
    pub room: RoomId,
    /// The text as it came.
    pub content: String,
    /// Idempotency key.
    pub nonce: Option<String>,
    /// The nonce is the gateway's own, for its retries, and is not shown to anybody.
    #[serde(default)]
    pub is_nonce_hidden: bool,
    /// A message of the same room.
    pub reply_to: Option<MessageId>,
    /// Uploads of the sender's own.
    pub attachments: Vec<AttachmentId>,
}

/// One command of one connection, in a batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Submission {
    /// The connection within the gateway: commands of one connection run in the order of the batch.
    pub connection: u64,
    /// Whose.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
    /// The command.
    pub command: Command,
    /// Submitted before without an answer: it is not counted against rates again.
    #[serde(default)]
    pub is_retry: bool,
    /// W3C `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What became of a submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The `ok` of the native reply: `{"message": …}`, `{"seq": …}` or `{"read_number": …}`.
    Ok(Box<RawValue>),
    /// Refused.
    Error(Problem),
}

/// A batch of submissions, bounded by the gateway's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmitRequest {
    /// In order for each connection.
    pub submissions: Vec<Submission>,
}

/// An outcome for each submission, in the same order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmitResponse {
    /// The store's epoch.
    pub epoch: String,
    /// As many as there were submissions.
    pub outcomes: Vec<Outcome>,
}

/// Opens a session for a socket: the token was already found good and unexpired by the gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenRequest {
    /// The token's user.
    pub user: UserId,
    /// The token's session.
    pub session: SessionId,
}

/// What became of one session that was to be opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opened {
    /// It lives, and its user may sign in.
    Ok(Box<UserState>),
    /// Refused, or not to be known now.
    Error(Problem),
}

/// A user's state at one version: what `ready` tells, and what a lost envelope is made good from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserState {
    /// The store's epoch.
    pub epoch: String,
    /// Read in the same snapshot as all that follows.
    pub version: i64,
    /// Who.
    pub user: OwnUser,
    /// The user's rooms, hidden direct ones left out.
    pub rooms: Vec<ReadyRoom>,
    /// Live sessions.
    pub sessions: Vec<SessionId>,
    /// Notifications after the one the request named, oldest first, at most 100; none where it named none.
    pub notifications: Vec<Notification>,
    /// The newest notification; 0 where there is none.
    pub last_notification: NotificationId,
    /// All notifications up to this one are read; 0 where the first is unread.
    pub read_up_to: NotificationId,
}

/// Loads a user again after a gap in their versions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct UserRequest {
    /// Who.
    pub user: UserId,
    /// The newest notification that the gateway told them of.
    pub after: NotificationId,
}

/// Where rooms and users stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HeadsRequest {
    /// At most 10,000.
    pub rooms: Vec<RoomId>,
    /// At most 10,000.
    pub users: Vec<UserId>,
}

/// Rooms and users that do not exist (any more) are left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeadsResponse {
    /// The store's epoch.
    pub epoch: String,
    /// In any order.
    pub rooms: Vec<RoomHead>,
    /// User and version, in any order.
    pub users: Vec<(UserId, i64)>,
}

/// Where a room stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomHead {
    /// The room.
    pub room: RoomId,
    /// Its newest position.
    pub seq: Seq,
    /// Its newest message's number.
    pub number: Number,
    /// How many are in it.
    pub members: i64,
}

/// Asks for what changed in a room after a position.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ChangesRequest {
    /// The room.
    pub room: RoomId,
    /// The last position known: the answer begins after it.
    pub since: Seq,
    /// The position from which the reader set out, where `since` is a page's end: it has everything up to
    /// there, and of what came later only what the pages showed. At most `since`, and `since` where it is
    /// left out, as by nodes that do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Seq>,
    /// Items at most; 1 to 1,000.
    pub limit: u32,
}

/// What changed in a room, compacted: each thing once, in its latest state, at its latest position.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangesPage {
    /// The store's epoch.
    pub epoch: String,
    /// By ascending `seq`.
    pub items: Vec<RoomChange>,
    /// Everything from `since` to here is covered: the position to pass on.
    pub next: Seq,
    /// The head, read in the same snapshot; equal to `next` unless `more`.
    pub seq: Seq,
    /// Whether there is more after `next`.
    pub more: bool,
}

/// One room as one user sees it, for `room.joined`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RoomRequest {
    /// Who sees.
    pub user: UserId,
    /// The room.
    pub room: RoomId,
}

/// `None` where the user is not in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomResponse {
    /// The store's epoch.
    pub epoch: String,
    /// With `me` and `peer`, and the head of the same snapshot.
    pub room: Option<RoomView>,
}

/// Which of these users share a room with `user`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcquaintedRequest {
    /// Who asks.
    pub user: UserId,
    /// At most [`crate::Limits::max_watched`].
    pub users: Vec<UserId>,
}

/// The answer to [`AcquaintedRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcquaintedResponse {
    /// Those that do, the asker included if named.
    pub users: Vec<UserId>,
}

/// A notification that a user sends by hand.
#[derive(Clone, Serialize, Deserialize)]
pub struct NotifyRequest {
    /// Who sends it.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
    /// Whom to, by name: somebody with whom they share a room; themselves where none is named.
    pub recipient: Option<String>,
    /// The text as it came.
    pub message: String,
}

impl fmt::Debug for NotifyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifyRequest")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The answer to [`NotifyRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotifyResponse {
    /// The store's epoch.
    pub epoch: String,
}

/// Who the people around a user are, for a dialect that names them by e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanionsRequest {
    /// Who asks.
    pub user: UserId,
    /// The members of this room; `None` for everybody with whom the user shares a room of at most 200 members,
    /// the user included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
}

/// The answer to [`CompanionsRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanionsResponse {
    /// The store's epoch.
    pub epoch: String,
    /// At most 1,000, the rest is left out: of a room in the order in which they came, else the asker and
    /// then by ascending id.
    pub people: Vec<Person>,
}

/// A user by all names that a dialect may call them by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Unique and stable.
    pub id: UserId,
    /// As they wrote it.
    pub username: String,
    /// `None` where they gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Which room the path of a dialect's socket means; a public room lets its caller in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResolveRequest {
    /// Whose socket.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
    /// What the path names.
    pub target: Target,
}

/// What the path of a dialect's socket names, as it stands there after percent-decoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A room: by its id in ASCII digits, else by its slug, else by its name (of the public ones, then of the
    /// user's own).
    Chat(String),
    /// The direct room with the user of this name, made if there is none.
    Direct(String),
    /// The same, by the other's name or by both: `[private_chat_]<a>_<b>`.
    PrivateChat(String),
    /// No room: what is addressed to the user of this name, who must be the one that asks.
    Notifications(String),
}

/// What a [`Target`] is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveResponse {
    /// The room, of which the user is a member now; `None` where the target is none.
    pub room: Option<RoomId>,
    /// The user's own name.
    pub username: String,
    /// The other of a direct room, by name.
    pub peer: Option<String>,
}

/// A file that came in a frame.
#[derive(Clone, Serialize, Deserialize)]
pub struct UploadRequest {
    /// Whose.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
    /// The name that the client claims; possibly none.
    pub filename: String,
    /// Base64, or a `data:` address that holds it; a third longer than [`crate::Limits::max_upload_bytes`] at
    /// most.
    pub data: String,
}

impl fmt::Debug for UploadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadRequest")
            .field("user", &self.user)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

/// A file that was kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct UploadResponse {
    /// To be named in a message.
    pub attachment: AttachmentId,
}

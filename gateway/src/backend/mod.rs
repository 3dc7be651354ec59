//! What a gateway asks of the api, wherever that runs: a contract with two implementations, batched HTTP
//! ([`http`]) and, in one process, a direct call that the binary provides.

use std::fmt;

use async_trait::async_trait;

use chapar_shared::Problem;
use chapar_shared::internal::{
    AcquaintedRequest, AcquaintedResponse, ChangesPage, ChangesRequest, CompanionsRequest,
    CompanionsResponse, HeadsRequest, HeadsResponse, NotifyRequest, NotifyResponse, OpenRequest,
    ResolveRequest, ResolveResponse, RoomRequest, RoomResponse, SubmitRequest, SubmitResponse,
    UploadRequest, UploadResponse, UserRequest, UserState,
};

pub mod http;
mod measured;

pub(crate) use measured::Measured;

/// The api as a gateway sees it. Every method but [`Backend::upload`] and [`Backend::notify`] may be called again
/// after an error: nothing is done twice by being asked twice.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Checks that the session lives and its user may sign in, and reads their state in one snapshot.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with `session_revoked`; [`BackendError::Unavailable`].
    async fn open(&self, request: OpenRequest) -> Result<UserState, BackendError>;

    /// Runs commands; those of one connection in order. An outcome for each.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`]: any of them may have been committed; submit the same batch again,
    /// marked as a retry.
    async fn submit(&self, request: SubmitRequest) -> Result<SubmitResponse, BackendError>;

    /// Where rooms and users stand.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    async fn heads(&self, request: HeadsRequest) -> Result<HeadsResponse, BackendError>;

    /// What changed in a room after a position. A room that ended answers its last change.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with `room_not_found`; [`BackendError::Unavailable`].
    async fn changes(&self, request: ChangesRequest) -> Result<ChangesPage, BackendError>;

    /// A user's state now, with the notifications after a known one. Banned and deleted users have no
    /// sessions and no rooms.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with `user_not_found`; [`BackendError::Unavailable`].
    async fn user(&self, request: UserRequest) -> Result<UserState, BackendError>;

    /// One room as one of its members sees it.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    async fn room(&self, request: RoomRequest) -> Result<RoomResponse, BackendError>;

    /// Which users share a room with the one who asks.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    async fn acquainted(
        &self,
        request: AcquaintedRequest,
    ) -> Result<AcquaintedResponse, BackendError>;

    /// The members of a room of the user's, or everybody with whom the user shares a room that is not too
    /// large, by all their names.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with `room_not_found` unless the user is in the room;
    /// [`BackendError::Unavailable`].
    async fn companions(
        &self,
        request: CompanionsRequest,
    ) -> Result<CompanionsResponse, BackendError>;

    /// Which room a socket's path means, with its user let in.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with what keeps the user out, `session_revoked` included;
    /// [`BackendError::Unavailable`].
    async fn resolve(&self, request: ResolveRequest) -> Result<ResolveResponse, BackendError>;

    /// Sends a notification by hand. Asked again, it is sent again.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with `session_revoked`, `user_not_found`, `forbidden` where the two share no
    /// room, `rate_limited`, `invalid`; [`BackendError::Unavailable`].
    async fn notify(&self, request: NotifyRequest) -> Result<NotifyResponse, BackendError>;

    /// Keeps a file that came in a frame. Asked again, it is kept again.
    ///
    /// # Errors
    /// [`BackendError::Refused`] with `session_revoked`, `too_large`, `storage_full`, `rate_limited`, or
    /// `invalid` for what is not base64; [`BackendError::Unavailable`].
    async fn upload(&self, request: UploadRequest) -> Result<UploadResponse, BackendError>;
}

/// Why the api gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// It answered no.
    #[error("the api refused: {0}")]
    Refused(Problem),
    /// It did not answer, or its answer could not be read: what was asked may have been done.
    #[error("the api is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

//! What gateways ask of a node, as direct calls. The internal listener ([`crate::http::internal`]) and, in one
//! process, the binary put it before a gateway.

use futures_util::{StreamExt as _, stream};

use chapar_shared::internal::{
    AcquaintedRequest, AcquaintedResponse, ChangesPage, ChangesRequest, CompanionsRequest,
    CompanionsResponse, HeadsRequest, HeadsResponse, NotifyRequest, NotifyResponse, OpenRequest,
    Opened, ResolveRequest, ResolveResponse, RoomRequest, RoomResponse, SubmitRequest,
    SubmitResponse, UploadRequest, UploadResponse, UserRequest, UserState,
};

use crate::domain::commands::Commands;
use crate::domain::{Doors, Feed, Notifications, Rooms, Sessions};
use crate::error::Error;

/// Sessions of one request that are opened at a time: each takes a connection to the database for a moment.
const OPENED_AT_ONCE: usize = 4;

/// A node as a gateway sees it: the caller is trusted to be one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backend {
    commands: Commands,
    feed: Feed,
    rooms: Rooms,
    sessions: Sessions,
    notifications: Notifications,
    doors: Doors,
}

impl Backend {
    /// Over the services of a node.
    pub fn new(
        commands: Commands,
        feed: Feed,
        rooms: Rooms,
        sessions: Sessions,
        notifications: Notifications,
        doors: Doors,
    ) -> Self {
        Self {
            commands,
            feed,
            rooms,
            sessions,
            notifications,
            doors,
        }
    }

    /// Checks that the session lives, and reads its user's state in one snapshot.
    ///
    /// # Errors
    /// Refused `session_revoked`; a failure of the store.
    pub async fn open(&self, request: OpenRequest) -> Result<UserState, Error> {
        self.feed.open(request).await
    }

    /// The same for many, an answer for each in order. Gateways ask so while many clients connect.
    ///
    /// # Errors
    /// None of its own: what fails is in the answers.
    pub async fn open_all(&self, requests: Vec<OpenRequest>) -> Result<Vec<Opened>, Error> {
        let open = async |request| match self.open(request).await {
            Ok(state) => Opened::Ok(Box::new(state)),
            Err(error) => Opened::Error(error.into_problem()),
        };
        let opening = stream::iter(requests).map(open).buffered(OPENED_AT_ONCE);
        Ok(opening.collect().await)
    }

    /// Runs commands; those of one connection in order. An outcome for each. May be dropped midway, as an
    /// answer may be lost.
    ///
    /// # Errors
    /// A failure of the store, before anything was done.
    pub async fn submit(&self, request: SubmitRequest) -> Result<SubmitResponse, Error> {
        self.commands.submit(request).await
    }

    /// Sends a notification by hand. The caller finds its own `notification.created` as any other.
    ///
    /// # Errors
    /// Refused `session_revoked`, and what [`Notifications::notify`] refuses; a failure of the store.
    pub async fn notify(&self, request: NotifyRequest) -> Result<NotifyResponse, Error> {
        let actor = self.sessions.resume(request.user, request.session).await?;
        let recipient = request.recipient.as_deref();
        let notifications = &self.notifications;
        notifications
            .notify(actor, recipient, &request.message)
            .await?;
        Ok(NotifyResponse {
            epoch: self.feed.epoch().await?,
        })
    }

    /// Where rooms and users stand.
    ///
    /// # Errors
    /// Refused `invalid` for too many; a failure of the store.
    pub async fn heads(&self, request: HeadsRequest) -> Result<HeadsResponse, Error> {
        self.feed.heads(request).await
    }

    /// What changed in a room after a position; of a room that ended, its last change.
    ///
    /// # Errors
    /// Refused `room_not_found`; a failure of the store.
    pub async fn changes(&self, request: ChangesRequest) -> Result<ChangesPage, Error> {
        self.feed.changes(request).await
    }

    /// A user's state now, with the notifications after a known one.
    ///
    /// # Errors
    /// Refused `user_not_found`; a failure of the store.
    pub async fn user(&self, request: UserRequest) -> Result<UserState, Error> {
        self.feed.user(request).await
    }

    /// One room as one of its members sees it.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn room(&self, request: RoomRequest) -> Result<RoomResponse, Error> {
        self.feed.room(request).await
    }

    /// Which users share a room with the one who asks.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn acquainted(
        &self,
        request: AcquaintedRequest,
    ) -> Result<AcquaintedResponse, Error> {
        let users = self.rooms.acquainted(request.user, &request.users).await?;
        Ok(AcquaintedResponse { users })
    }

    /// The members of a room of the user's, or everybody with whom the user shares a room that is not too large.
    ///
    /// # Errors
    /// Refused `room_not_found` unless the user is in the room; a failure of the store.
    pub async fn companions(
        &self,
        request: CompanionsRequest,
    ) -> Result<CompanionsResponse, Error> {
        self.feed.companions(request).await
    }

    /// Which room a socket's path means, with its user let in.
    ///
    /// # Errors
    /// As [`Doors::resolve`].
    pub async fn resolve(&self, request: ResolveRequest) -> Result<ResolveResponse, Error> {
        self.doors.resolve(request).await
    }

    /// Keeps a file that came in a frame.
    ///
    /// # Errors
    /// As [`Doors::upload`].
    pub async fn upload(&self, request: UploadRequest) -> Result<UploadResponse, Error> {
        self.doors.upload(request).await
    }

    /// The longest body of an [`UploadRequest`] in bytes.
    pub fn max_upload_body(&self) -> usize {
        self.doors.max_upload_body()
    }
}

//! The gateway role, and its backend.

use std::sync::Arc;

use async_trait::async_trait;
use chapar_api::Error;
use chapar_gateway::backend::http::{HttpBackend, HttpConfig};
use chapar_gateway::backend::{Backend, BackendError};
use chapar_gateway::{Deps, Gateway};
use chapar_shared::internal::{
    AcquaintedRequest, AcquaintedResponse, ChangesPage, ChangesRequest, CompanionsRequest,
    CompanionsResponse, HeadsRequest, HeadsResponse, NotifyRequest, NotifyResponse, OpenRequest,
    ResolveRequest, ResolveResponse, RoomRequest, RoomResponse, SubmitRequest, SubmitResponse,
    UploadRequest, UploadResponse, UserRequest, UserState,
};
use chapar_shared::token::Keyring;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::secret;
use super::bus::Bus;
use crate::config::Config;

/// Builds it over a backend.
pub(super) fn build(
    config: &Config,
    backend: Arc<dyn Backend>,
    bus: &Bus,
    keyring: Arc<Keyring>,
    node: u64,
    tracker: &TaskTracker,
    shutdown: &CancellationToken,
) -> Gateway {
    let mut settings = config.gateway.clone();
    settings.allowed_origins = config.http.known_origins();
    settings.drain_timeout = config.http.drain_timeout;
    let deps = Deps {
        broker: Arc::clone(&bus.broker),
        presence: Arc::clone(&bus.presence),
        backend,
        keyring,
        limits: Arc::new(config.limits.clone()),
        tracker: tracker.clone(),
        shutdown: shutdown.clone(),
        node,
    };
    Gateway::build(settings, deps)
}

/// The api nodes of the configuration, over HTTP.
///
/// # Errors
/// An HTTP client that cannot be set up.
pub(super) fn remote(config: &Config) -> anyhow::Result<Arc<dyn Backend>> {
    let http = HttpConfig {
        urls: config.internal.api_urls.clone(),
        ..HttpConfig::default()
    };
    let secret = secret(config.internal.secret.as_ref());
    Ok(Arc::new(HttpBackend::new(&http, &secret)?))
}

/// The api of the same process, by direct calls.
#[derive(Debug)]
pub(super) struct Direct(pub(super) chapar_api::backend::Backend);

macro_rules! direct {
    ($($method:ident($request:ty) -> $answer:ty;)*) => {
        #[async_trait]
        impl Backend for Direct {
            $(async fn $method(&self, request: $request) -> Result<$answer, BackendError> {
                self.0.$method(request).await.map_err(failed)
            })*
        }
    };
}

direct! {
    open(OpenRequest) -> UserState;
    submit(SubmitRequest) -> SubmitResponse;
    heads(HeadsRequest) -> HeadsResponse;
    changes(ChangesRequest) -> ChangesPage;
    user(UserRequest) -> UserState;
    room(RoomRequest) -> RoomResponse;
    acquainted(AcquaintedRequest) -> AcquaintedResponse;
    companions(CompanionsRequest) -> CompanionsResponse;
    resolve(ResolveRequest) -> ResolveResponse;
    notify(NotifyRequest) -> NotifyResponse;
    upload(UploadRequest) -> UploadResponse;
}

fn failed(error: Error) -> BackendError {
    match error {
        Error::Refused(problem) => BackendError::Refused(problem),
        error => BackendError::Unavailable(error.into()),
    }
}

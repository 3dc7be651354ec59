//! [`Backend`] over HTTP: `POST {url}/internal/v1/…` at the api nodes' internal listener, JSON both ways.
//!
//! Requests go round the nodes. One that fails to answer is passed over for the same request, except that a
//! submission which may have arrived is left to the submitter, which marks its retry.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use chapar_shared::internal::{
    AcquaintedRequest, AcquaintedResponse, ChangesPage, ChangesRequest, CompanionsRequest,
    CompanionsResponse, HeadsRequest, HeadsResponse, NotifyRequest, NotifyResponse, OpenRequest,
    Opened, ResolveRequest, ResolveResponse, RoomRequest, RoomResponse, SubmitRequest,
    SubmitResponse, UploadRequest, UploadResponse, UserRequest, UserState,
};
use chapar_shared::{Code, Problem};

use super::{Backend, BackendError};
use crate::batch::Batches;

/// Sessions opened in one request, and such requests in flight.
const OPENED_AT_ONCE: usize = 64;
const OPENING: usize = 4;

/// Where the api is and how long it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Base URLs of the api nodes' internal listeners, as `http://api-1:8081`; none by default. One that
    /// balances over several nodes will do; with several, a dead one is passed over.
    pub urls: Vec<String>,
    /// How long connecting may take; 2s.
    #[serde(with = "chapar_shared::duration")]
    pub connect_timeout: Duration,
    /// How long one request may take; 5s. Lower gives slow commits up (they are submitted again, without
    /// harm); higher keeps clients waiting for a dead node.
    #[serde(with = "chapar_shared::duration")]
    pub timeout: Duration,
    /// How long handing on a file may take; 1m. A file of the largest size must get through in it.
    #[serde(with = "chapar_shared::duration")]
    pub upload_timeout: Duration,
    /// How long an unused connection is kept; 30s. Keep it below the api's own.
    #[serde(with = "chapar_shared::duration")]
    pub idle_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            upload_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a client of the api cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpConfigError {
    /// There must be one.
    #[error("no url of an api node")]
    NoUrl,
    /// Not a header's text.
    #[error("the cluster secret has characters that a header cannot hold")]
    Secret,
    /// The HTTP client could not be set up.
    #[error("the http client cannot be built")]
    Client(#[source] reqwest::Error),
}

/// See the module.
pub struct HttpBackend {
    client: reqwest::Client,
    urls: Vec<String>,
    next: AtomicUsize,
    opens: Batches<OpenRequest, Result<Opened, BackendError>>,
    timeout: Duration,
    upload_timeout: Duration,
}

impl fmt::Debug for HttpBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBackend")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// Why one node gave no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    #[error("the api answered with status {0}")]
    Status(u16),
    #[error("there is no api node")]
    NoNode,
    #[error("the api did not answer each request")]
    Incomplete,
    #[error("the api failed: {0}")]
    Problem(Problem),
    #[error(transparent)]
    Together(BackendError),
}

impl HttpBackend {
    /// A client that signs its requests with the cluster's secret.
    ///
    /// # Errors
    /// [`HttpConfigError`].
    pub fn new(config: &HttpConfig, secret: &SecretString) -> Result<Self, HttpConfigError> {
        if config.urls.is_empty() {
            return Err(HttpConfigError::NoUrl);
        }
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))
                .map_err(|_| HttpConfigError::Secret)?;
        authorization.set_sensitive(true);
        let client = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(config.idle_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(HttpConfigError::Client)?;
        Ok(Self {
            client,
            urls: config
                .urls
                .iter()
                .map(|url| url.trim_end_matches('/').to_owned())
                .collect(),
            next: AtomicUsize::new(0),
            opens: Batches::new(OPENED_AT_ONCE, OPENING),
            timeout: config.timeout,
            upload_timeout: config.upload_timeout,
        })
    }

    /// Opens many at once, as clients connect by the thousand after a node or a network went.
    async fn open_all(&self, requests: Vec<OpenRequest>) -> Vec<Result<Opened, BackendError>> {
        let count = requests.len();
        match self.call::<Vec<Opened>>("open_all", &requests, true).await {
            Ok(opened) if opened.len() == count => opened.into_iter().map(Ok).collect(),
            answer => {
                let failure: Arc<Failure> = Arc::new(match answer {
                    Ok(_) => Failure::Incomplete,
                    Err(error) => Failure::Together(error),
                });
                let failed = || Err(BackendError::Unavailable(Arc::clone(&failure).into()));
                std::iter::repeat_with(failed).take(count).collect()
            }
        }
    }

    async fn call<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        is_repeatable: bool,
    ) -> Result<A, BackendError> {
        self.call_within(self.timeout, path, body, is_repeatable)
            .await
    }

    async fn call_within<A: DeserializeOwned>(
        &self,
        timeout: Duration,
        path: &str,
        body: &impl Serialize,
        is_repeatable: bool,
    ) -> Result<A, BackendError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut failure = Failure::NoNode;
        for at in 0..self.urls.len() {
            let url = &self.urls[first.wrapping_add(at) % self.urls.len()];
            match self
                .ask(timeout, &format!("{url}/internal/v1/{path}"), body)
                .await
            {
                Ok(answer) => return answer,
                Err(error) => {
                    let has_arrived =
                        !matches!(&error, Failure::Request(error) if error.is_connect());
                    failure = error;
                    if has_arrived && !is_repeatable {
                        break;
                    }
                }
            }
        }
        Err(BackendError::Unavailable(failure.into()))
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        timeout: Duration,
        url: &str,
        body: &impl Serialize,
    ) -> Result<Result<A, BackendError>, Failure> {
        let mut request = self.client.post(url).timeout(timeout).json(body);
        if let Some(parent) = chapar_trace::current() {
            request = request.header(chapar_trace::TRACEPARENT, parent);
        }
        let response = request.send().await.map_err(Failure::Request)?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map(Ok).map_err(Failure::Request);
        }
        if status.is_server_error() {
            return Err(Failure::Status(status.as_u16()));
        }
        match response.json::<Problem>().await {
            // The cluster secret was refused, not the client.
            Ok(problem) if problem.code == Code::Unauthenticated => {
                tracing::error!(
                    status = status.as_u16(),
                    "the api refuses the cluster secret"
                );
                Err(Failure::Status(status.as_u16()))
            }
            Ok(problem) => Ok(Err(BackendError::Refused(problem))),
            Err(_) => Err(Failure::Status(status.as_u16())),
        }
    }
}

#[async_trait]
impl Backend for HttpBackend {
    async fn open(&self, request: OpenRequest) -> Result<UserState, BackendError> {
        let opened = self.opens.ask(request, |requests| self.open_all(requests));
        match opened.await? {
            Opened::Ok(state) => Ok(*state),
            Opened::Error(problem)
                if matches!(problem.code, Code::Internal | Code::Unavailable) =>
            {
                Err(BackendError::Unavailable(Failure::Problem(problem).into()))
            }
            Opened::Error(problem) => Err(BackendError::Refused(problem)),
        }
    }

    async fn submit(&self, request: SubmitRequest) -> Result<SubmitResponse, BackendError> {
        self.call("submit", &request, false).await
    }

    async fn heads(&self, request: HeadsRequest) -> Result<HeadsResponse, BackendError> {
        self.call("heads", &request, true).await
    }

    async fn changes(&self, request: ChangesRequest) -> Result<ChangesPage, BackendError> {
        self.call("changes", &request, true).await
    }

    async fn user(&self, request: UserRequest) -> Result<UserState, BackendError> {
        self.call("user", &request, true).await
    }

    async fn room(&self, request: RoomRequest) -> Result<RoomResponse, BackendError> {
        self.call("room", &request, true).await
    }

    async fn acquainted(
        &self,
        request: AcquaintedRequest,
    ) -> Result<AcquaintedResponse, BackendError> {
        self.call("acquainted", &request, true).await
    }

    async fn companions(
        &self,
        request: CompanionsRequest,
    ) -> Result<CompanionsResponse, BackendError> {
        self.call("companions", &request, true).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<ResolveResponse, BackendError> {
        self.call("resolve", &request, true).await
    }

    async fn notify(&self, request: NotifyRequest) -> Result<NotifyResponse, BackendError> {
        self.call("notify", &request, false).await
    }

    async fn upload(&self, request: UploadRequest) -> Result<UploadResponse, BackendError> {
        self.call_within(self.upload_timeout, "upload", &request, false)
            .await
    }
}

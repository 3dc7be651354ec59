//! Listeners and their connections, from accept to the last byte.
//!
//! `axum::serve` has no timeout for a request's head, and its graceful stop does not wait for sockets that
//! were upgraded. Here every connection holds a token of one tracker until its stream is dropped, whoever
//! has it by then, so that [`Server::drain`] waits for WebSockets too.
//!
//! A connection that is kept for the next request must not be closed just as a proxy sends one on it: the request
//! would be lost, and a proxy repeats no `POST`. So idle connections live much longer than proxies keep them, and
//! a server that stops ends each after its next answer, which says so, and the rest when proxies have given
//! them up. The rest of a request that is refused before its body was read is seen to, too (`rest.rs`).

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::telemetry::metrics::{self, Gauge};

mod rest;
mod tracked;

use tracked::{Phase, Tracked};

/// How long a listener that closes waits for one more connection that the system has taken already; a request may
/// be in it, which closing would lose.
const LAST_ACCEPT: Duration = Duration::from_millis(10);

/// Connections taken that way at most; it would go on for as long as they come.
const MAX_LAST: usize = 4096;

/// How long accepting rests after the system refused (out of file descriptors, mostly).
const REST: Duration = Duration::from_millis(500);

/// Connections that wait to be accepted, if the system allows as many. The library's own number is 128: what comes
/// beyond it is dropped, and tries again a second later, which a storm of clients after a restart would feel.
const BACKLOG: u32 = 4096;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({key}): {source}")]
pub struct BindError {
    address: SocketAddr,
    key: &'static str,
    source: io::Error,
}

/// Listens on an address that setting `key` names.
///
/// # Errors
/// [`BindError`].
pub fn bind(address: SocketAddr, key: &'static str) -> Result<TcpListener, BindError> {
    listener(address).map_err(|source| BindError {
        address,
        key,
        source,
    })
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // What an earlier process left in TIME_WAIT does not matter.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The listeners of one node and all their connections.
#[derive(Clone, Debug, Default)]
pub struct Server {
    connections: TaskTracker,
    accepting: CancellationToken,
    serving: CancellationToken,
    cut: CancellationToken,
}

/// What a listener grants its connections.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long the head of a request may take, counted from its first byte, or from the connection's beginning
    /// for the first one.
    pub header_timeout: Duration,
    /// How long a connection is kept for the next request. A proxy must give idle connections up well before.
    pub idle_timeout: Duration,
    /// Connections at once; more wait in the kernel's queue.
    pub max_connections: usize,
}

/// A listener with what its connections share.
struct Listening {
    listener: TcpListener,
    router: Router,
    terms: Terms,
    permits: Arc<Semaphore>,
    open: Gauge,
}

impl Server {
    /// Serves `router` on `listener` until the drain. Metrics call the listener by `name`.
    pub fn listen(&self, name: &'static str, listener: TcpListener, router: Router, terms: Terms) {
        let server = self.clone();
        let max = terms.max_connections;
        let listening = Listening {
            listener,
            router,
            terms,
            permits: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            open: metrics::listener(name, max),
        };
        self.connections.spawn(async move {
            let accept = server.accept(&listening);
            server.accepting.run_until_cancelled(accept).await;
            server.accept_last(&listening).await;
        });
    }

    async fn accept(&self, listening: &Listening) {
        loop {
            let permit = Arc::clone(&listening.permits).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            let (stream, peer) = match listening.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept connections");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            self.begin(listening, stream, peer, permit);
        }
    }

    /// Takes those whom the system let in before the listener closes.
    async fn accept_last(&self, listening: &Listening) {
        for _ in 0..MAX_LAST {
            let Ok(permit) = Arc::clone(&listening.permits).try_acquire_owned() else {
                return;
            };
            match tokio::time::timeout(LAST_ACCEPT, listening.listener.accept()).await {
                Ok(Ok((stream, peer))) => self.begin(listening, stream, peer, permit),
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    fn begin(
        &self,
        listening: &Listening,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) {
        // Frames are small, and joined before they are written.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let (token, open) = (self.connections.token(), listening.open.clone());
        let stream = Tracked::new(stream, permit, token, open);
        let router = listening.router.clone();
        let serving = self.clone().serve(stream, peer, router, listening.terms);
        self.connections.spawn(serving);
    }

    async fn serve(
        self,
        stream: Tracked<TcpStream>,
        peer: SocketAddr,
        router: Router,
        terms: Terms,
    ) {
        let phase = stream.phase();
        let (phases, leaving) = (phase.clone(), self.accepting.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            phases.set(Phase::ANSWERING);
            let (mut request, rest) = rest::lend(request);
            request.extensions_mut().insert(ConnectInfo(peer));
            let (mut router, phases, leaving) = (router.clone(), phases.clone(), leaving.clone());
            async move {
                let mut response = router.call(request).await.unwrap_or_else(|e| match e {});
                let is_read = match rest {
                    Some(rest) => rest.skip().await,
                    None => true,
                };
                let is_last =
                    leaving.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS;
                if is_last || !is_read {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                phases.set(if is_read { Phase::IDLE } else { Phase::CUT_OFF });
                Ok::<_, Infallible>(response)
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            // The library's one timeout counts from the end of the last answer.
            .header_read_timeout(terms.idle_timeout.max(terms.header_timeout))
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let mut is_draining = false;
        let mut head = None;
        loop {
            let served = poll_fn(|context| {
                if let Poll::Ready(result) = connection.as_mut().poll(context) {
                    return Poll::Ready(Some(result));
                }
                if phase.get() != Phase::HEAD {
                    head = None;
                    return Poll::Pending;
                }
                let timer =
                    head.get_or_insert_with(|| Box::pin(tokio::time::sleep(terms.header_timeout)));
                timer.as_mut().poll(context).map(|()| None)
            });
            tokio::select! {
                result = served => {
                    match result {
                        Some(Ok(())) => {}
                        Some(Err(error)) => tracing::debug!(error = %error, "a connection ended early"),
                        None => tracing::debug!("a request's head did not come in time"),
                    }
                    return;
                }
                () = self.serving.cancelled(), if !is_draining => {
                    is_draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.cut.cancelled() => return,
            }
        }
    }

    /// Closes the listeners; connections go on, each until its next answer, which tells the client so.
    pub fn stop_accepting(&self) {
        self.accepting.cancel();
    }

    /// Closes listeners, and idle connections after `linger`, lets requests finish and waits for all, upgraded
    /// ones too, for `patience`; then cuts the rest. Answers whether nothing was cut.
    pub async fn drain(&self, linger: Duration, patience: Duration) -> bool {
        self.accepting.cancel();
        self.connections.close();
        let all = async {
            let lingering = tokio::time::timeout(linger, self.connections.wait());
            if lingering.await.is_err() {
                self.serving.cancel();
                self.connections.wait().await;
            }
        };
        let waited = tokio::time::timeout(patience, all).await;
        self.serving.cancel();
        self.cut.cancel();
        waited.is_ok()
    }
}

/// Errors of the one connection that was about to be accepted.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

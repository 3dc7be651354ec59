//! Listeners and their connections, from accept to the last byte.
//!
//! `axum::serve` has no timeout for a request's head, and its graceful stop does not wait for sockets that
//! were upgraded. Here every connection holds a token of one tracker until its stream is dropped, whoever
//! has it by then, so that [`Server::drain`] waits for WebSockets too.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::telemetry::metrics::{self, Gauge};

mod tracked;

use tracked::Tracked;

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

impl Server {
    /// Serves `router` on `listener`, until the drain, to at most `max_connections` at once; more wait in the
    /// kernel's queue.
    ///
    /// A connection is closed when a request's head takes longer than `header_timeout`. That counts from the
    /// end of the last answer, so it is the time of idle keep-alive too: a proxy must give idle connections up
    /// before.
    ///
    /// Metrics call the listener by `name`.
    pub fn listen(
        &self,
        name: &'static str,
        listener: TcpListener,
        router: Router,
        header_timeout: Duration,
        max_connections: usize,
    ) {
        let server = self.clone();
        let open = metrics::listener(name, max_connections);
        let permits = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        self.connections.spawn(async move {
            let accepting = server.accepting.clone();
            let accept = server.accept(listener, router, header_timeout, permits, open);
            accepting.run_until_cancelled(accept).await;
        });
    }

    async fn accept(
        &self,
        listener: TcpListener,
        router: Router,
        header_timeout: Duration,
        permits: Arc<Semaphore>,
        open: Gauge,
    ) {
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept connections");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            // Frames are small, and joined before they are written.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            let stream = Tracked::new(stream, permit, self.connections.token(), open.clone());
            let serving = self
                .clone()
                .serve(stream, peer, router.clone(), header_timeout);
            self.connections.spawn(serving);
        }
    }

    async fn serve(
        self,
        stream: Tracked<TcpStream>,
        peer: SocketAddr,
        router: Router,
        header_timeout: Duration,
    ) {
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut router = router.clone();
            async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|e| match e {})) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let mut is_draining = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(error = %error, "a connection ended early");
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

    /// Closes the listeners; connections go on.
    pub fn stop_accepting(&self) {
        self.accepting.cancel();
    }

    /// Closes listeners and idle connections, lets requests finish and waits for all, upgraded ones too, for
    /// `patience`; then cuts the rest. Answers whether nothing was cut.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.accepting.cancel();
        self.serving.cancel();
        self.connections.close();
        let waited = tokio::time::timeout(patience, self.connections.wait()).await;
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

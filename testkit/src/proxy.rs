//! A TCP proxy that misbehaves on demand.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What to do with bytes that a filter has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand them on.
    Forward,
    /// Hand these on instead.
    Replace(Vec<u8>),
    /// Lose them.
    Drop,
    /// Lose them, and send the sender these as if the other side had.
    Answer(Vec<u8>),
    /// Lose them and reset the connection.
    Cut,
}

type Filter = Arc<dyn Fn(&[u8]) -> Verdict + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    Cut,
    BlackHole,
}

/// A proxy on a free port before one server. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    is_listening: watch::Receiver<bool>,
    stop: CancellationToken,
}

struct State {
    server: String,
    mode: watch::Sender<Mode>,
    latency: Mutex<Duration>,
    lost_replies: AtomicUsize,
    requests: Mutex<Option<Filter>>,
    replies: Mutex<Option<Filter>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

impl Proxy {
    /// A proxy before `server`, given as host and port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(server: impl Into<String>) -> Result<Self> {
        let (address, listener) = bind().await?;
        let state = Arc::new(State {
            server: server.into(),
            mode: watch::Sender::new(Mode::Open),
            latency: Mutex::default(),
            lost_replies: AtomicUsize::new(0),
            requests: Mutex::default(),
            replies: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (listening, is_listening) = watch::channel(true);
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(accept(
            address,
            listener,
            Arc::clone(&state),
            listening,
            stop.clone(),
            tasks.clone(),
        )));
        Ok(Self {
            address,
            state,
            is_listening,
            stop,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Resets every connection and refuses new ones, until [`Proxy::restore`].
    pub async fn cut(&self) {
        self.set(Mode::Cut, false).await;
    }

    /// Takes connections and swallows what is sent, in both directions, without a word, until
    /// [`Proxy::restore`]: a peer that vanished.
    pub async fn black_hole(&self) {
        self.set(Mode::BlackHole, true).await;
    }

    /// Works again. Connections that lost bytes to [`Proxy::black_hole`] are reset.
    pub async fn restore(&self) {
        self.set(Mode::Open, true).await;
    }

    /// Resets the present connections and takes new ones.
    pub async fn reset(&self) {
        self.cut().await;
        self.restore().await;
    }

    /// Delays every piece by `latency` in each direction. Pieces wait one behind the other, so this limits
    /// throughput too.
    pub fn latency(&self, latency: Duration) {
        *lock(&self.state.latency) = latency;
    }

    /// Loses the next `count` answers with their connections: the request has reached the server, which acted
    /// on it, and the client cannot know.
    pub fn drop_replies(&self, count: usize) {
        self.state.lost_replies.store(count, Ordering::SeqCst);
    }

    /// Looks at what clients send, piece by piece as it was read: pieces are not messages.
    pub fn filter(&self, filter: impl Fn(&[u8]) -> Verdict + Send + Sync + 'static) {
        *lock(&self.state.requests) = Some(Arc::new(filter));
    }

    /// Looks at what the server sends, as [`Proxy::filter`] does at what clients send.
    pub fn filter_replies(&self, filter: impl Fn(&[u8]) -> Verdict + Send + Sync + 'static) {
        *lock(&self.state.replies) = Some(Arc::new(filter));
    }

    /// Takes both filters away.
    pub fn clear_filters(&self) {
        *lock(&self.state.requests) = None;
        *lock(&self.state.replies) = None;
    }

    async fn set(&self, mode: Mode, is_listening: bool) {
        self.state.mode.send_replace(mode);
        self.is_listening
            .clone()
            .wait_for(|&listening| listening == is_listening)
            .await
            .expect("the accepting task ends only when the proxy is dropped");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("server", &self.server)
            .field("mode", &*self.mode.borrow())
            .finish_non_exhaustive()
    }
}

async fn bind() -> Result<(SocketAddr, TcpListener)> {
    for _ in 0..5 {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, crate::free_port()));
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok((address, listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context("binding the proxy"),
        }
    }
    anyhow::bail!("every port that was free was taken before the proxy bound it")
}

/// Accepts while the mode allows it; while cut there is no listener, so that connecting is refused.
async fn accept(
    address: SocketAddr,
    listener: TcpListener,
    state: Arc<State>,
    listening: watch::Sender<bool>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let mut modes = state.mode.subscribe();
    let mut listener = Some(listener);
    loop {
        let mode = *modes.borrow_and_update();
        match mode {
            Mode::Cut => listener = None,
            Mode::Open | Mode::BlackHole if listener.is_none() => {
                listener = TcpListener::bind(address).await.ok();
                if listener.is_none() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            }
            Mode::Open | Mode::BlackHole => {}
        }
        listening.send_replace(listener.is_some());
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = modes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            accepted = accepted => {
                if let Ok((client, _)) = accepted {
                    let relay = relay(client, Arc::clone(&state), state.mode.subscribe());
                    tasks.spawn(stop.clone().run_until_cancelled_owned(relay));
                }
            }
        }
    }
}

/// Serves one connection until either side ends it or the mode does.
async fn relay(client: TcpStream, state: Arc<State>, mut modes: watch::Receiver<Mode>) {
    if *modes.borrow_and_update() == Mode::BlackHole {
        swallow(client, modes).await;
        return;
    }
    let Ok(server) = TcpStream::connect(&state.server).await else {
        reset_on_close(&client);
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).ok();
    }
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let link = Link {
        state,
        to_client: tokio::sync::Mutex::new(to_client),
        to_server: tokio::sync::Mutex::new(to_server),
        has_lost: AtomicBool::new(false),
    };
    let is_over = |mode: Mode| match mode {
        Mode::Cut => true,
        Mode::Open => link.has_lost.load(Ordering::SeqCst),
        Mode::BlackHole => false,
    };
    let is_reset = tokio::select! {
        ends = async { tokio::try_join!(
            link.pump(&mut from_client, Direction::ToServer),
            link.pump(&mut from_server, Direction::ToClient),
        ) } => ends.is_err(),
        _ = modes.wait_for(|&mode| is_over(mode)) => true,
    };
    if is_reset {
        reset_on_close(from_client.as_ref());
        reset_on_close(from_server.as_ref());
        // A write half that is dropped says goodbye in order, before the reset.
        link.to_client.into_inner().forget();
        link.to_server.into_inner().forget();
    }
}

/// One connection through the proxy.
struct Link {
    state: Arc<State>,
    // Either pump may write to the client: a filter answers in the server's stead.
    to_client: tokio::sync::Mutex<OwnedWriteHalf>,
    to_server: tokio::sync::Mutex<OwnedWriteHalf>,
    has_lost: AtomicBool,
}

impl Link {
    /// Carries one direction to its end; an error resets the connection.
    async fn pump(&self, from: &mut OwnedReadHalf, direction: Direction) -> io::Result<()> {
        let (to, back, filter) = match direction {
            Direction::ToServer => (&self.to_server, &self.to_client, &self.state.requests),
            Direction::ToClient => (&self.to_client, &self.to_server, &self.state.replies),
        };
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await?;
            let latency = *lock(&self.state.latency);
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            let piece = &buffer[..length];
            if *self.state.mode.borrow() == Mode::BlackHole {
                self.has_lost.store(true, Ordering::SeqCst);
                if piece.is_empty() {
                    std::future::pending::<()>().await; // a peer that vanished says no goodbye either
                }
                continue;
            }
            if piece.is_empty() {
                return to.lock().await.shutdown().await;
            }
            if direction == Direction::ToClient && self.state.loses_reply() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let filter = lock(filter).clone();
            match filter.map_or(Verdict::Forward, |filter| filter(piece)) {
                Verdict::Forward => to.lock().await.write_all(piece).await?,
                Verdict::Replace(other) => to.lock().await.write_all(&other).await?,
                Verdict::Drop => {}
                Verdict::Answer(answer) => back.lock().await.write_all(&answer).await?,
                Verdict::Cut => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
    }
}

impl State {
    fn loses_reply(&self) -> bool {
        self.lost_replies
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

/// Reads and forgets until the mode changes, then resets.
async fn swallow(mut client: TcpStream, mut modes: watch::Receiver<Mode>) {
    let forget = async {
        let mut buffer = vec![0; 4096];
        while client
            .read(&mut buffer)
            .await
            .is_ok_and(|length| length > 0)
        {}
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = forget => {}
        _ = modes.changed() => {}
    }
    reset_on_close(&client);
}

/// Makes closing send RST in place of FIN.
fn reset_on_close(stream: &TcpStream) {
    // Fails only on a socket that is closed already.
    stream.set_zero_linger().ok();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A filter for [`Proxy::filter`] before Redis: pieces that hold only whole `PUBLISH` and `SPUBLISH` commands, or calls
/// of a script that names no keys, which is how many are published at once, are lost. The publisher is told that each
/// reached nobody. Everything else passes.
pub fn eat_publishes(piece: &[u8]) -> Verdict {
    let mut rest = piece;
    let mut count = 0;
    while !rest.is_empty() {
        match split_command(rest) {
            Some((words, after)) if is_publish(&words) => {
                count += 1;
                rest = after;
            }
            _ => return Verdict::Forward,
        }
    }
    Verdict::Answer(b":0\r\n".repeat(count))
}

fn is_publish(words: &[&[u8]]) -> bool {
    let is = |name: &[u8]| words[0].eq_ignore_ascii_case(name);
    let has_no_keys = words.get(2).is_some_and(|count| *count == b"0");
    is(b"PUBLISH") || is(b"SPUBLISH") || (has_no_keys && (is(b"EVALSHA") || is(b"EVAL")))
}

/// The words of the first command, an array of bulk strings, and what follows it; `None` if it is not whole or empty.
fn split_command(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (count, mut rest) = split_number(bytes, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, after) = split_number(rest, b'$')?;
        words.push(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix(b"\r\n")?;
    }
    (!words.is_empty()).then_some((words, rest))
}

fn split_number(bytes: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let rest = bytes.strip_prefix(&[kind])?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let number = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    Some((number, &rest[end + 2..]))
}

//! A Socket.IO client over raw frames, which records every packet in the order in which it arrived.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use crate::DEADLINE;
use crate::socket::Stream;

/// A connection by WebSocket. Dropping it ends it without a close, as a lost network does.
#[derive(Debug)]
pub struct SocketIo {
    wire: Arc<Wire>,
    next_ack: AtomicI64,
    is_paused: watch::Sender<bool>,
    // Aborted when dropped.
    _reader: JoinSet<()>,
}

#[derive(Debug)]
struct Wire {
    sink: tokio::sync::Mutex<SplitSink<Stream, Frame>>,
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

/// What arrived so far.
#[derive(Debug, Default)]
struct Log {
    open: Option<Value>,
    connected: Option<Value>,
    refused: Option<Value>,
    events: Vec<(String, Value)>,
    acks: HashMap<i64, Value>,
    /// Of the transport.
    pings: usize,
    is_probed: bool,
    /// The server ended the namespace: a client does not come back by itself.
    is_disconnected: bool,
    is_closed: bool,
}

impl SocketIo {
    /// Opens the transport at a node's base address (`http://…`), with more of a query and headers.
    pub async fn open(base: &str, query: &str, headers: &[(&'static str, &str)]) -> Self {
        Self::try_open(base, query, headers)
            .await
            .unwrap_or_else(|status| panic!("the upgrade was refused with {status}"))
    }

    /// The same, or the HTTP status of the refusal.
    ///
    /// # Errors
    /// The transport was not opened.
    pub async fn try_open(
        base: &str,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = base.replacen("http", "ws", 1);
        let url = format!("{url}/socket.io/?EIO=4&transport=websocket{query}");
        let mut request = url
            .as_str()
            .into_client_request()
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        for (name, value) in headers {
            let value = value
                .parse()
                .expect("scenarios name headers that can be sent");
            request.headers_mut().insert(*name, value);
        }
        let connect = tokio_tungstenite::connect_async(request);
        let connected = timeout(DEADLINE, connect)
            .await
            .unwrap_or_else(|_| panic!("no upgrade: {url}"));
        match connected {
            Ok((stream, _)) => Ok(Self::over(stream)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    /// A client on a stream that was upgraded.
    fn over(stream: Stream) -> Self {
        let (sink, stream) = stream.split();
        let wire = Arc::new(Wire {
            sink: tokio::sync::Mutex::new(sink),
            log: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let is_paused = watch::Sender::new(false);
        let mut reader = JoinSet::new();
        reader.spawn(read(stream, Arc::clone(&wire), is_paused.subscribe()));
        Self {
            wire,
            next_ack: AtomicI64::new(0),
            is_paused,
            _reader: reader,
        }
    }

    /// Takes a session that polls over to a WebSocket.
    pub async fn upgrade(base: &str, session: &str) -> Self {
        let socket = Self::open(base, &format!("&sid={session}"), &[]).await;
        socket.packet("2probe").await;
        socket
            .wait("probe", DEADLINE, |log| log.is_probed.then_some(()))
            .await;
        socket.packet("5").await;
        socket
    }

    /// Connects with a token in `auth`, which must be good.
    pub async fn connect(base: &str, token: &str) -> Self {
        let socket = Self::open(base, "", &[]).await;
        socket.greet(&json!({"token": token})).await;
        socket.connected().await;
        socket
    }

    /// Sends CONNECT.
    pub async fn greet(&self, auth: &Value) {
        self.packet(&format!("40{auth}")).await;
    }

    /// Waits for the answer to a good CONNECT.
    pub async fn connected(&self) -> Value {
        self.wait("connected", DEADLINE, |log| log.connected.clone())
            .await
    }

    /// Waits for the answer to a CONNECT that is refused.
    pub async fn refused(&self) -> Value {
        self.wait("refused", DEADLINE, |log| log.refused.take())
            .await
    }

    /// Waits for the answer to a CONNECT, whichever.
    ///
    /// # Errors
    /// It was refused.
    pub async fn answered(&self) -> Result<Value, Value> {
        self.wait("answer", DEADLINE, |log| match log.refused.take() {
            Some(refused) => Some(Err(refused)),
            None => log.connected.clone().map(Ok),
        })
        .await
    }

    /// What the transport told of itself.
    pub async fn handshake(&self) -> Value {
        self.wait("open", DEADLINE, |log| log.open.clone()).await
    }

    /// Waits until the transport pinged so often.
    pub async fn pinged(&self, times: usize) {
        self.wait("pings", DEADLINE, |log| (log.pings >= times).then_some(()))
            .await;
    }

    /// Stops reading, or goes on.
    pub fn pause(&self, is_paused: bool) {
        self.is_paused.send_replace(is_paused);
    }

    /// Sends a packet as it is. A transport that the server closed takes it and drops it.
    pub async fn packet(&self, packet: &str) {
        self.wire.send(packet.to_owned()).await;
    }

    /// Emits an event without a callback.
    pub async fn emit(&self, event: &str, data: &Value) {
        self.packet(&format!("42{}", json!([event, data]))).await;
    }

    /// Emits an event and gives what its callback is called with.
    pub async fn call(&self, event: &str, data: &Value) -> Value {
        let ack = self.next_ack.fetch_add(1, Ordering::Relaxed);
        self.packet(&format!("42{ack}{}", json!([event, data])))
            .await;
        self.wait(&format!("{event}'s callback"), DEADLINE, |log| {
            log.acks.remove(&ack)
        })
        .await
    }

    /// The first event of a name whose payload `matches`, come or to come.
    pub async fn expect(&self, event: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.expect_after(0, event, matches).await
    }

    /// How many events have come: a mark for [`SocketIo::expect_after`].
    pub fn mark(&self) -> usize {
        self.wire.log().events.len()
    }

    /// The first such event after a mark.
    pub async fn expect_after(
        &self,
        mark: usize,
        event: &str,
        matches: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait(event, DEADLINE, |log| {
            log.events[mark..]
                .iter()
                .find(|(name, data)| name == event && matches(data))
                .map(|(_, data)| data.clone())
        })
        .await
    }

    /// All payloads of one event so far.
    pub fn all(&self, event: &str) -> Vec<Value> {
        let log = self.wire.log();
        let events = log.events.iter().filter(|(name, _)| name == event);
        events.map(|(_, data)| data.clone()).collect()
    }

    /// Waits for the transport's end, and tells whether the server ended the namespace before: then a client
    /// does not come back by itself.
    pub async fn closed(&self, deadline: Duration) -> bool {
        self.wait("closed", deadline, |log| {
            log.is_closed.then_some(log.is_disconnected)
        })
        .await
    }

    async fn wait<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut found: impl FnMut(&mut Log) -> Option<T>,
    ) -> T {
        let mut changed = self.wire.changed.subscribe();
        let search = async {
            loop {
                {
                    let mut log = self.wire.log();
                    if let Some(found) = found(&mut log) {
                        return Some(found);
                    }
                    if log.is_closed {
                        return None;
                    }
                }
                if changed.changed().await.is_err() {
                    return None;
                }
            }
        };
        let found = timeout(deadline, search)
            .await
            .unwrap_or_else(|_| panic!("never came: {what}; {:?}", self.wire.log()));
        found.unwrap_or_else(|| panic!("closed before: {what}; {:?}", self.wire.log()))
    }
}

impl Wire {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, packet: String) {
        let sent = async { self.sink.lock().await.send(Frame::text(packet)).await };
        // A closed transport shows in `closed`, which is what scenarios ask for.
        timeout(DEADLINE, sent)
            .await
            .expect("the server reads, or closes")
            .ok();
    }

    /// Takes one packet of the transport; whether it is a ping to be answered.
    fn take(&self, packet: &str) -> bool {
        let mut log = self.log();
        let (kind, rest) = packet.split_at(1);
        match kind {
            "0" => log.open = Some(parsed(rest)),
            "1" | "6" => {}
            "2" => {
                log.pings += 1;
                return true;
            }
            "3" => log.is_probed = packet == "3probe",
            "4" => log.take(rest),
            _ => panic!("no such packet in the protocol: {packet}"),
        }
        false
    }
}

impl Log {
    fn take(&mut self, packet: &str) {
        let (kind, rest) = packet.split_at(1);
        match kind {
            "0" => {
                let again = self.connected.replace(parsed(rest));
                assert!(again.is_none(), "connected twice");
            }
            "1" => self.is_disconnected = true,
            "2" => {
                let Value::Array(mut event) = parsed(rest) else {
                    panic!("no event: {packet}");
                };
                assert_eq!(event.len(), 2, "one payload: {packet}");
                let data = event.pop().expect("there are two");
                let name = event[0].as_str().expect("events have names").to_owned();
                self.events.push((name, data));
            }
            "3" => {
                let at = rest
                    .find('[')
                    .unwrap_or_else(|| panic!("no callback: {packet}"));
                let Value::Array(mut data) = parsed(&rest[at..]) else {
                    panic!("no arguments: {packet}");
                };
                assert_eq!(data.len(), 1, "one argument: {packet}");
                let ack = rest[..at].parse().expect("callbacks have numbers");
                let again = self.acks.insert(ack, data.remove(0));
                assert!(again.is_none(), "two answers to one event: {packet}");
            }
            // After the name of a namespace, if it is not the one.
            "4" => self.refused = Some(parsed(&rest[rest.find('{').unwrap_or(0)..])),
            _ => panic!("no such packet in the protocol: {packet}"),
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Records until the transport ends, and answers its pings.
async fn read(
    mut stream: SplitStream<Stream>,
    wire: Arc<Wire>,
    mut is_paused: watch::Receiver<bool>,
) {
    /// Whatever ends the reader, who waits must learn of it.
    struct End(Arc<Wire>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.log().is_closed = true;
            self.0.changed.send_replace(());
        }
    }
    let end = End(wire);
    loop {
        if is_paused.wait_for(|is_paused| !is_paused).await.is_err() {
            return;
        }
        let Some(Ok(frame)) = stream.next().await else {
            return;
        };
        match frame {
            Frame::Text(text) if end.0.take(&text) => end.0.send("3".to_owned()).await,
            Frame::Binary(_) => panic!("the server sends text frames only"),
            _ => {}
        }
        end.0.changed.send_replace(());
    }
}

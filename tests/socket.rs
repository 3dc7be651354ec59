//! A WebSocket client that records every frame in the order in which it arrived.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chapar_shared::protocol::reply::{ReplyError, Reset};
use chapar_shared::protocol::{Event, Message, Ready};
use chapar_shared::{RoomId, Seq};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::received::{Log, Received, into_reply, read};
use crate::{DEADLINE, frames};

pub use crate::received::{event_message, message_of};

/// Commands that a client leaves unanswered: fewer than the gateway lets wait.
const PENDING: usize = 50;

pub(crate) type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The first frame.
#[derive(Clone, Debug, Default)]
pub struct Hello {
    /// An access token, unless the upgrade carries it.
    pub token: Option<String>,
    /// The epoch of the positions.
    pub epoch: Option<String>,
    /// The last position known of each room.
    pub since: BTreeMap<RoomId, Seq>,
}

impl Hello {
    fn frame(&self) -> Value {
        let mut frame = json!({"op": "hello"});
        if let Some(token) = &self.token {
            frame["token"] = json!(token);
        }
        if let Some(epoch) = &self.epoch {
            frame["epoch"] = json!(epoch);
        }
        if !self.since.is_empty() {
            frame["since"] = json!(self.since);
        }
        frame
    }
}

/// The answer to a command.
pub type Reply = Result<Value, ReplyError>;

/// A connection. Dropping it ends it without a close frame, as a lost network does.
#[derive(Debug)]
pub struct Socket {
    sink: tokio::sync::Mutex<SplitSink<Stream, Frame>>,
    log: Arc<Log>,
    next_id: AtomicI64,
    is_recorded: AtomicBool,
    is_paused: watch::Sender<bool>,
    // Aborted when dropped.
    _reader: JoinSet<()>,
}

impl Socket {
    /// Connects, says hello and waits for `ready`.
    pub async fn connect(url: &str, hello: &Hello) -> Self {
        let socket = Self::open(url, &[]).await;
        socket.hello(hello).await;
        socket
            .wait("ready", DEADLINE, |log| log.ready.as_ref().map(|_| ()))
            .await;
        socket
    }

    /// Connects and sends nothing.
    pub async fn open(url: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = url
            .into_client_request()
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        for (name, value) in headers {
            let value = value
                .parse()
                .expect("scenarios name headers that can be sent");
            request.headers_mut().insert(*name, value);
        }
        let connect = tokio_tungstenite::connect_async(request);
        let (stream, _) = timeout(DEADLINE, connect)
            .await
            .unwrap_or_else(|_| panic!("no upgrade: {url}"))
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        let (sink, stream) = stream.split();
        let log = Arc::new(Log {
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let is_paused = watch::Sender::new(false);
        let mut reader = JoinSet::new();
        reader.spawn(read(stream, Arc::clone(&log), is_paused.subscribe()));
        Self {
            sink: tokio::sync::Mutex::new(sink),
            log,
            next_id: AtomicI64::new(1),
            is_recorded: AtomicBool::new(true),
            is_paused,
            _reader: reader,
        }
    }

    /// What it sends from here on breaks the protocol on purpose and is not recorded.
    pub fn misbehave(&self) {
        self.is_recorded.store(false, Ordering::Relaxed);
    }

    /// Stops reading, or goes on.
    pub fn pause(&self, is_paused: bool) {
        self.is_paused.send_replace(is_paused);
    }

    /// Says hello and waits for nothing.
    pub async fn hello(&self, hello: &Hello) {
        self.send(&hello.frame()).await;
    }

    /// What `ready` told.
    pub fn ready(&self) -> Ready {
        self.log.lock().ready.clone().expect("ready was awaited")
    }

    /// The position at which `ready` put a room.
    pub fn ready_seq(&self, room: RoomId) -> Seq {
        let ready = self.ready();
        let found = ready.rooms.iter().find(|one| one.id == room);
        found
            .unwrap_or_else(|| panic!("room {room} is not in {ready:?}"))
            .seq
    }

    /// Sends a frame of the protocol.
    pub async fn send(&self, frame: &Value) {
        if self.is_recorded.load(Ordering::Relaxed) {
            frames::sent(frame);
        }
        self.send_raw(Frame::text(frame.to_string())).await;
    }

    /// Sends anything; it is not recorded as a frame of the protocol. A socket that the server closed takes
    /// it and drops it.
    pub async fn send_raw(&self, frame: Frame) {
        let sent = async { self.sink.lock().await.send(frame).await };
        // A closed socket shows in `closed`, which is what scenarios ask for.
        timeout(DEADLINE, sent)
            .await
            .expect("the server reads, or closes")
            .ok();
    }

    /// Sends a command without waiting and gives the id it was given.
    pub async fn submit(&self, mut command: Value) -> i64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        command["id"] = json!(id);
        self.send(&command).await;
        id
    }

    /// The reply to a submitted command.
    ///
    /// # Errors
    /// It was refused.
    pub async fn reply(&self, id: i64) -> Reply {
        self.reply_to(&json!(id)).await
    }

    /// The reply to the command of this id.
    ///
    /// # Errors
    /// It was refused.
    pub async fn reply_to(&self, id: &Value) -> Reply {
        let key = id.to_string();
        let what = format!("reply to {key}");
        let reply = self
            .wait(&what, DEADLINE, |log| log.replies.get(&key).cloned())
            .await;
        into_reply(&reply)
    }

    /// Whether a command was answered, and how.
    pub fn reply_so_far(&self, id: i64) -> Option<Reply> {
        let key = json!(id).to_string();
        self.log.lock().replies.get(&key).map(into_reply)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// It was refused.
    pub async fn command(&self, command: Value) -> Reply {
        let id = self.submit(command).await;
        self.reply(id).await
    }

    /// Sends a command that must succeed.
    pub async fn ok(&self, command: Value) -> Value {
        let what = command.to_string();
        self.command(command)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    /// Sends a command that must be refused, and gives the code.
    pub async fn refused(&self, command: Value) -> String {
        let what = command.to_string();
        match self.command(command).await {
            Ok(ok) => panic!("{what} was not refused: {ok}"),
            Err(error) => error.code,
        }
    }

    /// Sends commands without waiting for each reply, at most `PENDING` of them unanswered, and gives the
    /// replies in order.
    pub async fn pipeline(&self, commands: impl IntoIterator<Item = Value>) -> Vec<Reply> {
        let mut ids: Vec<i64> = Vec::new();
        let mut replies = Vec::new();
        for command in commands {
            if ids.len() >= replies.len() + PENDING {
                replies.push(self.reply(ids[replies.len()]).await);
            }
            ids.push(self.submit(command).await);
        }
        while replies.len() < ids.len() {
            replies.push(self.reply(ids[replies.len()]).await);
        }
        replies
    }

    /// Sends messages without waiting for each reply; all of them must be taken.
    pub async fn say_all(
        &self,
        room: RoomId,
        contents: impl IntoIterator<Item = String>,
    ) -> Vec<Message> {
        let sends = contents
            .into_iter()
            .map(|content| json!({"op": "send", "room": room, "content": content}));
        let replies = self.pipeline(sends).await.into_iter();
        replies
            .map(|reply| message_of(reply.unwrap_or_else(|error| panic!("{error:?}"))))
            .collect()
    }

    /// Sends a message that must be taken.
    pub async fn say(&self, room: RoomId, content: &str) -> Message {
        let ok = self
            .ok(json!({"op": "send", "room": room, "content": content}))
            .await;
        message_of(ok)
    }

    /// The first event that `matches`, come or to come.
    pub async fn expect_event(&self, what: &str, matches: impl Fn(&Event) -> bool) -> Event {
        self.expect_event_after(0, what, DEADLINE, matches).await
    }

    /// How many events have come: a mark for [`Socket::expect_event_after`].
    pub fn mark(&self) -> usize {
        self.log.lock().events.len()
    }

    /// The first event after a mark that `matches`.
    pub async fn expect_event_after(
        &self,
        mark: usize,
        what: &str,
        deadline: Duration,
        matches: impl Fn(&Event) -> bool,
    ) -> Event {
        self.wait(what, deadline, |log| {
            log.events[mark..]
                .iter()
                .find(|event| matches(event))
                .cloned()
        })
        .await
    }

    /// Waits until the room's position on this socket is at least `seq`.
    pub async fn expect_seq(&self, room: RoomId, seq: Seq, deadline: Duration) {
        let what = format!("position {seq} of room {room}");
        self.wait(&what, deadline, |log| {
            let mut newest = log.events.iter().rev();
            newest
                .find(|event| event.room == Some(room) && event.seq.is_some())
                .filter(|event| event.seq >= Some(seq))
                .map(|_| ())
        })
        .await;
    }

    /// Waits for `reset` of a room.
    pub async fn expect_reset(&self, room: RoomId) -> Reset {
        self.wait("reset", DEADLINE, |log| {
            log.resets.iter().find(|reset| reset.room == room).copied()
        })
        .await
    }

    /// Waits for the word that the node drains, and gives the delay in milliseconds.
    pub async fn expect_reconnect(&self) -> u64 {
        self.wait("reconnect", DEADLINE, |log| log.reconnect).await
    }

    /// All events so far, in the order in which they came.
    pub fn events(&self) -> Vec<Event> {
        self.log.lock().events.clone()
    }

    /// The events of a room that take a position, in the order in which they came.
    pub fn changes(&self, room: RoomId) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| event.room == Some(room) && event.seq.is_some());
        events
    }

    /// Waits for the server to close and gives the code.
    pub async fn closed(&self) -> u16 {
        self.closed_within(DEADLINE).await
    }

    /// Waits for the server to close and gives the code.
    pub async fn closed_within(&self, deadline: Duration) -> u16 {
        self.wait("close", deadline, |log| log.closed).await
    }

    /// Whether the server closed.
    pub fn is_closed(&self) -> bool {
        self.log.lock().closed.is_some()
    }

    /// Closes properly and waits for the answer.
    pub async fn close(self) {
        self.send_raw(Frame::Close(None)).await;
        self.closed().await;
    }

    async fn wait<T>(
        &self,
        what: &str,
        deadline: Duration,
        found: impl Fn(&Received) -> Option<T>,
    ) -> T {
        let mut changed = self.log.changed.subscribe();
        let search = async {
            loop {
                {
                    let log = self.log.lock();
                    if let Some(found) = found(&log) {
                        return Ok(found);
                    }
                    if let Some(code) = log.closed {
                        return Err(code);
                    }
                }
                if changed.changed().await.is_err() {
                    return Err(0);
                }
            }
        };
        match timeout(deadline, search).await {
            Ok(Ok(found)) => found,
            Ok(Err(code)) => panic!("closed {code} instead of: {what}"),
            Err(_) => {
                let log = self.log.lock();
                let last = log.events.iter().rev().take(3).collect::<Vec<_>>();
                panic!(
                    "not within {deadline:?}: {what}; {} events, the last {last:#?}",
                    log.events.len()
                )
            }
        }
    }
}

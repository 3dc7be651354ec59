//! What arrived on a socket, in the order in which it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chapar_shared::protocol::reply::Reset;
use chapar_shared::protocol::{Event, EventBody, Message, Ready};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde_json::Value;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::frames;
use crate::socket::{Reply, Stream};

/// [`Received`], and who waits for it.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) state: Mutex<Received>,
    pub(crate) changed: watch::Sender<()>,
}

/// What arrived so far.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) ready: Option<Ready>,
    pub(crate) events: Vec<Event>,
    pub(crate) resets: Vec<Reset>,
    pub(crate) reconnect: Option<u64>,
    pub(crate) replies: HashMap<String, Value>,
    pub(crate) closed: Option<u16>,
}

/// The message of a reply's `ok`.
pub fn message_of(mut ok: Value) -> Message {
    serde_json::from_value(ok["message"].take())
        .unwrap_or_else(|error| panic!("no message in the reply: {error}"))
}

/// The message that an event is about, if it is about one.
pub fn event_message(event: &Event) -> Option<&Message> {
    match &event.body {
        EventBody::MessageCreated(message)
        | EventBody::MessageEdited(message)
        | EventBody::MessageDeleted(message) => Some(message),
        EventBody::MessageReacted(reacted) => Some(&reacted.message),
        _ => None,
    }
}

pub(crate) fn into_reply(reply: &Value) -> Reply {
    match (reply.get("ok"), reply.get("error")) {
        (Some(ok), None) => Ok(ok.clone()),
        (None, Some(error)) => {
            Err(serde_json::from_value(error.clone())
                .unwrap_or_else(|why| panic!("{why}: {reply}")))
        }
        _ => panic!("neither ok nor error, or both: {reply}"),
    }
}

impl Log {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Received> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Received {
    /// A frame that breaks the protocol panics, which ends the reader and with it what waits.
    fn take(&mut self, text: &str) {
        let frame: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        frames::received(&frame);
        let readable = |error| panic!("{error}: {text}");
        match frame["op"].as_str() {
            Some("event") => self
                .events
                .push(serde_json::from_str(text).unwrap_or_else(readable)),
            Some("ready") => {
                let ready = serde_json::from_value(frame).unwrap_or_else(|e| panic!("{e}: {text}"));
                assert!(self.ready.replace(ready).is_none(), "ready twice");
            }
            Some("reset") => self
                .resets
                .push(serde_json::from_value(frame).unwrap_or_else(|e| panic!("{e}: {text}"))),
            Some("reconnect") => self.reconnect = frame["after_ms"].as_u64(),
            Some("reply") => {
                let key = frame["id"].to_string();
                let again = self.replies.insert(key, frame);
                assert!(
                    again.as_ref().is_none_or(|first| first["id"].is_null()),
                    "two replies to one command: {again:?}, {text}"
                );
            }
            _ => panic!("no such frame in the protocol: {text}"),
        }
    }
}

/// Records until the connection ends.
pub(crate) async fn read(
    mut stream: SplitStream<Stream>,
    log: Arc<Log>,
    mut is_paused: watch::Receiver<bool>,
) {
    /// Whatever ends the reader, who waits must learn of it.
    struct End(Arc<Log>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.lock().closed.get_or_insert(1006);
            self.0.changed.send_replace(());
        }
    }
    let end = End(log);
    loop {
        if is_paused.wait_for(|is_paused| !is_paused).await.is_err() {
            return;
        }
        let Some(Ok(frame)) = stream.next().await else {
            return;
        };
        match frame {
            Frame::Text(text) => end.0.lock().take(&text),
            Frame::Close(close) => {
                let code = close.map_or(1005, |close| close.code.into());
                end.0.lock().closed = Some(code);
            }
            Frame::Binary(_) => panic!("the server sends text frames only"),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => {}
        }
        end.0.changed.send_replace(());
    }
}

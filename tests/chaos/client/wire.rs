//! A WebSocket to a gateway, as frames of the protocol.

use std::collections::BTreeMap;

use chapar_shared::protocol::reply::{ReplyError, Reset};
use chapar_shared::protocol::{Event, Ready};
use chapar_shared::{RoomId, Seq};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Raw;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A frame that came.
#[derive(Debug)]
pub(super) enum Incoming {
    Event(Box<Event>),
    Reply(i64, Result<Value, ReplyError>),
    Reset(Reset),
    /// `reconnect`, with the delay in milliseconds.
    Reconnect(u64),
    /// A ping or a pong.
    Sign,
    /// The socket ended; 1006 without a close frame.
    Closed(u16),
    /// Nothing that the protocol knows.
    Nonsense(String),
}

/// An open socket. Dropping it ends it without a close frame.
#[derive(Debug)]
pub(super) struct Wire(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Wire {
    /// Connects, says hello and waits for `ready`.
    ///
    /// # Errors
    /// The close code, if the server closed with one.
    pub(super) async fn connect(
        url: &str,
        token: &str,
        epoch: Option<&str>,
        since: &BTreeMap<RoomId, Seq>,
    ) -> Result<(Self, Ready), Option<u16>> {
        let (stream, _) = tokio_tungstenite::connect_async(url)
            .await
            .map_err(|_| None)?;
        let mut wire = Self(stream);
        let mut hello = json!({"op": "hello", "token": token});
        if let Some(epoch) = epoch {
            hello["epoch"] = json!(epoch);
        }
        if !since.is_empty() {
            hello["since"] = json!(since);
        }
        if !wire.send(&hello).await {
            return Err(None);
        }
        loop {
            match wire.0.next().await {
                Some(Ok(Raw::Text(text))) => {
                    // Nothing stands before `ready`.
                    return serde_json::from_str(&text)
                        .map(|ready| (wire, ready))
                        .map_err(|_| Some(1002));
                }
                Some(Ok(Raw::Ping(_) | Raw::Pong(_))) => {}
                Some(Ok(Raw::Close(Some(close)))) => return Err(Some(close.code.into())),
                _ => return Err(None),
            }
        }
    }

    /// Sends a frame; whether the socket still takes any.
    pub(super) async fn send(&mut self, frame: &Value) -> bool {
        self.0.send(Raw::text(frame.to_string())).await.is_ok()
    }

    /// The next frame. May be dropped midway.
    pub(super) async fn next(&mut self) -> Incoming {
        match self.0.next().await {
            Some(Ok(Raw::Text(text))) => read(&text),
            Some(Ok(Raw::Ping(_) | Raw::Pong(_) | Raw::Frame(_))) => Incoming::Sign,
            Some(Ok(Raw::Binary(_))) => Incoming::Nonsense("a binary frame".to_owned()),
            Some(Ok(Raw::Close(close))) => {
                Incoming::Closed(close.map_or(1006, |close| close.code.into()))
            }
            Some(Err(_)) | None => Incoming::Closed(1006),
        }
    }

    /// Ends it with a close frame.
    pub(super) async fn close(mut self) {
        // The server may be gone already.
        self.0.close(None).await.ok();
    }
}

fn read(text: &str) -> Incoming {
    let nonsense = |error: serde_json::Error| Incoming::Nonsense(format!("{error}: {text}"));
    let mut frame: Value = match serde_json::from_str(text) {
        Ok(frame) => frame,
        Err(error) => return nonsense(error),
    };
    match frame["op"].as_str() {
        Some("event") => serde_json::from_str(text)
            .map_or_else(nonsense, |event| Incoming::Event(Box::new(event))),
        Some("reset") => serde_json::from_str(text).map_or_else(nonsense, Incoming::Reset),
        Some("reconnect") => match frame["after_ms"].as_u64() {
            Some(after) => Incoming::Reconnect(after),
            None => Incoming::Nonsense(format!("reconnect without a delay: {text}")),
        },
        Some("reply") => {
            let Some(id) = frame["id"].as_i64() else {
                return Incoming::Nonsense(format!("a reply to nothing: {text}"));
            };
            if frame.get("error").is_some() {
                serde_json::from_value(frame["error"].take())
                    .map_or_else(nonsense, |error| Incoming::Reply(id, Err(error)))
            } else {
                Incoming::Reply(id, Ok(frame["ok"].take()))
            }
        }
        _ => Incoming::Nonsense(format!("no such frame: {text}")),
    }
}

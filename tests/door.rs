//! A client of the older systems' sockets: frames of JSON at a path, without greeting or replies.

use std::fmt::Write as _;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use crate::socket::Stream;
use crate::{DEADLINE, Site, User};

/// A connection. Dropping it ends it without a close frame.
#[derive(Debug)]
pub struct Door {
    stream: Stream,
}

impl Door {
    /// Opens a path of a gateway for somebody; `path` is as people write it and is encoded here.
    pub async fn open(user: &User, node: usize, path: &str) -> Self {
        let bearer = format!("Bearer {}", user.token());
        Self::knock(user.site(), node, path, &[("authorization", &bearer)])
            .await
            .unwrap_or_else(|status| panic!("{path}: refused with {status}"))
    }

    /// Tries to open a path with these headers.
    ///
    /// # Errors
    /// The status with which it was refused.
    pub async fn knock(
        site: &Site,
        node: usize,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = site.ws_url(node);
        let url = format!("{}{}", url.trim_end_matches("/v1/ws"), encoded(path));
        let mut request = url
            .as_str()
            .into_client_request()
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        for (name, value) in headers {
            let value = value.parse();
            let value = value.expect("scenarios name headers that can be sent");
            request.headers_mut().insert(*name, value);
        }
        let connecting = timeout(DEADLINE, tokio_tungstenite::connect_async(request)).await;
        match connecting.unwrap_or_else(|_| panic!("no upgrade: {url}")) {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends anything as a text frame.
    pub async fn send_text(&mut self, text: &str) {
        let sent = timeout(DEADLINE, self.stream.send(Frame::text(text))).await;
        sent.expect("the server reads")
            .expect("a socket that lives");
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Frame::Text(text) => {
                    return serde_json::from_str(&text)
                        .unwrap_or_else(|error| panic!("{error}: {text}"));
                }
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => panic!("instead of a text frame: {other:?}"),
            }
        }
    }

    /// The next frame but those that say how somebody types.
    pub async fn next_but_typing(&mut self) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] != "user.typing" {
                return frame;
            }
        }
    }

    /// Waits for the server to close and gives the code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Frame::Close(frame) = self.frame().await {
                return frame.map_or(1005, |frame| frame.code.into());
            }
        }
    }

    async fn frame(&mut self) -> Frame {
        timeout(DEADLINE, self.stream.next())
            .await
            .unwrap_or_else(|_| panic!("no frame within {DEADLINE:?}"))
            .expect("the server says how it closes")
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A frame's fields without those named, which differ from run to run.
pub fn without(mut frame: Value, fields: &[&str]) -> Value {
    let object = frame.as_object_mut().expect("a frame is an object");
    for field in fields {
        assert!(object.remove(*field).is_some(), "no {field} in {object:?}");
    }
    json!(object)
}

/// What is not ASCII, and spaces, percent-encoded.
fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(byte.into());
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes everything");
        }
    }
    encoded
}

//! The task that reads one client's frames, and waits for its writer at the end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio_tungstenite::tungstenite::{self, Message};

use chapar_shared::protocol::CloseCode;

use super::commands::Commands;
use super::gate::Places;
use super::open::Opened;
use super::upgrade::Socket;
use super::{End, writer};
use crate::node::Node;

/// How long the client may take to answer a close.
const LINGER: Duration = Duration::from_secs(2);

/// What a client may still send after it was closed.
const LINGER_FRAMES: usize = 1000;

/// A connection that is to be served, and what its large frames need where it takes any.
pub(super) struct Served {
    pub(super) opened: Opened,
    pub(super) places: Option<Places>,
}

/// Serves an opened connection to its end, and takes it out of the hub.
pub(super) async fn serve(node: Arc<Node>, served: Served, socket: Socket) {
    let Served { opened, places } = served;
    let Opened {
        connection,
        user,
        guard,
        ..
    } = opened;
    let (sink, mut stream) = socket.split();
    let mut writing = node.tracker.spawn(writer::write(
        Arc::clone(&node),
        Arc::clone(&connection),
        sink,
    ));
    let mut commands = Commands::new(&node, &connection, &user);
    loop {
        let message = tokio::select! {
            biased;
            _ = &mut writing => break,
            message = stream.next() => message,
        };
        let end = match message {
            Some(Ok(Message::Text(text))) => {
                connection.heard();
                commands.take(text).await.err().map(End::Close)
            }
            Some(Ok(Message::Binary(bytes))) => {
                connection.heard();
                let len = bytes.len();
                drop(bytes);
                commands.take_binary(len).err().map(End::Close)
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                connection.heard();
                continue;
            }
            Some(Err(tungstenite::Error::Capacity(_))) => {
                Some(End::Close(CloseCode::FrameTooLarge))
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => Some(End::Gone),
        };
        if let Some(places) = &places {
            places.done();
        }
        if let Some(end) = end {
            connection.queue.end(end);
            break;
        }
    }
    // Nothing more is sent to it from here on, even while its last frames are written.
    drop(guard);
    if !writing.is_finished()
        && let Err(error) = writing.await
    {
        tracing::error!(error = &error as &dyn std::error::Error, "a writer failed");
    }
    if connection.queue.ending() != Some(End::Gone) {
        linger(&mut stream).await;
    }
}

/// Reads until the client has closed too: a socket dropped with unread input would take the close frame with
/// it.
pub(super) async fn linger<S>(stream: &mut S)
where
    S: Stream<Item = Result<Message, tungstenite::Error>> + Unpin,
{
    let reading = async {
        for _ in 0..LINGER_FRAMES {
            if !matches!(stream.next().await, Some(Ok(_))) {
                return;
            }
        }
    };
    if tokio::time::timeout(LINGER, reading).await.is_err() {
        tracing::debug!("a client did not answer the close");
    }
}

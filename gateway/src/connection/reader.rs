//! The task that reads one client's frames, and waits for its writer at the end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::{Stream, StreamExt};
use tokio_tungstenite::tungstenite;

use chapar_shared::protocol::CloseCode;

use super::commands::Commands;
use super::open::Opened;
use super::{End, writer};
use crate::node::Node;

/// How long the client may take to answer a close.
const LINGER: Duration = Duration::from_secs(2);

/// What a client may still send after it was closed.
const LINGER_FRAMES: usize = 1000;

/// Serves an opened connection to its end, and takes it out of the hub.
pub(super) async fn serve(node: Arc<Node>, opened: Opened, socket: WebSocket) {
    let Opened {
        connection,
        user,
        guard,
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
                if text.len() > node.limits.max_frame_bytes {
                    Some(End::Close(CloseCode::FrameTooLarge))
                } else {
                    commands.take(&text).await.err().map(End::Close)
                }
            }
            Some(Ok(Message::Binary(bytes))) => {
                Some(End::Close(if bytes.len() > node.limits.max_frame_bytes {
                    CloseCode::FrameTooLarge
                } else {
                    CloseCode::Unauthenticated
                }))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                connection.heard();
                None
            }
            Some(Err(error)) if is_too_large(&error) => Some(End::Close(CloseCode::FrameTooLarge)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Some(End::Gone),
        };
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
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
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

/// Whether a frame was refused by its length.
pub(super) fn is_too_large(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    matches!(
        source.and_then(|source| source.downcast_ref()),
        Some(tungstenite::Error::Capacity(_))
    )
}

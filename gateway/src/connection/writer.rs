//! The task that writes one client's frames. It sleeps until its queue wakes it, writes everything queued
//! with one flush, and gets the next page of a replay beside that when the queue is low.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::future::{BoxFuture, Either, FutureExt, OptionFuture, select};
use futures_util::stream::SplitSink;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

use chapar_shared::protocol::CloseCode;

use super::queue::Work;
use super::upgrade::Socket;
use super::{Connection, End, pull};
use crate::dialects::{DialectId, Utf8Bytes};
use crate::measures;
use crate::node::Node;

/// How long a client that is being closed may take for what is still to be written.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Writes until the connection ends; then the close frame, where the server closes.
pub(super) async fn write(
    node: Arc<Node>,
    connection: Arc<Connection>,
    mut sink: SplitSink<Socket, Message>,
) {
    let mut pulling: OptionFuture<BoxFuture<'static, ()>> = None.into();
    let mut is_pulling = false;
    loop {
        let work = {
            let next = pin!(poll_fn(|context| connection
                .queue
                .poll_work(context, !is_pulling)));
            if is_pulling {
                match select(next, &mut pulling).await {
                    Either::Left((work, _)) => work,
                    Either::Right(_) => {
                        pulling = None.into();
                        is_pulling = false;
                        continue;
                    }
                }
            } else {
                next.await
            }
        };
        match work {
            Work::Frames(frames, is_ping_due) => {
                let mut writing = pin!(write_all(&mut sink, frames, is_ping_due));
                if !watched(&node, &connection, &mut writing).await {
                    if let Some(End::Close(code)) = connection.queue.ending() {
                        measures::closed(code);
                    }
                    connection.queue.end(End::Gone);
                    return;
                }
            }
            Work::Pull(room) => {
                pulling =
                    Some(pull(Arc::clone(&node), Arc::clone(&connection), room).boxed()).into();
                is_pulling = true;
            }
            Work::End(End::Gone) => return,
            Work::End(End::Close(code)) => {
                close(&mut sink, connection.dialect, code).await;
                return;
            }
        }
    }
}

/// Closes with a code; the client may be gone already.
pub(super) async fn close<S>(sink: &mut S, dialect: DialectId, code: CloseCode)
where
    S: SinkExt<Message> + Unpin,
{
    measures::closed(code);
    let (code, reason) = dialect.get().close(code);
    let frame = CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    let closing = sink.send(Message::Close(Some(frame)));
    if tokio::time::timeout(LAST_WRITE, closing).await.is_err() {
        tracing::debug!("a close frame could not be written in time");
    }
}

async fn write_all(
    sink: &mut SplitSink<Socket, Message>,
    frames: std::collections::VecDeque<Utf8Bytes>,
    is_ping_due: bool,
) -> Result<(), tungstenite::Error> {
    for frame in frames {
        sink.feed(Message::Text(frame)).await?;
    }
    if is_ping_due {
        sink.feed(Message::Ping(Bytes::new())).await?;
    }
    sink.flush().await
}

/// Whether the write got through: within its time, which is short once the connection is to end.
async fn watched<F>(
    node: &Node,
    connection: &Connection,
    writing: &mut std::pin::Pin<&mut F>,
) -> bool
where
    F: Future<Output = Result<(), tungstenite::Error>>,
{
    // Nearly every write is done at once and needs no timer.
    if let Some(result) = writing.as_mut().now_or_never() {
        return result.is_ok();
    }
    let ending = pin!(poll_fn(|context| connection.queue.poll_end(context)));
    let timed = tokio::time::timeout(node.config.write_timeout, select(writing.as_mut(), ending));
    match timed.await {
        Ok(Either::Left((result, _))) => result.is_ok(),
        Ok(Either::Right((End::Gone, _))) | Err(_) => false,
        Ok(Either::Right((End::Close(_), _))) => {
            matches!(
                tokio::time::timeout(LAST_WRITE, writing.as_mut()).await,
                Ok(Ok(()))
            )
        }
    }
}

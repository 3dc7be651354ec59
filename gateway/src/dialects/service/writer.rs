//! The task that sends what one connection's queue holds. It sleeps until the queue wakes it, and gets the next
//! page of a repair beside that when the queue is low.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt, OptionFuture, select};

use chapar_shared::protocol::CloseCode;

use super::outlet::{Closed, Outlet, emit};
use super::packets;
use crate::connection::{Connection, End, Work, pull};
use crate::measures;
use crate::node::Node;

/// How long a client that is being closed may take for what is still to be sent.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Sends until the connection ends. The transport is left open.
pub(super) async fn write(node: Arc<Node>, connection: Arc<Connection>, mut outlet: Outlet) {
    let mut pulling: OptionFuture<BoxFuture<'static, ()>> = None.into();
    let mut is_pulling = false;
    let mut frames = VecDeque::new();
    loop {
        let work = tokio::select! {
            biased;
            Some(()) = &mut pulling => {
                pulling = None.into();
                is_pulling = false;
                continue;
            }
            work = poll_fn(|context| {
                let queue = &connection.queue;
                queue.poll_work(context, !is_pulling, &mut frames)
            }) => work,
        };
        match work {
            Work::Frames(is_ping_due) => {
                // The transport has a heartbeat of its own, and ends sessions that do not answer it.
                if is_ping_due {
                    connection.heard();
                }
                let writing = pin!(outlet.write(&mut frames));
                if !is_written(&node, &connection, writing).await {
                    match connection.queue.ending() {
                        Some(End::Close(code)) => measures::closed(connection.dialect, code),
                        _ => measures::left(connection.dialect),
                    }
                    connection.queue.end(End::Gone);
                    return;
                }
            }
            Work::Pull(room) => {
                let page = pull(Arc::clone(&node), Arc::clone(&connection), room);
                pulling = Some(page.boxed()).into();
                is_pulling = true;
            }
            Work::End(End::Gone) => {
                measures::left(connection.dialect);
                return;
            }
            Work::End(End::Close(code)) => {
                measures::closed(connection.dialect, code);
                if is_final(code) {
                    let telling = emit(&outlet.session, &outlet.lifeline, packets::DISCONNECT);
                    if !matches!(tokio::time::timeout(LAST_WRITE, telling).await, Ok(Ok(()))) {
                        tracing::debug!("a client was gone before it was told its end");
                    }
                }
                return;
            }
        }
    }
}

/// Whether a client must not come back by itself, and is told so. A transport that just closes makes it connect
/// again.
fn is_final(code: CloseCode) -> bool {
    match code {
        CloseCode::Malformed
        | CloseCode::Unauthenticated
        | CloseCode::TokenExpired
        | CloseCode::Revoked
        | CloseCode::RateLimited
        | CloseCode::FrameTooLarge
        | CloseCode::TooManyConnections => true,
        CloseCode::GoingAway | CloseCode::TooSlow | CloseCode::NoEventSource => false,
    }
}

/// Whether the transport took it all: within its time, which is short once the connection is to end.
async fn is_written<F>(node: &Node, connection: &Connection, mut writing: Pin<&mut F>) -> bool
where
    F: Future<Output = Result<(), Closed>>,
{
    // Nearly always there is room, and no timer is needed.
    if let Some(result) = writing.as_mut().now_or_never() {
        return result.is_ok();
    }
    let ending = pin!(poll_fn(|context| connection.queue.poll_end(context)));
    let timed = tokio::time::timeout(node.config.write_timeout, select(writing.as_mut(), ending));
    match timed.await {
        Ok(Either::Left((result, _))) => result.is_ok(),
        Ok(Either::Right((End::Gone, _))) | Err(_) => false,
        Ok(Either::Right((End::Close(_), _))) => {
            matches!(tokio::time::timeout(LAST_WRITE, writing).await, Ok(Ok(())))
        }
    }
}

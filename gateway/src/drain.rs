//! The end of a node's service: no new clients, the old ones sent away, their presence given up.
//!
//! The clients resume elsewhere. They are sent away all at once, with a close code that says so.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, interval};

use chapar_shared::protocol::CloseCode;

use crate::connection::End;
use crate::hub;
use crate::node::Node;

/// How often it is looked whether all are gone.
const PACE: Duration = Duration::from_millis(20);

/// See [`crate::Gateway::drain`].
pub(crate) async fn drain(node: &Arc<Node>) {
    let deadline = Instant::now() + node.config.drain_timeout;
    node.is_draining.store(true, Ordering::Release);
    let mut pace = interval(PACE);
    // Those that were opening when it began are found in a later round.
    while send_away(node) > 0 && Instant::now() < deadline {
        pace.tick().await;
    }
    let left = node.connections.len();
    if left > 0 {
        tracing::warn!(connections = left, "clients did not go in time");
    }
    let leaving = hub::leave_all(node);
    if tokio::time::timeout(Duration::from_secs(2), leaving)
        .await
        .is_err()
    {
        tracing::warn!("presence leases run out by themselves");
    }
}

/// Closes every connection; how many there still are.
fn send_away(node: &Node) -> usize {
    node.connections
        .each(|connection| connection.queue.end(End::Close(CloseCode::GoingAway)));
    node.connections.len()
}

/// Closes every connection when the node is shut down, drained before or not: their tasks end with that.
pub(crate) async fn close_at_shutdown(node: Arc<Node>) {
    node.shutdown.cancelled().await;
    node.is_draining.store(true, Ordering::Release);
    let mut pace = interval(PACE);
    let deadline = Instant::now() + node.config.drain_timeout;
    while send_away(&node) > 0 && Instant::now() < deadline {
        pace.tick().await;
    }
}

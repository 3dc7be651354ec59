//! The end of a node's service: no new clients, the old ones sent away, their presence given up.
//!
//! The clients resume elsewhere, and must not all do so at once: they are told one after the other, and are still
//! served until they go or their time is over. Those whose dialect has no word for it are closed instead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use tokio::time::{Instant, interval};

use chapar_shared::protocol::reply::Reconnect;
use chapar_shared::protocol::{CloseCode, ServerFrame};

use crate::connection::{Connection, End};
use crate::hub;
use crate::node::Node;

/// How often it is looked whether all are gone.
const PACE: Duration = Duration::from_millis(20);

/// How long a client that was told is served beyond its delay.
const GRACE: Duration = Duration::from_secs(1);

/// See [`crate::Gateway::drain`].
pub(crate) async fn drain(node: &Arc<Node>) {
    let deadline = Instant::now() + node.config.drain_timeout;
    node.is_draining.store(true, Ordering::Release);
    node.gate.close();
    tell_all(node).await;
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

/// Tells every client to come back elsewhere, one after the other, and closes each when its time is over. Ready
/// when all are gone or closed, which leaves a part of the drain's time for their last frames.
async fn tell_all(node: &Node) {
    let mut clients = Vec::new();
    node.connections
        .each(|connection| clients.push(Arc::clone(connection)));
    let Ok(count @ 1..) = u32::try_from(clients.len()) else {
        return;
    };
    let budget = node.config.drain_timeout;
    let between = Duration::from_secs(1) / node.config.drain_rate.max(1);
    let between = between.min(budget / 3 * 2 / count);
    let jitter = between.max(PACE);
    let stay = (jitter + GRACE).min(budget / 6);
    let begin = Instant::now();
    let moment = |at: usize| begin + between * u32::try_from(at).unwrap_or(count);
    let (mut told, mut closed) = (0, 0);
    let mut pace = interval(PACE);
    while closed < clients.len() && node.connections.len() > 0 {
        let now = pace.tick().await;
        while told < clients.len() && moment(told) <= now {
            tell(&clients[told], jitter);
            told += 1;
        }
        while closed < told && moment(closed) + stay <= now {
            clients[closed].queue.end(End::Close(CloseCode::GoingAway));
            closed += 1;
        }
    }
}

/// Tells one client, which is to come back within `jitter`.
fn tell(connection: &Connection, jitter: Duration) {
    if connection.dialect.get().resumes() {
        let most = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX);
        let after_ms = rand::rng().random_range(0..=most);
        connection.send(&ServerFrame::Reconnect(Reconnect { after_ms }));
    } else {
        connection.queue.end(End::Close(CloseCode::GoingAway));
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
    node.gate.close();
    let mut pace = interval(PACE);
    let deadline = Instant::now() + node.config.drain_timeout;
    while send_away(&node) > 0 && Instant::now() < deadline {
        pace.tick().await;
    }
}

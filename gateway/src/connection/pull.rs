//! One step of a replay: what a writer does beside writing when its queue asks for a room's next page.

use std::sync::Arc;

use super::Connection;
use crate::hub::{FetchError, Pull, Room};
use crate::node::Node;
use crate::retry::Backoff;

/// Queues a room's next page for a connection and, unless that was the last, asks its queue for another step.
/// Tries until the api answers; may be dropped midway.
pub(crate) async fn pull(node: Arc<Node>, connection: Arc<Connection>, room: Arc<Room>) {
    let mut backoff = Backoff::default();
    loop {
        match room.pull(&connection) {
            Pull::Done => return,
            Pull::More => break,
            Pull::Fetch { reader, generation } => match node.page(&room, reader).await {
                Ok(page) => {
                    let (gap, leads_further) =
                        room.push_page(&connection, reader, generation, &page);
                    node.mend(&room, gap);
                    if leads_further {
                        break;
                    }
                    backoff.wait().await;
                }
                Err(FetchError::NotFound) => {
                    room.detach(connection.id);
                    return;
                }
                Err(FetchError::Unavailable) => backoff.wait().await,
            },
        }
    }
    connection.queue.pull(room);
}

//! Repair of a room's gap: fetch what is missing until the head is where it is known to be.

use std::sync::Arc;

use super::pages::FetchError;
use super::position::Gap;
use super::room::Room;
use crate::measures::Repair;
use crate::node::Node;
use crate::retry::Backoff;

impl Node {
    /// Starts the repair of a gap that was just found.
    pub(crate) fn mend(self: &Arc<Self>, room: &Arc<Room>, gap: Gap) {
        if gap == Gap::Found {
            let (node, room) = (Arc::clone(self), Arc::clone(room));
            self.spawn(async move { repair(&node, &room).await });
        }
    }
}

async fn repair(node: &Arc<Node>, room: &Arc<Room>) {
    let _running = Repair::begin();
    tokio::time::sleep(node.config.repair_delay).await;
    let mut backoff = Backoff::default();
    while let Some((reader, generation)) = room.repair_from() {
        match node.page(room, reader).await {
            Ok(page) => {
                room.repair_with(reader, generation, &page);
                backoff = Backoff::default();
            }
            Err(FetchError::NotFound) => room.give_up(),
            Err(FetchError::Unavailable) => backoff.wait().await,
        }
    }
}

//! Pages of changes from the api: merged, one in flight for each room, bounded for the node.

use std::sync::{Arc, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use chapar_shared::Code;
use chapar_shared::internal::ChangesRequest;

use super::change::Page;
use super::position::Reader;
use super::room::Room;
use crate::backend::BackendError;
use crate::measures;
use crate::node::Node;

type Fetch = Shared<BoxFuture<'static, Result<Arc<Page>, FetchError>>>;

/// A page on its way. Weak: it goes on only while somebody waits for it.
pub(super) type InFlight = WeakShared<BoxFuture<'static, Result<Arc<Page>, FetchError>>>;

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// The api does not know the room.
    NotFound,
    /// Try again later.
    Unavailable,
}

impl Node {
    /// The next page of a room's changes for a reader. Whoever asks for the same page meanwhile shares it.
    pub(crate) async fn page(
        self: &Arc<Self>,
        room: &Arc<Room>,
        reader: Reader,
    ) -> Result<Arc<Page>, FetchError> {
        let fetch = {
            let mut in_flight = room
                .in_flight
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            in_flight.retain(|_, fetch| fetch.upgrade().is_some());
            if let Some(fetch) = in_flight.get(&reader).and_then(InFlight::upgrade) {
                fetch
            } else {
                let fetch: Fetch = fetch(Arc::clone(self), Arc::clone(room), reader)
                    .boxed()
                    .shared();
                if let Some(weak) = fetch.downgrade() {
                    in_flight.insert(reader, weak);
                }
                fetch
            }
        };
        let page = fetch.await;
        room.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&reader);
        page
    }
}

async fn fetch(node: Arc<Node>, room: Arc<Room>, reader: Reader) -> Result<Arc<Page>, FetchError> {
    let _one = room.fetching.lock().await;
    let _permit = node
        .fetches
        .acquire()
        .await
        .map_err(|_| FetchError::Unavailable)?;
    measures::backfill();
    let request = ChangesRequest {
        room: room.id,
        since: reader.since,
        origin: Some(reader.origin),
        limit: node.config.page_items.clamp(1, 1000),
    };
    match node.backend.changes(request).await {
        Ok(page) if node.is_current(&page.epoch) => Ok(Arc::new(Page::read(reader, page))),
        Ok(_) => Err(FetchError::Unavailable),
        Err(BackendError::Refused(problem)) if problem.code == Code::RoomNotFound => {
            Err(FetchError::NotFound)
        }
        Err(error) => {
            tracing::debug!(
                room.id = room.id.0,
                error = &error as &dyn std::error::Error,
                "no page of changes"
            );
            Err(FetchError::Unavailable)
        }
    }
}

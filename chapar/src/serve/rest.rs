//! What is left of a request that was answered before its body was read: a refusal, mostly.
//!
//! The library closes such a connection without saying so. A proxy may have sent the next request on it by then, and
//! what was still on its way makes the system reset the connection, which can take the answer with it. So a short
//! rest is read first. Of a long one nothing is read but the answer says that the connection ends, and what comes
//! meanwhile is let in and thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, header};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// Bytes of a rest that are read, so that the connection can be kept.
const MAX_BYTES: usize = 64 << 10;

/// How long the answer waits for them.
const PATIENCE: Duration = Duration::from_secs(1);

type Slot = Arc<Mutex<Option<Incoming>>>;

/// What the handler of a request leaves of its body.
#[derive(Debug)]
pub(super) struct Rest {
    slot: Slot,
    /// The client waits for leave to send its body, which reading would give.
    asks_first: bool,
}

/// A body that goes back to the connection's [`Rest`] if it was not read to its end.
struct Lent {
    body: Option<Incoming>,
    slot: Slot,
}

/// The request for its handler, and what sees to its rest, if it has a body.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Body>, Option<Rest>) {
    if request.body().is_end_stream() {
        return (request.map(Body::new), None);
    }
    let slot = Slot::default();
    let rest = Rest {
        slot: Arc::clone(&slot),
        asks_first: request.headers().contains_key(header::EXPECT),
    };
    let lent = |body| {
        let body = Some(body);
        Body::new(Lent { body, slot })
    };
    (request.map(lent), Some(rest))
}

impl Rest {
    /// Reads a short rest. Answers whether the connection can take another request.
    pub(super) async fn skip(self) -> bool {
        let left = self
            .slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(body) = left else {
            return true;
        };
        if self.asks_first || body.size_hint().lower() > MAX_BYTES as u64 {
            return false;
        }
        let reading = to_bytes(Body::new(body), MAX_BYTES);
        matches!(timeout(PATIENCE, reading).await, Ok(Ok(_)))
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && !body.is_end_stream()
        {
            *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

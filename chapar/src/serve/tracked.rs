//! A stream that is counted for as long as it exists, also after an upgrade handed it on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::telemetry::metrics::Gauge;

/// What a connection is about. Cheap to clone; of one task, whose polls change and read it.
#[derive(Clone, Debug)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A request's head is on its way, or the first one is still to come.
    pub(super) const HEAD: u8 = 0;
    /// A request is being answered.
    pub(super) const ANSWERING: u8 = 1;
    /// Nothing has come since the last answer.
    pub(super) const IDLE: u8 = 2;
    /// The last request was answered while its body is still on its way.
    pub(super) const CUT_OFF: u8 = 3;

    pub(super) fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// How long a client may go on sending what is not read any more, until the connection is closed. Closing it sooner
/// would reset it, and the client might lose the answer.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// A stream with its place among the allowed connections and its token of the tracker that a drain waits for.
#[derive(Debug)]
pub(super) struct Tracked<S> {
    stream: S,
    phase: Phase,
    /// Until when a connection that was shut down is listened to.
    last_bytes: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
    _token: TaskTrackerToken,
    _counted: Counted,
}

/// One of the open connections that metrics tell.
#[derive(Debug)]
struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl<S> Tracked<S> {
    pub(super) fn new(
        stream: S,
        permit: OwnedSemaphorePermit,
        token: TaskTrackerToken,
        open: Gauge,
    ) -> Self {
        open.increment(1.0);
        Self {
            stream,
            phase: Phase(Arc::new(AtomicU8::new(Phase::HEAD))),
            last_bytes: None,
            _permit: permit,
            _token: token,
            _counted: Counted(open),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// While an answer is still written, what comes is a request that was sent before its end: it is not read on.
    fn note_written(&self, polled: &Poll<io::Result<usize>>) {
        if matches!(polled, Poll::Ready(Ok(1..))) && self.phase.get() == Phase::HEAD {
            self.phase.set(Phase::IDLE);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tracked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before && self.phase.get() == Phase::IDLE {
            self.phase.set(Phase::HEAD);
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> Tracked<S> {
    /// Throws away what comes until the other side closes, too, or its time is over.
    fn poll_last_bytes(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self
            .last_bytes
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_BYTES)));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut bytes = [0; 8 << 10];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tracked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_written(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_written(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.last_bytes.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.phase.get() == Phase::CUT_OFF {
            ready!(self.poll_last_bytes(cx));
        }
        Poll::Ready(Ok(()))
    }
}

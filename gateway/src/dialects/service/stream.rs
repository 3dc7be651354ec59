//! A WebSocket's stream that can be cut from outside, and is where a write stalls for too long.
//!
//! The transport's library waits for a write as long as the client lets it wait, and tells nobody when what it
//! buffered has gone. Both matter to a node: a client that stops reading would hold its session for ever, and a
//! writer that found the buffer full would have to ask again and again.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What a session and its stream have in common. A session that polls has one too, and no stream.
#[derive(Debug, Default)]
pub(super) struct Lifeline {
    cut: CancellationToken,
    moved: Notify,
}

impl Lifeline {
    /// Ends the stream: reads find its end, writes fail.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Notes that something buffered was taken by the network, or by a request.
    pub(super) fn note_progress(&self) {
        self.moved.notify_one();
    }

    /// Waits for what [`Lifeline::note_progress`] notes, or noted since the last wait.
    pub(super) async fn progress(&self) {
        self.moved.notified().await;
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    lifeline: Arc<Lifeline>,
    /// Reads and writes are polled by two tasks, each with its own waker.
    read_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    write_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    patience: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// A stream whose writes may wait for `patience`.
    pub(super) fn new(stream: S, lifeline: Arc<Lifeline>, patience: Duration) -> Self {
        let cut = || Box::pin(lifeline.cut.clone().cancelled_owned());
        Self {
            stream,
            read_cut: cut(),
            write_cut: cut(),
            lifeline,
            patience,
            stalled: None,
        }
    }

    fn is_cut(&self) -> bool {
        self.lifeline.cut.is_cancelled()
    }

    /// Watches over one step of a write.
    fn guard<T>(
        &mut self,
        context: &mut Context<'_>,
        step: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if step.is_ready() {
            self.stalled = None;
            self.lifeline.note_progress();
            return step;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if stalled.as_mut().poll(context).is_ready() {
            self.lifeline.cut();
        }
        if self.is_cut() || self.write_cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut() || self.read_cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let step = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.guard(context, step)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let step = Pin::new(&mut self.stream).poll_flush(context);
        self.guard(context, step)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let step = Pin::new(&mut self.stream).poll_shutdown(context);
        self.guard(context, step)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_stalls_ends_the_stream() {
        let (server, _client) = tokio::io::duplex(16);
        let lifeline = Arc::new(Lifeline::default());
        let mut stream = Guarded::new(server, Arc::clone(&lifeline), Duration::from_secs(20));
        let error = stream.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_cut_stream_ends_whoever_waits() {
        let (server, _client) = tokio::io::duplex(16);
        let lifeline = Arc::new(Lifeline::default());
        let stream = Guarded::new(server, Arc::clone(&lifeline), Duration::from_secs(20));
        let (mut reads, mut writes) = tokio::io::split(stream);
        let reading = async { reads.read(&mut [0; 8]).await.unwrap() };
        let writing = async { writes.write_all(&[0; 64]).await.unwrap_err().kind() };
        let cutting = async { lifeline.cut() };
        let (read, written, ()) = tokio::join!(reading, writing, cutting);
        assert_eq!((read, written), (0, io::ErrorKind::BrokenPipe));
    }

    #[tokio::test]
    async fn progress_is_noted() {
        let (server, _client) = tokio::io::duplex(64);
        let lifeline = Arc::new(Lifeline::default());
        let mut stream = Guarded::new(server, Arc::clone(&lifeline), Duration::from_secs(20));
        stream.write_all(b"x").await.unwrap();
        lifeline.progress().await;
    }
}

//! Bounds the memory of large frames while they are being read.
//!
//! A socket that takes files may send a frame of many megabytes, and the library keeps all of a message until it
//! is whole. So the bytes of such a socket pass through here on their way to the library: the heads of frames
//! are followed, and one that would make its message large is held back until the message has a [`Place`], of
//! which each user has one and the node a few. It is given up when the message was dealt with
//! ([`Places::done`]). Frames that are longer than any may be pass at once: the library refuses them by their
//! head.
//!
//! Nothing is decoded here, and what the library does not accept is left to it.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::Connection;
use super::frame_heads::{FrameHeads, Seen};

/// The socket's stream. Of a socket that takes no files it is passed through as it is.
#[derive(Debug)]
pub(super) struct Gate<S> {
    stream: S,
    follower: Option<Box<Follower>>,
}

/// Leave to read one large message.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// What a socket's large messages need.
#[derive(Clone)]
pub(super) struct Places {
    /// One for each user.
    user: Arc<Semaphore>,
    node: Arc<Semaphore>,
    timeout: Duration,
    place: Arc<Mutex<Taken>>,
}

#[derive(Debug)]
enum Taken {
    No,
    /// The message is being read.
    Reading(Place),
    /// It was read and is being dealt with.
    Read(#[expect(dead_code, reason = "held, not looked at")] Place),
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").finish_non_exhaustive()
    }
}

impl Places {
    /// Of a user and the node; reading a large message takes `timeout` at most.
    pub(super) fn new(user: &Arc<Semaphore>, node: &Arc<Semaphore>, timeout: Duration) -> Self {
        Self {
            user: Arc::clone(user),
            node: Arc::clone(node),
            timeout,
            place: Arc::new(Mutex::new(Taken::No)),
        }
    }

    /// A message that was read is dealt with: if it was the large one, its place is free.
    pub(super) fn done(&self) {
        let mut place = self.lock();
        if matches!(*place, Taken::Read(_)) {
            *place = Taken::No;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user's first, so that nobody waits for themselves with one of the node's in hand.
    async fn acquire(self) -> Option<Place> {
        let user = self.user.acquire_owned().await.ok()?;
        let node = self.node.acquire_owned().await.ok()?;
        Some((user, node))
    }
}

/// Follows one socket's frames.
struct Follower {
    connection: Arc<Connection>,
    heads: FrameHeads,
    places: Places,
    /// Read from the stream and not handed on; the first of it belongs to a frame that needs a place.
    held: Vec<u8>,
    /// The frame before whose end `heads` stands needs a place.
    is_waiting: bool,
    acquiring: Option<BoxFuture<'static, Option<Place>>>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

impl<S> Gate<S> {
    /// A stream that is passed through.
    pub(super) fn open(stream: S) -> Self {
        Self {
            stream,
            follower: None,
        }
    }

    /// The stream of a connection whose messages are large above `small` bytes and refused above `max`.
    pub(super) fn following(
        stream: S,
        connection: Arc<Connection>,
        places: Places,
        small: usize,
        max: usize,
    ) -> Self {
        let follower = Follower {
            connection,
            heads: FrameHeads::new(small as u64, max as u64),
            places,
            held: Vec::new(),
            is_waiting: false,
            acquiring: None,
            deadline: None,
        };
        Self {
            stream,
            follower: Some(Box::new(follower)),
        }
    }
}

impl Follower {
    /// How many of these bytes may be handed on.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let (count, seen) = self.heads.follow(&bytes[at..]);
            at += count;
            match seen {
                Seen::Nothing => return at,
                Seen::Large => {
                    if matches!(*self.places.lock(), Taken::Reading(_)) {
                        self.heads.allow();
                    } else {
                        self.is_waiting = true;
                        return at;
                    }
                }
                Seen::End => {
                    self.deadline = None;
                    let mut place = self.places.lock();
                    if let Taken::Reading(held) = std::mem::replace(&mut *place, Taken::No) {
                        *place = Taken::Read(held);
                    }
                }
            }
        }
    }

    /// Ready once the frame that waits has its place.
    fn poll_place(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_waiting {
            return Poll::Ready(Ok(()));
        }
        if matches!(*self.places.lock(), Taken::Read(_)) {
            // Of the message before. Who deals with that is who reads, so it is asked for again after it.
            return Poll::Pending;
        }
        let places = &self.places;
        let acquiring = self
            .acquiring
            .get_or_insert_with(|| places.clone().acquire().boxed());
        let place = ready!(acquiring.poll_unpin(context));
        self.acquiring = None;
        let place = place.ok_or_else(|| io::Error::from(io::ErrorKind::Interrupted))?;
        *self.places.lock() = Taken::Reading(place);
        self.deadline = Some(Box::pin(tokio::time::sleep(self.places.timeout)));
        self.heads.allow();
        self.is_waiting = false;
        Poll::Ready(Ok(()))
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let deadline = self.deadline.as_mut();
        if deadline.is_some_and(|deadline| deadline.as_mut().poll(context).is_ready()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(follower) = &mut this.follower else {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        };
        loop {
            follower.poll_deadline(context)?;
            ready!(follower.poll_place(context))?;
            let start = buffer.filled().len();
            let count = if follower.held.is_empty() {
                ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
                let read = &buffer.filled()[start..];
                if read.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                follower.connection.heard();
                let count = follower.follow(read);
                if count < read.len() {
                    follower.held = read[count..].to_vec();
                }
                buffer.set_filled(start + count);
                count
            } else {
                let mut held = std::mem::take(&mut follower.held);
                let count = follower.follow(&held[..held.len().min(buffer.remaining())]);
                buffer.put_slice(&held[..count]);
                if count < held.len() {
                    held.drain(..count);
                    follower.held = held;
                }
                count
            };
            // Nothing handed on would be the end of the stream.
            if count > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

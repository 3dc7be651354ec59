//! One client's stream: bytes in, messages out; frames in, bytes out.
//!
//! Nothing is held for a client that is silent. What is read goes into a buffer of the thread and is told from
//! there; only a message that is not complete is kept. What is written is joined in another one, so that a busy
//! connection takes one write for many frames, and kept only as far as the client did not take it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BufMut;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::places::{Places, TooLate};
use crate::dialects::Utf8Bytes;
use crate::wire::{self, Decoder, Found, Incoming, Malformed, Opcode};

/// Bytes of one read.
const READ: usize = 16 << 10;

/// Bytes gathered for one write, if no frame is longer.
const JOIN: usize = 64 << 10;

/// Longer messages need a place before they are read on.
const FREE: usize = (64 << 10) + 1024;

/// Pongs that wait to be written.
const MAX_PONGS: usize = 1024;

/// How long the client may take to answer a close, and how much it may still send: the rest of a file somewhat
/// beyond the largest, in base64, so that its sender learns why. It is read and forgotten.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 << 20;

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// See the module.
pub(crate) struct Socket {
    io: TokioIo<Upgraded>,
    decoder: Decoder,
    max_message: usize,
    /// Read and not yet told: an incomplete frame, or what came while nobody listened.
    unread: Vec<u8>,
    /// Joined and not yet taken by the client.
    unwritten: Vec<u8>,
    /// Of `unwritten`.
    taken: usize,
    /// What messages longer than [`FREE`] wait for.
    places: Option<Places>,
    /// Bytes read since that was asked last.
    heard: usize,
}

/// What to do with a message, in the context of who reads; breaks to hear no more for now.
type Tell<'a> = &'a mut dyn FnMut(&mut Context<'_>, Incoming<'_>) -> ControlFlow<()>;

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The client went.
    Gone,
    /// It sent what cannot be read.
    Malformed(Malformed),
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

impl Socket {
    /// Over an upgraded stream. Longer messages than `max_message` bytes are refused by their header.
    pub(super) fn new(io: TokioIo<Upgraded>, max_message: usize) -> Self {
        Self {
            io,
            decoder: Decoder::default(),
            max_message,
            unread: Vec::new(),
            unwritten: Vec::new(),
            taken: 0,
            places: None,
            heard: 0,
        }
    }

    /// Lets long messages wait for places.
    pub(super) fn with_places(self, places: Option<Places>) -> Self {
        Self { places, ..self }
    }

    /// How many bytes the client sent since this was asked last, be they only a part of a message.
    pub(super) fn take_heard(&mut self) -> usize {
        std::mem::take(&mut self.heard)
    }

    /// Reads, and tells messages until `tell` breaks, which makes it ready. What a message borrowed is gone
    /// after the call; a long one's place is given back at the next.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        tell: Tell<'_>,
    ) -> Poll<Result<(), Unreadable>> {
        if let Some(places) = &mut self.places {
            places.done();
        }
        loop {
            // A long message may come in many short pieces.
            if self.decoder.held() > FREE {
                ready!(self.poll_place(context))?;
            }
            let needed = if self.unread.is_empty() {
                None
            } else {
                let mut unread = std::mem::take(&mut self.unread);
                let (used, step) = self.tell(context, &mut unread, tell)?;
                if used == unread.len() {
                    unread = Vec::new();
                } else {
                    unread.drain(..used);
                }
                self.unread = unread;
                match step {
                    ControlFlow::Break(()) => return Poll::Ready(Ok(())),
                    ControlFlow::Continue(needed) => {
                        Some(needed).filter(|_| !self.unread.is_empty())
                    }
                }
            };
            match needed {
                Some(needed) => ready!(self.poll_more(context, needed))?,
                None => match ready!(self.poll_fresh(context, tell))? {
                    ControlFlow::Break(()) => return Poll::Ready(Ok(())),
                    ControlFlow::Continue(()) => {}
                },
            }
        }
    }

    /// Reads more of an incomplete frame behind what there is of it.
    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        needed: usize,
    ) -> Poll<Result<(), Unreadable>> {
        if needed > FREE {
            ready!(self.poll_place(context))?;
        }
        // No more than there is already: what a header claims costs its sender the same.
        let missing = needed.saturating_sub(self.unread.len());
        let step = missing.min(self.unread.len().max(READ)).max(1);
        self.unread.reserve_exact(step);
        let mut buffer = (&mut self.unread).limit(step);
        let read = poll_read_buf(Pin::new(&mut self.io), context, &mut buffer);
        match ready!(read) {
            Ok(read @ 1..) => {
                self.heard += read;
                Poll::Ready(Ok(()))
            }
            Ok(0) | Err(_) => Poll::Ready(Err(Unreadable::Gone)),
        }
    }

    /// Reads into the thread's buffer and tells what is complete.
    fn poll_fresh(
        &mut self,
        context: &mut Context<'_>,
        tell: Tell<'_>,
    ) -> Poll<Result<ControlFlow<()>, Unreadable>> {
        INPUT.with_borrow_mut(|input| {
            let mut buffer = ReadBuf::new(input);
            let read = Pin::new(&mut self.io).poll_read(context, &mut buffer);
            let bytes = match ready!(read) {
                Ok(()) if !buffer.filled().is_empty() => buffer.filled_mut(),
                Ok(()) | Err(_) => return Poll::Ready(Err(Unreadable::Gone)),
            };
            self.heard += bytes.len();
            let (used, step) = self.tell(context, bytes, tell)?;
            self.unread.extend_from_slice(&bytes[used..]);
            Poll::Ready(Ok(step.map_continue(|_| ())))
        })
    }

    /// A place for the message that is being read; where none are needed, the decoder's limit is enough.
    fn poll_place(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unreadable>> {
        match &mut self.places {
            Some(places) => places
                .poll_take(context)
                .map_err(|TooLate| Unreadable::Gone),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Tells the messages of a buffer; how many bytes are done with, and how many the rest needs in all.
    fn tell(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        tell: Tell<'_>,
    ) -> Result<(usize, ControlFlow<(), usize>), Unreadable> {
        let mut used = 0;
        while used < buffer.len() {
            let found = self.decoder.next(&mut buffer[used..], self.max_message);
            match found.map_err(Unreadable::Malformed)? {
                Found::Message(message, length) => {
                    used += length;
                    if let Incoming::Ping(payload) = message {
                        // A client that pings and reads nothing is answered once.
                        if self.unwritten.len() < MAX_PONGS {
                            wire::put_frame(&mut self.unwritten, Opcode::Pong, payload);
                        }
                    }
                    if let (Some(places), Incoming::Text(_) | Incoming::Binary(_)) =
                        (&mut self.places, &message)
                    {
                        places.read();
                    }
                    if tell(context, message).is_break() {
                        return Ok((used, ControlFlow::Break(())));
                    }
                }
                Found::Fragment(length) => {
                    used += length;
                    if self.decoder.held() > FREE {
                        break;
                    }
                }
                Found::Incomplete(needed) => return Ok((used, ControlFlow::Continue(needed))),
            }
        }
        Ok((used, ControlFlow::Continue(0)))
    }

    /// Writes what was begun and then `frames`, as much as the client takes; ready when all is written.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        frames: &mut VecDeque<Utf8Bytes>,
    ) -> Poll<io::Result<()>> {
        loop {
            while self.taken < self.unwritten.len() {
                let rest = &self.unwritten[self.taken..];
                self.taken += count(ready!(Pin::new(&mut self.io).poll_write(context, rest)))?;
            }
            if !self.unwritten.is_empty() {
                (self.unwritten, self.taken) = (Vec::new(), 0);
            }
            if frames.is_empty() {
                return Pin::new(&mut self.io).poll_flush(context);
            }
            OUTPUT.with_borrow_mut(|output| {
                output.clear();
                while output.len() < JOIN
                    && let Some(frame) = frames.pop_front()
                {
                    wire::put_frame(output, Opcode::Text, frame.as_bytes());
                }
                let written = match Pin::new(&mut self.io).poll_write(context, output) {
                    Poll::Ready(written) => count(written)?,
                    Poll::Pending => 0,
                };
                self.unwritten.extend_from_slice(&output[written..]);
                // A long frame's room is not kept for the thread's life.
                output.shrink_to(2 * JOIN);
                Ok::<_, io::Error>(())
            })?;
        }
    }

    /// Bytes that were begun and that the client did not take yet.
    pub(super) fn backlog(&self) -> usize {
        self.unwritten.len() - self.taken
    }

    /// Adds a ping to what is written next.
    pub(super) fn ping(&mut self) {
        wire::put_frame(&mut self.unwritten, Opcode::Ping, &[]);
    }

    /// The next message of a client that nothing is written to yet; `None` is a binary one.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Unreadable> {
        let mut told = None;
        loop {
            let mut tell = |_: &mut Context<'_>, message: Incoming<'_>| {
                told = Some(match message {
                    Incoming::Text(text) => Ok(Some(text.into_owned())),
                    Incoming::Binary(_) => Ok(None),
                    Incoming::Close => Err(Unreadable::Gone),
                    Incoming::Ping(_) | Incoming::Pong => return ControlFlow::Continue(()),
                });
                ControlFlow::Break(())
            };
            poll_fn(|context| self.poll_read(context, &mut tell)).await?;
            if let Some(told) = told.take() {
                return told;
            }
        }
    }

    /// Closes with a code, after what was begun, and waits for the client to close too: a stream dropped with
    /// unread input would take the close frame with it. Each within its time; the client may be gone already.
    pub(super) async fn close(mut self, code: u16, reason: &str, patience: Duration) {
        wire::put_close(&mut self.unwritten, code, reason);
        let mut nothing = VecDeque::new();
        let writing = poll_fn(|context| self.poll_write(context, &mut nothing));
        if !matches!(tokio::time::timeout(patience, writing).await, Ok(Ok(()))) {
            tracing::debug!("a close frame could not be written in time");
            return;
        }
        let lingering = async {
            let (mut is_closed, mut is_readable, mut heard) = (false, true, 0);
            while !is_closed && heard < LINGER_BYTES {
                if is_readable {
                    let mut tell = |_: &mut Context<'_>, message: Incoming<'_>| {
                        is_closed = message == Incoming::Close;
                        ControlFlow::Break(())
                    };
                    is_readable = poll_fn(|context| self.poll_read(context, &mut tell))
                        .await
                        .is_ok();
                } else if !poll_fn(|context| self.poll_discard(context)).await {
                    // What cannot be read any more was still to be taken from the system.
                    return;
                }
                heard += self.take_heard();
            }
        };
        if tokio::time::timeout(LINGER, lingering).await.is_err() {
            tracing::debug!("a client did not answer the close");
        }
    }

    /// Reads and forgets; whether more may come.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        INPUT.with_borrow_mut(|input| {
            let mut buffer = ReadBuf::new(input);
            let read = ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer));
            self.heard += buffer.filled().len();
            Poll::Ready(read.is_ok() && !buffer.filled().is_empty())
        })
    }
}

/// A write of nothing is a stream that takes no more.
fn count(written: io::Result<usize>) -> io::Result<usize> {
    match written? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

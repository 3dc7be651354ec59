//! A connection's outbound queue: bounded in bytes, woken only when its writer sleeps.
//!
//! Queue and writer have a buffer each and exchange them: a connection that is written to allocates nothing for
//! what is queued. One that rests gives them back at its next heartbeat.
//!
//! Everything here is one short section under one lock; nobody waits. When the queue is full the client is
//! told to come back ([`CloseCode::TooSlow`]) rather than anybody slowed down. Frames of a replay are pulled by
//! the writer when the queue is low, so that they never fill it.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use chapar_shared::protocol::CloseCode;

use crate::dialects::{Frames, Utf8Bytes};
use crate::hub::Room;

/// What a queued frame costs besides its own bytes.
const OVERHEAD: usize = 48;

/// Frames whose room a connection keeps from one write to the next; 2 KiB.
const KEPT: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Utf8Bytes>,
    /// Of `frames` and of what the writer took and did not yet finish.
    bytes: usize,
    in_hand: usize,
    /// Rooms whose listener waits for its next page.
    pulls: VecDeque<Arc<Room>>,
    is_ping_due: bool,
    end: Option<End>,
    is_end_taken: bool,
    writer: Option<Waker>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The server closes it, with this code, after what is queued.
    Close(CloseCode),
    /// The client went.
    Gone,
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write the frames that were handed over, then a ping if this is true.
    Frames(bool),
    /// Nothing to write: get the next page of this room.
    Pull(Arc<Room>),
    /// Nothing comes after.
    End(End),
}

impl Queue {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues what must arrive. A full queue ends the connection instead.
    pub(crate) fn push(&self, frames: &Frames) {
        if matches!(frames, Frames::None) {
            return;
        }
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        state.add(frames);
        if state.bytes > self.max_bytes {
            state.finish(End::Close(CloseCode::TooSlow));
        }
        state.wake();
    }

    /// Queues the answer to `hello` before whatever came meanwhile, and as a page, however long it is.
    pub(crate) fn push_first(&self, first: &[Frames]) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        let meanwhile = mem::take(&mut state.frames);
        let bytes = state.bytes;
        for frames in first {
            state.add(frames);
        }
        state.frames.extend(meanwhile);
        state.bytes = bytes;
        state.wake();
    }

    /// Queues a page that the writer asked for, however long it is.
    pub(crate) fn push_page(&self, frames: impl IntoIterator<Item = Frames>) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        for frames in frames {
            state.add(&frames);
        }
        // A page counts as in hand, so that it leaves the whole queue to live events.
        state.bytes = state.bytes.min(self.max_bytes / 4);
        state.wake();
    }

    /// Queues what may be dropped under load; tells whether that was done.
    pub(crate) fn push_ephemeral(&self, frames: &Frames) -> bool {
        if matches!(frames, Frames::None) {
            return true;
        }
        let mut state = self.lock();
        if state.end.is_some() || state.bytes > self.max_bytes / 2 {
            return false;
        }
        state.add(frames);
        state.wake();
        true
    }

    /// Asks the writer to get a room's next page when the queue is empty.
    pub(crate) fn pull(&self, room: Arc<Room>) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.pulls.push_back(room);
            state.wake();
        }
    }

    /// Asks the writer for a ping.
    pub(crate) fn ping(&self) {
        let mut state = self.lock();
        state.is_ping_due = true;
        if state.frames.is_empty() {
            state.frames = VecDeque::new();
        }
        state.wake();
    }

    /// Ends the connection; only the first end counts. A closed one still gets what was queued before,
    /// unless it was too slow for it or may not see it any more.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.finish(end);
            state.wake();
        }
    }

    /// What is queued, and what the writer took and did not yet finish.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// How it ends, if it does.
    pub(crate) fn ending(&self) -> Option<End> {
        self.lock().end
    }

    /// The writer's next work; what is to be written goes into `frames`, which is empty. What was taken before
    /// counts as written.
    pub(crate) fn poll_work(
        &self,
        context: &mut Context<'_>,
        may_pull: bool,
        frames: &mut VecDeque<Utf8Bytes>,
    ) -> Poll<Work> {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(mem::take(&mut state.in_hand));
        // Getting a page goes on beside writing: it is begun first, so that live events cannot put it off.
        if may_pull
            && state.bytes <= self.max_bytes / 8
            && let Some(room) = state.pulls.pop_front()
        {
            return Poll::Ready(Work::Pull(room));
        }
        if !state.frames.is_empty() || (state.is_ping_due && state.end.is_none()) {
            state.in_hand = state.bytes;
            let is_ping_due = mem::take(&mut state.is_ping_due);
            // With a ping the connection rests, or rested long: nothing is kept then.
            if is_ping_due || frames.capacity() > KEPT {
                *frames = VecDeque::new();
            }
            mem::swap(&mut state.frames, frames);
            return Poll::Ready(Work::Frames(is_ping_due));
        }
        if let Some(end) = state.end
            && !state.is_end_taken
        {
            state.is_end_taken = true;
            return Poll::Ready(Work::End(end));
        }
        match &mut state.writer {
            Some(waker) => waker.clone_from(context.waker()),
            empty => *empty = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Ready once the connection is to end, whatever is still queued; for a writer that is stuck.
    pub(crate) fn poll_end(&self, context: &mut Context<'_>) -> Poll<End> {
        let mut state = self.lock();
        if let Some(end) = state.end {
            return Poll::Ready(end);
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }
}

impl State {
    fn add(&mut self, frames: &Frames) {
        for frame in frames.as_slice() {
            self.bytes += frame.len() + OVERHEAD;
            self.frames.push_back(frame.clone());
        }
    }

    fn finish(&mut self, end: End) {
        self.end = Some(end);
        self.pulls = VecDeque::new();
        let keeps_queue = matches!(
            end,
            End::Close(code) if !matches!(code, CloseCode::TooSlow | CloseCode::Revoked)
        );
        if !keeps_queue {
            self.frames = VecDeque::new();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;

    use super::*;

    fn frame(bytes: usize) -> Frames {
        Frames::One("x".repeat(bytes).into())
    }

    fn work(queue: &Queue) -> Option<(Work, VecDeque<Utf8Bytes>)> {
        let mut frames = VecDeque::new();
        let work = poll_fn(|context| queue.poll_work(context, true, &mut frames));
        work.now_or_never().map(|work| (work, frames))
    }

    #[test]
    fn half_a_queue_drops_ephemerals_and_a_full_one_closes() {
        let queue = Queue::new(1000);
        assert!(queue.push_ephemeral(&frame(300)));
        queue.push(&frame(300));
        assert!(!queue.push_ephemeral(&frame(1)));
        queue.push(&frame(200));
        assert_eq!(queue.ending(), None);
        queue.push(&frame(200));
        assert_eq!(queue.ending(), Some(End::Close(CloseCode::TooSlow)));
        assert!(matches!(
            work(&queue),
            Some((Work::End(End::Close(CloseCode::TooSlow)), _))
        ));
        assert!(work(&queue).is_none());
    }

    #[test]
    fn what_the_writer_holds_still_counts_until_it_asks_again() {
        let queue = Queue::new(1000);
        queue.push(&frame(400));
        assert!(matches!(work(&queue), Some((Work::Frames(false), frames)) if frames.len() == 1));
        queue.push(&frame(200));
        assert!(!queue.push_ephemeral(&frame(1)));
        assert!(work(&queue).is_some());
        assert!(queue.push_ephemeral(&frame(1)));
        assert!(work(&queue).is_some());
        assert!(work(&queue).is_none());
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn queue_and_writer_exchange_their_buffers_until_the_next_ping() {
        let queue = Queue::new(1 << 20);
        let mut frames = VecDeque::new();
        let mut next = |count| {
            for _ in 0..count {
                queue.push(&frame(1));
            }
            frames.clear();
            let work = poll_fn(|context| queue.poll_work(context, true, &mut frames));
            let is_ping_due = matches!(work.now_or_never(), Some(Work::Frames(true)));
            let kept = queue.lock().frames.capacity();
            (frames.len(), frames.capacity(), kept, is_ping_due)
        };
        let (_, first, ..) = next(1);
        assert!(first > 0);
        assert_eq!(next(2), (2, first, first, false));
        // What a burst took is not kept.
        assert!(matches!(next(KEPT + 1), (_, KEPT.., _, false)));
        assert!(matches!(next(1), (1, _, 0, false)));
        queue.ping();
        assert_eq!(next(0), (0, 0, 0, true));
    }

    #[test]
    fn a_closed_connection_gets_what_came_before_and_nothing_after() {
        let queue = Queue::new(1000);
        queue.push(&frame(1));
        queue.end(End::Close(CloseCode::GoingAway));
        queue.push(&frame(1));
        queue.end(End::Close(CloseCode::Revoked));
        assert!(matches!(work(&queue), Some((Work::Frames(_), frames)) if frames.len() == 1));
        assert!(matches!(
            work(&queue),
            Some((Work::End(End::Close(CloseCode::GoingAway)), _))
        ));
    }
}

//! Who may send a long message now. Most fit into what every connection may hold; for one that carries a file a
//! place is needed before it is read on, of its user and of the node.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// The places of one socket's long messages.
pub(super) struct Places {
    user: Arc<Semaphore>,
    node: Arc<Semaphore>,
    timeout: Duration,
    state: State,
}

/// Of the user and of the node.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

enum State {
    None,
    Waiting(BoxFuture<'static, Place>),
    /// The message is being read; until then.
    Reading(Place, Pin<Box<Sleep>>),
    /// It was read and is being dealt with.
    Read(#[expect(dead_code, reason = "held, not looked at")] Place),
}

/// A long message that did not come in its time.
#[derive(Debug)]
pub(super) struct TooLate;

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").finish_non_exhaustive()
    }
}

impl Places {
    /// Of a user's one and the node's few; reading a message with one takes `timeout` at most.
    pub(super) fn new(user: &Arc<Semaphore>, node: &Arc<Semaphore>, timeout: Duration) -> Self {
        Self {
            user: Arc::clone(user),
            node: Arc::clone(node),
            timeout,
            state: State::None,
        }
    }

    /// Ready with a place, taken now or before for the message that is being read.
    pub(super) fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TooLate>> {
        loop {
            match &mut self.state {
                State::None | State::Read(_) => {
                    // The place of the message before is given back first, or its sender would wait for it.
                    self.state = State::None;
                    let acquiring = acquire(Arc::clone(&self.user), Arc::clone(&self.node));
                    self.state = State::Waiting(acquiring.boxed());
                }
                State::Waiting(acquiring) => {
                    let place = ready!(acquiring.as_mut().poll(context));
                    let deadline = Box::pin(tokio::time::sleep(self.timeout));
                    self.state = State::Reading(place, deadline);
                }
                State::Reading(_, deadline) => {
                    return Poll::Ready(match deadline.as_mut().poll(context) {
                        Poll::Ready(()) => Err(TooLate),
                        Poll::Pending => Ok(()),
                    });
                }
            }
        }
    }

    /// A message was read: if it was the long one, its place goes back when it was dealt with.
    pub(super) fn read(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::None) {
            State::Reading(place, _) => State::Read(place),
            other => other,
        };
    }

    /// What was read is dealt with.
    pub(super) fn done(&mut self) {
        if matches!(self.state, State::Read(_)) {
            self.state = State::None;
        }
    }
}

/// The user's first: whoever waits for themselves holds no place of the node.
async fn acquire(user: Arc<Semaphore>, node: Arc<Semaphore>) -> Place {
    const OPEN: &str = "these semaphores are never closed";
    let user = user.acquire_owned().await.expect(OPEN);
    (user, node.acquire_owned().await.expect(OPEN))
}

//! What many callers ask at the same time, asked together: while some requests are in flight, the others wait and
//! form the next one. Alone, a caller asks at once.
//!
//! There is no task for it: each request is made by one of those who ask. When it is answered, or its maker is
//! dropped midway, the next of the waiting makes the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// See the module. Questions `Q` are asked again where whoever asked for them is dropped midway.
#[derive(Debug)]
pub(crate) struct Batches<Q, A> {
    shared: Arc<Shared<Q, A>>,
}

#[derive(Debug)]
struct Shared<Q, A> {
    max_items: usize,
    max_in_flight: usize,
    state: Mutex<State<Q, A>>,
}

#[derive(Debug)]
struct State<Q, A> {
    in_flight: usize,
    waiting: VecDeque<(Q, oneshot::Sender<Turn<Q, A>>)>,
}

/// What becomes of one who waits.
#[derive(Debug)]
enum Turn<Q, A> {
    Answer(A),
    /// To ask for oneself and for those who wait.
    Ask(Place<Q, A>),
}

/// A place among the requests in flight, handed on to the next of the waiting when dropped.
#[derive(Debug)]
struct Place<Q, A>(Option<Arc<Shared<Q, A>>>);

impl<Q: Clone, A> Batches<Q, A> {
    /// Of `max_items` in one request and `max_in_flight` requests at a time, both at least 1.
    pub(crate) fn new(max_items: usize, max_in_flight: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                max_items,
                max_in_flight,
                state: Mutex::new(State {
                    in_flight: 0,
                    waiting: VecDeque::new(),
                }),
            }),
        }
    }

    /// The answer to `question`; `ask` is called at most once, with it and others, and gives an answer for each,
    /// in order. May be dropped midway.
    pub(crate) async fn ask<F>(&self, question: Q, ask: impl FnOnce(Vec<Q>) -> F) -> A
    where
        F: Future<Output = Vec<A>>,
    {
        loop {
            let place = match self.shared.enter(&question) {
                Ok(place) => place,
                Err(turn) => match turn.await {
                    Ok(Turn::Answer(answer)) => return answer,
                    Ok(Turn::Ask(place)) => place,
                    // Whoever asked was dropped.
                    Err(_) => continue,
                },
            };
            let mut questions = vec![question];
            let mut others = Vec::new();
            for (question, other) in self.shared.take() {
                questions.push(question);
                others.push(other);
            }
            let mut answers = ask(questions).await.into_iter();
            let own = answers.next().expect("there is an answer for each");
            for (other, answer) in others.into_iter().zip(answers) {
                // Whoever does not wait any more needs none.
                other.send(Turn::Answer(answer)).ok();
            }
            drop(place);
            return own;
        }
    }
}

impl<Q, A> Shared<Q, A> {
    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place to ask, or where to wait.
    fn enter(self: &Arc<Self>, question: &Q) -> Result<Place<Q, A>, oneshot::Receiver<Turn<Q, A>>>
    where
        Q: Clone,
    {
        let mut state = self.lock();
        if state.in_flight < self.max_in_flight {
            state.in_flight += 1;
            return Ok(Place(Some(Arc::clone(self))));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push_back((question.clone(), sender));
        Err(receiver)
    }

    /// Those who wait, as many as fit beside one.
    fn take(&self) -> Vec<(Q, oneshot::Sender<Turn<Q, A>>)> {
        let mut state = self.lock();
        let count = state.waiting.len().min(self.max_items - 1);
        let taken = state.waiting.drain(..count);
        // A question of nobody is not asked.
        taken.filter(|(_, sender)| !sender.is_closed()).collect()
    }
}

impl<Q, A> Drop for Place<Q, A> {
    fn drop(&mut self) {
        let Some(shared) = self.0.take() else { return };
        loop {
            let next = {
                let mut state = shared.lock();
                let next = state.waiting.pop_front();
                if next.is_none() {
                    state.in_flight -= 1;
                }
                next
            };
            let Some((_, sender)) = next else { return };
            match sender.send(Turn::Ask(Place(Some(Arc::clone(&shared))))) {
                Err(Turn::Ask(mut unused)) => unused.0 = None,
                Ok(()) | Err(Turn::Answer(_)) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Asks in batches that wait for `gate`, and tells which there were.
    async fn double(
        batches: &Batches<u32, u32>,
        question: u32,
        gate: &Semaphore,
        asked: &RefCell<Vec<Vec<u32>>>,
    ) -> u32 {
        batches
            .ask(question, async |questions| {
                asked.borrow_mut().push(questions.clone());
                gate.acquire().await.unwrap().forget();
                questions.into_iter().map(|it| it * 2).collect()
            })
            .await
    }

    /// Where nobody asks for those who wait, a test fails rather than waits.
    async fn in_time<T>(asking: impl Future<Output = T>) -> T {
        let limit = std::time::Duration::from_secs(10);
        tokio::time::timeout(limit, asking).await.unwrap()
    }

    #[tokio::test]
    async fn what_waits_is_asked_together() {
        let (batches, gate) = (Batches::new(3, 1), Semaphore::new(0));
        let asked = RefCell::default();
        let mut all = Box::pin(join_all(
            (1..=5).map(|it| double(&batches, it, &gate, &asked)),
        ));
        assert!((&mut all).now_or_never().is_none());
        assert_eq!(*asked.borrow(), [vec![1]]);
        gate.add_permits(3);
        assert_eq!(in_time(all).await, [2, 4, 6, 8, 10]);
        assert_eq!(*asked.borrow(), [vec![1], vec![2, 3, 4], vec![5]]);
        gate.add_permits(1);
        assert_eq!(double(&batches, 7, &gate, &asked).await, 14);
    }

    #[tokio::test]
    async fn who_is_dropped_while_asking_leaves_nobody_waiting() {
        let (batches, gate) = (Batches::new(2, 1), Semaphore::new(0));
        let asked = RefCell::default();
        let new = |question| Box::pin(double(&batches, question, &gate, &asked));
        let (mut first, mut second, mut third, mut fourth) = (new(1), new(2), new(3), new(4));
        for waiting in [&mut first, &mut second, &mut third, &mut fourth] {
            assert!(waiting.now_or_never().is_none());
        }
        // The second is told to ask and never does; with it goes nobody's question but its own.
        drop(first);
        drop(second);
        assert!((&mut third).now_or_never().is_none());
        // The third asks for the fourth too, and is dropped.
        assert_eq!(*asked.borrow(), [vec![1], vec![3, 4]]);
        drop(third);
        gate.add_permits(1);
        assert_eq!(in_time(fourth).await, 8);
        assert_eq!(asked.borrow().last(), Some(&vec![4]));
    }
}

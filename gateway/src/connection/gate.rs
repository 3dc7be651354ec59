//! Who may send a long message now. Most fit into what every connection may hold; for one that carries a file a
//! place is needed before it is read on, of its user and of the node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use chapar_shared::UserId;

/// The places of a node: one for each user at a time.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    users: Mutex<HashMap<UserId, Turnstile>>,
}

#[derive(Debug)]
struct Turnstile {
    semaphore: Arc<Semaphore>,
    /// Who waits or is in.
    visitors: usize,
}

/// One user's asking; forgotten when dropped.
#[derive(Debug)]
struct Visit {
    gate: Arc<Gate>,
    user: UserId,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _node: OwnedSemaphorePermit,
    _user: OwnedSemaphorePermit,
    _visit: Visit,
}

impl Gate {
    /// With so many places.
    #[cfg_attr(not(test), expect(dead_code, reason = "no dialect takes files yet"))]
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            users: Mutex::default(),
        })
    }

    /// Waits for a place. May be dropped midway.
    pub(crate) fn enter(self: &Arc<Self>, user: UserId) -> BoxFuture<'static, Place> {
        let (visit, turnstile) = self.visit(user);
        let places = Arc::clone(&self.places);
        Box::pin(async move {
            // The user's own first: whoever waits for themselves holds no place of the node.
            let of_user = acquire(turnstile).await;
            Place {
                _node: acquire(places).await,
                _user: of_user,
                _visit: visit,
            }
        })
    }

    fn visit(self: &Arc<Self>, user: UserId) -> (Visit, Arc<Semaphore>) {
        let mut users = self.lock();
        let turnstile = users.entry(user).or_insert_with(|| Turnstile {
            semaphore: Arc::new(Semaphore::new(1)),
            visitors: 0,
        });
        turnstile.visitors += 1;
        let visit = Visit {
            gate: Arc::clone(self),
            user,
        };
        (visit, Arc::clone(&turnstile.semaphore))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Turnstile>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut users = self.gate.lock();
        if let Some(turnstile) = users.get_mut(&self.user) {
            turnstile.visitors -= 1;
            if turnstile.visitors == 0 {
                users.remove(&self.user);
            }
        }
    }
}

async fn acquire(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = semaphore.acquire_owned().await;
    permit.expect("the semaphores of a gate are never closed")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_user_has_one_place_and_the_node_a_few() {
        let gate = Gate::new(2);
        let (ali, sara, reza) = (UserId(1), UserId(2), UserId(3));
        let first = gate.enter(ali).now_or_never().unwrap();
        let mut again = gate.enter(ali);
        assert!((&mut again).now_or_never().is_none());
        let second = gate.enter(sara).now_or_never().unwrap();
        let mut third = gate.enter(reza);
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        let third = third.now_or_never().unwrap();
        // Ali's second is the only one of theirs now, and waits for a place of the node like everybody.
        assert!((&mut again).now_or_never().is_none());
        drop(second);
        drop((again.now_or_never().unwrap(), third));
        // Who gave up waiting is forgotten too.
        drop((gate.enter(ali), gate.enter(ali)));
        assert!(gate.lock().is_empty());
    }
}

//! Leases in one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chapar_shared::{Timestamp, UserId};
use tokio::time::Instant;

use crate::{BrokerError, PRESENCE_LEASE, Presence, PresenceState};

/// Users remembered after they went, so that memory is bounded.
const MAX_ABSENT: usize = 100_000;

/// The leases that the nodes of one process share; each takes a [`MemoryPresence`] from it.
#[derive(Clone, Debug, Default)]
pub struct PresenceBoard {
    users: Arc<Mutex<HashMap<UserId, Leases>>>,
}

#[derive(Debug, Default)]
struct Leases {
    /// When each node's lease ends.
    nodes: Vec<(u64, Instant)>,
    last_seen: Option<Timestamp>,
}

impl Leases {
    /// Ends leases that ran out: their end, on the wall clock, is when the user was last seen.
    fn settle(&mut self, now: Instant, wall: Timestamp) {
        let last_seen = &mut self.last_seen;
        self.nodes.retain(|&(_, end)| {
            let is_live = end > now;
            if !is_live {
                *last_seen = (*last_seen).max(Some(wall.minus(now - end)));
            }
            is_live
        });
    }
}

impl PresenceBoard {
    /// The presence of the node `node`, with leases of [`PRESENCE_LEASE`].
    pub fn node(&self, node: u64) -> MemoryPresence {
        MemoryPresence {
            board: self.clone(),
            node,
            lease: PRESENCE_LEASE,
        }
    }
}

/// One node's handle on a [`PresenceBoard`]; time is Tokio's clock. It always answers. Of those who went,
/// 100,000 are remembered.
#[derive(Debug)]
pub struct MemoryPresence {
    board: PresenceBoard,
    node: u64,
    lease: Duration,
}

impl MemoryPresence {
    /// The same with another length of leases, for tests.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Lets this node's leases end so long from now. Gives those who were on no node.
    fn hold(&self, users: &[UserId], lease: Duration) -> Vec<UserId> {
        let (now, wall) = (Instant::now(), Timestamp::now());
        let mut all = self.users();
        let mut came = Vec::new();
        for &user in users {
            let leases = all.entry(user).or_default();
            leases.settle(now, wall);
            if leases.nodes.is_empty() {
                came.push(user);
            }
            leases.nodes.retain(|&(node, _)| node != self.node);
            leases.nodes.push((self.node, now + lease));
        }
        came
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Leases>> {
        self.board
            .users
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Presence for MemoryPresence {
    async fn renew(&self, users: &[UserId]) -> Result<Vec<UserId>, BrokerError> {
        Ok(self.hold(users, self.lease))
    }

    async fn let_go(&self, users: &[UserId], after: Duration) -> Result<(), BrokerError> {
        self.hold(users, after.min(self.lease));
        Ok(())
    }

    async fn release(&self, users: &[UserId], at: Timestamp) -> Result<Vec<UserId>, BrokerError> {
        let (now, wall) = (Instant::now(), Timestamp::now());
        let mut all = self.users();
        let mut gone = Vec::new();
        for &user in users {
            let leases = all.entry(user).or_default();
            leases.settle(now, wall);
            leases.nodes.retain(|&(node, _)| node != self.node);
            leases.last_seen = leases.last_seen.max(Some(at));
            if leases.nodes.is_empty() {
                gone.push(user);
            }
        }
        if all.len() > MAX_ABSENT {
            for leases in all.values_mut() {
                leases.settle(now, wall);
            }
            let mut absent: Vec<(Option<Timestamp>, UserId)> = all
                .iter()
                .filter(|(_, leases)| leases.nodes.is_empty())
                .map(|(&user, leases)| (leases.last_seen, user))
                .collect();
            // Half at a time, so that the sorting is paid once in many releases.
            if absent.len() > MAX_ABSENT {
                absent.sort_unstable();
                for (_, user) in &absent[..absent.len() - MAX_ABSENT / 2] {
                    all.remove(user);
                }
            }
        }
        Ok(gone)
    }

    async fn states(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, PresenceState>, BrokerError> {
        let (now, wall) = (Instant::now(), Timestamp::now());
        let mut all = self.users();
        let mut states = HashMap::new();
        for &user in users {
            if let Some(leases) = all.get_mut(&user) {
                leases.settle(now, wall);
                states.insert(
                    user,
                    PresenceState {
                        is_online: !leases.nodes.is_empty(),
                        last_seen: leases.last_seen,
                    },
                );
            }
        }
        Ok(states)
    }
}

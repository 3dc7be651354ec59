//! This node's part in presence: leases on its users, and word of their coming and going.
//!
//! What watchers were told is compared with the leases every few seconds, because a node that dies says nothing.
//! After trouble with the broker the absence of a lease means nothing for a while: it may have forgotten them, or
//! could not be reached for longer than they last. Nodes renew theirs as soon as it is back, and nobody is taken
//! for gone before all of them had the time for it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use chapar_broker::{Link, PRESENCE_LEASE};
use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::protocol::Presence;
use chapar_shared::{Timestamp, UserId};

use super::watchers::COMPARE_EVERY;
use crate::node::Node;

/// Users in one call.
const BATCH: usize = 1000;

/// Between two renewals of all leases.
const RENEW_EVERY: Duration = Duration::from_secs(PRESENCE_LEASE.as_secs() / 3);

/// The same after one that failed.
const RENEW_AGAIN: Duration = Duration::from_secs(1);

/// How long after trouble with the broker nobody is taken for gone: the steady renewal of a node that noticed
/// nothing falls into it.
const DOUBT: Duration = Duration::from_secs(12);

/// Who is here, who came and who went.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Debug, Default)]
struct State {
    here: HashSet<UserId>,
    came: HashSet<UserId>,
    going: VecDeque<(Instant, UserId)>,
    /// When a user that is going last went.
    gone_at: HashMap<UserId, (Instant, Timestamp)>,
}

impl Lives {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A user's socket opened.
    pub(crate) fn arrive(&self, user: UserId) {
        let mut state = self.lock();
        state.gone_at.remove(&user);
        if state.here.insert(user) {
            state.came.insert(user);
            self.came.notify_one();
        }
    }

    /// A user's last socket closed; they are offline after `delay`, unless they come back.
    pub(crate) fn depart(&self, user: UserId, delay: Duration) {
        let mut state = self.lock();
        if state.here.contains(&user) {
            let due = Instant::now() + delay;
            state.gone_at.insert(user, (due, Timestamp::now()));
            state.going.push_back((due, user));
        }
    }

    /// Those who are still here are welcomed again at the next tick.
    fn come_again(&self, users: &[UserId]) {
        let mut state = self.lock();
        let here: Vec<UserId> = users
            .iter()
            .copied()
            .filter(|user| state.here.contains(user))
            .collect();
        state.came.extend(here);
    }

    fn take_came(&self) -> Vec<UserId> {
        std::mem::take(&mut self.lock().came).into_iter().collect()
    }

    fn take_gone(&self) -> Vec<(UserId, Timestamp)> {
        let now = Instant::now();
        let mut state = self.lock();
        let mut gone = Vec::new();
        while let Some(&(due, user)) = state.going.front()
            && due <= now
        {
            state.going.pop_front();
            if let Some(&(last_due, at)) = state.gone_at.get(&user)
                && last_due == due
            {
                state.gone_at.remove(&user);
                state.here.remove(&user);
                state.came.remove(&user);
                gone.push((user, at));
            }
        }
        gone
    }
}

/// Takes, renews and gives up leases until shutdown.
pub(crate) async fn keep_leases(node: Arc<Node>) {
    let mut tick = tokio::time::interval(
        (node.config.offline_delay / 10)
            .clamp(Duration::from_millis(10), Duration::from_millis(500)),
    );
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut link = node.link.clone();
    let mut renew_at = Instant::now() + RENEW_EVERY;
    let (mut compared, mut doubt_until) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            () = node.lives.came.notified() => {}
            _ = tick.tick() => {}
        }
        // Seen also where it is whole again by now.
        if link.has_changed().unwrap_or(false) {
            link.mark_unchanged();
            renew_at = Instant::now();
            doubt_until = Instant::now() + DOUBT;
        }
        for users in node.lives.take_came().chunks(BATCH) {
            welcome(&node, users).await;
        }
        let gone = node.lives.take_gone();
        for gone in gone.chunks(BATCH) {
            farewell(&node, gone).await;
        }
        let is_proven = *link.borrow() == Link::Proven;
        if is_proven && doubt_until < Instant::now() && compared.elapsed() > COMPARE_EVERY {
            compared = Instant::now();
            for asked in node.watchers.all().chunks(BATCH) {
                let users: Vec<UserId> = asked.iter().map(|(user, _)| *user).collect();
                if let Ok(states) = node.presence.states(&users).await {
                    node.watchers.learn(asked, &states);
                }
            }
        }
        if renew_at <= Instant::now() {
            renew_at = Instant::now() + RENEW_EVERY;
            if !renew_all(&node).await {
                renew_at = Instant::now() + RENEW_AGAIN;
                doubt_until = Instant::now() + DOUBT;
            }
        }
    }
}

/// Renews every lease; whether that was possible.
async fn renew_all(node: &Node) -> bool {
    let here: Vec<UserId> = node.lives.lock().here.iter().copied().collect();
    for users in here.chunks(BATCH) {
        if let Err(error) = node.presence.renew(users).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "presence leases could not be renewed"
            );
            return false;
        }
    }
    true
}

/// Lets every lease run out, when the node goes: its users are on their way to other nodes, and offline only if
/// they do not arrive there in the time that any reconnect has.
pub(crate) async fn leave_all(node: &Node) {
    let here: Vec<UserId> = {
        let mut state = node.lives.lock();
        state.going.clear();
        state.here.drain().collect()
    };
    for users in here.chunks(BATCH) {
        let gone = node.presence.let_go(users, node.config.offline_delay).await;
        if let Err(error) = gone {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "presence leases run out by themselves"
            );
            return;
        }
    }
}

async fn welcome(node: &Node, users: &[UserId]) {
    match node.presence.renew(users).await {
        Ok(came) => {
            let came = came.into_iter().map(|user| Presence {
                user,
                online: true,
                last_seen: None,
            });
            tell(node, came).await;
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "presence leases could not be taken"
            );
            node.lives.come_again(users);
        }
    }
}

async fn farewell(node: &Node, gone: &[(UserId, Timestamp)]) {
    let users: Vec<UserId> = gone.iter().map(|(user, _)| *user).collect();
    // One time for the batch, the latest: the ticks make them less than a second apart.
    let at = gone.iter().map(|(_, at)| *at).max().unwrap_or_default();
    match node.presence.release(&users, at).await {
        Ok(offline) => {
            let went = offline.into_iter().map(|user| Presence {
                user,
                online: false,
                last_seen: Some(at),
            });
            tell(node, went).await;
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "presence leases run out by themselves"
            );
        }
    }
}

async fn tell(node: &Node, presences: impl Iterator<Item = Presence>) {
    let batch: Vec<_> = presences
        .map(|presence| {
            (
                Channel::Presence(presence.user),
                Envelope::Presence(presence).encode().into(),
            )
        })
        .collect();
    if !batch.is_empty()
        && let Err(error) = node.broker.publish(batch).await
    {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "presence was not published"
        );
    }
}

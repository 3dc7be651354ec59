//! The node's broker subscriptions, reference-counted.
//!
//! Registered here first, subscribed at the broker then. What could not be confirmed stays registered: the
//! broker's supervisor renews it and reports a gap, and until then the hub compares heads every second, so
//! that clients are served while the broker is away. The last one to leave does so after a while.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::RwLock;
use tokio::time::Instant;

use chapar_broker::Broker;
use chapar_shared::envelope::Channel;

use crate::batch::Batches;
use crate::measures;

/// Connections whose channels are subscribed in one go.
const SUBSCRIBED_AT_ONCE: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    broker: Arc<dyn Broker>,
    linger: std::time::Duration,
    state: Mutex<State>,
    /// Subscribing reads, unsubscribing writes: the broker never sees them of one channel at once.
    remote: RwLock<()>,
    /// Connections that open at the same time are subscribed together.
    subscribing: Batches<Vec<Channel>, ()>,
    /// A subscription failed since the last gap was reported.
    is_unconfirmed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    channels: HashMap<Channel, Subscription>,
    leaving: VecDeque<(Instant, Channel)>,
}

#[derive(Debug, Default)]
struct Subscription {
    holders: usize,
    is_confirmed: bool,
}

impl Subscriptions {
    pub(crate) fn new(broker: Arc<dyn Broker>, linger: std::time::Duration) -> Self {
        Self {
            broker,
            linger,
            state: Mutex::default(),
            remote: RwLock::default(),
            subscribing: Batches::new(SUBSCRIBED_AT_ONCE, 1),
            is_unconfirmed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds `channels`; each call is undone by one [`Subscriptions::release`].
    pub(crate) fn hold(&self, channels: &[Channel]) {
        let mut state = self.lock();
        for channel in channels {
            state.channels.entry(*channel).or_default().holders += 1;
        }
    }

    /// Subscribes held channels. When it returns, messages published from now on arrive, or the hub knows
    /// that they may not. May be dropped midway.
    pub(crate) async fn confirm(&self, channels: &[Channel]) {
        let _shared = self.remote.read().await;
        // Somebody else may be subscribing the same: subscribing twice is subscribing once.
        let unconfirmed: Vec<Channel> = {
            let state = self.lock();
            let is_confirmed = |channel: &Channel| {
                state
                    .channels
                    .get(channel)
                    .is_some_and(|it| it.is_confirmed)
            };
            channels
                .iter()
                .copied()
                .filter(|channel| !is_confirmed(channel))
                .collect()
        };
        if !unconfirmed.is_empty() {
            let ask = |asked| self.subscribe(asked);
            self.subscribing.ask(unconfirmed, ask).await;
        }
    }

    /// Subscribes what many wait for in one go.
    async fn subscribe(&self, asked: Vec<Vec<Channel>>) -> Vec<()> {
        let answers = vec![(); asked.len()];
        let channels: BTreeSet<Channel> = asked.into_iter().flatten().collect();
        let channels: Vec<Channel> = channels.into_iter().collect();
        if let Err(error) = self.broker.subscribe(&channels).await {
            measures::subscribe_failure();
            self.is_unconfirmed.store(true, Ordering::Release);
            tracing::warn!(
                channels = channels.len(),
                error = &error as &dyn std::error::Error,
                "subscriptions are not confirmed: heads are polled until the broker renewed them"
            );
            return answers;
        }
        let mut state = self.lock();
        for channel in &channels {
            if let Some(subscription) = state.channels.get_mut(channel) {
                subscription.is_confirmed = true;
            }
        }
        answers
    }

    /// Lets `channels` go: who has no holder any more is unsubscribed after the linger.
    pub(crate) fn release(&self, channels: impl IntoIterator<Item = Channel>) {
        let due = Instant::now() + self.linger;
        let mut state = self.lock();
        for channel in channels {
            let Some(subscription) = state.channels.get_mut(&channel) else {
                continue;
            };
            subscription.holders = subscription.holders.saturating_sub(1);
            if subscription.holders == 0 {
                state.leaving.push_back((due, channel));
            }
        }
    }

    /// Unsubscribes whose linger is over; `forget` drops what the hub keeps of them, before anybody can
    /// subscribe them again.
    pub(crate) async fn sweep(&self, forget: impl FnOnce(&[Channel])) {
        let now = Instant::now();
        if self
            .lock()
            .leaving
            .front()
            .is_none_or(|(due, _)| *due > now)
        {
            return;
        }
        let _exclusive = self.remote.write().await;
        let mut gone = Vec::new();
        {
            let mut state = self.lock();
            while let Some(&(due, channel)) = state.leaving.front()
                && due <= now
            {
                state.leaving.pop_front();
                if state
                    .channels
                    .get(&channel)
                    .is_some_and(|it| it.holders == 0)
                {
                    state.channels.remove(&channel);
                    gone.push(channel);
                }
            }
            // Under the lock: whoever holds one of them again finds it either kept or gone.
            forget(&gone);
        }
        if !gone.is_empty() {
            self.broker.unsubscribe(&gone).await;
        }
    }

    /// Whether some subscription may be without effect.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.is_unconfirmed.load(Ordering::Acquire)
    }

    /// The broker renewed everything and reported a gap.
    pub(crate) fn renewed(&self) {
        self.is_unconfirmed.store(false, Ordering::Release);
    }
}

/// One held channel, let go when dropped.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    subscriptions: &'a Subscriptions,
    channel: Option<Channel>,
}

impl Subscriptions {
    /// Holds one channel until the guard is dropped.
    pub(crate) fn hold_one(&self, channel: Channel) -> Hold<'_> {
        self.hold(&[channel]);
        Hold {
            subscriptions: self,
            channel: Some(channel),
        }
    }
}

impl Hold<'_> {
    /// Leaves the release to somebody else.
    pub(crate) fn keep(mut self) {
        self.channel = None;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.subscriptions.release(self.channel.take());
    }
}

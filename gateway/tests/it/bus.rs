//! A broker and presence for tests: what is published can be lost, doubled, held and shuffled.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use chapar_broker::{Broker, BrokerError, Delivery, Link, Presence, PresenceState};
use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::{Timestamp, UserId};

/// What happens to messages on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    #[default]
    Pass,
    Lose,
    Hold,
}

#[derive(Debug, Default)]
pub struct Bus {
    state: Mutex<BusState>,
}

#[derive(Debug, Default)]
struct BusState {
    nodes: Vec<NodeLink>,
    fate: Fate,
    held: Vec<(Channel, Bytes)>,
    /// By node, until when: `None` for as long as it renews.
    online: HashMap<UserId, HashMap<usize, Option<Instant>>>,
    last_seen: HashMap<UserId, Timestamp>,
    published: Vec<(Channel, Envelope)>,
}

#[derive(Debug)]
struct NodeLink {
    sender: mpsc::Sender<Delivery>,
    subscribed: HashSet<Channel>,
    link: watch::Sender<Link>,
    refuses: bool,
}

impl BusState {
    fn is_online(&self, user: UserId) -> bool {
        let is_live = |end: &Option<Instant>| end.is_none_or(|end| end > Instant::now());
        self.online
            .get(&user)
            .is_some_and(|nodes| nodes.values().any(is_live))
    }
}

impl Bus {
    pub fn node(self: &Arc<Self>) -> Arc<NodeBroker> {
        let (sender, receiver) = mpsc::channel(100_000);
        let mut state = self.state.lock().unwrap();
        state.nodes.push(NodeLink {
            sender,
            subscribed: HashSet::new(),
            link: watch::channel(Link::Proven).0,
            refuses: false,
        });
        Arc::new(NodeBroker {
            bus: Arc::clone(self),
            at: state.nodes.len() - 1,
            receiver: Mutex::new(Some(receiver)),
        })
    }

    pub fn set_fate(&self, fate: Fate) {
        self.state.lock().unwrap().fate = fate;
    }

    /// What was held, to be sent in any order.
    pub fn take_held(&self) -> Vec<(Channel, Bytes)> {
        std::mem::take(&mut self.state.lock().unwrap().held)
    }

    pub fn send(&self, channel: Channel, bytes: &Bytes) {
        let state = self.state.lock().unwrap();
        for node in state
            .nodes
            .iter()
            .filter(|node| node.subscribed.contains(&channel))
        {
            node.sender
                .try_send(Delivery::Message(channel, bytes.clone()))
                .unwrap();
        }
    }

    pub fn publish(&self, channel: Channel, envelope: &Envelope) {
        let bytes = Bytes::from(envelope.encode());
        let fate = {
            let mut state = self.state.lock().unwrap();
            state.published.push((channel, envelope.clone()));
            if state.fate == Fate::Hold {
                state.held.push((channel, bytes.clone()));
            }
            state.fate
        };
        if fate == Fate::Pass {
            self.send(channel, &bytes);
        }
    }

    pub fn gap(&self) {
        for node in &self.state.lock().unwrap().nodes {
            node.sender.try_send(Delivery::Gap).unwrap();
        }
    }

    pub fn set_link(&self, link: Link, refuses: bool) {
        for node in &mut self.state.lock().unwrap().nodes {
            node.link.send_replace(link);
            node.refuses = refuses;
        }
    }

    pub fn is_subscribed(&self, at: usize, channel: Channel) -> bool {
        self.state.lock().unwrap().nodes[at]
            .subscribed
            .contains(&channel)
    }

    pub fn typing_published(&self) -> usize {
        let state = self.state.lock().unwrap();
        let is_typing = |it: &&(Channel, Envelope)| matches!(it.1, Envelope::Ephemeral(_));
        state.published.iter().filter(is_typing).count()
    }

    pub fn is_online(&self, user: i64) -> bool {
        self.state.lock().unwrap().is_online(UserId(user))
    }

    /// Forgets every lease, as a broker without its data does.
    pub fn forget_leases(&self) {
        self.state.lock().unwrap().online.clear();
    }
}

#[derive(Debug)]
pub struct NodeBroker {
    bus: Arc<Bus>,
    at: usize,
    receiver: Mutex<Option<mpsc::Receiver<Delivery>>>,
}

#[async_trait]
impl Broker for NodeBroker {
    async fn publish(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError> {
        for (channel, bytes) in batch {
            self.bus
                .publish(channel, &Envelope::decode(&bytes).unwrap());
        }
        Ok(())
    }

    async fn subscribe(&self, channels: &[Channel]) -> Result<(), BrokerError> {
        let mut state = self.bus.state.lock().unwrap();
        if state.nodes[self.at].refuses {
            return Err(BrokerError::Unreachable("refused".into()));
        }
        state.nodes[self.at].subscribed.extend(channels);
        Ok(())
    }

    async fn unsubscribe(&self, channels: &[Channel]) {
        let mut state = self.bus.state.lock().unwrap();
        for channel in channels {
            state.nodes[self.at].subscribed.remove(channel);
        }
    }

    fn deliveries(&self) -> mpsc::Receiver<Delivery> {
        self.receiver.lock().unwrap().take().expect("taken once")
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.bus.state.lock().unwrap().nodes[self.at]
            .link
            .subscribe()
    }

    async fn close(&self) {}
}

#[async_trait]
impl Presence for NodeBroker {
    async fn renew(&self, users: &[UserId]) -> Result<Vec<UserId>, BrokerError> {
        let mut state = self.bus.state.lock().unwrap();
        let mut came = Vec::new();
        for user in users {
            if !state.is_online(*user) {
                came.push(*user);
            }
            state.online.entry(*user).or_default().insert(self.at, None);
        }
        Ok(came)
    }

    async fn let_go(&self, users: &[UserId], after: Duration) -> Result<(), BrokerError> {
        let end = Some(Instant::now() + after);
        let mut state = self.bus.state.lock().unwrap();
        for user in users {
            state.online.entry(*user).or_default().insert(self.at, end);
        }
        Ok(())
    }

    async fn release(&self, users: &[UserId], at: Timestamp) -> Result<Vec<UserId>, BrokerError> {
        let mut state = self.bus.state.lock().unwrap();
        let mut offline = Vec::new();
        for user in users {
            let nodes = state.online.entry(*user).or_default();
            nodes.remove(&self.at);
            if !state.is_online(*user) {
                offline.push(*user);
                state.last_seen.insert(*user, at);
            }
        }
        Ok(offline)
    }

    async fn states(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, PresenceState>, BrokerError> {
        let state = self.bus.state.lock().unwrap();
        let of = |user: &UserId| PresenceState {
            is_online: state.is_online(*user),
            last_seen: state.last_seen.get(user).copied(),
        };
        Ok(users.iter().map(|user| (*user, of(user))).collect())
    }
}

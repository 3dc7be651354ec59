//! What keeps a node's subscriptions alive.
//!
//! The supervisor runs one fred client at a time. It renews every channel after each (re)connection and on a
//! steady tick, proves the link by a message to itself, and replaces a client that is not proven for long. In
//! Cluster mode each tick asks for the slots first: where they changed, messages may have been lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chapar_shared::envelope::Channel;
use fred::clients::Client;
use fred::interfaces::{ClusterInterface as _, EventInterface as _, PubsubInterface as _};
use fred::types::Message;
use fred::types::config::Server;
use futures_util::StreamExt as _;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::broker::publish_one;
use super::channels::Channels;
use super::config::RedisConfig;
use super::connection::{Connection, RawConnection, unreachable, within};
use super::wire::{Incoming, Note, classify};
use crate::meters::Meters;
use crate::queue::DeliveryQueue;
use crate::{BrokerError, Delivery, Link};

/// While something is wrong it is looked at this often.
const RETRY: Duration = Duration::from_millis(500);

/// Partitions renewed at a time in Cluster mode.
const CONCURRENT: usize = 32;

/// Subscriptions of the same lane are sent one after another, so that of a subscription and its end the later
/// one wins. Without Cluster mode there is one connection and so one lane.
const LANES: u64 = 64;

/// The state that the broker's surface, the supervisor and the reader share.
pub(super) struct Subscriber {
    pub(super) config: RedisConfig,
    pub(super) is_cluster: bool,
    pub(super) channels: Channels,
    pub(super) queue: DeliveryQueue,
    pub(super) link: watch::Sender<Link>,
    pub(super) meters: Meters,
    /// A subscription was not confirmed.
    pub(super) doubt: Notify,
    probe_channel: Channel,
    /// Names this broker in its notes.
    id: u64,
    last_nonce: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    lanes: Vec<tokio::sync::Mutex<()>>,
    client: Mutex<Option<Client>>,
}

impl Subscriber {
    pub(super) fn new(config: RedisConfig, is_cluster: bool, node: u64) -> Self {
        let probe_channel = Channel::Node(node);
        let channels = Channels::default();
        channels.add(&[probe_channel]);
        Self {
            queue: DeliveryQueue::new(config.max_deliveries),
            config,
            is_cluster,
            channels,
            link: watch::Sender::new(Link::Down),
            meters: Meters::new(),
            doubt: Notify::new(),
            probe_channel,
            id: rand::random(),
            last_nonce: AtomicU64::new(0),
            waiting: Mutex::default(),
            lanes: (0..LANES).map(|_| tokio::sync::Mutex::default()).collect(),
            client: Mutex::default(),
        }
    }

    pub(super) fn name(&self, channel: Channel) -> String {
        channel.name(&self.config.prefix)
    }

    /// The client that subscribes, if it is connected.
    pub(super) fn client(&self) -> Option<Client> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        client
            .clone()
            .filter(fred::interfaces::ClientLike::is_connected)
    }

    /// Subscribes what is still wanted of a chunk; with `is_confirmed`, waits for a note that comes back through
    /// the chunk's last channel. It is published on the subscribing connection, so the server sees it after the
    /// subscription.
    pub(super) async fn establish(
        &self,
        client: &Client,
        chunk: &[Channel],
        is_confirmed: bool,
    ) -> Result<(), BrokerError> {
        let limit = self.config.subscribe_timeout;
        let chunk = {
            let _turn = self.lane(chunk, limit).await?;
            let chunk = self.channels.filter(chunk, true);
            if chunk.is_empty() {
                return Ok(());
            }
            let names: Vec<String> = chunk.iter().map(|&channel| self.name(channel)).collect();
            if self.is_cluster {
                within(limit, client.ssubscribe(names)).await?;
            } else {
                within(limit, client.subscribe(names)).await?;
            }
            chunk
        };
        let Some(&last) = chunk.last().filter(|_| is_confirmed) else {
            return Ok(());
        };
        let mut answer = self.expect_note();
        let note = Note {
            broker: self.id,
            nonce: answer.nonce,
        };
        let publish = publish_one(client, self.is_cluster, self.name(last), note.encode());
        within(limit, publish).await?;
        match tokio::time::timeout(limit, &mut answer.receiver).await {
            Ok(Ok(())) => Ok(()),
            // Another caller has unsubscribed it meanwhile.
            _ if self.channels.filter(&[last], true).is_empty() => Ok(()),
            _ => Err(unreachable("a subscription was not confirmed")),
        }
    }

    /// Unsubscribes what is no longer wanted of a chunk. What fails is undone when the link is rebuilt.
    pub(super) async fn abandon(&self, client: &Client, chunk: &[Channel]) {
        let limit = self.config.subscribe_timeout;
        let Ok(_turn) = self.lane(chunk, limit).await else {
            return;
        };
        let chunk = self.channels.filter(chunk, false);
        if chunk.is_empty() {
            return;
        }
        let names: Vec<String> = chunk.iter().map(|&channel| self.name(channel)).collect();
        let result = if self.is_cluster {
            within(limit, client.sunsubscribe(names)).await
        } else {
            within(limit, client.unsubscribe(names)).await
        };
        if let Err(error) = result {
            tracing::debug!(error = &error as &dyn std::error::Error, "not unsubscribed");
        }
    }

    async fn lane(
        &self,
        chunk: &[Channel],
        limit: Duration,
    ) -> Result<tokio::sync::MutexGuard<'_, ()>, BrokerError> {
        let lane = match chunk.first() {
            Some(channel) if self.is_cluster => channel.partition() % LANES,
            _ => 0,
        };
        let lane = &self.lanes[usize::try_from(lane).unwrap_or_default()];
        tokio::time::timeout(limit, lane.lock())
            .await
            .map_err(|_| unreachable("subscriptions are held up"))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect_note(&self) -> ExpectedNote<'_> {
        let nonce = self.last_nonce.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(nonce, sender);
        ExpectedNote {
            subscriber: self,
            nonce,
            receiver,
        }
    }

    /// Reports that messages may be missing.
    fn gap(&self) {
        self.meters.gaps.increment(1);
        self.queue.push(Delivery::Gap);
    }

    /// Whether anything but the probe is subscribed.
    fn is_listening(&self) -> bool {
        self.channels.chunks(false).concat().len() > 1
    }

    fn set_link(&self, link: Link) {
        self.link.send_if_modified(|current| {
            let is_other = *current != link;
            if is_other {
                tracing::info!(?link, "the broker's link changed");
            }
            *current = link;
            is_other
        });
        self.meters.set_link(link);
    }

    fn route(&self, message: Message) {
        let Some(bytes) = message.value.into_bytes() else {
            return;
        };
        if let Incoming::Note(note) = classify(&bytes) {
            if note.broker == self.id
                && let Some(waiting) = self.waiting().remove(&note.nonce)
            {
                waiting.send(()).ok(); // its waiter may have given up
            }
            return;
        }
        let Some(channel) = Channel::parse(&self.config.prefix, &message.channel) else {
            return;
        };
        if self.queue.push(Delivery::Message(channel, bytes)) {
            self.meters.deliveries.increment(1);
        } else {
            self.meters.gaps.increment(1);
        }
    }
}

/// A note on its way; forgotten when dropped.
struct ExpectedNote<'a> {
    subscriber: &'a Subscriber,
    nonce: u64,
    receiver: oneshot::Receiver<()>,
}

impl Drop for ExpectedNote<'_> {
    fn drop(&mut self) {
        self.subscriber.waiting().remove(&self.nonce);
    }
}

/// Runs one client after another until told to stop.
pub(super) async fn supervise(
    subscriber: Arc<Subscriber>,
    publisher: Arc<Connection>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut is_first = true;
    while !stop.is_cancelled() {
        let opened = RawConnection::open(
            &subscriber.config,
            subscriber.config.max_incoming,
            |client| {
                (
                    client.message_rx(),
                    client.reconnect_rx(),
                    client.error_rx(),
                )
            },
        );
        let (connection, (messages, links, errors)) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                // The same configuration made the publisher, so this cannot happen; do not spin if it does.
                tracing::error!(error = &error as &dyn std::error::Error, "no client");
                stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
                continue;
            }
        };
        let reading = stop.child_token();
        let reader = read(Arc::clone(&subscriber), messages);
        tasks.spawn(reading.clone().run_until_cancelled_owned(reader));
        *subscriber
            .client
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(connection.client().clone());

        let session = Session {
            subscriber: &subscriber,
            publisher: &publisher,
            client: connection.client(),
            slots: None,
            is_up: false,
            is_renewed: false,
            // Whoever subscribed before there was a link was told to wait for a gap.
            owes_gap: !is_first || subscriber.is_listening(),
            has_linked: !is_first,
            was_proven: !is_first,
            since: Instant::now(),
        };
        Box::pin(stop.run_until_cancelled(session.run(links, errors))).await;

        is_first = false;
        subscriber
            .client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        subscriber.set_link(Link::Down);
        reading.cancel();
        connection.close().await;
        // A server that takes connections and ends them at once is not asked in a tight loop.
        stop.run_until_cancelled(tokio::time::sleep(RETRY / 10))
            .await;
    }
}

/// Routes what arrives; waits for nobody.
///
/// It takes all that is there at once: Tokio would make a task that awaits each of many messages give way after
/// 128, and then a busy node writes to every connection for each 128 messages.
async fn read(subscriber: Arc<Subscriber>, mut messages: broadcast::Receiver<Message>) {
    let lagged = |count: u64| {
        tracing::warn!(count, "messages were lost: the node reads too slowly");
        subscriber.gap();
    };
    loop {
        match messages.recv().await {
            Ok(message) => subscriber.route(message),
            Err(RecvError::Lagged(count)) => lagged(count),
            Err(RecvError::Closed) => return,
        }
        for _ in 0..subscriber.config.max_incoming {
            match messages.try_recv() {
                Ok(message) => subscriber.route(message),
                Err(TryRecvError::Lagged(count)) => lagged(count),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }
}

/// The slots of a cluster and who serves them.
type Slots = Vec<(u16, u16, Server)>;

/// The life of one client.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that change independently of each other"
)]
struct Session<'a> {
    subscriber: &'a Subscriber,
    publisher: &'a Connection,
    client: &'a Client,
    slots: Option<Slots>,
    /// A connection was made and no error seen since.
    is_up: bool,
    /// Every channel was subscribed on the present connection.
    is_renewed: bool,
    /// Messages may have been lost, and nobody was told.
    owes_gap: bool,
    has_linked: bool,
    /// Now or before.
    was_proven: bool,
    /// When the link was last proven, or made.
    since: Instant,
}

impl Session<'_> {
    /// Returns when the client is to be replaced.
    async fn run(
        mut self,
        mut links: broadcast::Receiver<Server>,
        mut errors: broadcast::Receiver<(fred::error::Error, Option<Server>)>,
    ) {
        let config = &self.subscriber.config;
        let steady = config
            .renew_interval
            .unwrap_or(if self.subscriber.is_cluster {
                Duration::from_secs(1)
            } else {
                Duration::from_secs(30)
            });
        let mut renew_at = Instant::now() + RETRY;
        let mut probe_at = Instant::now() + RETRY;
        loop {
            tokio::select! {
                biased;
                event = links.recv() => {
                    if let Err(RecvError::Closed) = event {
                        return;
                    }
                    while links.try_recv().is_ok() {}
                    self.on_link();
                    renew_at = Instant::now();
                }
                event = errors.recv() => match event {
                    Ok((error, _)) => {
                        if self.on_error(&error) {
                            return;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = self.subscriber.doubt.notified() => {
                    self.is_renewed = false;
                    self.owes_gap = true;
                    renew_at = Instant::now();
                }
                () = tokio::time::sleep_until(renew_at) => {
                    let is_renewed = self.is_up && self.renew().await;
                    if is_renewed && !self.has_linked {
                        // A cluster reports a connection for each master; these belong to the first link.
                        while links.try_recv().is_ok() {}
                        self.has_linked = true;
                    }
                    renew_at = Instant::now() + if is_renewed { steady } else { RETRY.min(steady) };
                    if is_renewed && *self.subscriber.link.borrow() != Link::Proven {
                        probe_at = Instant::now();
                    }
                }
                () = tokio::time::sleep_until(probe_at) => {
                    let is_proven = self.is_up && self.probe().await;
                    let pause = if is_proven { config.probe_interval } else { RETRY.min(config.probe_interval) };
                    probe_at = Instant::now() + pause;
                    if self.is_up && !self.is_renewed {
                        renew_at = renew_at.min(probe_at);
                    }
                    if self.since.elapsed() > config.probe_interval * 3 + config.connect_timeout {
                        tracing::warn!("the broker's link is rebuilt: it was not proven for too long");
                        return;
                    }
                }
            }
        }
    }

    fn on_link(&mut self) {
        if self.has_linked {
            self.subscriber.meters.relinks.increment(1);
            self.owes_gap = true;
        }
        self.is_up = true;
        self.is_renewed = false;
        self.since = Instant::now();
        self.subscriber.set_link(Link::Unproven);
    }

    /// True if the client is to be replaced. fred may wait for a command to be written before it connects
    /// again, so a single connection is not left to it; a cluster's others live on, and the renewals write.
    fn on_error(&mut self, error: &fred::error::Error) -> bool {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "the broker's link failed"
        );
        if !self.is_up {
            return false; // it is still trying to connect
        }
        self.owes_gap = true;
        self.is_renewed = false;
        if self.subscriber.is_cluster {
            self.subscriber.set_link(Link::Unproven);
        }
        !self.subscriber.is_cluster
    }

    /// Subscribes everything again. True if all of it was.
    async fn renew(&mut self) -> bool {
        let subscriber = self.subscriber;
        let limit = subscriber.config.subscribe_timeout;
        if subscriber.is_cluster {
            // A failure shows in the subscriptions.
            within(limit, self.client.sync_cluster()).await.ok();
            let slots = self.read_slots();
            if slots != self.slots {
                self.owes_gap |= self.slots.is_some();
                self.is_renewed = false;
                self.slots = slots;
            }
        }
        // In a cluster the server's own answer has been waited for; on a steady tick that is enough.
        let is_confirmed = !subscriber.is_cluster || !self.is_renewed;
        let chunks = subscriber.channels.chunks(subscriber.is_cluster);
        let concurrent = if subscriber.is_cluster { CONCURRENT } else { 1 };
        let client = self.client;
        let work = futures_util::stream::iter(chunks)
            .map(|chunk| async move { subscriber.establish(client, &chunk, is_confirmed).await })
            .buffer_unordered(concurrent)
            .fold(None, async |failure, result| result.err().or(failure));
        let failure = tokio::time::timeout(limit * 3, work)
            .await
            .unwrap_or_else(|_| Some(unreachable("renewing took too long")));
        if let Some(error) = failure {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "subscriptions were not renewed"
            );
            self.is_renewed = false;
            self.owe_gap();
            if *subscriber.link.borrow() == Link::Proven {
                subscriber.set_link(Link::Unproven);
            }
            return false;
        }
        self.is_renewed = true;
        if *subscriber.link.borrow() == Link::Proven {
            self.pay_gap();
        }
        true
    }

    /// Notes that messages may have been lost; not where nobody could have heard any, as while a node starts and
    /// its connections are made one after the other.
    fn owe_gap(&mut self) {
        self.owes_gap |= self.was_proven || self.subscriber.is_listening();
    }

    /// Tells of a gap once nothing more falls into it: everything is subscribed, and what is published arrives.
    fn pay_gap(&mut self) {
        if std::mem::take(&mut self.owes_gap) {
            self.subscriber.gap();
        }
    }

    fn read_slots(&self) -> Option<Slots> {
        let routing = self.client.cached_cluster_state()?;
        let mut slots: Slots = routing
            .slots()
            .iter()
            .map(|range| (range.start, range.end, range.primary.clone()))
            .collect();
        slots.sort();
        Some(slots)
    }

    /// Sends a note from the publishing to the subscribing connection. True if it came back.
    async fn probe(&mut self) -> bool {
        let subscriber = self.subscriber;
        let start = Instant::now();
        let mut answer = subscriber.expect_note();
        let note = Note {
            broker: subscriber.id,
            nonce: answer.nonce,
        };
        let name = subscriber.name(subscriber.probe_channel);
        let limit = subscriber.config.command_timeout;
        let round = async {
            let publisher = self.publisher.connected()?;
            within(
                limit,
                publish_one(&publisher, subscriber.is_cluster, name, note.encode()),
            )
            .await?;
            tokio::time::timeout(limit, &mut answer.receiver)
                .await
                .map_err(unreachable)?
                .map_err(unreachable)
        };
        match round.await {
            Ok(()) => {
                subscriber.meters.probe.record(start.elapsed());
                self.since = Instant::now();
                if self.is_renewed {
                    self.was_proven = true;
                    self.pay_gap();
                    subscriber.set_link(Link::Proven);
                }
                true
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a probe did not come back"
                );
                self.owe_gap();
                self.is_renewed = false;
                subscriber.set_link(Link::Unproven);
                false
            }
        }
    }
}

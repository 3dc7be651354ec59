//! One node's parts, shared by its tasks and connections.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use chapar_broker::{Broker, Link, Presence};
use chapar_shared::token::Keyring;
use chapar_shared::{Limits, RoomId, UserId};

use crate::backend::Backend;
use crate::config::Config;
use crate::connection::{Registry, Submitter, Typists};
use crate::dialects::SocketIoServer;
use crate::gate::Gate;
use crate::hub::{Epoch, Lives, Room, Shards, Subscriptions, User, Watchers};
use crate::measures::{self, Sample};

/// See the module.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) limits: Arc<Limits>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) presence: Arc<dyn Presence>,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) tracker: TaskTracker,
    pub(crate) shutdown: CancellationToken,
    pub(crate) link: watch::Receiver<Link>,
    pub(crate) is_draining: AtomicBool,
    pub(crate) gate: Gate,

    pub(crate) epoch: Epoch,
    pub(crate) rooms: Shards<RoomId, Room>,
    pub(crate) users: Shards<UserId, User>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) watchers: Watchers,
    pub(crate) lives: Lives,
    pub(crate) connections: Registry,
    pub(crate) submitter: Submitter,
    pub(crate) typists: Typists,
    pub(crate) socketio: SocketIoServer,
    /// Bounds files in frames that are read or handed on at once.
    pub(crate) files: Arc<Semaphore>,
    /// Bounds what is fetched from the api at once.
    pub(crate) fetches: Semaphore,
    /// Asks for a comparison of all heads now.
    pub(crate) check_soon: Notify,
}

impl Node {
    /// Runs a task that ends, at the latest, with the node.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Measures what is counted only when somebody looks.
    pub(crate) fn sample(&self) {
        let limit = self.config.max_queue_bytes;
        let mut sample = Sample {
            rooms: self.rooms.len(),
            users: self.users.len(),
            limit,
            ..Sample::default()
        };
        self.connections.each(|connection| {
            let queued = connection.queue.bytes();
            sample.queued += queued;
            sample.fullest = sample.fullest.max(queued);
            sample.slow += usize::from(queued > limit / 2);
        });
        measures::sampled(&sample);
    }

    /// Asks for a comparison of all heads after the pause of an unproven link.
    pub(crate) fn ask_again_later(self: &Arc<Self>) {
        let node = Arc::clone(self);
        self.spawn(async move {
            tokio::time::sleep(node.config.unproven_check_interval).await;
            node.check_soon.notify_one();
        });
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

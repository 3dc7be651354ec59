//! A gateway node: clients' sockets on one side, the broker and the api on the other.
//!
//! It holds nothing that is not elsewhere: any node can serve any client, and a client of a node that dies
//! resumes on another. It never sees a database and knows the api only as a [`backend::Backend`].
//!
//! [`Gateway::build`] starts the node's tasks on the tracker that it is given; all of them end on the
//! cancellation token, and [`Gateway::drain`] sends the clients away before.

pub mod backend;
mod batch;
mod config;
mod connection;
mod dialects;
mod drain;
mod gate;
mod hub;
mod measures;
mod node;
mod retry;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::{Router, middleware};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use chapar_broker::{Broker, Link, Presence};
use chapar_shared::Limits;
use chapar_shared::token::Keyring;

pub use config::{Config, ConfigError, SocketIoConfig};

use backend::{Backend, Measured};
use node::Node;

/// What a gateway node runs on.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Events between nodes. The gateway takes its stream of deliveries.
    pub broker: Arc<dyn Broker>,
    /// Who is online.
    pub presence: Arc<dyn Presence>,
    /// The api.
    pub backend: Arc<dyn Backend>,
    /// Verifies access tokens.
    pub keyring: Arc<Keyring>,
    /// What all nodes agree on.
    pub limits: Arc<Limits>,
    /// Owns every task of the node, its sockets' included.
    pub tracker: TaskTracker,
    /// Ends every task of the node.
    pub shutdown: CancellationToken,
    /// Names the node in logs.
    pub node: u64,
}

/// A running gateway node. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    node: Arc<Node>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts the node's tasks. Call it within a Tokio runtime, with a configuration that
    /// [`Config::validate`] found good.
    ///
    /// # Panics
    /// If the broker's deliveries were taken before.
    pub fn build(config: Config, deps: Deps) -> Self {
        measures::describe();
        let deliveries = deps.broker.deliveries();
        let socketio = dialects::SocketIoServer::new(&config.socketio);
        let gate = gate::Gate::new(&config);
        let node = Arc::new(Node {
            subscriptions: hub::Subscriptions::new(Arc::clone(&deps.broker), config.linger),
            files: Arc::new(Semaphore::new(config.max_file_frames.max(1))),
            fetches: Semaphore::new(config.max_fetches.max(1)),
            link: deps.broker.link(),
            limits: deps.limits,
            keyring: deps.keyring,
            broker: deps.broker,
            presence: deps.presence,
            backend: Arc::new(Measured(deps.backend)),
            tracker: deps.tracker,
            shutdown: deps.shutdown,
            config,
            is_draining: AtomicBool::new(false),
            gate,
            epoch: hub::Epoch::default(),
            rooms: hub::Shards::default(),
            users: hub::Shards::default(),
            watchers: hub::Watchers::default(),
            lives: hub::Lives::default(),
            connections: connection::Registry::default(),
            submitter: connection::Submitter::default(),
            typists: connection::Typists::default(),
            socketio,
            check_soon: Notify::new(),
        });
        tracing::info!(node.id = deps.node, "gateway node started");
        let tracker = &node.tracker;
        tracker.spawn(hub::route(Arc::clone(&node), deliveries));
        tracker.spawn(hub::watch_over(Arc::clone(&node)));
        tracker.spawn(hub::keep_leases(Arc::clone(&node)));
        tracker.spawn(connection::keep_alive(Arc::clone(&node)));
        tracker.spawn(connection::publish_typing(Arc::clone(&node)));
        tracker.spawn(drain::close_at_shutdown(Arc::clone(&node)));
        Self { node }
    }

    /// The public routes: those of every dialect.
    pub fn router(&self) -> Router {
        let node = &self.node;
        let admit = middleware::from_fn_with_state(Arc::clone(node), gate::admit);
        dialects::routes()
            .route_layer(admit)
            .with_state(Arc::clone(node))
    }

    /// Whether the node may take clients: its link is proven and it does not drain.
    pub fn is_ready(&self) -> bool {
        !self.node.is_draining.load(Ordering::Acquire) && *self.node.link.borrow() == Link::Proven
    }

    /// How many sockets are signed in.
    pub fn connections(&self) -> usize {
        self.node.connections.len()
    }

    /// Brings those metrics up to date that are counted when somebody looks, before each scrape. It visits every
    /// connection: not to be called on a thread that serves them.
    pub fn sample(&self) {
        self.node.sample();
    }

    /// Sends every client away and waits for them, `drain_timeout` at most. New ones are refused.
    pub async fn drain(&self) {
        drain::drain(&self.node).await;
    }
}

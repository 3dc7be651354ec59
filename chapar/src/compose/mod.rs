//! Picks one implementation for each seam and builds the roles: the only place that sees all crates.
//!
//! In one process: an in-memory broker, SQLite unless Postgres is configured, and the gateway's backend as a
//! direct call. Between nodes: Redis, Postgres, and the backend over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use chapar_gateway::backend::Backend;
use chapar_shared::Code;
use chapar_shared::token::Keyring;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Roles};
use crate::telemetry::requests::problem;

mod api;
mod bus;
mod cors;
mod gateway;
mod office;
mod store;

use bus::Bus;

pub use office::{Office, office};
pub use store::migrate;

/// What is left for the last steps when connections took all of the drain's time.
pub(crate) const LAST_STEPS: Duration = Duration::from_secs(5);

/// A step of the drain; given how long it may take at most.
pub type Stop = Box<dyn FnOnce(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// A readiness check by name.
pub type Check = (
    &'static str,
    Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
);

/// Measures what is counted only when somebody looks.
pub type Sample = Box<dyn Fn() + Send + Sync>;

/// What the roles of a node come to.
pub struct Parts {
    /// Routes for clients.
    pub public: Router,
    /// Routes for gateways; of the api role.
    pub internal: Option<Router>,
    /// What must hold before the node takes traffic.
    pub checks: Vec<Check>,
    /// What brings metrics up to date before a scrape. May take milliseconds.
    pub samples: Vec<Sample>,
    /// Sends sockets elsewhere; of the gateway role.
    pub sockets: Option<Stop>,
    /// What ends after the last connection, in this order.
    pub last: Vec<Stop>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let checks: Vec<_> = self.checks.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Parts")
            .field("checks", &checks)
            .finish_non_exhaustive()
    }
}

/// Builds the roles; connections are made when they are first used, so that a node starts while what is behind
/// it is away and is not ready until it is back. One process brings its database to its schema first. Tasks go
/// on `tasks` and end on `stopping`.
///
/// # Errors
/// What is behind the node cannot be used.
pub async fn build(
    config: &Config,
    roles: Roles,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> anyhow::Result<Parts> {
    let node = rand::random();
    let tokens = &config.tokens;
    let keyring = Arc::new(Keyring::new(
        &tokens.keys,
        &tokens.issuer,
        &tokens.audience,
    )?);
    let bus = Bus::open(&config.broker, node)?;
    let mut parts = Parts {
        public: Router::new(),
        internal: None,
        checks: vec![bus.check()],
        samples: Vec::new(),
        sockets: None,
        last: Vec::new(),
    };
    let mut backend: Option<Arc<dyn Backend>> = None;
    if roles.has_api() {
        let opened = store::open(config)?;
        if roles == Roles::All {
            opened.migrate().await?;
        }
        parts.checks.push(store::check(&opened));
        let keyring = Arc::clone(&keyring);
        let api = api::build(config, Arc::clone(&opened), &bus, keyring, tasks, stopping)?;
        parts.public = api.public_router();
        if roles == Roles::Api {
            let secret = api::secret(config.internal.secret.as_ref());
            parts.internal = Some(api.internal_router(&secret));
        }
        parts.last.push(end_tasks(tasks.clone()));
        parts.last.push(store::close(opened));
        backend = Some(Arc::new(gateway::Direct(api.backend())));
        parts.samples.push(Box::new(move || api.sample()));
    } else {
        let nothing = async |headers: HeaderMap| problem(Code::NotFound, &headers);
        let wrong_method = async |headers: HeaderMap| problem(Code::MethodNotAllowed, &headers);
        parts.public = Router::new()
            .fallback(nothing)
            .method_not_allowed_fallback(wrong_method);
    }
    if roles.has_gateway() {
        let backend = match backend {
            Some(backend) => backend,
            None => gateway::remote(config)?,
        };
        let gateway = gateway::build(config, backend, &bus, keyring, node, tasks, stopping);
        parts.public = parts.public.merge(gateway.router());
        let sampled = gateway.clone();
        parts.samples.push(Box::new(move || sampled.sample()));
        parts.sockets = Some(Box::new(move |_| {
            Box::pin(async move { gateway.drain().await })
        }));
    }
    if let Some(cors) = cors::cors(&config.http.allowed_origins) {
        parts.public = parts.public.layer(cors);
    }
    parts.last.push(bus.close);
    Ok(parts)
}

/// Waits for the node's tasks: the writer commits and publishes what it was given before the store and the
/// broker close.
fn end_tasks(tasks: TaskTracker) -> Stop {
    Box::new(move |_| {
        Box::pin(async move {
            tasks.close();
            tasks.wait().await;
        })
    })
}

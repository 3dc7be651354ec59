//! Picks one implementation for each seam and builds the roles: the only place that sees all crates.
//!
//! In one process: an in-memory broker, SQLite unless Postgres is configured, and the gateway's backend as a
//! direct call. Between nodes: Redis, Postgres, and the backend over HTTP.

use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use chapar_shared::Code;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Roles};
use crate::telemetry::requests::problem;

mod store;

pub use store::migrate;

/// A step of the drain; given how long it may take at most.
pub type Stop = Box<dyn FnOnce(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// A readiness check by name.
pub type Check = (
    &'static str,
    Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
);

/// What the roles of a node come to.
pub struct Parts {
    /// Routes for clients.
    pub public: Router,
    /// Routes for gateways; of the api role.
    pub internal: Option<Router>,
    /// What must hold before the node takes traffic.
    pub checks: Vec<Check>,
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
    _tasks: &TaskTracker,
    _stopping: &CancellationToken,
) -> anyhow::Result<Parts> {
    let nothing = async |headers: HeaderMap| problem(Code::NotFound, &headers);
    let wrong_method = async |headers: HeaderMap| problem(Code::MethodNotAllowed, &headers);
    let mut parts = Parts {
        public: Router::new()
            .fallback(nothing)
            .method_not_allowed_fallback(wrong_method),
        internal: None,
        checks: Vec::new(),
        sockets: None,
        last: Vec::new(),
    };
    if roles.has_api() {
        let opened = store::open(config)?;
        if roles == Roles::All {
            opened.migrate().await?;
        }
        parts.checks.push(store::check(&opened));
        parts.last.push(store::close(opened));
    }
    Ok(parts)
}

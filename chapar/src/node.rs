//! A running node: from a checked configuration to the end of its drain. `main` and tests take the same way.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::compose::{self, LAST_STEPS, Parts, Stop};
use crate::config::{Config, HttpConfig, Roles};
use crate::crypto;
use crate::health::Readiness;
use crate::serve::{self, Server, Terms};
use crate::telemetry::metrics;
use crate::telemetry::requests::{Callers, observed};
use crate::web;

/// Gateways keep connections to api nodes for reuse; a short timeout would close one under a request.
const INTERNAL_IDLE: Duration = Duration::from_mins(2);

/// A node that takes traffic. Dropping it without [`Node::stop`] leaves its tasks to the runtime.
pub struct Node {
    public: SocketAddr,
    internal: Option<SocketAddr>,
    http: HttpConfig,
    server: Server,
    readiness: Readiness,
    sockets: Option<Stop>,
    last: Vec<Stop>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("public", &self.public)
            .field("internal", &self.internal)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Binds, then connects and builds the roles, then serves. Configuration is checked first.
    ///
    /// # Errors
    /// [`crate::config::ConfigError`] before anything was bound, [`serve::BindError`], or what kept a role
    /// from being built.
    pub async fn start(mut config: Config, roles: Roles) -> anyhow::Result<Self> {
        crypto::install();
        // Before anything resolves a handle on a metric: it would measure nothing for ever.
        metrics::start(roles);
        if roles == Roles::All {
            config.generate_secrets()?;
        }
        config.check(roles)?;
        for warning in config.warnings(roles) {
            tracing::warn!("{warning}");
        }
        let public = serve::bind(config.http.bind, "http.bind")?;
        let internal = match roles {
            Roles::Api => Some(serve::bind(config.internal.bind, "internal.bind")?),
            Roles::All | Roles::Gateway => None,
        };
        // Port 0 has become a real one, which links name.
        config.http.bind = public.local_addr()?;
        if let Some(internal) = &internal {
            config.internal.bind = internal.local_addr()?;
        }
        let tasks = TaskTracker::new();
        let stopping = CancellationToken::new();
        let parts = compose::build(&config, roles, &tasks, &stopping).await?;
        Ok(Self::serve(
            &config, roles, parts, public, internal, tasks, stopping,
        ))
    }

    fn serve(
        config: &Config,
        roles: Roles,
        parts: Parts,
        public: TcpListener,
        internal: Option<TcpListener>,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        tasks.spawn(metrics::upkeep(stopping.clone()));
        let server = Server::default();
        let readiness = Readiness::new(parts.checks);
        let samples = parts.samples.into();
        let http = config.http.clone();
        let mut routes = parts.public.merge(readiness.routes(&samples));
        if roles.has_api() {
            routes = routes.merge(web::routes(&config.http));
        }
        let callers = Callers::Public {
            sampling: config.telemetry.sampling,
        };
        let terms = Terms {
            header_timeout: http.header_timeout,
            idle_timeout: http.idle_timeout,
            max_connections: http.max_connections,
        };
        server.listen("public", public, observed(routes, callers), terms);
        if let Some(listener) = internal {
            let routes = parts.internal.unwrap_or_default();
            let routes = routes.merge(readiness.routes(&samples));
            let routes = observed(routes, Callers::Nodes);
            let idle_timeout = INTERNAL_IDLE;
            server.listen(
                "internal",
                listener,
                routes,
                Terms {
                    idle_timeout,
                    ..terms
                },
            );
        }
        let node = Self {
            public: config.http.bind,
            internal: (roles == Roles::Api).then_some(config.internal.bind),
            http,
            server,
            readiness,
            sockets: parts.sockets,
            last: parts.last,
            tasks,
            stopping,
        };
        tracing::info!(
            roles = roles.names(),
            http.address = %node.public,
            internal.address = node.internal.map(tracing::field::display),
            version = env!("CARGO_PKG_VERSION"),
            "serving"
        );
        node
    }

    /// Where clients connect.
    pub fn public_address(&self) -> SocketAddr {
        self.public
    }

    /// Where gateways connect; api nodes only.
    pub fn internal_address(&self) -> Option<SocketAddr> {
        self.internal
    }

    /// Whether it may take traffic.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The one drain: readiness off, listeners closed, sockets told to reconnect elsewhere, requests finished and
    /// connections given up in step with the proxies that keep them, then everything behind. Ends after `drain_delay` and `drain_timeout` and a few seconds at the latest.
    /// Cancelling `hurry` ends the waiting.
    pub async fn stop(self, hurry: CancellationToken) {
        tracing::info!("draining");
        self.readiness.drain();
        let delay = tokio::time::sleep(self.http.drain_delay);
        hurry.run_until_cancelled(delay).await;
        self.server.stop_accepting();
        let begin = Instant::now();
        let deadline = begin + self.http.drain_timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        if let Some(sockets) = self.sockets {
            let drain = tokio::time::timeout(left(), sockets(left()));
            if let Some(Err(_)) = hurry.run_until_cancelled(drain).await {
                tracing::warn!("sockets were still open at the end of the drain");
            }
        }
        let patience = if hurry.is_cancelled() {
            Duration::ZERO
        } else {
            left()
        };
        let is_clean = {
            // A part of the time remains for what is not idle.
            let linger = self.http.drain_linger.min(self.http.drain_timeout / 2);
            let linger = linger.saturating_sub(begin.elapsed());
            let drain = self.server.drain(linger, patience);
            hurry.run_until_cancelled(drain).await
        };
        if is_clean != Some(true) {
            self.server.drain(Duration::ZERO, Duration::ZERO).await;
            tracing::warn!("some connections were cut at the end of the drain");
        }
        self.stopping.cancel();
        let last = async {
            for step in self.last {
                step(LAST_STEPS).await;
            }
            self.tasks.close();
            self.tasks.wait().await;
        };
        if tokio::time::timeout(LAST_STEPS, last).await.is_err() {
            tracing::warn!("some tasks were still running at the end of the drain");
        }
        tracing::info!("stopped");
    }
}

//! The api role: rules, store and REST.
//!
//! [`Api::build`] composes it from what the binary chose for each seam; nothing here binds, connects or reads
//! configuration.

use std::sync::Arc;

use axum::Router;
use chapar_broker::{Broker, Presence, RateLimiter};
use chapar_shared::Limits;
use chapar_shared::token::Keyring;
use object_store::ObjectStore;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub mod admin;
pub mod backend;
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
mod measures;
pub mod media;
pub mod store;
mod upkeep;

pub use config::Config;
pub use error::{Error, StoreError};

use admin::Admin;
use backend::Backend;
use clock::Clock;
use domain::writer::Writer;
use domain::{
    Accounts, Commands, Context, Doors, Feed, Files, Messages, Notifications, Passwords, Publisher,
    Rooms, Sessions, Users, sweeper,
};
use http::ApiState;
use http::internal::InternalConfig;
use media::Links;
use store::Store;

/// What an api node is made of.
#[derive(Debug)]
pub struct Deps {
    /// What is durable; migrated.
    pub store: Arc<dyn Store>,
    /// Pub/sub between nodes.
    pub broker: Arc<dyn Broker>,
    /// Who is online.
    pub presence: Arc<dyn Presence>,
    /// Shared buckets.
    pub limiter: Arc<dyn RateLimiter>,
    /// The deployment's limits.
    pub limits: Arc<Limits>,
    /// Signs and verifies access tokens.
    pub keyring: Arc<Keyring>,
    /// Refresh tokens are derived from it; the same on all nodes. Changing it signs everybody out.
    pub refresh_secret: SecretString,
    /// Makes signed addresses of files.
    pub links: Links,
    /// Where files' bytes lie: see [`media::open_storage`].
    pub storage: Arc<dyn ObjectStore>,
    /// The wall clock.
    pub clock: Clock,
    /// Owns the background tasks.
    pub tracker: TaskTracker,
    /// Ends them.
    pub shutdown: CancellationToken,
}

/// An api node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    context: Context,
    state: ApiState,
    admin: Admin,
    backend: Backend,
    internal: InternalConfig,
}

impl Api {
    /// Composes a node and starts its background tasks on the tracker.
    ///
    /// # Errors
    /// Costs of passwords that argon2 refuses.
    pub fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        measures::describe();
        let context = Context {
            store: deps.store,
            publisher: Publisher::new(deps.broker, deps.links.clone()),
            limiter: deps.limiter,
            presence: deps.presence,
            limits: Arc::clone(&deps.limits),
            links: deps.links,
            clock: deps.clock,
        };
        let passwords = Passwords::new(&config.passwords, deps.tracker.clone())?;
        let sessions = Sessions::new(
            context.clone(),
            deps.keyring,
            &deps.refresh_secret,
            config.sessions,
            &config.dialects,
        );
        let files = Files::new(
            context.clone(),
            deps.storage,
            config.files,
            deps.tracker.clone(),
        );
        deps.tracker.spawn(upkeep::run(
            context.clone(),
            files.clone(),
            config.upkeep,
            deps.shutdown.clone(),
        ));
        let writer = Writer::start(
            Arc::clone(&context.store) as _,
            context.publisher.clone(),
            context.clock.clone(),
            config.writer,
            &deps.tracker,
            deps.shutdown.clone(),
        );
        deps.tracker.spawn(sweeper::sweep(
            Arc::clone(&context.store) as _,
            context.publisher.clone(),
            context.clock.clone(),
            config.sweeper,
            deps.shutdown,
        ));
        let accounts = Accounts::new(context.clone(), passwords.clone(), sessions.clone());
        let admin = Admin::new(
            context.clone(),
            passwords.clone(),
            accounts.clone(),
            sessions.clone(),
        );
        let state = ApiState {
            accounts,
            users: Users::new(context.clone(), passwords, sessions.clone()),
            sessions,
            files,
            rooms: Rooms::new(context.clone()),
            messages: Messages::new(context.clone(), writer),
            notifications: Notifications::new(context.clone()),
            feed: Feed::new(context.clone()),
            links: context.links.clone(),
            http: Arc::new(config.http),
            dialects: Arc::new(config.dialects),
            limits: deps.limits,
        };
        let commands = Commands::new(
            context.clone(),
            state.sessions.clone(),
            state.rooms.clone(),
            state.messages.clone(),
            state.feed.clone(),
        );
        let doors = Doors::new(
            context.clone(),
            state.sessions.clone(),
            state.rooms.clone(),
            state.files.clone(),
        );
        Ok(Self {
            backend: Backend::new(
                commands,
                state.feed.clone(),
                state.rooms.clone(),
                state.sessions.clone(),
                state.notifications.clone(),
                doors,
            ),
            internal: config.internal,
            context,
            state,
            admin,
        })
    }

    /// The public routes. They read the peer's address from `ConnectInfo<SocketAddr>`. The router has the
    /// fallbacks; what is merged with it must have none.
    pub fn public_router(&self) -> Router {
        http::public_router(self.state.clone())
    }

    /// The routes for gateways, which know the cluster's `secret`; on a listener of their own.
    pub fn internal_router(&self, secret: &SecretString) -> Router {
        http::internal::router(self.backend.clone(), secret, &self.internal)
    }

    /// What gateways ask, as direct calls, for a gateway in the same process.
    pub fn backend(&self) -> Backend {
        self.backend.clone()
    }

    /// The administrator's commands.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The services, for direct calls.
    pub fn state(&self) -> &ApiState {
        &self.state
    }

    /// Brings those metrics up to date that are looked at when somebody asks, before each scrape.
    pub fn sample(&self) {
        measures::pools(&self.context.store.pools());
    }

    /// Whether the database answers, for readiness.
    pub async fn is_ready(&self) -> bool {
        self.context.store.ping().await.is_ok()
    }
}

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
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod media;
pub mod store;
mod upkeep;

pub use config::Config;
pub use error::{Error, StoreError};

use admin::Admin;
use clock::Clock;
use domain::{Accounts, Context, Files, Passwords, Publisher, Sessions, Users};
use http::ApiState;
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
}

impl Api {
    /// Composes a node and starts its background tasks on the tracker.
    ///
    /// # Errors
    /// Costs of passwords that argon2 refuses.
    pub fn build(config: Config, deps: Deps) -> Result<Self, Error> {
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
            http: Arc::new(config.http),
            limits: deps.limits,
        };
        Ok(Self {
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

    /// The administrator's commands.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The services, for direct calls.
    pub fn state(&self) -> &ApiState {
        &self.state
    }

    /// Whether the database answers, for readiness.
    pub async fn is_ready(&self) -> bool {
        self.context.store.ping().await.is_ok()
    }
}

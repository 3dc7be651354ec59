//! The rules of accounts, rooms and messages. Knows neither HTTP nor SQL.

use std::sync::Arc;

use chapar_broker::{Presence, RateLimiter};
use chapar_shared::{Limits, SessionId, UserId};

use crate::clock::Clock;
use crate::media::Links;
use crate::store::Store;

pub mod accounts;
pub mod attempts;
pub mod commands;
pub mod doors;
pub mod feed;
pub mod files;
pub mod messages;
pub mod notifications;
pub mod passwords;
pub mod policy;
pub mod present;
pub mod publish;
pub mod refresh;
pub mod rooms;
pub mod sessions;
pub mod sweeper;
pub mod users;
pub mod writer;

pub use accounts::Accounts;
pub use commands::Commands;
pub use doors::Doors;
pub use feed::Feed;
pub use files::Files;
pub use messages::Messages;
pub use notifications::Notifications;
pub use passwords::Passwords;
pub use publish::Publisher;
pub use rooms::Rooms;
pub use sessions::Sessions;
pub use users::Users;

/// Who asks: a user, by one of their sessions. Made only by checking a token and its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// The device session.
    pub session: SessionId,
}

/// What every service of the domain works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// Tells the gateways after a commit.
    pub publisher: Publisher,
    /// Shared buckets.
    pub limiter: Arc<dyn RateLimiter>,
    /// Who is online.
    pub presence: Arc<dyn Presence>,
    /// The deployment's limits.
    pub limits: Arc<Limits>,
    /// Makes signed addresses of files.
    pub links: Links,
    /// The wall clock.
    pub clock: Clock,
}

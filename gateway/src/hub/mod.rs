//! The hub: rooms and users to connections. It decodes each envelope once, keeps every room in order, repairs
//! what was lost, and gives each connection what is its own.
//!
//! It is not the truth: what it holds can be dropped at any time and comes back from the api. The one task
//! that reads the broker waits for no client and no backend; everything slow runs in tasks of its own, one for
//! each room or user at most.

mod change;
mod check;
mod epoch;
mod join;
mod listeners;
mod pages;
mod position;
mod presence;
mod repair;
mod ring;
mod room;
mod router;
mod shards;
mod subscriptions;
mod sync;
mod user;
mod watchers;

pub(crate) use change::{Change, text};
pub(crate) use check::watch_over;
pub(crate) use epoch::Epoch;
pub(crate) use pages::FetchError;
pub(crate) use position::{Pull, Start};
pub(crate) use presence::{Lives, keep_leases, leave_all};
pub(crate) use room::Room;
pub(crate) use router::route;
pub(crate) use shards::Shards;
pub(crate) use subscriptions::Subscriptions;
pub(crate) use sync::reload;
pub(crate) use user::{Membership, Seat, User};
pub(crate) use watchers::Watchers;

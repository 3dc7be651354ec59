//! Clients and fixtures of the scenario suite: a REST client, a WebSocket client that records what arrives
//! in order, and the places the scenarios run at.
//!
//! Everything goes through the public surface. A scenario is one function that holds of one process (SQLite,
//! in-process broker) and of a cluster (Postgres, Redis, two api and two gateway nodes) alike; the macro
//! [`scenarios!`] makes both tests of it. What a client sends and gets can be recorded (see [`frames`]) and
//! compared with the protocol's AsyncAPI document.
//!
//! Functions here panic with what they saw: a failed expectation is a failed test.

pub mod door;
pub mod frames;
pub mod history;
mod received;
pub mod rest;
pub mod site;
pub mod socket;
pub mod socketio;
pub mod user;
pub mod wait;

pub use history::History;
pub use rest::{Answer, Rest};
pub use site::{Kind, Site, run};
pub use socket::{Hello, Reply, Socket};
pub use socketio::SocketIo;
pub use user::User;
pub use wait::{DEADLINE, eventually};

/// Makes two tests of each scenario named: `single::name` and `cluster::name`.
///
/// A scenario is an `async fn(Site)`. After `=>` it may name settings that its place differs in from the
/// defaults of tests, as an array of pairs of dotted key and value.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident $(=> $settings:expr)?),* $(,)?) => {
        mod single {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::run($crate::Kind::Single, scenarios!(@ $($settings)?), super::$name).await;
            })*
        }
        mod cluster {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::run($crate::Kind::Cluster, scenarios!(@ $($settings)?), super::$name).await;
            })*
        }
    };
    (@) => { &[] };
    (@ $settings:expr) => { &$settings };
}

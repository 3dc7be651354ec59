//! The composition root: configuration, command line, telemetry, serving and stopping. It picks one
//! implementation per seam and holds no rules; one process with everything is the default set of roles, not
//! a mode of its own.

pub mod admin;
pub mod cli;
pub mod compose;
pub mod config;
mod crypto;
pub mod health;
pub mod healthcheck;
pub mod node;
mod run;
pub mod serve;
pub mod signals;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod web;

pub use node::Node;
pub use run::run;

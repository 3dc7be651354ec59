//! The contracts of the broker crate, run against every implementation, and what only Redis can get wrong.

#![expect(clippy::unwrap_used, reason = "these helpers serve tests only")]

mod contract;
mod faults;
mod memory;
mod redis;

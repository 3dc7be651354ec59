//! The load generator: many clients on one core, every delivery numbered and checked, the same work for this
//! server and for others.
//!
//! It is not a client library and not a test of correctness under faults; it measures a healthy server. It must
//! never be what limits a figure: frames are found in large reads without parsing their text ([`frame`],
//! [`mark`]), all sockets share one thread and one buffer ([`socket`]).
//!
//! Invariants: latency counts from the time at which a message was *meant* to be sent, so a server that stalls
//! its sender does not look fast; each listener's numbers must come dense, once and in order ([`check`]), or the
//! run says how many did not; a server and what it needs run on one core, the generator on another ([`process`]).

pub mod check;
pub mod cli;
pub mod fleet;
pub mod frame;
pub mod layout;
pub mod mark;
pub mod meter;
pub mod pace;
pub mod process;
pub mod redis;
pub mod report;
pub mod socket;
pub mod stub;
pub mod suite;
pub mod target;
pub mod work;

//! Scenarios through the public surface: what Chapar promises, each against one process and against a
//! cluster. Where two people take part they are at home on different nodes.

#![expect(
    clippy::unwrap_used,
    reason = "the whole binary is tests, and lints see only functions marked so"
)]

mod access;
mod accounts;
mod cuts;
mod direct;
mod doors;
mod faults;
mod files;
mod frames;
mod hostile;
mod limits;
mod messaging;
mod metrics;
mod notifications;
mod operations;
mod persian;
mod presence;
mod replay;
mod rooms;
mod routes;
mod sessions;
mod slow;
mod socketio;
mod socketio_sessions;
mod tokens;
mod traces;

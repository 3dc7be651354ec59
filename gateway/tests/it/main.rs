//! The gateway through its public surface: real sockets, a simulated store and a bus that loses things.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "helpers of one test binary, which no other crate sees"
)]

mod bus;
mod commands;
mod dialects;
mod files;
mod gate;
mod handshake;
mod http;
mod presence;
mod slow;
mod sources;
mod store;
mod streams;
mod users;
mod world;

//! Private server processes and a fault proxy, for tests and load runs.
//!
//! Everything here starts its own Postgres, Redis or nginx on a free port of 127.0.0.1, with its data in a
//! temporary folder; it never uses a server that happens to run, a fixed port or a container engine. A missing
//! binary is an error that says how to install it.
//!
//! Invariants: no process and no folder outlives the process that started it, however that one ends (see
//! `process`). Nothing here knows the project's other crates.

mod nginx;
mod port;
mod postgres;
mod process;
mod proxy;
mod redis;

pub use nginx::Nginx;
pub use port::free_port;
pub use postgres::{Durability, Postgres, PostgresOptions, shared_postgres};
pub use proxy::{Proxy, Verdict, eat_publishes};
pub use redis::{
    ClusterNode, Persistence, Redis, RedisCluster, RedisOptions, Sentinel, shared_redis,
};

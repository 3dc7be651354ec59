//! What is measured: this server in two cuts, a bare broadcast, and other servers. Each is started afresh, with
//! what it needs, and speaks its own protocol.

mod chapar;
mod peer;
mod seed;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chapar_testkit::{Postgres, Redis};
use clap::ValueEnum;

use crate::layout::Layout;
use crate::mark::Mark;
use crate::process::{Pinning, cpu, resident_bytes};
use crate::redis::Publisher;
use crate::socket::Greeting;
use crate::stub::Stub;

pub use wire::Wire;

/// What can be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// This server's gateway alone: the generator is the api, and publishes to Redis itself
    #[default]
    Gateway,
    /// This server whole: gateway, api, Postgres with fsync, Redis
    Whole,
    /// A broadcast channel behind axum's WebSocket with 4 KiB buffers: the upper bound
    Bare,
    /// The same with messages as long as this server's frames
    BareWide,
    /// Node, ws and ioredis
    Ws,
    /// Node, Socket.IO and its Redis adapter
    Socketio,
    /// Python, `FastAPI` and python-socketio with its Redis manager
    PythonSocketio,
    /// Python, Django Channels and `channels_redis` behind daphne
    Channels,
}

impl Kind {
    /// As on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether users send through sockets of their own.
    pub fn has_senders(self) -> bool {
        self != Self::Gateway
    }
}

/// How to start a target.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who is where.
    pub layout: Layout,
    /// Gateways.
    pub nodes: usize,
    /// Bytes of a message's text.
    pub payload_bytes: usize,
    /// Which cores.
    pub pinning: Pinning,
    /// Where peers' start scripts are.
    pub peers: PathBuf,
    /// Settings of this server's nodes, as `GATEWAY__MAX_QUEUE_BYTES=2097152`.
    pub settings: Vec<String>,
}

/// What was used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// By the server's own processes.
    pub server: Duration,
    /// By its Redis.
    pub redis: Duration,
    /// By its Postgres.
    pub postgres: Duration,
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            redis: self.redis.saturating_sub(earlier.redis),
            postgres: self.postgres.saturating_sub(earlier.postgres),
        }
    }
}

/// A running target; everything of it ends when dropped.
#[derive(Debug)]
pub struct Target {
    /// Which.
    pub kind: Kind,
    /// How it was started; bytes of a message as they are in the end.
    pub options: Options,
    /// Its protocol.
    pub wire: Wire,
    addresses: Vec<SocketAddr>,
    servers: Vec<u32>,
    tokens: Option<seed::Tokens>,
    source: Option<Source>,
    // Servers end before what they need.
    _nodes: Vec<::chapar::testing::ChildNode>,
    _peer: Option<peer::Process>,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    _folder: Option<tempfile::TempDir>,
}

/// Where a gateway's messages come from when it is measured alone.
#[derive(Debug)]
struct Source {
    stub: Stub,
    publisher: Publisher,
    prefix: String,
}

impl Target {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// What kept it from starting.
    pub async fn start(kind: Kind, options: Options) -> anyhow::Result<Self> {
        let started = match kind {
            Kind::Gateway | Kind::Whole => chapar::start(kind, options).await,
            _ => peer::start(kind, options).await,
        };
        started.with_context(|| format!("starting {}", kind.name()))
    }

    /// How a user's client joins at a node; `since` are positions to resume from.
    pub fn greeting(&self, user: usize, node: usize, since: &BTreeMap<usize, u64>) -> Greeting {
        let address = self.addresses[node % self.addresses.len()];
        let token = self.tokens.as_ref().map(|tokens| tokens.sign(user));
        let layout = &self.options.layout;
        let rooms = if layout.is_listener(user) {
            layout.rooms_of_user(user)
        } else {
            Vec::new()
        };
        self.wire.greeting(address, token.as_deref(), &rooms, since)
    }

    /// Publishes a message from outside, where [`Kind::has_senders`] is false; goes out with the next flush.
    ///
    /// # Errors
    /// When Redis is gone.
    pub fn publish(&self, mark: Mark) -> anyhow::Result<()> {
        let source = self.source.as_ref().context("messages come from senders")?;
        let (room, envelope) = source.stub.commit(mark);
        let channel = chapar_shared::envelope::Channel::Room(room).name(&source.prefix);
        source.publisher.publish(&channel, &envelope);
        anyhow::ensure!(
            !source.publisher.has_failed(),
            "Redis refuses what is published"
        );
        Ok(())
    }

    /// Sends what was published.
    pub fn flush(&self) {
        if let Some(source) = &self.source {
            source.publisher.flush();
        }
    }

    /// What it used so far.
    ///
    /// # Errors
    /// When a process of it is gone.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        let of = |pid: Option<u32>| pid.map_or(Ok(Duration::ZERO), |pid| cpu(&[pid]));
        Ok(Usage {
            server: cpu(&self.servers)?,
            redis: of(self.redis.as_ref().and_then(Redis::pid))?,
            postgres: of(self.postgres.as_ref().and_then(Postgres::pid))?,
        })
    }

    /// Resident bytes of the server's own processes.
    ///
    /// # Errors
    /// When a process of it is gone.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(&self.servers)
    }

    /// Its Postgres, where it has one.
    pub fn postgres(&self) -> Option<&Postgres> {
        self.postgres.as_ref()
    }
}

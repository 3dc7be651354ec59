//! The workloads. Each starts its target afresh, with a population of its own, and ends it.

pub mod connects;
pub mod crossing;
pub mod fanout;
pub mod growth;
pub mod idle;
pub mod reconnects;
pub mod sends;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::layout::Layout;
use crate::process::Pinning;
use crate::target::{Kind, Options};

pub use session::{Session, Traffic};

/// How long anything may take before a run is given up.
const PATIENCE: Duration = Duration::from_mins(2);

/// What all workloads have in common.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// What is measured.
    #[arg(skip)]
    pub target: Kind,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 150)]
    pub payload_bytes: usize,
    /// Leave all processes to the kernel, instead of servers on core 0 and the generator on core 1
    #[arg(long)]
    pub no_pin: bool,
    /// A setting of this server's nodes, as `GATEWAY__MAX_QUEUE_BYTES=2097152`; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Where the start scripts of other servers are
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    pub peers: PathBuf,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            target: Kind::default(),
            payload_bytes: 150,
            no_pin: false,
            settings: Vec::new(),
            peers: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/peers")),
        }
    }
}

impl Common {
    /// The same for another target.
    #[must_use]
    pub fn of(&self, target: Kind) -> Self {
        Self {
            target,
            ..self.clone()
        }
    }

    fn options(&self, layout: Layout, nodes: usize) -> Options {
        Options {
            layout,
            nodes,
            payload_bytes: self.payload_bytes,
            pinning: if self.no_pin {
                Pinning::Free
            } else {
                Pinning::Apart
            },
            peers: self.peers.clone(),
            settings: self.settings.clone(),
        }
    }
}

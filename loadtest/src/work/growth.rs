//! What a delivery and a connection cost as the work grows: two sizes of one thing, all else equal.
//!
//! All else includes the deliveries a second of all connections together, so that with more of them each is written to
//! more rarely and is in no cache when its turn comes; most of that is the kernel's. The bare server shows how much.
//!
//! Processor time for a delivery depends on the fan-out (a message is published and read once, whatever the
//! number of its listeners), so both sizes have rooms of the same number of listeners on each gateway. Memory is
//! compared between sizes of many connections each, since a few show only noise; for the number of rooms that is
//! a pair of its own, with equally many connections.

use anyhow::ensure;
use clap::{Args, ValueEnum};

use crate::layout::Layout;
use crate::report::{Report, number};
use crate::target::Kind;

use super::{Common, Session};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Axis {
    /// 1,000 to 18,000 connections, rooms of 100
    Connections,
    /// 10 to 10,000 rooms
    Rooms,
    /// 1 to 8 gateways, 100 listeners of each room on each; 8,000 connections in all for the processor's time, 1,000 on
    /// each for memory
    Gateways,
}

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Growth {
    /// What grows
    #[arg(long, value_enum, default_value = "connections")]
    pub axis: Axis,
    /// Deliveries a second
    #[arg(long, default_value_t = 20_000.0)]
    pub rate: f64,
    /// How long, in seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Divides connections and rooms, for a quick look
    #[arg(long, default_value_t = 1)]
    pub divide: usize,
}

/// One size.
#[derive(Clone, Copy, Debug)]
struct Size {
    connections: usize,
    rooms: usize,
    follows: usize,
    gateways: usize,
    /// What is taken from it.
    is_cpu: bool,
    is_memory: bool,
}

impl Axis {
    fn sizes(self) -> Vec<(&'static str, Size)> {
        let base = Size {
            connections: 1_000,
            rooms: 10,
            follows: 1,
            gateways: 1,
            is_cpu: true,
            is_memory: true,
        };
        let cpu = Size {
            is_memory: false,
            ..base
        };
        let memory = Size {
            is_cpu: false,
            connections: 10_000,
            ..base
        };
        match self {
            Self::Connections => vec![
                ("small", base),
                (
                    "large",
                    Size {
                        connections: 18_000,
                        rooms: 180,
                        ..base
                    },
                ),
            ],
            Self::Rooms => vec![
                (
                    "small",
                    Size {
                        connections: 100,
                        ..cpu
                    },
                ),
                (
                    "large",
                    Size {
                        connections: 10_000,
                        rooms: 10_000,
                        follows: 10,
                        ..cpu
                    },
                ),
                ("small", memory),
                (
                    "large",
                    Size {
                        rooms: 10_000,
                        ..memory
                    },
                ),
            ],
            // A delivery's price goes by all connections, a connection's memory by those of its gateway: a gateway has
            // some of its own.
            Self::Gateways => vec![
                (
                    "small",
                    Size {
                        connections: 8_000,
                        rooms: 80,
                        ..cpu
                    },
                ),
                (
                    "small",
                    Size {
                        is_cpu: false,
                        ..base
                    },
                ),
                (
                    "large",
                    Size {
                        connections: 8_000,
                        gateways: 8,
                        ..base
                    },
                ),
            ],
        }
    }
}

/// Runs it. The target is a gateway, whatever was asked for, unless it is the bare server, of which there is one node.
///
/// # Errors
/// When the target cannot be started, or is gone.
pub async fn run(common: &Common, args: &Growth) -> anyhow::Result<Report> {
    let is_bare = common.target == Kind::Bare;
    ensure!(
        !is_bare || args.axis != Axis::Gateways,
        "the bare server knows no other nodes"
    );
    let common = common.of(if is_bare { Kind::Bare } else { Kind::Gateway });
    let axis = args.axis.to_possible_value();
    let axis = axis.map_or_else(String::new, |axis| axis.get_name().to_owned());
    let mut report = Report::new("growth", &common.target.name())
        .with("axis", axis)
        .with("deliveries_per_s", args.rate);
    for (name, size) in args.axis.sizes() {
        measure(&common, args, name, size, &mut report).await?;
    }
    for what in ["cpu_s_per_million", "resident_per_connection_bytes"] {
        let of = |size: &str| report.figure(&format!("{size}_{what}"));
        let growth = of("large") / of("small") - 1.0;
        report.put(&format!("{what}_growth_percent"), growth * 100.0);
    }
    Ok(report)
}

async fn measure(
    common: &Common,
    args: &Growth,
    name: &str,
    size: Size,
    report: &mut Report,
) -> anyhow::Result<()> {
    let layout = Layout {
        listeners: (size.connections / args.divide).max(1),
        rooms: (size.rooms / args.divide).max(1),
        follows: size.follows,
        // A gateway is given messages by the generator; the bare server's come from sockets.
        senders: usize::from(common.target.has_senders()),
    };
    let mut session = Session::start(common, layout, size.gateways).await?;
    let before = session.target.resident_bytes()?;
    // By room, so that each gateway has its share of each.
    let rooms = layout.rooms;
    session
        .join(|user| (user - 1) / rooms % size.gateways)
        .await?;
    let after = session.target.resident_bytes()?;
    if size.is_memory {
        let each = number(after.saturating_sub(before)) / number(layout.listeners);
        report.put(&format!("{name}_resident_per_connection_bytes"), each);
    }
    if size.is_cpu {
        session.probe().await?;
        session.traffic(args.rate, args.seconds.min(1.0)).await?;
        let traffic = session.traffic(args.rate, args.seconds).await?;
        let millions = number(traffic.delivered.max(1)) / 1e6;
        let cpu = traffic.usage.server.as_secs_f64() / millions;
        report.put(&format!("{name}_cpu_s_per_million"), cpu);
        for (what, count) in [
            ("lost", traffic.lost),
            ("doubled", traffic.doubled),
            ("disordered", traffic.disordered),
        ] {
            report.put(what, report.figure(what) + number(count));
        }
        report.remarks.extend(traffic.remark);
    }
    Ok(())
}

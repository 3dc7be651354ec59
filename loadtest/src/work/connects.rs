//! A storm of new connections: token checked, session opened, room followed.

use clap::Args;

use crate::layout::Layout;
use crate::report::{Report, number};

use super::{Common, Session};

/// Listeners of a room.
const MEMBERS: usize = 20;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Connects {
    /// How many
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
    /// Attempts at the same time
    #[arg(long, default_value_t = 256)]
    pub at_once: usize,
}

/// Runs it.
///
/// # Errors
/// When the target cannot be started, or one does not connect.
pub async fn run(common: &Common, args: &Connects) -> anyhow::Result<Report> {
    let mut report = Report::new("connects", &common.target.name())
        .with("connections", args.connections)
        .with("at_once", args.at_once);
    let layout = Layout {
        listeners: args.connections,
        rooms: args.connections.div_ceil(MEMBERS),
        follows: 1,
        senders: 0,
    };
    let mut session = Session::start(common, layout, 1).await?;
    let users = 1..=layout.listeners;
    let opening = session.join_users(users, args.at_once, |_| 0).await?;
    let per_s = number(args.connections) / opening.took.as_secs_f64();
    report.put("connects_per_s", per_s);
    report.put_latency("connect_", &opening.latency);
    report.put("sockets_ended", number(session.fleet.meter().ended.0));
    Ok(report)
}

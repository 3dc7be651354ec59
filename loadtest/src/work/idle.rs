//! Connections that are signed in, follow one room and hear nothing: what one of them costs in memory.

use std::time::Duration;

use clap::Args;

use crate::layout::Layout;
use crate::report::{Report, number};

use super::{Common, Session};

/// Listeners of a room.
const MEMBERS: usize = 100;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Idle {
    /// How many
    #[arg(long, default_value_t = 5_000)]
    pub connections: usize,
    /// How long they rest before memory is read, in seconds
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
}

/// Runs it.
///
/// # Errors
/// When the target cannot be started, or is gone.
pub async fn run(common: &Common, args: &Idle) -> anyhow::Result<Report> {
    let mut report =
        Report::new("idle", &common.target.name()).with("connections", args.connections);
    let layout = Layout {
        listeners: args.connections,
        rooms: args.connections.div_ceil(MEMBERS),
        follows: 1,
        senders: 0,
    };
    let mut session = Session::start(common, layout, 1).await?;
    let before = session.target.resident_bytes()?;
    session.join(|_| 0).await?;
    tokio::time::sleep(Duration::from_secs_f64(args.seconds)).await;
    let after = session.target.resident_bytes()?;
    report.put("resident_before_bytes", number(before));
    report.put("resident_after_bytes", number(after));
    let each = number(after.saturating_sub(before)) / number(args.connections);
    report.put("resident_per_connection_bytes", each);
    let ended = session.fleet.meter().ended.clone();
    report.put("sockets_ended", number(ended.0));
    report.remarks.extend(ended.1);
    Ok(report)
}

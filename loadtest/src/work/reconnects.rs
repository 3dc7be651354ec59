//! Everybody is cut off, messages go on, everybody comes back at once and resumes: what was missed must come,
//! once and in order.

use anyhow::ensure;
use clap::Args;
use tokio::time::Instant;

use crate::layout::Layout;
use crate::report::{Report, number};
use crate::target::Kind;

use super::{Common, PATIENCE, Session};

/// Listeners of a room.
const MEMBERS: usize = 20;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Reconnects {
    /// How many
    #[arg(long, default_value_t = 5_000)]
    pub connections: usize,
    /// Attempts at the same time
    #[arg(long, default_value_t = 256)]
    pub at_once: usize,
    /// Messages of each room while everybody is away
    #[arg(long, default_value_t = 20)]
    pub missed: usize,
}

/// Runs it.
///
/// # Errors
/// When the target cannot resume or cannot be started, or one does not connect.
pub async fn run(common: &Common, args: &Reconnects) -> anyhow::Result<Report> {
    ensure!(
        matches!(common.target, Kind::Gateway | Kind::Whole),
        "{} cannot resume",
        common.target.name()
    );
    let mut report = Report::new("reconnects", &common.target.name())
        .with("connections", args.connections)
        .with("at_once", args.at_once)
        .with("missed", args.missed);
    let layout = Layout {
        listeners: args.connections,
        rooms: args.connections.div_ceil(MEMBERS),
        follows: 1,
        senders: usize::from(common.target.has_senders()),
    };
    let mut session = Session::start(common, layout, 1).await?;
    session.join(|_| 0).await?;
    session.probe().await?;
    session.fleet.cut().await;
    session.join_senders().await?;
    // With the answers to the first messages.
    let wanted = (layout.streams() * (args.missed + 1)) as u64;
    for _ in 0..args.missed {
        for stream in 0..layout.streams() {
            session.publish(stream, session.fleet.clock().micros())?;
        }
        session.target.flush();
        // The senders' answers; what is missed is stored before anybody is back.
        tokio::task::yield_now().await;
    }
    if common.target.has_senders() {
        session.fleet.await_answers(wanted, PATIENCE).await?;
    }
    let start = Instant::now();
    let opening = {
        let positions: Vec<_> = (1..=layout.listeners)
            .map(|user| session.fleet.positions(user))
            .collect();
        let target = &session.target;
        let greeting = |user: usize| target.greeting(user, 0, &positions[user - 1]);
        let users = 1..=layout.listeners;
        session
            .fleet
            .open(users, args.at_once, PATIENCE, greeting)
            .await?
    };
    let is_complete = session.fleet.settle(PATIENCE / 10).await;
    report.put("complete_after_s", start.elapsed().as_secs_f64());
    let per_s = number(args.connections) / opening.took.as_secs_f64();
    report.put("reconnects_per_s", per_s);
    report.put_latency("reconnect_", &opening.latency);
    // And live again.
    for stream in 0..layout.streams() {
        session.publish(stream, session.fleet.clock().micros())?;
    }
    session.target.flush();
    let is_live = session.fleet.settle(PATIENCE / 10).await;
    if !(is_complete && is_live) {
        report.remarks.push("not everything came".to_owned());
    }
    report.put("lost", number(session.fleet.lost()));
    let meter = session.fleet.meter();
    report.put("deliveries", number(meter.delivered));
    report.put("doubled", number(meter.doubled));
    report.put("disordered", number(meter.disordered));
    report.put("sockets_ended", number(meter.ended.0));
    report.remarks.extend(meter.ended.1.clone());
    Ok(report)
}

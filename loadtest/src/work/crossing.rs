//! From a sender at one gateway to listeners at another, each message committed on the way.

use clap::Args;

use crate::layout::Layout;
use crate::report::Report;
use crate::target::Kind;

use super::{Common, Session};

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Crossing {
    /// Rooms, each with one sender
    #[arg(long, default_value_t = 100)]
    pub rooms: usize,
    /// Listeners of each, all at the other gateway
    #[arg(long, default_value_t = 1)]
    pub members: usize,
    /// Messages a second
    #[arg(long, default_value_t = 1_000.0)]
    pub rate: f64,
    /// How long, in seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
}

/// Runs it. The target is the whole path, whatever was asked for.
///
/// # Errors
/// When the target cannot be started, or is gone.
pub async fn run(common: &Common, args: &Crossing) -> anyhow::Result<Report> {
    let common = common.of(Kind::Whole);
    let mut report = Report::new("crossing", &common.target.name())
        .with("rooms", args.rooms)
        .with("members", args.members)
        .with("messages_per_s", args.rate)
        .with("seconds", args.seconds);
    let layout = Layout::rooms_of(args.rooms, args.members).with_senders(1);
    let mut session = Session::start(&common, layout, 2).await?;
    session.join(|_| 1).await?;
    session.probe().await?;
    let rate = args.rate * crate::report::number(args.members);
    session.traffic(rate, args.seconds.min(1.0)).await?;
    let traffic = session.traffic(rate, args.seconds).await?;
    traffic.put(&mut report);
    Ok(report)
}

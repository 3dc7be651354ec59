//! Rooms of many listeners: latency and cost at a rate, or the highest rate that the target bears.

use clap::Args;

use crate::layout::Layout;
use crate::report::Report;
use crate::target::Kind;

use super::{Common, Session, Traffic};

/// A rate is borne when 99 of 100 deliveries take less.
const LIMIT_MS: f64 = 200.0;

/// Nothing here is faster.
const CEILING: f64 = 20e6;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Fanout {
    /// Rooms
    #[arg(long, default_value_t = 1)]
    pub rooms: usize,
    /// Listeners of each
    #[arg(long, default_value_t = 500)]
    pub members: usize,
    /// Deliveries a second; with --search the first rate that is tried
    #[arg(long, default_value_t = 10_000.0)]
    pub rate: f64,
    /// How long a rate is held, in seconds
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Find the highest rate with p99 below 200 ms and nothing lost, doubled or out of order
    #[arg(long)]
    pub search: bool,
    /// With --search: while everything is borne, the next rate is higher by this
    #[arg(long, default_value_t = 1.6)]
    pub step: f64,
    /// With --search: halvings between a rate that is borne and one that is not; 4 lead to within 3 % of the
    /// highest
    #[arg(long, default_value_t = 4)]
    pub halvings: u32,
    /// Senders of each room, where users send
    #[arg(long, default_value_t = 1)]
    pub senders: usize,
}

/// Runs it.
///
/// # Errors
/// When the target cannot be started, or is gone.
pub async fn run(common: &Common, args: &Fanout) -> anyhow::Result<Report> {
    let name = if args.search {
        "fanout search"
    } else {
        "fanout"
    };
    let mut report = Report::new(name, &common.target.name())
        .with("rooms", args.rooms)
        .with("members", args.members)
        .with("seconds", args.seconds);
    let senders = if common.target.has_senders() {
        args.senders
    } else {
        0
    };
    let layout = Layout::rooms_of(args.rooms, args.members).with_senders(senders);
    let mut session = Session::start(common, layout, 1).await?;
    session.join(|_| 0).await?;
    session.probe().await?;
    // What is compiled or allocated on first use is not measured.
    session
        .traffic((args.rate / 4.0).min(10_000.0), args.seconds.min(1.0))
        .await?;
    let traffic = if args.search {
        search(&mut session, args).await?
    } else {
        Some(session.traffic(args.rate, args.seconds).await?)
    };
    match traffic {
        Some(traffic) => traffic.put(&mut report),
        None => report.remarks.push("no rate was borne".to_owned()),
    }
    if common.target == Kind::Whole {
        report.put("senders", crate::report::number(args.senders));
    }
    Ok(report)
}

/// The traffic at the highest rate that is borne.
async fn search(session: &mut Session, args: &Fanout) -> anyhow::Result<Option<Traffic>> {
    let mut best: Option<Traffic> = None;
    let mut worst: Option<f64> = None;
    let mut rate = args.rate;
    let mut halvings = 0;
    let mut is_second_try = false;
    while halvings <= args.halvings && (100.0..CEILING).contains(&rate) {
        let traffic = session.traffic(rate, args.seconds).await?;
        let is_borne = traffic.is_within(LIMIT_MS);
        eprintln!(
            "  {:>9.0}/s: {:.0}/s, p99 {:.0} ms, lost {}{}",
            rate,
            traffic.delivered_per_s,
            crate::report::millis(traffic.latency.value_at_quantile(0.99)),
            traffic.lost,
            if is_borne { "" } else { ": too much" },
        );
        if is_borne {
            best = Some(traffic);
        } else {
            session.recover().await?;
            // Something else may have disturbed it: only what fails twice is too much.
            if !is_second_try {
                is_second_try = true;
                continue;
            }
            worst = Some(rate);
        }
        is_second_try = false;
        rate = match (&best, worst) {
            (Some(best), Some(worst)) => {
                halvings += 1;
                (best.offered_per_s * worst).sqrt()
            }
            (Some(best), None) => best.offered_per_s * args.step,
            (None, _) => rate / args.step / args.step,
        };
    }
    Ok(best)
}

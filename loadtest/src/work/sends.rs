//! Durable sends over sockets: how many are acknowledged a second, beside what the same Postgres commits alone.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use hdrhistogram::Histogram;

use crate::layout::Layout;
use crate::process::run as run_program;
use crate::report::{Report, millis, number};
use crate::target::{Kind, Usage};

use super::{Common, PATIENCE, Session};

/// Clients of pgbench; the best of these counts, so that the comparison is not easy.
const CLIENTS: [&str; 3] = ["8", "32", "100"];

/// A window is borne when 99 of 100 acknowledgements take less.
const LIMIT_MS: f64 = 100.0;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Sends {
    /// Senders, each in a room of their own
    #[arg(long, default_value_t = 200)]
    pub senders: usize,
    /// Messages that a sender has under way; with --search at most
    #[arg(long, default_value_t = 4)]
    pub window: usize,
    /// Find the window that gives the most acknowledgements with p99 below 100 ms
    #[arg(long)]
    pub search: bool,
    /// How long a window is held, in seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// How long pgbench runs for each number of clients, in seconds; 0 to leave it out
    #[arg(long, default_value_t = 4)]
    pub pgbench_seconds: u64,
}

/// What was measured while a window was held.
struct Held {
    window: usize,
    acks: u64,
    acks_per_s: f64,
    latency: Histogram<u64>,
    usage: Usage,
}

impl Held {
    fn p99_ms(&self) -> f64 {
        millis(self.latency.value_at_quantile(0.99))
    }

    fn is_borne(&self) -> bool {
        self.p99_ms() < LIMIT_MS
    }

    fn is_better_than(&self, other: &Self) -> bool {
        match (self.is_borne(), other.is_borne()) {
            (true, true) => self.acks_per_s > other.acks_per_s,
            (false, false) => self.p99_ms() < other.p99_ms(),
            (is_borne, _) => is_borne,
        }
    }

    fn put(&self, report: &mut Report) {
        report.put("window", number(self.window));
        report.put("acks_per_s", self.acks_per_s);
        report.put_latency("ack_", &self.latency);
        for (name, time) in [
            ("server", self.usage.server),
            ("redis", self.usage.redis),
            ("postgres", self.usage.postgres),
        ] {
            let each = time.as_secs_f64() * 1e6 / number(self.acks.max(1));
            report.put(&format!("{name}_cpu_s_per_million"), each);
        }
    }
}

/// Runs it. The target is the whole path, whatever was asked for.
///
/// # Errors
/// When the target cannot be started, or acknowledged what it did not store.
pub async fn run(common: &Common, args: &Sends) -> anyhow::Result<Report> {
    let common = common.of(Kind::Whole);
    let name = if args.search { "sends search" } else { "sends" };
    let mut report = Report::new(name, &common.target.name())
        .with("senders", args.senders)
        .with("seconds", args.seconds);
    let layout = Layout::rooms_of(args.senders, 0).with_senders(1);
    let mut session = Session::start(&common, layout, 1).await?;
    if args.pgbench_seconds > 0 {
        let rate = commits_per_s(&session, args.pgbench_seconds).await?;
        report.put("single_row_commits_per_s", rate);
    }
    session.join(|_| 0).await?;
    session.fleet.set_steady(true);
    let mut best: Option<Held> = None;
    for window in 1..=args.window {
        for stream in 0..layout.streams() {
            session.publish(stream, session.fleet.clock().micros())?;
        }
        if !args.search && window < args.window {
            continue;
        }
        let held = hold(&session, window, args.seconds).await?;
        if args.search {
            eprintln!(
                "  {window} under way: {:.0}/s, p99 {:.0} ms",
                held.acks_per_s,
                held.p99_ms()
            );
        }
        if best.as_ref().is_none_or(|best| held.is_better_than(best)) {
            best = Some(held);
        }
    }
    session.fleet.set_steady(false);
    let said = session.fleet.said();
    let answered = session.fleet.await_answers(said, PATIENCE / 4).await;
    best.context("a sender has at least one message under way")?
        .put(&mut report);
    let acked = note(&session, &mut report);
    answered?;
    let postgres = session
        .target
        .postgres()
        .context("the whole path has one")?;
    let stored: u64 = postgres
        .sql("SELECT count(*) FROM messages")
        .await?
        .trim()
        .parse()?;
    report.put("stored", number(stored));
    ensure!(
        stored >= acked,
        "{acked} were acknowledged and {stored} stored"
    );
    Ok(report)
}

/// Measures while each answer calls for the next message.
async fn hold(session: &Session, window: usize, seconds: f64) -> anyhow::Result<Held> {
    // The first fifth is for coming to speed.
    tokio::time::sleep(Duration::from_secs_f64(seconds / 5.0)).await;
    let (acked, start) = {
        let now = session.fleet.clock().micros();
        let mut meter = session.fleet.meter();
        meter.measure_from(now);
        (meter.acked, now)
    };
    let before = session.target.usage()?;
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let usage = session.target.usage()? - before;
    let elapsed = session.fleet.clock().micros() - start;
    let meter = session.fleet.meter();
    let acks = meter.acked - acked;
    Ok(Held {
        window,
        acks,
        acks_per_s: number(acks) * 1e6 / number(elapsed),
        latency: meter.latency_of_ack.clone(),
        usage,
    })
}

/// Puts the senders' side into the report; gives how many sends were acknowledged in all.
fn note(session: &Session, report: &mut Report) -> u64 {
    let meter = session.fleet.meter();
    report.put("acked", number(meter.acked));
    report.put("refused", number(meter.refused.0));
    report.put("sockets_ended", number(meter.ended.0));
    report.remarks.extend(meter.refused.1.clone());
    report.remarks.extend(meter.ended.1.clone());
    meter.acked
}

/// Single-row inserts, each a transaction, by pgbench.
async fn commits_per_s(session: &Session, seconds: u64) -> anyhow::Result<f64> {
    let postgres = session
        .target
        .postgres()
        .context("the whole path has one")?;
    let table = "CREATE TABLE bench (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT NOT NULL)";
    postgres.sql(table).await?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("insert.sql");
    let text = "x".repeat(session.target.options.payload_bytes);
    fs::write(
        &script,
        format!("INSERT INTO bench (text) VALUES ('{text}');\n"),
    )?;
    let (script, seconds) = (script.display().to_string(), seconds.to_string());
    let url = postgres.url();
    let mut best = 0.0_f64;
    for clients in CLIENTS {
        let args = [
            "--no-vacuum",
            "--protocol=prepared",
            "--jobs=1",
            "--client",
            clients,
        ];
        let (script, seconds, url) = (script.clone(), seconds.clone(), url.clone());
        let output = tokio::task::spawn_blocking(move || {
            let rest = ["--time", &seconds, "--file", &script, &url];
            run_program("pgbench", &[&args[..], &rest[..]].concat())
        });
        let output = output.await??;
        let rate = output.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate.and_then(|rate| rate.split_whitespace().next());
        best = best.max(rate.context("pgbench tells no rate")?.parse()?);
    }
    Ok(best)
}

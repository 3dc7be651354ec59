//! Durable sends over sockets: how many are acknowledged a second, beside what the same Postgres commits alone.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::layout::Layout;
use crate::process::run as run_program;
use crate::report::{Report, number};
use crate::target::Kind;

use super::{Common, PATIENCE, Session};

/// Clients of pgbench; the best of these counts, so that the comparison is not easy.
const CLIENTS: [&str; 3] = ["8", "32", "100"];

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Sends {
    /// Senders, each in a room of their own
    #[arg(long, default_value_t = 200)]
    pub senders: usize,
    /// Messages that a sender has under way
    #[arg(long, default_value_t = 4)]
    pub window: usize,
    /// How long, in seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// How long pgbench runs for each number of clients, in seconds; 0 to leave it out
    #[arg(long, default_value_t = 4)]
    pub pgbench_seconds: u64,
}

/// Runs it. The target is the whole path, whatever was asked for.
///
/// # Errors
/// When the target cannot be started, or acknowledged what it did not store.
pub async fn run(common: &Common, args: &Sends) -> anyhow::Result<Report> {
    let common = common.of(Kind::Whole);
    let mut report = Report::new("sends", &common.target.name())
        .with("senders", args.senders)
        .with("window", args.window)
        .with("seconds", args.seconds);
    let layout = Layout::rooms_of(args.senders, 0).with_senders(1);
    let mut session = Session::start(&common, layout, 1).await?;
    if args.pgbench_seconds > 0 {
        let rate = commits_per_s(&session, args.pgbench_seconds).await?;
        report.put("single_row_commits_per_s", rate);
    }
    session.join(|_| 0).await?;
    session.fleet.set_steady(true);
    for _ in 0..args.window {
        for stream in 0..layout.streams() {
            session.publish(stream, session.fleet.clock().micros())?;
        }
    }
    // The first fifth is for coming to speed.
    let warming = args.seconds / 5.0;
    tokio::time::sleep(Duration::from_secs_f64(warming)).await;
    let (acked_before, start) = {
        let now = session.fleet.clock().micros();
        let mut meter = session.fleet.meter();
        meter.measure_from(now);
        (meter.acked, now)
    };
    let before = session.target.usage()?;
    tokio::time::sleep(Duration::from_secs_f64(args.seconds)).await;
    let acked = session.fleet.meter().acked - acked_before;
    let elapsed = session.fleet.clock().micros() - start;
    let usage = session.target.usage()? - before;
    session.fleet.set_steady(false);
    let said = session.fleet.said();
    let answered = session.fleet.await_answers(said, PATIENCE / 4).await;
    report.put("acks_per_s", number(acked) * 1e6 / number(elapsed));
    let acked_in_all = note(&session, &mut report);
    answered?;
    for (name, time) in [
        ("server", usage.server),
        ("redis", usage.redis),
        ("postgres", usage.postgres),
    ] {
        let each = time.as_secs_f64() * 1e6 / number(acked.max(1));
        report.put(&format!("{name}_cpu_s_per_million"), each);
    }
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
        stored >= acked_in_all,
        "{acked_in_all} were acknowledged and {stored} stored"
    );
    Ok(report)
}

/// Puts the senders' side into the report; gives how many sends were acknowledged in all.
fn note(session: &Session, report: &mut Report) -> u64 {
    let meter = session.fleet.meter();
    report.put_latency("ack_", &meter.latency_of_ack);
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

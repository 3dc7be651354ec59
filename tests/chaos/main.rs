//! The self-checking chaos suite: strikes a cluster under load with one fault after the other, records what every
//! client does and sees, and holds the record against the promises.
//!
//! `chapar-chaos` strikes all faults, `--fault NAME` some, `--short` those that fit into a minute together. It
//! prints a table and exits with status 1 if a promise was broken. With the same `--seed` every decision is the
//! same again: who sends what when, and what is struck when. What is under way at that moment is up to the
//! machine.

mod check;
mod client;
mod crowd;
mod faults;
mod plan;
mod record;
mod run;
mod stage;
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;

use faults::Fault;
use run::Settings;
use stage::{Flavour, Stage};
use table::Row;

/// All faults together take no longer: what does not fit is left out, and the run fails.
const WHOLE: Duration = Duration::from_mins(10);

/// The short run takes no longer: what does not fit is left out.
const SHORT: Duration = Duration::from_mins(1);

/// Violations of one fault that are spelled out.
const TOLD: usize = 10;

/// Strikes a cluster with faults under load and checks what its clients saw.
#[derive(Debug, Parser)]
struct Arguments {
    /// Decides who does what when; drawn and printed if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Strike this one; may be repeated. All if not given.
    #[arg(long = "fault", value_name = "NAME")]
    faults: Vec<String>,
    /// How long the load of each fault lasts at least, in seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// The cut that fits into a minute.
    #[arg(long)]
    short: bool,
    /// Name the faults and strike none.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for fault in faults::ALL {
            let cut = if fault.is_short { "short" } else { "" };
            println!("{:18} {cut:6} {}", fault.name, fault.about);
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new();
    let outcome = runtime
        .context("the runtime")
        .and_then(|runtime| runtime.block_on(strike_all(&arguments)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every promise was kept.
async fn strike_all(arguments: &Arguments) -> Result<bool> {
    let begin = Instant::now();
    let faults = chosen(arguments)?;
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let settings = Settings {
        seed,
        is_short: arguments.short,
        load: Duration::from_secs(arguments.seconds.unwrap_or(if arguments.short {
            3
        } else {
            10
        })),
    };
    println!("seed {seed}");
    let mut rows = Vec::new();
    // One cluster at a time: the machine may be small.
    let mut running: Option<(Flavour, Arc<Stage>)> = None;
    let limit = if arguments.short { SHORT } else { WHOLE };
    let mut left_out = Vec::new();
    for fault in faults {
        if begin.elapsed() + fault.longest(arguments.short) > limit {
            left_out.push(fault.name);
            continue;
        }
        if let Some((_, stage)) = running.take_if(|(flavour, _)| *flavour != fault.flavour) {
            stage.site().stop().await;
        }
        let (flavour, stage) = match running.take() {
            Some(running) => running,
            None => (fault.flavour, Arc::new(Stage::start(fault.flavour).await?)),
        };
        eprintln!("-- {}: {}", fault.name, fault.about);
        let row = run::run(&stage, &fault, &settings).await;
        explain(&row);
        // A run that broke off may leave anything behind.
        if row.findings.is_some() {
            running = Some((flavour, stage));
        }
        rows.push(row);
    }
    if let Some((_, stage)) = running {
        stage.site().stop().await;
    }
    println!("\n{}", table::markdown(&rows));
    println!("\nseed {seed}, {:.0} s", begin.elapsed().as_secs_f64());
    if !left_out.is_empty() {
        println!("no time was left for {}", left_out.join(", "));
    }
    // On a busy machine the short run is shorter still; the whole one is not whole then.
    Ok(rows.iter().all(Row::is_good) && (arguments.short || left_out.is_empty()))
}

/// Says what is behind a line of the table.
fn explain(row: &Row) {
    for complaint in row.complaints.iter().take(TOLD) {
        eprintln!("   {complaint}");
    }
    let Some(findings) = &row.findings else {
        return;
    };
    for violation in findings.violations.iter().take(TOLD) {
        eprintln!("   {violation}");
    }
    let more = findings.violations.len().saturating_sub(TOLD);
    if more > 0 {
        eprintln!("   and {more} more");
    }
    let (all, live) = (findings.superseded, findings.superseded_live);
    eprintln!(
        "   {all} positions were superseded, {live} of them on live sockets; {} rooms were loaded again",
        findings.reloads
    );
}

fn chosen(arguments: &Arguments) -> Result<Vec<Fault>> {
    if arguments.faults.is_empty() {
        let all = faults::ALL.iter();
        return Ok(all
            .filter(|fault| fault.is_short || !arguments.short)
            .copied()
            .collect());
    }
    let named = arguments.faults.iter().map(|name| {
        let found = faults::ALL.iter().find(|fault| fault.name == name);
        found
            .copied()
            .with_context(|| format!("there is no fault {name}; see --list"))
    });
    named.collect()
}

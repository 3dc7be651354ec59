//! Everything side by side: each row's targets in turn, the whole list several times over, so that what disturbs
//! the machine for a while hits all alike.

mod goals;
mod machine;
mod plan;
mod results;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::Work;
use crate::report::Report;
use crate::target::Kind;
use crate::work::Common;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Bench {
    /// How often everything is run; the median counts
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
    /// Only rows whose name begins so; may be repeated
    #[arg(long, value_name = "ROW")]
    pub only: Vec<String>,
    /// Only these targets; may be repeated
    #[arg(long, short, value_enum, value_name = "TARGET")]
    pub target: Vec<Kind>,
    /// Connections, rooms and times as small as they go: shows that everything works, measures nothing
    #[arg(long)]
    pub smoke: bool,
    /// Keep the runs of earlier benches in --log, and add to them
    #[arg(long)]
    pub append: bool,
    /// Run nothing, and write the table of what --log holds
    #[arg(long)]
    pub table: bool,
    /// Each run's report, a line each
    #[arg(long, default_value = "target/bench.jsonl")]
    pub log: PathBuf,
    /// Where the table goes
    #[arg(long, default_value = "loadtest/RESULTS.md")]
    pub out: PathBuf,
    /// Those of all.
    #[command(flatten)]
    pub common: Common,
}

/// One line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    row: String,
    report: Report,
}

/// A target in a row.
#[derive(Clone, Debug)]
struct Cell {
    row: &'static str,
    kind: Kind,
    work: Work,
}

/// Runs it and writes the table.
///
/// # Errors
/// When the log or the table cannot be written. What a run fails with stands in its report.
pub async fn run(bench: &Bench) -> anyhow::Result<()> {
    if !bench.table {
        measure(bench).await?;
    }
    let log = fs::read_to_string(&bench.log).with_context(|| bench.log.display().to_string())?;
    let entries = log.lines().map(serde_json::from_str::<Entry>);
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    fs::write(&bench.out, results::table(&entries))?;
    eprintln!("{}", bench.out.display());
    Ok(())
}

async fn measure(bench: &Bench) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    if !bench.append && bench.log.exists() {
        fs::remove_file(&bench.log)?;
    }
    if let Some(folder) = bench.log.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut log = options.open(&bench.log)?;
    let cells = plan::cells(bench.smoke).into_iter().filter(|cell| {
        (bench.only.is_empty() || bench.only.iter().any(|only| cell.row.starts_with(only)))
            && (bench.target.is_empty() || bench.target.contains(&cell.kind))
    });
    let cells: Vec<_> = cells.collect();
    let mut rates: BTreeMap<(&str, Kind), f64> = BTreeMap::new();
    for run in 1..=bench.runs {
        for cell in &cells {
            eprintln!(
                "run {run} of {}: {} · {}",
                bench.runs,
                cell.row,
                cell.kind.name()
            );
            let mut work = cell.work.clone();
            if let (Work::Fanout(fanout), Some(rate)) =
                (&mut work, rates.get(&(cell.row, cell.kind)))
                && fanout.search
            {
                // The search of a later run starts near where the first one ended, and is as exact.
                fanout.rate = rate * 0.9;
                (fanout.step, fanout.halvings) = (1.2, 3);
            }
            let mut report = match work.run(&bench.common.of(cell.kind)).await {
                Ok(report) => report,
                Err(error) => {
                    let mut report = Report::new(cell.row, &cell.kind.name());
                    report.remarks.push(format!("{error:#}"));
                    report
                }
            };
            if !bench.common.settings.is_empty() {
                let settings = bench.common.settings.join(" ");
                report
                    .parameters
                    .insert("settings".to_owned(), settings.into());
            }
            eprint!("{report}");
            if report.figure("offered_per_s") > 0.0 {
                rates.insert((cell.row, cell.kind), report.figure("offered_per_s"));
            }
            let row = cell.row.to_owned();
            writeln!(log, "{}", serde_json::to_string(&Entry { row, report })?)?;
        }
    }
    Ok(())
}

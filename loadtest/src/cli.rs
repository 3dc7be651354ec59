//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::process::{Pinning, raise_file_limit};
use crate::report::Report;
use crate::suite::{self, Bench};
use crate::target::Kind;
use crate::work::connects::Connects;
use crate::work::crossing::Crossing;
use crate::work::fanout::Fanout;
use crate::work::growth::Growth;
use crate::work::idle::Idle;
use crate::work::reconnects::Reconnects;
use crate::work::sends::Sends;
use crate::work::{Common, connects, crossing, fanout, growth, idle, reconnects, sends};

/// Loads this server, or another one, and tells what it bore
#[derive(Debug, Parser)]
#[command(name = "chapar-load", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One workload on one target
    #[command(flatten)]
    Work(WorkCommand),
    /// All workloads on all targets, several times in turn, and the table of results
    Bench(Bench),
}

/// One workload with what all have in common.
#[derive(Debug, Subcommand)]
pub enum WorkCommand {
    /// Rooms of many listeners: latency and cost at a rate, or the highest rate
    Fanout(One<Fanout>),
    /// Memory of connections that hear nothing
    Idle(One<Idle>),
    /// A storm of new connections
    Connects(One<Connects>),
    /// A storm of connections that resume
    Reconnects(One<Reconnects>),
    /// Durable sends (the whole path)
    Sends(One<Sends>),
    /// From one gateway to another (the whole path)
    Crossing(One<Crossing>),
    /// What a delivery and a connection cost as the work grows (the gateway)
    Growth(One<Growth>),
}

/// Arguments of one workload.
#[derive(clap::Args, Debug)]
pub struct One<T: clap::Args> {
    /// What is measured
    #[arg(long, short, value_enum, default_value = "gateway")]
    pub target: Kind,
    /// Its own.
    #[command(flatten)]
    pub work: T,
    /// Those of all.
    #[command(flatten)]
    pub common: Common,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// A workload and what is asked of it.
#[derive(Clone, Debug)]
pub enum Work {
    /// See [`fanout`].
    Fanout(Fanout),
    /// See [`idle`].
    Idle(Idle),
    /// See [`connects`].
    Connects(Connects),
    /// See [`reconnects`].
    Reconnects(Reconnects),
    /// See [`sends`].
    Sends(Sends),
    /// See [`crossing`].
    Crossing(Crossing),
    /// See [`growth`].
    Growth(Growth),
}

impl Work {
    /// Runs it; within a [`LocalSet`].
    ///
    /// # Errors
    /// When the target cannot be started, or is gone.
    pub async fn run(&self, common: &Common) -> anyhow::Result<Report> {
        match self {
            Self::Fanout(args) => fanout::run(common, args).await,
            Self::Idle(args) => idle::run(common, args).await,
            Self::Connects(args) => connects::run(common, args).await,
            Self::Reconnects(args) => reconnects::run(common, args).await,
            Self::Sends(args) => sends::run(common, args).await,
            Self::Crossing(args) => crossing::run(common, args).await,
            Self::Growth(args) => growth::run(common, args).await,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When something cannot be measured.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let (work, target, common, is_json) = match cli.command {
        Command::Bench(bench) => {
            on_one_thread(&bench.common, suite::run(&bench))??;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Work(command) => match command {
            WorkCommand::Fanout(one) => of(Work::Fanout, one),
            WorkCommand::Idle(one) => of(Work::Idle, one),
            WorkCommand::Connects(one) => of(Work::Connects, one),
            WorkCommand::Reconnects(one) => of(Work::Reconnects, one),
            WorkCommand::Sends(one) => of(Work::Sends, one),
            WorkCommand::Crossing(one) => of(Work::Crossing, one),
            WorkCommand::Growth(one) => of(Work::Growth, one),
        },
    };
    let common = common.of(target);
    let report = on_one_thread(&common, work.run(&common))??;
    if is_json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{report}");
    }
    Ok(ExitCode::SUCCESS)
}

fn of<T: clap::Args>(work: fn(T) -> Work, one: One<T>) -> (Work, Kind, Common, bool) {
    (work(one.work), one.target, one.common, one.json)
}

/// Runs on the generator's core, with as many files as the system allows.
fn on_one_thread<T>(common: &Common, future: impl Future<Output = T>) -> anyhow::Result<T> {
    raise_file_limit()?;
    if !common.no_pin {
        Pinning::Apart.as_generator()?;
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(LocalSet::new().block_on(&runtime, future))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["chapar-load", "fanout", "--search", "-t", "socketio"]);
        assert!(matches!(
            cli.command,
            Command::Work(WorkCommand::Fanout(one)) if one.work.search
        ));
    }
}

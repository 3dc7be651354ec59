//! The binary.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    chapar::run(chapar::cli::Cli::parse())
}

//! `chapar-load`: see `loadtest/README.md`.

use std::process::ExitCode;

use chapar_loadtest::cli::{self, Cli};
use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

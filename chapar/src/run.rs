//! From the command line to an exit status: 0, 1 for what failed, 2 for a configuration that cannot be used.

use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::{Cli, Command};
use crate::config::{self, Config, ConfigError, Roles, Sources};
use crate::node::Node;
use crate::signals::Stops;
use crate::telemetry::Telemetry;
use crate::{compose, crypto, healthcheck};

/// Runs the program. Nothing is bound or connected before the configuration is known to be good.
pub fn run(cli: Cli) -> ExitCode {
    match try_run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ConfigError>() => {
            eprintln!("chapar: configuration: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("chapar: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(cli: Cli) -> anyhow::Result<()> {
    crypto::install();
    #[cfg(feature = "testing")]
    if let Some(Command::Dev(command)) = &cli.command {
        // Its nodes have settings of their own.
        return crate::testing::dev::run(command);
    }
    let config = config::load(&Sources::of_process(cli.config.as_deref())?)?;
    match cli.command {
        None => serve(config, Roles::All),
        Some(Command::Api) => serve(config, Roles::Api),
        Some(Command::Gateway) => serve(config, Roles::Gateway),
        Some(Command::Config) => {
            print!("{}", config.to_toml());
            Ok(())
        }
        Some(Command::Healthcheck) => healthcheck::ask(config.http.bind),
        Some(Command::Migrate) => {
            config.check_store()?;
            Runtime::new()?.block_on(compose::migrate(&config))
        }
        Some(Command::Admin(command)) => {
            let mut config = config;
            let roles = if config.broker.is_memory() {
                config.generate_secrets()?;
                Roles::All
            } else {
                Roles::Api
            };
            config.check(roles)?;
            Runtime::new()?.block_on(crate::admin::run(&config, command))
        }
        #[cfg(feature = "testing")]
        Some(Command::Dev(_)) => unreachable!("answered above"),
    }
}

fn serve(mut config: Config, roles: Roles) -> anyhow::Result<()> {
    // Before logging, so that a refusal is the one line it is.
    if roles == Roles::All {
        config.generate_secrets()?;
    }
    config.check(roles)?;
    let telemetry = Telemetry::start(&config.telemetry, roles)?;
    let runtime = Runtime::new()?;
    let result = runtime.block_on(until_stopped(config, roles));
    // What is left are sockets that were cut and blocking work; neither is worth waiting for.
    runtime.shutdown_background();
    telemetry.shutdown();
    result
}

async fn until_stopped(config: Config, roles: Roles) -> anyhow::Result<()> {
    let mut stops = Stops::listen()?;
    let node = tokio::select! {
        node = Node::start(config, roles) => node?,
        signal = stops.next() => {
            tracing::info!(signal, "stopped before serving");
            return Ok(());
        }
    };
    let signal = stops.next().await;
    tracing::info!(
        signal,
        "asked to stop; a second signal ends the drain at once"
    );
    let hurry = CancellationToken::new();
    let tasks = TaskTracker::new();
    let (again, ended) = (hurry.clone(), CancellationToken::new());
    let watch = ended.clone();
    tasks.spawn(async move {
        if watch.run_until_cancelled(stops.next()).await.is_some() {
            again.cancel();
        }
    });
    node.stop(hurry).await;
    ended.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

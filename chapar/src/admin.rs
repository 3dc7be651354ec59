//! `chapar admin …`: what an operator does on the machine that holds the configuration.

use crate::cli::AdminCommand;
use crate::config::Config;

/// Runs one command against the store of `config`.
///
/// # Errors
/// When the store cannot be reached or the command is refused.
#[expect(clippy::unused_async, reason = "the store is asked here")]
pub async fn run(_config: &Config, command: AdminCommand) -> anyhow::Result<()> {
    // Read before connecting: nothing is held open while somebody types.
    let password = match &command {
        AdminCommand::CreateUser { password, .. }
        | AdminCommand::ResetPassword { password, .. } => Some(password.read()?),
        _ => None,
    };
    drop(password);
    anyhow::bail!("{command:?} needs the api's store")
}

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A chat server: REST and WebSockets, in one process or many.
///
/// Without a command it is everything in one process. Settings come from a TOML file, .env and the
/// environment (`CHAPAR_SECTION__FIELD`); `chapar config` shows what is in force.
#[derive(Debug, Parser)]
#[command(name = "chapar", version)]
pub struct Cli {
    /// TOML file with settings [default: ./chapar.toml, where it exists]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// What to do, if not to serve everything.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve REST, and the gateways
    Api,
    /// Serve WebSockets
    Gateway,
    /// Bring the database to this version's schema
    Migrate,
    /// Users and sessions, from the machine that holds the configuration
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Print the settings in force as TOML, secrets hidden
    Config,
    /// Ask the node with these settings whether it is ready; exit status 1 if not
    Healthcheck,
    /// Whole deployments on this machine, for development
    #[cfg(feature = "testing")]
    #[command(subcommand)]
    Dev(DevCommand),
}

/// Development on one machine.
#[cfg(feature = "testing")]
#[derive(Debug, Subcommand)]
pub enum DevCommand {
    /// Two api nodes, two gateways, Postgres and Redis behind nginx, until Ctrl-C; settings of the environment
    /// apply to all nodes
    Cluster {
        /// The load balancer's port on 127.0.0.1
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// A folder that keeps the logs of the nodes and of nginx
        #[arg(long, value_name = "PATH")]
        logs: Option<PathBuf>,
        /// Start a node that ends again, at its address, as an orchestrator would; otherwise all end with it
        #[arg(long)]
        restart: bool,
    },
}

/// What an operator does to users and the store.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make a user; the password is read from standard input
    CreateUser {
        /// Their username
        username: String,
        /// Their e-mail address
        #[arg(long)]
        email: Option<String>,
        /// The name that others see
        #[arg(long)]
        display_name: Option<String>,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Give a user another password, read from standard input, and end their sessions
    ResetPassword {
        /// Username or e-mail
        login: String,
        /// Where the password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List users
    ListUsers {
        /// Only those whose username or name begins with this
        #[arg(long)]
        query: Option<String>,
    },
    /// Sign a user out everywhere; their sockets close
    RevokeSessions {
        /// Username or e-mail
        login: String,
    },
    /// Keep a user out; their sockets close
    BanUser {
        /// Username or e-mail
        login: String,
    },
    /// Let a banned user in again
    UnbanUser {
        /// Username or e-mail
        login: String,
    },
    /// Remove a user for good; their messages stay without a name
    DeleteUser {
        /// Username or e-mail
        login: String,
    },
    /// After restoring an older copy of the store: tell clients that the positions they know mean nothing
    NewEpoch,
}

/// Where a password comes from; never from the command line, which others on the machine can read.
#[derive(Args, Debug)]
pub struct PasswordSource {
    /// Read the password from this file instead of standard input
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// The first line. Blocks.
    ///
    /// # Errors
    /// Where it cannot be read or is empty.
    pub fn read(&self) -> anyhow::Result<secrecy::SecretString> {
        use std::io::{BufRead, BufReader, IsTerminal};
        let mut line = String::new();
        if let Some(path) = &self.password_file {
            let file = std::fs::File::open(path)
                .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))?;
            BufReader::new(file).read_line(&mut line)?;
        } else {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                eprintln!("password (it is shown while you type):");
            }
            stdin.lock().read_line(&mut line)?;
        }
        let password = line.trim_end_matches(['\r', '\n']);
        anyhow::ensure!(!password.is_empty(), "the password is empty");
        Ok(password.to_owned().into())
    }
}

//! Private Redis servers: one alone, a cluster, one with Sentinels.

mod cluster;
mod sentinel;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::OnceCell;

use crate::process::{Process, Scratch, blocking, find_binary, run, with_ports};

pub use cluster::{ClusterNode, RedisCluster};
pub use sentinel::Sentinel;

static SHARED: OnceCell<Redis> = OnceCell::const_new();

/// One server for the whole test binary. Pub/sub ignores database numbers: tests give their names a prefix of
/// their own.
///
/// # Errors
/// When Redis is not installed or does not start.
pub async fn shared_redis() -> Result<&'static Redis> {
    SHARED
        .get_or_try_init(|| Redis::start(RedisOptions::default()))
        .await
}

/// What a server keeps over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing.
    #[default]
    None,
    /// Every write, in an append-only file.
    AppendOnly,
}

/// How to start a [`Redis`].
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// [`Persistence::None`] unless told otherwise.
    pub persistence: Persistence,
    /// Clients must give it.
    pub password: Option<String>,
    /// More settings, as `("maxmemory", "64mb")`.
    pub settings: Vec<(String, String)>,
}

/// A running Redis; killed and removed when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Redis {
    inner: Arc<Server>,
}

impl Redis {
    /// Starts a server.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub async fn start(options: RedisOptions) -> Result<Self> {
        blocking(move || {
            with_ports(|port| {
                let mut args = Vec::new();
                if options.persistence == Persistence::AppendOnly {
                    args.extend(["--appendonly".to_owned(), "yes".to_owned()]);
                }
                if let Some(password) = &options.password {
                    args.extend(["--requirepass".to_owned(), password.clone()]);
                }
                for (name, value) in &options.settings {
                    args.extend([format!("--{name}"), value.clone()]);
                }
                Server::start(port, args, options.password.clone())
            })
        })
        .await
        .map(|server| Self {
            inner: Arc::new(server),
        })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// The server process, for measurements.
    pub fn pid(&self) -> Option<u32> {
        self.inner.process().as_ref().map(Process::pid)
    }

    /// `redis://127.0.0.1:<port>`, with the password if there is one.
    pub fn url(&self) -> String {
        match &self.inner.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.inner.port),
            None => format!("redis://127.0.0.1:{}", self.inner.port),
        }
    }

    /// Runs one command through redis-cli and gives what it prints.
    ///
    /// # Errors
    /// When the server is not up.
    pub async fn cli(&self, args: &[&str]) -> Result<String> {
        let inner = Arc::clone(&self.inner);
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        blocking(move || inner.cli(&args)).await
    }

    /// Kills it with SIGKILL; port and persisted data stay for [`Redis::restart`].
    ///
    /// # Errors
    /// When it does not end.
    pub async fn kill(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.end("KILL")).await
    }

    /// Starts it again on the same port, stopping it first if it runs.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.end("TERM")?;
            inner.launch()
        })
        .await
    }

    /// Stops the process in its tracks (SIGSTOP): connections stay open and nothing is answered.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pause(&self) -> Result<()> {
        self.inner.signal("STOP")
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When it is not running.
    pub fn resume(&self) -> Result<()> {
        self.inner.signal("CONT")
    }
}

/// A Redis process of any role.
#[derive(Debug)]
struct Server {
    process: Mutex<Option<Process>>,
    port: u16,
    password: Option<String>,
    binary: PathBuf,
    args: Vec<String>,
    // Last, so that the server is gone before its folder.
    scratch: Scratch,
}

impl Server {
    fn start(port: u16, args: Vec<String>, password: Option<String>) -> Result<Self> {
        let server = Self {
            process: Mutex::new(None),
            port,
            password,
            binary: binary("redis-server")?,
            args,
            scratch: Scratch::new("redis")?,
        };
        server.launch()?;
        Ok(server)
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch(&self) -> Result<()> {
        let folder = self.scratch.path();
        let mut args = self.args.clone();
        for (name, value) in [
            ("--port", self.port.to_string()),
            ("--bind", "127.0.0.1".to_owned()),
            ("--dir", folder.display().to_string()),
            ("--save", String::new()),
        ] {
            args.extend([name.to_owned(), value]);
        }
        let process = Process::start(&self.binary, &args, &folder.join("log"), None)?;
        process.wait_until("starting Redis", || answers(self.port).unwrap_or(false))?;
        *self.process() = Some(process);
        Ok(())
    }

    fn end(&self, signal: &str) -> Result<()> {
        let Some(mut process) = self.process().take() else {
            return Ok(());
        };
        process.signal(signal)?;
        process.signal("CONT")?; // a paused one handles TERM only when it goes on
        process.wait()
    }

    fn signal(&self, name: &str) -> Result<()> {
        match self.process().as_mut() {
            Some(process) => process.signal(name),
            None => bail!("Redis on port {} is not running", self.port),
        }
    }

    fn cli(&self, args: &[String]) -> Result<String> {
        let mut command = Command::new(binary("redis-cli")?);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if let Some(password) = &self.password {
            command.args(["--no-auth-warning", "-a", password]);
        }
        run(command.args(args)).map(|text| text.trim_end().to_owned())
    }
}

fn binary(name: &str) -> Result<PathBuf> {
    find_binary(name, &[], "redis-server redis-tools")
}

/// Whether a server has loaded its data and answers, if only to ask for a password.
fn answers(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG\r\n" || answer.starts_with(b"-NOAUTH"))
}

/// A configuration file for servers that write theirs.
fn write_config(folder: &Path, text: &str) -> Result<PathBuf> {
    let path = folder.join("redis.conf");
    std::fs::write(&path, text)?;
    Ok(path)
}

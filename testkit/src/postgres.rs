//! A private Postgres.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::OnceCell;

use crate::process::{Account, PATIENCE, Process, Scratch, blocking, find_binary, run, with_ports};

const USER: &str = "chapar";

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// One server for the whole test binary, without durability; each test makes itself a database.
///
/// # Errors
/// When Postgres is not installed or does not start.
pub async fn shared_postgres() -> Result<&'static Postgres> {
    SHARED
        .get_or_try_init(|| {
            Postgres::start_with(PostgresOptions {
                durability: Durability::Off,
                ..PostgresOptions::default()
            })
        })
        .await
}

/// Whether the server's disk writes survive a power failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As in production, for what is measured or killed.
    #[default]
    On,
    /// No `fsync`, `synchronous_commit` or `full_page_writes`: several times as fast. Even so, a killed server
    /// loses only what the last fraction of a second committed.
    Off,
}

/// How to start a [`Postgres`].
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// [`Durability::On`] unless told otherwise.
    pub durability: Durability,
    /// Connections at most; 300.
    pub max_connections: u32,
    /// More settings, as `("log_statement", "all")`.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            durability: Durability::On,
            max_connections: 300,
            settings: Vec::new(),
        }
    }
}

/// A running Postgres; killed and removed when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Postgres {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    process: Mutex<Option<Process>>,
    port: u16,
    options: PostgresOptions,
    bin: PathBuf,
    account: Option<Account>,
    databases: AtomicU64,
    // Last, so that the server is gone before its folder.
    scratch: Scratch,
}

impl Postgres {
    /// A server with a fresh cluster and full durability.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(PostgresOptions::default()).await
    }

    /// A server with a fresh cluster.
    ///
    /// # Errors
    /// When Postgres is not installed or does not start.
    pub async fn start_with(options: PostgresOptions) -> Result<Self> {
        blocking(move || with_ports(|port| Inner::start(port, options.clone())))
            .await
            .map(|inner| Self {
                inner: Arc::new(inner),
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

    /// The URL of the database `postgres`, as superuser.
    pub fn url(&self) -> String {
        self.inner.url("postgres")
    }

    /// Makes an empty database and gives its URL. Its name starts with `name` and is unique on this server.
    ///
    /// # Errors
    /// When the server is not up.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        self.create_database_like(name, "template1").await
    }

    /// Makes a copy of the database `template`, to which nobody may be connected, and gives its URL: a schema
    /// is migrated once and copied for each test.
    ///
    /// # Errors
    /// When the server is not up, or `template` is missing or in use.
    pub async fn create_database_like(&self, name: &str, template: &str) -> Result<String> {
        let inner = Arc::clone(&self.inner);
        let number = inner.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}_{number}");
        let template = template.to_owned();
        blocking(move || {
            inner.sql(&format!(
                r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#
            ))?;
            Ok(inner.url(&name))
        })
        .await
    }

    /// Runs statements in `postgres` through psql and gives what it prints, unaligned and without headers.
    ///
    /// # Errors
    /// When the server is not up or refuses them.
    pub async fn sql(&self, statements: &str) -> Result<String> {
        let inner = Arc::clone(&self.inner);
        let statements = statements.to_owned();
        blocking(move || inner.sql(&statements)).await
    }

    /// Stops it in order, breaking connections; data and port stay for [`Postgres::restart`].
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.end("INT")).await
    }

    /// Kills it with SIGKILL; data and port stay for [`Postgres::restart`].
    ///
    /// # Errors
    /// When it does not end.
    pub async fn kill(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.end("KILL")).await
    }

    /// Starts it again on the same data and port, stopping it first if it runs.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.end("INT")?;
            inner.launch()
        })
        .await
    }
}

impl Inner {
    fn start(port: u16, options: PostgresOptions) -> Result<Self> {
        let bin = find_bin()?;
        let scratch = Scratch::new("postgres")?;
        let account = Account::unprivileged("postgres", &scratch)?;
        if let Some(Account { uid, gid }) = account {
            std::os::unix::fs::chown(scratch.path(), Some(uid), Some(gid))?;
        }
        let mut initdb = Command::new(bin.join("initdb"));
        initdb
            .args(["--no-sync", "--no-instructions", "--auth=trust"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"])
            .arg(format!("--username={USER}"))
            .arg(format!(
                "--pgdata={}",
                scratch.path().join("data").display()
            ))
            .current_dir(scratch.path());
        Account::apply(account, &mut initdb);
        run(&mut initdb).context("initdb")?;
        let inner = Self {
            process: Mutex::new(None),
            port,
            options,
            bin,
            account,
            databases: AtomicU64::new(0),
            scratch,
        };
        inner.launch()?;
        Ok(inner)
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch(&self) -> Result<()> {
        let folder = self.scratch.path();
        let mut settings = vec![
            ("port".to_owned(), self.port.to_string()),
            ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
            (
                "unix_socket_directories".to_owned(),
                folder.display().to_string(),
            ),
            (
                "max_connections".to_owned(),
                self.options.max_connections.to_string(),
            ),
        ];
        if self.options.durability == Durability::Off {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] {
                settings.push((name.to_owned(), "off".to_owned()));
            }
        }
        settings.extend(self.options.settings.iter().cloned());
        let mut args = vec!["-D".to_owned(), folder.join("data").display().to_string()];
        for (name, value) in settings {
            args.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        let start = Instant::now();
        let process = loop {
            let process = Process::start(
                &self.bin.join("postgres"),
                &args,
                &folder.join("log"),
                self.account,
            )?;
            match process.wait_until("starting Postgres", || self.accepts().unwrap_or(false)) {
                Ok(()) => break process,
                // The children of a killed server end by themselves, a moment after it.
                Err(error)
                    if format!("{error:#}").contains("shared memory block")
                        && start.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        };
        *self.process() = Some(process);
        Ok(())
    }

    /// Whether the server lets a client in: a startup message is answered by `R`, and by an error before that.
    fn accepts(&self) -> Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let parameters = format!("user\0{USER}\0database\0postgres\0\0");
        let length = u32::try_from(parameters.len() + 8)?;
        let mut message = length.to_be_bytes().to_vec();
        message.extend(0x0003_0000_u32.to_be_bytes());
        message.extend(parameters.as_bytes());
        stream.write_all(&message)?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        stream.write_all(b"X\0\0\0\x04")?;
        Ok(answer == *b"R")
    }

    fn end(&self, signal: &str) -> Result<()> {
        let Some(mut process) = self.process().take() else {
            return Ok(());
        };
        process.signal(signal)?;
        process.wait()
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    fn sql(&self, statements: &str) -> Result<String> {
        run(Command::new(self.bin.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--command", statements])
            .arg(self.url("postgres")))
    }
}

/// The folder of Postgres' binaries: the newest of Debian's, which are not on the search path, else what
/// `pg_config` says, else where `initdb` is found.
fn find_bin() -> Result<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort();
    let mut folders: Vec<PathBuf> = folders.into_iter().rev().map(|(_, path)| path).collect();
    if let Ok(folder) = run(Command::new("pg_config").arg("--bindir")) {
        folders.push(PathBuf::from(folder.trim()));
    }
    let initdb = find_binary("initdb", &folders, "postgresql")?;
    let initdb = initdb.canonicalize()?;
    Ok(initdb.parent().context("a file has a folder")?.to_owned())
}

//! A node as a process of the real binary, which does not outlive this process.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Settings;
use crate::config::Roles;

/// How long a node may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Log lines kept for messages about a node that failed.
const KEPT_LINES: usize = 200;

/// Starts the node and kills it when standard input ends, which it does however the owner ends. It leads a
/// process group, so that Ctrl-C reaches the owner only, who ends its nodes in order.
const WATCHDOG: &str = r#"
exec 3<&0
"$@" </dev/null >/dev/null 3<&- &
node=$!
echo "$node"
exec >/dev/null
{ cat <&3; kill -s KILL "$node"; } >/dev/null 2>&1 &
reader=$!
wait "$node"
status=$?
kill -s KILL "$reader" 2>/dev/null
exit "$status"
"#;

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// For clients.
    pub public: SocketAddr,
    /// For gateways; api nodes only.
    pub internal: Option<SocketAddr>,
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct ChildNode {
    watchdog: Child,
    // Held open for as long as the node may run.
    _lifeline: ChildStdin,
    pid: u32,
    addresses: Addresses,
    log: Log,
}

type Log = Arc<Lines>;

#[derive(Debug, Default)]
struct Lines {
    kept: Mutex<VecDeque<String>>,
    whole: Option<Mutex<File>>,
}

impl ChildNode {
    /// Starts `binary` and waits until it serves. All of its log lines are written to `log`.
    ///
    /// # Errors
    /// When it ends instead; with its last log lines.
    pub async fn start(
        binary: &Path,
        roles: Roles,
        settings: &Settings,
        log: Option<File>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "chapar-node"]).arg(binary);
        match roles {
            Roles::All => {}
            Roles::Api => drop(command.arg("api")),
            Roles::Gateway => drop(command.arg("gateway")),
        }
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(settings.iter())
            .env("CHAPAR_TELEMETRY__FORMAT", "json")
            // Where neither a .env nor a chapar.toml is.
            .current_dir(settings.get("DATA_DIR").unwrap_or("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut watchdog = command.spawn().context("starting a node")?;
        let lifeline = watchdog.stdin.take().context("piped above")?;
        let stdout = watchdog.stdout.take().context("piped above")?;
        let mut stderr = BufReader::new(watchdog.stderr.take().context("piped above")?).lines();
        let pid = BufReader::new(stdout).lines().next_line().await?;
        let pid = pid.context("the watchdog ended")?.parse()?;
        let log = Arc::new(Lines {
            kept: Mutex::default(),
            whole: log.map(Mutex::new),
        });
        let addresses = timeout(PATIENCE, serving(&mut stderr, &log)).await;
        let addresses = addresses.unwrap_or_else(|_| bail!("it did not serve in time"));
        let addresses = addresses.with_context(|| format!("{roles:?} node:\n{}", text(&log)))?;
        let kept = Arc::clone(&log);
        // Ends with the node, which closes the pipe.
        TaskTracker::new().spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                keep(&kept, line);
            }
        });
        Ok(Self {
            watchdog,
            _lifeline: lifeline,
            pid,
            addresses,
            log,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The node's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its last log lines.
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// Waits until it ends by itself. May be dropped midway.
    ///
    /// # Errors
    /// The system's.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.watchdog.wait().await?)
    }

    /// Sends a signal: `TERM`, `KILL`, `STOP`, `CONT`.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.pid.to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .await?;
        ensure!(status.success(), "cannot send {name} to {pid}");
        Ok(())
    }

    /// Ends it by SIGTERM and waits for its drain.
    ///
    /// # Errors
    /// When it does not end in time, or not with status 0.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.watchdog.try_wait()? {
            bail!("it had already ended: {status}");
        }
        self.signal("TERM").await?;
        let status = timeout(PATIENCE, self.watchdog.wait()).await;
        let status = status.with_context(|| format!("it did not end:\n{}", self.log()))??;
        ensure!(status.success(), "{status}:\n{}", self.log());
        Ok(())
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.signal("KILL").await?;
        timeout(PATIENCE, self.watchdog.wait()).await??;
        Ok(())
    }
}

/// The binary beside the one that runs: this one itself, or the one that Cargo built before the tests.
///
/// # Errors
/// When there is none.
pub fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    if own.file_stem().is_some_and(|name| name == "chapar") {
        return Ok(own);
    }
    let folders = own.ancestors().skip(1).take(2);
    let found = folders
        .map(|folder| folder.join("chapar"))
        .find(|path| path.is_file());
    found.with_context(|| format!("no chapar beside {}: cargo build", own.display()))
}

/// Reads the log until the node says where it serves.
async fn serving(
    lines: &mut tokio::io::Lines<BufReader<ChildStderr>>,
    log: &Log,
) -> anyhow::Result<Addresses> {
    while let Some(line) = lines.next_line().await? {
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        keep(log, line);
        if let Some(public) = value["http.address"].as_str() {
            let internal = value["internal.address"].as_str();
            return Ok(Addresses {
                public: public.parse()?,
                internal: internal.map(str::parse).transpose()?,
            });
        }
    }
    bail!("it ended before it served")
}

fn keep(log: &Log, line: String) {
    if let Some(file) = &log.whole {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not end what reads the pipe, on which the node would wait.
        writeln!(file, "{line}").ok();
    }
    let mut kept = log.kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() == KEPT_LINES {
        kept.pop_front();
    }
    kept.push_back(line);
}

fn text(log: &Log) -> String {
    let kept = log.kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

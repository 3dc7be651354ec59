//! Server processes that cannot outlive this one.
//!
//! A server is the child of a small shell script, its watchdog, which holds a pipe from this process as its
//! standard input. Whatever ends this process (return, panic, SIGKILL) closes the pipe; the watchdog then kills
//! the server. Statics, which are never dropped, need nothing else. A [`Scratch`] folder is removed the same
//! way. (`PR_SET_PDEATHSIG` would need unsafe code, and is bound to the thread that started the child.)

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a server may take to start, stop or become what it is asked to be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

// The watchdog leads a process group of its own, so that Ctrl-C at a terminal does not end it before its work.
// `SIGPIPE` is ignored only after the server has been started, which would inherit that. Signals come as lines;
// once the server is reaped its id may be another's, so the reader is ended first. Killing group 0 at last takes
// the workers that a killed master (nginx) leaves behind, and the watchdog itself.
const WATCHDOG: &str = r#"
log=$1; shift
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
server=$!
trap '' PIPE
echo "$server"
{
  while read -r signal; do kill -s "$signal" "$server"; done
  kill -s KILL "$server"
} <&3 >/dev/null 2>&1 &
reader=$!
wait "$server" 2>/dev/null
kill -s KILL "$reader" 2>/dev/null
echo exited
cat <&3 >/dev/null
kill -s KILL 0
"#;

// Servers of the folder die at the same moment and may still write, so once may not be enough.
const SWEEPER: &str = r#"
cat >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" 2>/dev/null && break
  sleep 0.1
done
"#;

/// A user to run as, where a server refuses root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `None` unless this process is root; then `preferred`, else `nobody`.
    pub(crate) fn unprivileged(preferred: &str, scratch: &Scratch) -> Result<Option<Self>> {
        if fs::metadata(scratch.path())?.uid() != 0 {
            return Ok(None);
        }
        let id = |flag: &str, name: &str| -> Option<u32> {
            let output = Command::new("id").args([flag, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        for name in [preferred, "nobody"] {
            if let (Some(uid), Some(gid)) = (id("-u", name), id("-g", name)) {
                return Ok(Some(Self { uid, gid }));
            }
        }
        bail!("there is neither a user {preferred} nor nobody to run as")
    }

    pub(crate) fn apply(account: Option<Self>, command: &mut Command) {
        if let Some(Self { uid, gid }) = account {
            command.uid(uid).gid(gid);
        }
    }
}

/// A server under its watchdog; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    watchdog: Child,
    signals: Option<ChildStdin>,
    exited: Arc<(Mutex<bool>, Condvar)>,
    pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts `command` (program and arguments), its output in `log`, which starts empty.
    pub(crate) fn start(
        program: &Path,
        args: &[String],
        log: &Path,
        account: Option<Account>,
    ) -> Result<Self> {
        File::create(log)?;
        if let Some(Account { uid, gid }) = account {
            std::os::unix::fs::chown(log, Some(uid), Some(gid))?;
        }
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(WATCHDOG)
            .arg("chapar-watchdog")
            .arg(log)
            .arg(program)
            .args(args)
            .current_dir(log.parent().unwrap_or(Path::new("/")))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Account::apply(account, &mut command);
        let mut watchdog = command.spawn().context("starting a watchdog")?;
        let signals = watchdog.stdin.take();
        let mut lines = BufReader::new(watchdog.stdout.take().context("piped above")?).lines();
        let pid = lines
            .next()
            .context("the watchdog ended at once")??
            .parse()
            .context("the watchdog's first line is the server's id")?;

        let exited = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&exited);
        std::thread::Builder::new()
            .name("testkit-watch".to_owned())
            .spawn(move || {
                lines.next();
                *told.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
                told.1.notify_all();
            })?;
        Ok(Self {
            watchdog,
            signals,
            exited,
            pid,
            log: log.to_owned(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal by name (`TERM`, `STOP`).
    pub(crate) fn signal(&mut self, name: &str) -> Result<()> {
        let signals = self.signals.as_mut().context("open until dropped")?;
        writeln!(signals, "{name}").context("telling the watchdog")
    }

    pub(crate) fn has_exited(&self) -> bool {
        *self.exited.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the server's end.
    pub(crate) fn wait(&self) -> Result<()> {
        let (exited, changed) = &*self.exited;
        let exited = exited.lock().unwrap_or_else(PoisonError::into_inner);
        let (exited, _) = changed
            .wait_timeout_while(exited, PATIENCE, |exited| !*exited)
            .unwrap_or_else(PoisonError::into_inner);
        if !*exited {
            bail!("process {} did not end within {PATIENCE:?}", self.pid);
        }
        Ok(())
    }

    /// Polls `is_ready` until it answers true.
    pub(crate) fn wait_until(&self, what: &str, is_ready: impl Fn() -> bool) -> Result<()> {
        let start = Instant::now();
        while !is_ready() {
            if self.has_exited() {
                bail!("{what}: the server exited\n{}", self.log_tail());
            }
            if start.elapsed() > PATIENCE {
                bail!("{what}: not within {PATIENCE:?}\n{}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.signals.take());
        // It ends by killing itself, so there is no status to look at.
        drop(self.watchdog.wait());
    }
}

/// A temporary folder, removed when dropped or when this process ends.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    sweeper: Child,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix(&format!("chapar-{name}-"))
            .tempdir()?
            .keep();
        // Servers that drop root, as nginx's workers do, pass through it.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let sweeper = Command::new("sh")
            .arg("-c")
            .arg(SWEEPER)
            .arg("chapar-sweeper")
            .arg(&path)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting a sweeper")?;
        Ok(Self { path, sweeper })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        drop(self.sweeper.wait());
    }
}

/// Finds a binary on the search path or in one of `folders`; the error says how to install it.
pub(crate) fn find_binary(name: &str, folders: &[PathBuf], package: &str) -> Result<PathBuf> {
    if let Some(found) = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
    {
        return Ok(found);
    }
    let output = Command::new("sh")
        .args([
            "-c",
            "PATH=$PATH:/usr/sbin:/usr/local/sbin; command -v \"$1\"",
            "sh",
            name,
        ])
        .output()?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if path.is_empty() {
        bail!("{name} is not installed; on Debian and Ubuntu: apt-get install -y {package}");
    }
    Ok(PathBuf::from(path))
}

/// Runs a command to its end and gives its output; an error carries what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let mut message = format!("{} failed\n{text}", command.get_program().display());
        write!(message, "{}", String::from_utf8_lossy(&output.stderr))?;
        bail!(message);
    }
    Ok(text)
}

/// Starts a server again on another port when it did not come up: somebody else may have taken its port.
pub(crate) fn with_ports<T>(start: impl Fn(u16) -> Result<T>) -> Result<T> {
    let mut last = None;
    for _ in 0..5 {
        match start(crate::free_port()) {
            Ok(server) => return Ok(server),
            Err(error) if format!("{error:#}").to_lowercase().contains("in use") => {
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.context("tried at least once")?)
}

/// Runs blocking work beside the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("the work panicked")?
}

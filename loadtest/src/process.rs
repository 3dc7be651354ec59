//! What processes use, as the kernel counts it, and which core they run on.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Clock ticks a second of `/proc`; the same on every Linux (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICKS_PER_S: u64 = 100;

/// Processor time of processes with all their descendants, those that ended included.
///
/// # Errors
/// When one of them is gone.
pub fn cpu(roots: &[u32]) -> anyhow::Result<Duration> {
    let table = Table::read()?;
    let mut ticks = 0;
    for &root in roots {
        ensure!(table.0.contains_key(&root), "process {root} is gone");
        ticks += table.family(root).map(|it| it.ticks).sum::<u64>();
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
}

/// Processor time of this process alone.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn own_cpu() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').context("a name in parentheses")?;
    let times = rest.split_whitespace().skip(11).take(2);
    let ticks = times.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
}

/// Resident bytes of processes with all their descendants.
///
/// # Errors
/// When one of them is gone.
pub fn resident_bytes(roots: &[u32]) -> anyhow::Result<u64> {
    let table = Table::read()?;
    let mut bytes = 0;
    for &root in roots {
        ensure!(table.0.contains_key(&root), "process {root} is gone");
        for process in table.family(root) {
            // One that ended meanwhile has none.
            let status = fs::read_to_string(format!("/proc/{}/status", process.pid));
            bytes += status.map_or(0, |status| field_kib(&status, "VmRSS:")) * 1024;
        }
    }
    Ok(bytes)
}

fn field_kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    pid: u32,
    parent: u32,
    ticks: u64,
}

/// All processes.
struct Table(HashMap<u32, Entry>);

impl Table {
    fn read() -> anyhow::Result<Self> {
        let mut table = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
                continue; // ended meanwhile
            };
            table.insert(
                pid,
                parse_stat(pid, &stat).context("an unknown form of /proc/PID/stat")?,
            );
        }
        Ok(Self(table))
    }

    fn family(&self, root: u32) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(move |entry| {
            let mut pid = entry.pid;
            loop {
                if pid == root {
                    return true;
                }
                match self.0.get(&pid) {
                    Some(entry) if entry.parent != 0 => pid = entry.parent,
                    _ => return false,
                }
            }
        })
    }
}

/// Fields 4 (parent) and 14 to 17 (own and waited-for children's time) of proc(5). The name in field 2 may hold
/// anything, so counting starts after its last parenthesis.
fn parse_stat(pid: u32, stat: &str) -> Option<Entry> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let times = fields.get(11..15)?.iter().map(|it| it.parse::<u64>().ok());
    Some(Entry {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        ticks: times.sum::<Option<u64>>()?,
    })
}

/// Which cores servers and the generator run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinning {
    /// Wherever the kernel likes.
    Free,
    /// Servers on core 0, the generator on core 1.
    Apart,
}

impl Pinning {
    /// Before a server is started: it inherits the core, and sizes itself by it.
    ///
    /// # Errors
    /// Without `taskset` (util-linux), or a second core.
    pub fn as_server(self) -> anyhow::Result<()> {
        self.pin("0")
    }

    /// For all else.
    ///
    /// # Errors
    /// Without `taskset` (util-linux), or a second core.
    pub fn as_generator(self) -> anyhow::Result<()> {
        self.pin("1")
    }

    fn pin(self, core: &str) -> anyhow::Result<()> {
        if self == Self::Apart {
            let pid = std::process::id().to_string();
            run(
                "taskset",
                &["--all-tasks", "--cpu-list", "--pid", core, &pid],
            )?;
        }
        Ok(())
    }
}

/// Raises this process' limit of open files to what the system allows it.
///
/// # Errors
/// Without `prlimit` (util-linux).
pub fn raise_file_limit() -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let hard = line.and_then(|line| line.split_whitespace().nth(4));
    let hard = hard.context("no limit of open files in /proc/self/limits")?;
    run(
        "prlimit",
        &["--pid", &pid, &format!("--nofile={hard}:{hard}")],
    )?;
    Ok(())
}

/// What a command prints, without the end of the line.
///
/// # Errors
/// When it cannot be run or fails.
pub fn run(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(args).output();
    let output = output.with_context(|| format!("running {program}"))?;
    ensure!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_fields() {
        let stat = "42 (a) (b c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 5 0 1 2 3";
        let entry = parse_stat(42, stat).unwrap();
        assert_eq!((entry.parent, entry.ticks), (7, 124));
        assert!(parse_stat(1, "1 (x) S 0").is_none());
    }

    #[test]
    fn this_process_uses_memory_and_its_children_are_its_family() {
        let own = std::process::id();
        assert!(resident_bytes(&[own]).unwrap() > 1 << 20);
        assert!(own_cpu().unwrap() <= cpu(&[own]).unwrap() + Duration::from_secs(1));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let table = Table::read().unwrap();
        assert!(table.family(own).any(|entry| entry.pid == child.id()));
        assert!(table.family(child.id()).all(|entry| entry.pid != own));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cpu(&[child.id()]).is_err());
    }
}

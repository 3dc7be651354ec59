//! What everything was run on, and with.

use std::fmt::Write as _;
use std::fs;

use crate::process::run;

/// The machine, the versions and the command, of a bench of these targets; of all where none is named.
pub(super) fn description(runs: usize, targets: &[&str]) -> String {
    let targets: String = targets
        .iter()
        .map(|target| [" -t ", target].concat())
        .collect();
    let mut text = String::from("## Machine\n\n");
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let processor = field(&cpuinfo, "model name");
    let family = format!(
        "family {}, model {}",
        field(&cpuinfo, "cpu family"),
        field(&cpuinfo, "model\t")
    );
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let lines = [
        (
            "processor",
            format!("{processor} ({family}), {cores} cores"),
        ),
        ("memory", field(&memory, "MemTotal")),
        ("kernel", kernel.trim().to_owned()),
        (
            "this server",
            version("git", &["describe", "--always", "--dirty"]),
        ),
        ("Rust", version("rustc", &["--version"])),
        ("Redis", version("redis-server", &["--version"])),
        ("Postgres", version("pgbench", &["--version"])),
        ("Node", version("node", &["--version"])),
        ("Python", version("python3", &["--version"])),
        ("peers", peers()),
        (
            "command",
            format!("`chapar-load bench --runs {runs}{targets}`"),
        ),
        (
            "cores",
            "servers with their Redis and Postgres on core 0, the generator on core 1".to_owned(),
        ),
    ];
    for (name, value) in lines {
        writeln!(text, "- {name}: {value}").expect("a string takes any write");
    }
    if cfg!(debug_assertions) {
        text.push_str("- **a debug build, which measures nothing**\n");
    }
    text.push('\n');
    text
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(
        || "unknown".to_owned(),
        |(_, value)| value.trim().to_owned(),
    )
}

fn version(program: &str, args: &[&str]) -> String {
    run(program, args).unwrap_or_else(|_| "not found".to_owned())
}

/// What the peers' lock files name first.
fn peers() -> String {
    let node = [
        include_str!("../../peers/ws/package.json"),
        include_str!("../../peers/socketio/package.json"),
    ];
    let python = [
        include_str!("../../peers/python-socketio/requirements.txt"),
        include_str!("../../peers/channels/requirements.txt"),
    ];
    let mut names = Vec::new();
    for text in node {
        let package: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let dependencies = package["dependencies"].as_object();
        for (name, version) in dependencies.into_iter().flatten() {
            names.push(format!("{name} {}", version.as_str().unwrap_or_default()));
        }
    }
    let shown = [
        "fastapi",
        "python-socketio",
        "uvicorn",
        "Django",
        "channels",
        "channels_redis",
        "daphne",
    ];
    for line in python.iter().flat_map(|text| text.lines()) {
        if let Some((name, version)) = line.split_once("==")
            && shown.contains(&name)
        {
            names.push(format!("{name} {version}"));
        }
    }
    names.sort();
    names.dedup();
    names.join(", ")
}

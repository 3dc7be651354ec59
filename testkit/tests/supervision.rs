//! No server and no folder outlives the process that started it.

#![expect(clippy::unwrap_used, reason = "these helpers serve tests only")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts `chapar-servers` with everything and waits until it is ready.
fn start() -> (Child, Vec<String>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chapar-servers"))
        .args(["postgres", "redis", "sentinel"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"));
    let folders = folders_of_servers(child.id());
    assert!(folders.len() >= 7, "{folders:?}"); // postgres, redis, two servers and three sentinels
    (child, folders)
}

/// The temporary folders of what descends from `ancestor`, read off the command lines of its sweepers.
fn folders_of_servers(ancestor: u32) -> Vec<String> {
    let output = Command::new("ps")
        .args(["-o", "args=", "--ppid", &ancestor.to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.rsplit_once("chapar-sweeper "))
        .map(|(_, folder)| folder.to_owned())
        .collect()
}

fn assert_nothing_is_left(folders: &[String]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    for folder in folders {
        loop {
            let processes = Command::new("ps").args(["-eo", "args="]).output().unwrap();
            let has_process = String::from_utf8_lossy(&processes.stdout).contains(folder);
            if !has_process && !Path::new(folder).exists() {
                break;
            }
            assert!(Instant::now() < deadline, "{folder} or its server is left");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn servers_and_folders_go_with_a_process_that_ends() {
    let (mut child, folders) = start();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert_nothing_is_left(&folders);
}

#[test]
fn servers_and_folders_go_with_a_process_that_is_killed() {
    let (mut child, folders) = start();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_nothing_is_left(&folders);
}

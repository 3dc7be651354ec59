//! The real binary: exit statuses, what it prints, signals.

#![expect(
    clippy::unwrap_used,
    reason = "helper functions of tests may panic too"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

fn chapar(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chapar"));
    command.current_dir(folder).env_clear();
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_configuration_exits_with_2_and_binds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // Binding would fail with 1: that it is 2 shows that the configuration was read first.
    let mut command = chapar(folder.path());
    command.env("CHAPAR_HTTP__BIND", &address);
    let output = command.env("CHAPAR_LIMITS__MAX_CONTENT", "long").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("limits.max_content: "), "{text}");
    assert!(!folder.path().join("data").exists());

    let output = chapar(folder.path()).arg("gateway").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("tokens.keys: missing"), "{text}");

    let mut command = chapar(folder.path());
    let output = command.args(["--config", "gone.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("gone.toml"), "{text}");
}

#[test]
fn a_taken_address_exits_with_1_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = chapar(folder.path());
    let output = command.env("CHAPAR_HTTP__BIND", &address).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains(&address), "{text}");
    assert!(text.contains("http.bind"), "{text}");
}

#[test]
fn files_of_the_working_directory_are_read_and_secrets_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("chapar.toml", "[http]\nmax_connections = 7\n");
    write(".env", "CHAPAR_INTERNAL__SECRET=hunter2\n");
    let mut command = chapar(folder.path());
    command.arg("config").env("CHAPAR_LIMITS__MAX_CONTENT", "9");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("max_connections = 7"), "{text}");
    assert!(text.contains("max_content = 9"), "{text}");
    assert!(text.contains("(hidden)"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

/// Killed when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts a node on a free port and gives its log lines, which end with it.
fn start(command: &mut Command) -> (Running, mpsc::Receiver<String>) {
    command
        .env("CHAPAR_HTTP__BIND", "127.0.0.1:0")
        .env("CHAPAR_TELEMETRY__FORMAT", "json");
    let mut node = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    let log = BufReader::new(node.0.stderr.take().unwrap());
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in log.lines() {
            send.send(line.unwrap()).ok();
        }
    });
    (node, lines)
}

const PATIENCE: Duration = Duration::from_secs(20);

fn address(lines: &mpsc::Receiver<String>) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(address) = line.get("http.address") {
            return address.as_str().unwrap().to_owned();
        }
    }
}

/// Sends SIGTERM and gives the exit status and what was logged meanwhile.
fn terminate(mut node: Running, lines: &mpsc::Receiver<String>) -> (Option<i32>, String) {
    let kill = Command::new("kill").arg(node.0.id().to_string()).status();
    assert!(kill.unwrap().success());
    let mut log = String::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => log.push_str(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it did not end: {log}"),
        }
    }
    (node.0.wait().unwrap().code(), log)
}

#[test]
fn a_node_says_where_it_serves_is_healthy_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let (node, lines) = start(&mut chapar(folder.path()));
    let address = address(&lines);
    let healthcheck = || {
        let mut command = chapar(folder.path());
        command.arg("healthcheck");
        command.env("CHAPAR_HTTP__BIND", &address).output().unwrap()
    };
    let health = healthcheck();
    assert!(health.status.success(), "{}", stderr(&health));
    assert_eq!(terminate(node, &lines).0, Some(0));
    assert_eq!(healthcheck().status.code(), Some(1));
}

#[test]
fn query_strings_are_not_logged_and_traces_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let (send, collected) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in collector.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 20];
            stream.read_exact(&mut head).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
            send.send(String::from_utf8_lossy(&head).into_owned()).ok();
        }
    });
    let mut command = chapar(folder.path());
    command
        .env("CHAPAR_TELEMETRY__OTLP_ENDPOINT", endpoint)
        .env("CHAPAR_TELEMETRY__SAMPLING", "1");
    let (node, lines) = start(&mut command);
    let mut stream = TcpStream::connect(address(&lines)).unwrap();
    let request = b"GET /?token=hunter2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let (status, log) = terminate(node, &lines);
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains(r#""status":200"#), "{log}");
    assert!(log.contains("request.id"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
    let head = collected.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("POST /v1/traces"), "{head}");
}

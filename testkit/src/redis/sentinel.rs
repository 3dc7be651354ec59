//! A private Redis master with a replica and Sentinels.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Redis, Server, binary, write_config};
use crate::process::{PATIENCE, Process, Scratch, blocking, with_ports};

/// The name under which the Sentinels know the master.
const SERVICE: &str = "chapar";

/// One master, one replica and three Sentinels, of which two decide; a silent master is replaced after 1 s.
#[derive(Debug)]
pub struct Sentinel {
    master: Redis,
    replica: Redis,
    sentinels: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    port: u16,
    _process: Process,
    _scratch: Scratch,
}

impl Sentinel {
    /// Starts all five and waits until every Sentinel knows the others and the replica.
    ///
    /// # Errors
    /// When Redis is not installed or they do not find each other.
    pub async fn start() -> Result<Self> {
        blocking(|| {
            let master = with_ports(|port| Server::start(port, Vec::new(), None))?;
            let of_master = ["--replicaof", "127.0.0.1", &master.port.to_string()];
            let of_master = of_master.map(str::to_owned).to_vec();
            let replica = with_ports(|port| Server::start(port, of_master.clone(), None))?;
            let sentinels = (0..3)
                .map(|_| with_ports(|port| Watcher::start(port, master.port)))
                .collect::<Result<Vec<_>>>()?;
            wait_for("the Sentinels to find each other", || {
                for sentinel in &sentinels {
                    let text = ask(sentinel.port, &["sentinel", "master", SERVICE])?;
                    let fields: Vec<&str> = text.lines().collect();
                    let field = |name| {
                        let at = fields.iter().position(|&field| field == name)?;
                        fields.get(at + 1).copied()
                    };
                    if field("num-slaves") != Some("1")
                        || field("num-other-sentinels") != Some("2")
                        || field("flags") != Some("master")
                    {
                        return Ok(false);
                    }
                }
                let link = replica.cli(&["info".to_owned(), "replication".to_owned()])?;
                Ok(link.contains("master_link_status:up"))
            })?;
            let [master, replica] = [master, replica].map(|server| Redis {
                inner: server.into(),
            });
            Ok(Self {
                master,
                replica,
                sentinels,
            })
        })
        .await
    }

    /// `redis-sentinel://` with all Sentinels and the service's name.
    pub fn url(&self) -> String {
        let [first, others @ ..] = &self.sentinels[..] else {
            unreachable!("there are three");
        };
        let nodes: Vec<String> = others
            .iter()
            .map(|node| format!("node=127.0.0.1:{}", node.port))
            .collect();
        format!(
            "redis-sentinel://127.0.0.1:{}?{}&sentinelServiceName={SERVICE}",
            first.port,
            nodes.join("&")
        )
    }

    /// The server that was master at the start.
    pub fn master(&self) -> &Redis {
        &self.master
    }

    /// The server that was the replica at the start.
    pub fn replica(&self) -> &Redis {
        &self.replica
    }

    /// Waits until the Sentinels name `port` as master.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn wait_for_master(&self, port: u16) -> Result<()> {
        let ports: Vec<u16> = self.sentinels.iter().map(|node| node.port).collect();
        blocking(move || {
            wait_for("another master", || {
                for &sentinel in &ports {
                    let command = ["sentinel", "get-master-addr-by-name", SERVICE];
                    let text = ask(sentinel, &command)?;
                    if text.lines().nth(1) != Some(&port.to_string()) {
                        return Ok(false);
                    }
                }
                Ok(true)
            })
        })
        .await
    }
}

impl Watcher {
    fn start(port: u16, master: u16) -> Result<Self> {
        let scratch = Scratch::new("sentinel")?;
        let config = write_config(
            scratch.path(),
            &format!(
                "port {port}\nbind 127.0.0.1\ndir {}\n\
                 sentinel monitor {SERVICE} 127.0.0.1 {master} 2\n\
                 sentinel down-after-milliseconds {SERVICE} 1000\n\
                 sentinel failover-timeout {SERVICE} 5000\n",
                scratch.path().display()
            ),
        )?;
        let args = [config.display().to_string(), "--sentinel".to_owned()];
        let process = Process::start(
            &binary("redis-server")?,
            &args,
            &scratch.path().join("log"),
            None,
        )?;
        process.wait_until("starting a Sentinel", || {
            super::answers(port).unwrap_or(false)
        })?;
        Ok(Self {
            port,
            _process: process,
            _scratch: scratch,
        })
    }
}

fn ask(port: u16, args: &[&str]) -> Result<String> {
    crate::process::run(
        std::process::Command::new(binary("redis-cli")?)
            .args(["-p", &port.to_string()])
            .args(args),
    )
}

fn wait_for(what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_so().with_context(|| format!("waiting for {what}"))? {
        if start.elapsed() > PATIENCE {
            bail!("waiting for {what}: not within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

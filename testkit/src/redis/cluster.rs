//! A private Redis Cluster.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Redis, Server, binary};
use crate::process::{PATIENCE, blocking, run, with_ports};

/// A running Redis Cluster; all its nodes end when it is dropped.
#[derive(Clone, Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

/// A node as the cluster sees it.
#[derive(Clone, Debug)]
pub struct ClusterNode {
    /// The cluster's name for it.
    pub id: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Whether it is a master.
    pub is_master: bool,
    /// Whether the asked node believes it to have failed.
    pub has_failed: bool,
}

impl RedisCluster {
    /// Starts `masters` (at least 3) with `replicas` each, and waits until every node sees a whole cluster and
    /// every replica has its copy. A
    /// node counts as failed after 2 s.
    ///
    /// # Errors
    /// When Redis is not installed or the cluster does not form.
    pub async fn start(masters: usize, replicas: usize) -> Result<Self> {
        blocking(move || {
            let nodes = (0..masters * (1 + replicas))
                .map(|_| {
                    with_ports(|port| {
                        let args = [
                            "--cluster-enabled",
                            "yes",
                            "--cluster-config-file",
                            "nodes.conf",
                            "--cluster-node-timeout",
                            "2000",
                            // A replica that waits for its first copy cannot replace its master.
                            "--repl-diskless-sync-delay",
                            "0",
                            "--cluster-port",
                            &crate::free_port().to_string(),
                        ];
                        Server::start(port, args.map(str::to_owned).to_vec(), None)
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            run(Command::new(binary("redis-cli")?)
                .args(["--cluster", "create"])
                .args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)))
                .args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]))
            .context("creating the cluster")?;
            let cluster = Self {
                nodes: nodes
                    .into_iter()
                    .map(|server| Redis {
                        inner: server.into(),
                    })
                    .collect(),
            };
            cluster.settle()?;
            Ok(cluster)
        })
        .await
    }

    /// Every node, masters first as they were created.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// `redis-cluster://` with all nodes, so that clients find the cluster whichever of them is gone.
    pub fn url(&self) -> String {
        let others: Vec<String> = self.nodes[1..]
            .iter()
            .map(|node| format!("node=127.0.0.1:{}", node.port()))
            .collect();
        format!(
            "redis-cluster://127.0.0.1:{}?{}",
            self.nodes[0].port(),
            others.join("&")
        )
    }

    /// Waits until every running node says `cluster_state:ok` and knows all slots.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn wait_until_ok(&self) -> Result<()> {
        let cluster = self.clone();
        blocking(move || cluster.settle()).await
    }

    /// The nodes as `observer` sees them.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn describe(&self, observer: &Redis) -> Result<Vec<ClusterNode>> {
        let text = observer.cli(&["cluster", "nodes"]).await?;
        text.lines()
            .map(|line| {
                let mut fields = line.split(' ');
                let mut next = || fields.next().context("a line of CLUSTER NODES");
                let id = next()?.to_owned();
                let (_, address) = next()?.split_once(':').context("host and port")?;
                let port = address.split('@').next().context("never empty")?.parse()?;
                let flags: Vec<&str> = next()?.split(',').collect();
                Ok(ClusterNode {
                    id,
                    port,
                    is_master: flags.contains(&"master"),
                    has_failed: flags.contains(&"fail"),
                })
            })
            .collect()
    }

    /// Moves `count` slots with their keys from one master to another, as an operator would.
    ///
    /// # Errors
    /// When redis-cli fails.
    pub async fn move_slots(&self, from: &ClusterNode, to: &ClusterNode, count: u32) -> Result<()> {
        let address = format!("127.0.0.1:{}", self.nodes[0].port());
        let [from, to] = [from, to].map(|node| node.id.clone());
        let count = count.to_string();
        blocking(move || {
            run(Command::new(binary("redis-cli")?)
                .args(["--cluster", "reshard", &address, "--cluster-yes"])
                .args(["--cluster-from", &from, "--cluster-to", &to])
                .args(["--cluster-slots", &count]))
            .map(|_| ())
        })
        .await?;
        self.wait_until_ok().await
    }

    fn settle(&self) -> Result<()> {
        let start = Instant::now();
        for node in self.nodes.iter().filter(|node| node.pid().is_some()) {
            loop {
                let info = node.inner.cli(&["cluster".to_owned(), "info".to_owned()])?;
                let replication = node
                    .inner
                    .cli(&["info".to_owned(), "replication".to_owned()])?;
                let is_ok = ["cluster_state:ok", "cluster_slots_ok:16384"]
                    .iter()
                    .all(|line| info.contains(line))
                    && !replication.contains("master_link_status:down");
                if is_ok {
                    break;
                }
                if start.elapsed() > PATIENCE {
                    bail!("the cluster is not whole after {PATIENCE:?}:\n{info}");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }
}

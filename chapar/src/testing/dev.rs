//! `chapar dev cluster`: a whole cluster on this machine, for development. It ends as a whole, unless it is told to
//! start nodes that end again.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chapar_testkit::{Nginx, Postgres, Redis, RedisOptions};
use futures_util::future::select_all;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::runtime::Runtime;

use super::{ChildNode, Settings, child};
use crate::cli::DevCommand;
use crate::config::{Roles, Sources};
use crate::signals::Stops;

const NGINX: &str = include_str!("../../../deploy/nginx/chapar.conf");

/// Between two looks at the servers.
const WATCH: Duration = Duration::from_secs(1);

/// Runs until a signal, or until a part of it ends.
///
/// # Errors
/// What could not be started, or which part ended.
pub fn run(command: &DevCommand) -> anyhow::Result<()> {
    let DevCommand::Cluster {
        port,
        logs,
        restart,
    } = command;
    Runtime::new()?.block_on(cluster(*port, logs.as_deref(), *restart))
}

/// A node, and what it takes to start it again where it was.
#[derive(Debug)]
struct Member {
    /// For messages.
    name: String,
    roles: Roles,
    settings: Settings,
    log: Option<PathBuf>,
    node: ChildNode,
}

impl Member {
    /// Starts a node; the settings that it keeps name the addresses it was given.
    async fn start(
        name: String,
        roles: Roles,
        mut settings: Settings,
        logs: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let log = logs.map(|folder| folder.join(format!("{}.log", name.replace(' ', "-"))));
        let node = launch(roles, &settings, log.as_deref()).await?;
        let addresses = node.addresses();
        settings.set("HTTP__BIND", &addresses.public.to_string());
        if let Some(internal) = addresses.internal {
            settings.set("INTERNAL__BIND", &internal.to_string());
        }
        Ok(Self {
            name,
            roles,
            settings,
            log,
            node,
        })
    }

    /// Starts it again after it ended.
    async fn start_again(&mut self) -> anyhow::Result<()> {
        self.node = launch(self.roles, &self.settings, self.log.as_deref()).await?;
        Ok(())
    }

    /// Where it is and which process. What runs clusters reads it.
    fn tell(&self) {
        let (address, pid) = (self.node.addresses().public, self.node.pid());
        eprintln!("{:10} http://{address} (pid {pid})", self.name);
    }
}

/// Log lines are added to the file.
async fn launch(
    roles: Roles,
    settings: &Settings,
    log: Option<&Path>,
) -> anyhow::Result<ChildNode> {
    let file = log.map(|path| File::options().create(true).append(true).open(path));
    ChildNode::start(&child::binary()?, roles, settings, file.transpose()?).await
}

async fn cluster(port: u16, logs: Option<&Path>, restart: bool) -> anyhow::Result<()> {
    let mut stops = Stops::listen()?;
    let balancer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Some(folder) = logs {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let logs = logs.map(Path::canonicalize).transpose()?;
    let logs = logs.as_deref();
    // nginx would say the same, less clearly.
    drop(
        TcpListener::bind(balancer)
            .with_context(|| format!("cannot listen on {balancer}; set PORT"))?,
    );
    let folder = tempfile::Builder::new()
        .prefix("chapar-cluster-")
        .tempdir()?;
    // Dropped in order at whatever end: what is made later ends earlier.
    let (postgres, redis, nginx, mut nodes);
    tokio::select! {
        signal = stops.next() => { eprintln!("{signal}"); return Ok(()); }
        started = async {
            eprintln!("starting Postgres and Redis");
            let postgres = Postgres::start().await?;
            let redis = Redis::start(RedisOptions::default()).await?;
            let url = postgres.create_database("chapar").await?;
            let settings = settings(folder.path(), balancer, &url, &redis.url())?;
            migrate(&settings).await?;
            let nodes = nodes_of(&settings, logs).await?;
            // testkit looks at a port of its own choice.
            let listen = format!("{balancer}; listen 127.0.0.1:{{port}}");
            let [api, gateways] = ["api", "gateway"].map(|role| addresses(&nodes, role));
            let nginx = Nginx::start(&logging(configuration(&listen, &api, &gateways), logs)).await?;
            anyhow::Ok((postgres, redis, nginx, nodes))
        } => (postgres, redis, nginx, nodes) = started?,
    }
    nodes.iter().for_each(Member::tell);
    eprintln!("postgres   {}\nredis      {}", postgres.url(), redis.url());
    println!("ready: http://{balancer}   (Ctrl-C ends it all)");
    let servers = [
        ("postgres", postgres.port()),
        ("redis", redis.port()),
        ("nginx", nginx.port()),
    ];
    let ended = loop {
        let (at, status) = tokio::select! {
            signal = stops.next() => { eprintln!("{signal}: stopping"); break None; }
            what = first_to_be_away(&servers) => break Some(what),
            ended = first_to_end(&mut nodes) => ended,
        };
        let node = &mut nodes[at];
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        if !restart {
            break Some(format!(
                "{} ended ({status}):\n{}",
                node.name,
                node.node.log()
            ));
        }
        eprintln!("{} ended ({status}); starting it again", node.name);
        let again = tokio::select! {
            signal = stops.next() => { eprintln!("{signal}: stopping"); break None; }
            again = node.start_again() => again,
        };
        if let Err(error) = again {
            break Some(format!("{} does not start again: {error:#}", node.name));
        }
        node.tell();
    };
    tokio::select! {
        () = stop(nodes) => {}
        signal = stops.next() => eprintln!("{signal}: killing what is left"),
    }
    drop((nginx, redis, postgres));
    match ended {
        Some(what) => bail!("{what}; the cluster was taken down"),
        None => Ok(()),
    }
}

fn settings(
    folder: &Path,
    balancer: SocketAddr,
    store: &str,
    redis: &str,
) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    for (name, value) in Sources::of_process(None)?.environment {
        settings.set(&name, &value);
    }
    settings.set_secrets();
    settings.set("DATA_DIR", &folder.display().to_string());
    settings.set("HTTP__PUBLIC_URL", &format!("http://{balancer}"));
    settings.set("STORE__URL", store);
    settings.set("BROKER__URL", redis);
    for (name, value) in [
        ("HTTP__BIND", "127.0.0.1:0"),
        ("HTTP__TRUSTED_PROXIES", "127.0.0.0/8"),
        ("HTTP__DRAIN_TIMEOUT", "5s"),
        ("INTERNAL__BIND", "127.0.0.1:0"),
    ] {
        settings.set(name, value);
    }
    Ok(settings)
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let mut command = Command::new(child::binary()?);
    command.arg("migrate").env_clear().envs(settings.iter());
    command.current_dir(settings.get("DATA_DIR").unwrap_or("/"));
    let status = command.kill_on_drop(true).status().await?;
    ensure!(status.success(), "chapar migrate: {status}");
    Ok(())
}

async fn nodes_of(settings: &Settings, logs: Option<&Path>) -> anyhow::Result<Vec<Member>> {
    let mut settings = settings.clone();
    let mut nodes = Vec::new();
    let mut api_urls = Vec::new();
    for number in 1..=2 {
        let name = format!("api {number}");
        let member = Member::start(name, Roles::Api, settings.clone(), logs).await?;
        let internal = member.node.addresses().internal;
        let internal = internal.context("an api node has one")?;
        api_urls.push(format!("http://{internal}"));
        nodes.push(member);
    }
    settings.set("INTERNAL__API_URLS", &api_urls.join(","));
    for number in 1..=2 {
        let name = format!("gateway {number}");
        nodes.push(Member::start(name, Roles::Gateway, settings.clone(), logs).await?);
    }
    Ok(nodes)
}

fn addresses(nodes: &[Member], role: &str) -> Vec<String> {
    let of_role = nodes.iter().filter(|member| member.name.starts_with(role));
    of_role
        .map(|member| member.node.addresses().public.to_string())
        .collect()
}

/// The load balancer's configuration before these nodes, each given as host and port; `listen` is where it
/// listens, in which testkit fills in `{port}`.
pub fn configuration(listen: &str, api: &[String], gateways: &[String]) -> String {
    let servers = |nodes: &[String]| {
        let lines = nodes
            .iter()
            .map(|address| format!("server {address} max_fails=1 fail_timeout=2s;"));
        lines.collect::<Vec<_>>().join("\n    ")
    };
    NGINX
        .replace("{listen}", listen)
        .replace("{api_servers}", &servers(api))
        .replace("{gateway_servers}", &servers(gateways))
}

/// The same, with the balancer's logs in a folder.
fn logging(configuration: String, folder: Option<&Path>) -> String {
    let Some(folder) = folder.map(Path::display) else {
        return configuration;
    };
    let errors = format!("error_log {folder}/nginx-error.log");
    let access = format!("{folder}/nginx-access.log");
    configuration
        .replace("error_log stderr", &errors)
        .replace("{dir}/access.log", &access)
}

/// Which one, and how. May be dropped midway.
async fn first_to_end(nodes: &mut [Member]) -> (usize, anyhow::Result<ExitStatus>) {
    let ends = nodes.iter_mut().map(|member| Box::pin(member.node.ended()));
    let (status, at, _) = select_all(ends).await;
    (at, status)
}

async fn first_to_be_away(servers: &[(&str, u16)]) -> String {
    let mut ticks = tokio::time::interval(WATCH);
    loop {
        ticks.tick().await;
        for (name, port) in servers {
            if let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await {
                return format!("{name} ended ({error})");
            }
        }
    }
}

/// Gateways first: they still ask the api nodes while they drain.
async fn stop(mut nodes: Vec<Member>) {
    nodes.reverse();
    for Member { name, node, .. } in nodes {
        if let Err(error) = node.stop().await {
            eprintln!("{name}: {error:#}");
        }
    }
}

//! This server: its real binary, one process a node.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chapar::config::Roles;
use chapar::healthcheck;
use chapar::testing::{ChildNode, Settings, child};
use chapar_testkit::{Postgres, Redis, RedisOptions};
use tokio::process::Command;
use tokio::time::Instant;

use crate::redis::Publisher;
use crate::stub::Stub;

use super::{Kind, Options, Source, Target, Wire, seed};

/// How long a node may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn start(kind: Kind, options: Options) -> anyhow::Result<Target> {
    let folder = tempfile::Builder::new().prefix("chapar-load-").tempdir()?;
    let mut settings = Settings::for_tests(folder.path());
    for setting in &options.settings {
        let (name, value) = setting.split_once('=').context("a setting is NAME=VALUE")?;
        settings.set(name, value);
    }
    options.pinning.as_server()?;
    let redis = Redis::start(RedisOptions::default()).await?;
    settings.set("BROKER__URL", &redis.url());
    let binary = child::binary()?;
    let (mut postgres, mut source, mut nodes) = (None, None, Vec::new());
    if kind == Kind::Whole {
        // fsync is on, as in production.
        let server = Postgres::start().await?;
        settings.set("STORE__URL", &server.url());
        migrate(&settings).await?;
        server.sql(&seed::statements(&options.layout)).await?;
        postgres = Some(server);
        let api = ChildNode::start(&binary, Roles::Api, &settings, None).await?;
        let internal = api.addresses().internal.context("an api node has one")?;
        settings.set("INTERNAL__API_URLS", &format!("http://{internal}"));
        nodes.push(api);
    } else {
        let stub = Stub::start(options.layout, options.payload_bytes).await?;
        settings.set("INTERNAL__API_URLS", &stub.url());
        source = Some(Source {
            stub,
            publisher: Publisher::connect(redis.port()).await?,
            prefix: settings
                .get("BROKER__PREFIX")
                .unwrap_or("chapar")
                .to_owned(),
        });
    }
    let mut addresses = Vec::new();
    for _ in 0..options.nodes {
        let node = ChildNode::start(&binary, Roles::Gateway, &settings, None).await?;
        addresses.push(node.addresses().public);
        nodes.push(node);
    }
    options.pinning.as_generator()?;
    for &address in &addresses {
        ready(address).await?;
    }
    Ok(Target {
        kind,
        wire: Wire::of(kind),
        addresses,
        servers: nodes.iter().map(ChildNode::pid).collect(),
        tokens: Some(seed::Tokens::of(&settings)?),
        source,
        options,
        _nodes: nodes,
        _peer: None,
        redis: Some(redis),
        postgres,
        _folder: Some(folder),
    })
}

/// Waits until a node has everything that it needs, so that what it takes for itself is there before anything is
/// measured.
async fn ready(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Blocking: the api that it asks may be this thread's.
        let asked = tokio::task::spawn_blocking(move || healthcheck::ask(address)).await?;
        match asked {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let mut command = Command::new(child::binary()?);
    command.arg("migrate").env_clear().envs(settings.iter());
    command.current_dir(settings.get("DATA_DIR").unwrap_or("/"));
    let output = command.kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "chapar migrate: {text}");
    Ok(())
}

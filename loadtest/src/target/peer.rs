//! Other servers: a start script installs one by its ordinary package manager and becomes it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chapar_testkit::{Redis, RedisOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::stub::native_frame_bytes;

use super::{Kind, Options, Target, Wire};

/// How long installing and starting may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// A peer's process; killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    // Reads on, so that a talkative server does not wait.
    _output: JoinSet<()>,
}

pub(super) async fn start(kind: Kind, mut options: Options) -> anyhow::Result<Target> {
    if kind == Kind::BareWide {
        options.payload_bytes = native_frame_bytes(options.payload_bytes);
    }
    options.pinning.as_server()?;
    let is_bare = matches!(kind, Kind::Bare | Kind::BareWide);
    let redis = if is_bare {
        None
    } else {
        Some(Redis::start(RedisOptions::default()).await?)
    };
    let (process, port) = launch(kind, &options.peers, redis.as_ref()).await?;
    options.pinning.as_generator()?;
    let pid = process.child.id().context("it runs")?;
    Ok(Target {
        kind,
        wire: Wire::of(kind),
        addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
        servers: vec![pid],
        tokens: None,
        source: None,
        options,
        _nodes: Vec::new(),
        _peer: Some(process),
        redis,
        postgres: None,
        _folder: None,
    })
}

async fn launch(kind: Kind, peers: &Path, redis: Option<&Redis>) -> anyhow::Result<(Process, u16)> {
    // Not even a killed generator leaves it behind (prctl(2), PR_SET_PDEATHSIG).
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    let stderr = if let Some(redis) = redis {
        let name = kind.name();
        let home = peers.join("../../target/peers").join(&name);
        fs::create_dir_all(&home)?;
        command.arg(peers.join(&name).join("start"));
        command
            .env("PEER_HOME", &home)
            .env("REDIS_URL", redis.url());
        Stdio::from(File::create(home.join("log"))?)
    } else {
        let own = std::env::current_exe()?;
        let folders = own.ancestors().skip(1).take(2);
        let bare = folders.map(|folder| folder.join("chapar-load-bare"));
        let bare = bare.into_iter().find(|path| path.is_file());
        command.arg(bare.context("no chapar-load-bare beside this program: cargo build")?);
        Stdio::inherit()
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child.stdout.take().context("piped above")?;
    let mut lines = BufReader::new(stdout).lines();
    let port = tokio::time::timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await? {
            if let Some(port) = line.strip_prefix("ready ") {
                return Ok(port.parse()?);
            }
        }
        bail!("it ended before it was ready; its log is in target/peers")
    });
    let port = port.await.context("it was not ready in time")??;
    let mut output = JoinSet::new();
    output.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let process = Process {
        child,
        _output: output,
    };
    Ok((process, port))
}

//! What crowds of clients do to a cluster in which nothing else goes wrong.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message as Raw};

use super::{SECOND, Scene};
use crate::check::percentile_99;
use crate::client::SCATTER;
use crate::crowd::Size;

/// Sockets of the flood.
const SLOW: usize = 24;

/// What the system may keep for a slow reader on its side.
const SMALL_BUFFER: u32 = 4096;

pub(super) async fn calm(scene: &mut Scene) -> Result<()> {
    scene.pass(5 * SECOND, SECOND).await;
    Ok(())
}

pub(super) fn many() -> Size {
    Size {
        readers: 32,
        ..Size::default()
    }
}

pub(super) async fn reconnect_all(scene: &mut Scene) -> Result<()> {
    scene.crowd.scatter();
    sleep(SCATTER).await;
    Ok(())
}

/// Long messages: those who do not read are to be several megabytes behind, which the system keeps for them
/// on a local link, and the queue of 1 MiB after that.
pub(super) fn loud() -> Size {
    Size {
        rooms: 1,
        members: 8,
        readers: 0,
        pause: Duration::from_millis(150),
        words: 600,
        ..Size::default()
    }
}

/// Others must not notice: their 99th percentile is held against that of the time before, generously, for the
/// machine may be busy with other things too.
pub(super) async fn slow_readers(scene: &mut Scene) -> Result<()> {
    const PERIOD: Duration = Duration::from_secs(15);
    let now = || scene.crowd.record.now();
    let before = now();
    sleep(PERIOD).await;
    let flood = join_all((0..SLOW).map(|number| slow(scene, number))).await;
    let flood = flood.into_iter().collect::<Result<Vec<_>>>()?;
    let during = now();
    sleep(2 * PERIOD).await;
    let end = now();
    let entries = scene.crowd.record.entries();
    let without = percentile_99(&entries, &(before..before + PERIOD)).context("it was loud")?;
    let with = percentile_99(&entries, &(during..end)).context("it was loud")?;
    let limit = (4 * without).max(without + SECOND / 2);
    eprintln!("   others' p99: {without:?} without the flood, {with:?} with it");
    if with > limit {
        scene.complain(format!(
            "others' p99 went from {without:?} to {with:?} while some did not read"
        ));
    }
    let others = scene.crowd.members.len();
    let open = scene.stage.metric("chapar_gateway_connections", "").await;
    let kept = open.saturating_sub(others);
    if kept > 0 {
        scene.complain(format!("{kept} of {SLOW} that did not read were kept"));
    }
    // Each is given the time of a write to take the code; those that went need none.
    drop(flood);
    let too_slow = async || {
        let name = "chapar_gateway_closes_total";
        scene.stage.metric(name, r#"code="4010""#).await
    };
    let deadline = Instant::now() + 10 * SECOND;
    while too_slow().await < SLOW && Instant::now() < deadline {
        sleep(SECOND / 4).await;
    }
    let too_slow = too_slow().await;
    eprintln!("   of {SLOW} that did not read {too_slow} were closed with 4010");
    if too_slow == 0 {
        scene.complain("nobody was closed with 4010");
    }
    Ok(())
}

type Slow = WebSocketStream<TcpStream>;

/// A signed-in socket of a member, of which nothing is read.
async fn slow(scene: &Scene, number: usize) -> Result<Slow> {
    let url = &scene.stage.doors()[number % 2];
    let address = url.trim_start_matches("ws://").trim_end_matches("/v1/ws");
    let mut stream = loop {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
        let stream = socket.connect(address.parse()?).await?;
        match tokio_tungstenite::client_async(url.as_str(), stream).await {
            Ok((stream, _)) => break stream,
            // The gate is as narrow for them as for anybody.
            Err(Error::Http(refused)) if refused.status() == 503 => sleep(SECOND / 4).await,
            Err(error) => return Err(error.into()),
        }
    };
    let people = &scene.crowd.people;
    let token = people[number % people.len()].token();
    let hello = json!({"op": "hello", "token": token});
    stream.send(Raw::text(hello.to_string())).await?;
    stream.next().await.context("ready")??;
    Ok(stream)
}

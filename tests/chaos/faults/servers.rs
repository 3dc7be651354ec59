//! Redis and Postgres misbehave.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chapar_tests::eventually;
use tokio::time::sleep;

use super::presence::Watch;
use super::{SECOND, Scene};

/// By when a subscriber link is back.
const RELINK: Duration = Duration::from_secs(15);

pub(super) async fn restart_redis(scene: &mut Scene) -> Result<()> {
    let redis = scene.stage.redis()?;
    redis.kill().await?;
    scene.pass(2 * SECOND, SECOND).await;
    redis.restart().await
}

/// Whoever was online stays so: nodes take their leases again before anybody is taken for gone.
pub(super) async fn empty_redis(scene: &mut Scene) -> Result<()> {
    let watch = Watch::begin(scene).await;
    scene.stage.redis()?.cli(&["flushall"]).await?;
    restart_redis(scene).await?;
    scene.pass(15 * SECOND, SECOND).await;
    watch.judge(scene);
    Ok(())
}

pub(super) async fn client_kill(scene: &mut Scene) -> Result<()> {
    let redis = scene.stage.redis()?;
    for _ in 0..3 {
        // The links of the time before may still be on their way back.
        eventually(RELINK, "there are subscriber links", async || {
            let killed = redis
                .cli(&["client", "kill", "type", "pubsub"])
                .await
                .ok()?;
            (killed != "0").then_some(())
        })
        .await;
        scene.pass(3 * SECOND, SECOND).await;
    }
    Ok(())
}

pub(super) async fn client_pause(scene: &mut Scene) -> Result<()> {
    let redis = scene.stage.redis()?;
    redis.cli(&["client", "pause", "6000", "all"]).await?;
    sleep(8 * SECOND).await;
    Ok(())
}

pub(super) async fn restart_postgres(scene: &mut Scene) -> Result<()> {
    let postgres = &scene.stage.postgres;
    postgres.kill().await?;
    sleep(2 * SECOND).await;
    postgres.restart().await
}

pub(super) async fn fail_over(scene: &mut Scene) -> Result<()> {
    let sentinel = scene.stage.sentinel()?;
    sentinel.master().kill().await?;
    sentinel.wait_for_master(sentinel.replica().port()).await?;
    sleep(3 * SECOND).await;
    Ok(())
}

/// A master gives all that it has to another one, as before it is taken away.
pub(super) async fn move_slots(scene: &mut Scene) -> Result<()> {
    let cluster = scene.stage.cluster()?;
    let observer = cluster.nodes().first().context("there are three")?;
    let nodes = cluster.describe(observer).await?;
    let by_port = |at: usize| {
        let port = cluster.nodes().get(at)?.port();
        nodes.iter().find(|node| node.port == port)
    };
    let from = by_port(1).context("the second master")?;
    let to = by_port(2).context("the third master")?;
    // A third of 16,384 slots, rounded down.
    cluster.move_slots(from, to, 5461).await
}

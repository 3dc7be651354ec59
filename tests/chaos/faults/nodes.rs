//! Nodes that end, one way or the other.

use std::time::Duration;

use anyhow::Result;
use chapar::testing::Which;
use rand::RngExt as _;

use super::{SECOND, Scene};
use crate::record::What;

/// How long a node is away.
async fn bounce(scene: &mut Scene, which: fn(usize) -> Which, is_kill: bool) {
    let which = which(scene.chance.random_range(0..2));
    let away = if scene.is_short {
        SECOND / 2
    } else {
        3 * SECOND
    };
    scene.stage.bounce(which, is_kill, away).await;
}

pub(super) async fn kill_gateway(scene: &mut Scene) -> Result<()> {
    bounce(scene, Which::Gateway, true).await;
    Ok(())
}

pub(super) async fn term_gateway(scene: &mut Scene) -> Result<()> {
    bounce(scene, Which::Gateway, false).await;
    Ok(())
}

pub(super) async fn kill_api(scene: &mut Scene) -> Result<()> {
    bounce(scene, Which::Api, true).await;
    Ok(())
}

pub(super) async fn term_api(scene: &mut Scene) -> Result<()> {
    bounce(scene, Which::Api, false).await;
    Ok(())
}

/// Whoever sits on a gateway that drains is told to reconnect, not all at the same moment.
pub(super) async fn drain(scene: &mut Scene) -> Result<()> {
    let node = scene.chance.random_range(0..2);
    let sitting = scene.crowd.behind(node);
    let begin = scene.crowd.record.now();
    scene
        .stage
        .bounce(Which::Gateway(node), false, SECOND)
        .await;
    let entries = scene.crowd.record.entries();
    let later = || entries.iter().filter(|entry| entry.at >= begin);
    let mut moments = Vec::new();
    for client in sitting {
        let told = later().find(|entry| {
            entry.client == client && matches!(entry.what, What::Told { .. } | What::Closed { .. })
        });
        match told.map(|entry| (&entry.what, entry.at)) {
            Some((What::Told { after_ms }, at)) => {
                moments.push(at + Duration::from_millis(*after_ms));
            }
            Some((what, _)) => scene.complain(format!("client {client} was not told: {what:?}")),
            None => scene.complain(format!(
                "client {client} kept its socket on a node that ended"
            )),
        }
    }
    moments.sort_unstable();
    if let [first, .., last] = moments[..]
        && last.saturating_sub(first) < SECOND / 2
    {
        scene.complain("all clients were told to come back within half a second");
    }
    Ok(())
}

pub(super) async fn rolling_restart(scene: &mut Scene) -> Result<()> {
    let stage = scene.stage.clone();
    for which in [
        Which::Gateway(0),
        Which::Gateway(1),
        Which::Api(0),
        Which::Api(1),
    ] {
        stage.bounce(which, false, SECOND / 2).await;
        stage.until_ready().await;
    }
    stage.redis()?.restart().await?;
    stage.until_ready().await;
    stage.postgres.restart().await?;
    stage.until_ready().await;
    Ok(())
}

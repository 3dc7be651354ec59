//! Nodes that end, one way or the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use chapar::testing::Which;
use chapar_tests::User;
use futures_util::future::{join, join_all};
use rand::RngExt as _;
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{SECOND, Scene};
use crate::record::What;
use crate::stage::Stage;

/// Clients that post through the load balancer.
const POSTERS: usize = 8;

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

/// And whoever posts by REST through the load balancer meanwhile notices nothing.
pub(super) async fn term_api(scene: &mut Scene) -> Result<()> {
    let stage = scene.stage.clone();
    let user = User::register(stage.site(), 0).await;
    let room = user.private_room(&[]).await.room.id;
    let rest = stage.behind_nginx(&user);
    let is_over = AtomicBool::new(false);
    let posting = join_all((0..POSTERS).map(async |_| {
        let mut failures = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let path = format!("/v1/rooms/{room}/messages");
            let request = rest.request(Method::POST, &path);
            match rest.attempt(request.json(&json!({"content": "x"}))).await {
                Ok(answer) if answer.status == 201 => {}
                Ok(answer) => failures.push(answer.status.to_string()),
                Err(error) => failures.push(error.to_string()),
            }
            // Between two requests of one client, so that connections are idle too.
            sleep(Duration::from_millis(5)).await;
        }
        failures
    }));
    let bouncing = async {
        bounce(scene, Which::Api, false).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (failures, ()) = join(posting, bouncing).await;
    let failures = failures.concat();
    if let Some(first) = failures.first() {
        scene.complain(format!(
            "{} requests through nginx failed, the first with {first}",
            failures.len()
        ));
    }
    Ok(())
}

/// The clients of a gateway that was killed come to the other one all at once: in step, and what is too much is
/// told to come back later. Whoever sits there is served meanwhile.
pub(super) async fn stampede(scene: &mut Scene) -> Result<()> {
    let dead = scene.chance.random_range(0..2);
    let stage = scene.stage.clone();
    let before = newcomers(&stage, 1 - dead).await;
    let refused = scene.crowd.behind(dead).len();
    stage.site().kill(Which::Gateway(dead)).await;
    scene.pass(6 * SECOND, 2 * SECOND).await;
    let [waited, too_many] = newcomers(&stage, 1 - dead).await;
    let (waited, too_many) = (waited - before[0], too_many - before[1]);
    eprintln!(
        "   of those that came from {refused} sockets {waited} waited, {too_many} were told to come back"
    );
    if waited == 0 {
        scene.complain("nobody had to wait at the gate");
    }
    stage.site().restart(Which::Gateway(dead)).await;
    Ok(())
}

async fn newcomers(stage: &Stage, gateway: usize) -> [usize; 2] {
    let count = async |outcome: &str| {
        let label = format!(r#"outcome="{outcome}""#);
        let name = "chapar_gateway_newcomers_total";
        stage.metric_of(gateway, name, &label).await
    };
    [count("waited").await, count("too_many").await]
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

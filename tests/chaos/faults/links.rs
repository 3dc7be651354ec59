//! Links that are cut, and publishes that are lost.

use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use chapar_testkit::{Proxy, Verdict, eat_publishes};
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::presence::Watch;
use super::{SECOND, Scene};
use crate::record::What;

/// Eight people send eight times a second each, about: no pause of all of them is as long, on a busy machine.
const STANDSTILL: Duration = Duration::from_secs(5);

/// One half refused, one half without a word.
pub(super) async fn redis_away(scene: &mut Scene) -> Result<()> {
    let stage = scene.stage.clone();
    let links: Vec<&Proxy> = stage.redis_links.iter().collect();
    ensure!(!links.is_empty(), "no proxy before this Redis");
    let watch = Watch::begin(scene).await;
    let begin = scene.crowd.record.now();
    for link in &links {
        link.cut().await;
    }
    scene.pass(30 * SECOND, 2 * SECOND).await;
    for link in &links {
        link.black_hole().await;
    }
    scene.pass(30 * SECOND, 2 * SECOND).await;
    let end = scene.crowd.record.now();
    for link in &links {
        link.restore().await;
    }
    never_without_answers(scene, begin..end);
    // Leases have run out meanwhile, of everybody who is here all the time.
    scene.pass(15 * SECOND, SECOND).await;
    watch.judge(scene);
    Ok(())
}

/// Sending goes on all the time, not only in the end.
fn never_without_answers(scene: &mut Scene, period: Range<Duration>) {
    let entries = scene.crowd.record.entries();
    let acked = entries.iter().filter_map(|entry| {
        let is_ack = matches!(entry.what, What::Acked { .. });
        (is_ack && period.contains(&entry.at)).then_some(entry.at)
    });
    let moments: Vec<Duration> = acked.chain([period.end]).collect();
    let mut last = period.start;
    for moment in moments {
        // Entries of several clients may be stamped a moment before they are recorded.
        let pause = moment.saturating_sub(last);
        if pause > STANDSTILL {
            scene.complain(format!("no send was acknowledged for {pause:?}"));
        }
        last = moment;
    }
}

/// A third of what is published for rooms and users is lost; the nodes' own probes are not, so that the link
/// looks good.
pub(super) async fn lose_publishes(scene: &mut Scene) -> Result<()> {
    let lost = Arc::new(AtomicUsize::new(0));
    for link in &scene.stage.redis_links {
        let lost = Arc::clone(&lost);
        let chance = Mutex::new(StdRng::seed_from_u64(scene.chance.random()));
        link.filter(move |piece| {
            let holds = |name: &[u8]| piece.windows(name.len()).any(|window| window == name);
            if !holds(b":room:") && !holds(b":user:") {
                return Verdict::Forward;
            }
            let is_eaten = {
                let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
                chance.random_bool(1.0 / 3.0)
            };
            if !is_eaten {
                return Verdict::Forward;
            }
            let verdict = eat_publishes(piece);
            if verdict != Verdict::Forward {
                lost.fetch_add(1, Ordering::Relaxed);
            }
            verdict
        });
    }
    scene.pass(12 * SECOND, 3 * SECOND).await;
    for link in &scene.stage.redis_links {
        link.clear_filters();
    }
    ensure!(lost.load(Ordering::Relaxed) > 0, "no publish was lost");
    Ok(())
}

pub(super) async fn cut_api(scene: &mut Scene) -> Result<()> {
    let links = &scene.stage.api_links[scene.chance.random_range(0..2)];
    for link in links {
        link.cut().await;
    }
    scene.pass(5 * SECOND, SECOND).await;
    for link in links {
        link.restore().await;
    }
    scene.pass(2 * SECOND, SECOND).await;
    for link in links {
        link.black_hole().await;
    }
    scene.pass(8 * SECOND, SECOND).await;
    for link in links {
        link.restore().await;
    }
    Ok(())
}

/// Its clients are sent elsewhere.
pub(super) async fn lose_sources(scene: &mut Scene) -> Result<()> {
    let node = scene.chance.random_range(0..2);
    let stage = scene.stage.clone();
    let links: Vec<&Proxy> = stage.api_links[node]
        .iter()
        .chain(stage.redis_links.get(1 + node))
        .collect();
    let sitting = scene.crowd.behind(node);
    let begin = scene.crowd.record.now();
    for link in &links {
        link.cut().await;
    }
    // Half as long again as `gateway.source_timeout` here, and time to notice.
    sleep(24 * SECOND).await;
    for link in &links {
        link.restore().await;
    }
    let entries = scene.crowd.record.entries();
    for client in sitting {
        let sent_away = entries.iter().any(|entry| {
            entry.client == client
                && entry.at >= begin
                && matches!(entry.what, What::Closed { code: 4012 })
        });
        if !sent_away {
            scene.complain(format!(
                "client {client} was not closed 4012 by a node without sources"
            ));
        }
    }
    Ok(())
}

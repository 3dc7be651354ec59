//! One fault from the first client to the verdict.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::FutureExt as _;
use rand::RngExt as _;
use tokio::time::{sleep, timeout};

use crate::check::{Findings, History, check};
use crate::crowd::Crowd;
use crate::faults::{Fault, Scene};
use crate::plan::generator;
use crate::stage::Stage;
use crate::table::Row;

/// Longer than any fault takes: one that hangs is cut off.
const DEADLINE: Duration = Duration::from_mins(4);

/// What gateways fetched because it did not come, or came too late.
const REPAIRED: &str = "chapar_gateway_repaired_total";

/// Of all faults.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) is_short: bool,
    /// How long the load lasts at least.
    pub(crate) load: Duration,
}

/// Strikes and judges. What panics or hangs on the way is a complaint.
pub(crate) async fn run(stage: &Arc<Stage>, fault: &Fault, settings: &Settings) -> Row {
    let begin = Instant::now();
    // An expectation that fails ends this fault and not the suite.
    let strike = AssertUnwindSafe(strike(Arc::clone(stage), *fault, settings)).catch_unwind();
    let outcome = match timeout(DEADLINE, strike).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(anyhow::anyhow!("{}", said(&*panic))),
        Err(_) => Err(anyhow::anyhow!("it hangs")),
    };
    let (findings, mut complaints) = match outcome {
        Ok((findings, complaints)) => (Some(findings), complaints),
        Err(error) => (None, vec![format!("{error:#}")]),
    };
    if let Some(findings) = &findings
        && findings.silence > fault.silence
    {
        complaints.push(format!(
            "{:?} of silence, where {:?} is the most",
            findings.silence, fault.silence
        ));
    }
    Row {
        fault: fault.name,
        findings,
        complaints,
        took: begin.elapsed(),
    }
}

async fn strike(
    stage: Arc<Stage>,
    fault: Fault,
    settings: &Settings,
) -> Result<(Findings, Vec<String>)> {
    stage.until_ready().await;
    let repaired = stage.metric(REPAIRED, "").await;
    let size = (fault.size)();
    let crowd = Crowd::gather(&stage, size, settings.seed, fault.name).await?;
    let crowd = Arc::new(crowd);
    let begin = Instant::now();
    let mut scene = Scene {
        stage: Arc::clone(&stage),
        crowd: Arc::clone(&crowd),
        // No client has this number.
        chance: generator(settings.seed, fault.name, u64::MAX),
        is_short: settings.is_short,
        complaints: Vec::new(),
    };
    let quiet = settings.load / 4;
    sleep(quiet.mul_f64(scene.chance.random_range(0.7..1.3))).await;
    (fault.strike)(&mut scene).await?;
    // The load outlives the fault.
    let left = settings.load.saturating_sub(begin.elapsed());
    sleep(left.max(settings.load / 4)).await;
    let truth = crowd.settle().await?;
    let mut complaints = std::mem::take(&mut scene.complaints);
    drop(scene);
    let mut crowd = Arc::into_inner(crowd).context("nobody else holds the crowd")?;
    crowd.leave().await?;
    let entries = crowd.record.entries();
    let findings = check(&History {
        entries: &entries,
        truth: &truth,
        members: &crowd.members,
    });
    // A busy machine may delay a publish for so long that the node fetches what it lacks, compacted.
    let missing = findings.superseded_live;
    if fault.is_dense && missing > 0 && stage.metric(REPAIRED, "").await == repaired {
        complaints.push(format!("{missing} positions are missing on live sockets"));
    }
    Ok((findings, complaints))
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}

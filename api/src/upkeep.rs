//! Removing what has ended, in the background and in bounded steps. Every node does it, at its own moments;
//! nodes that meet remove different rows or find nothing left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::UpkeepConfig;
use crate::domain::{Context, Files};
use crate::error::Error;
use crate::measures::{self, Removed};

/// Steps of one kind in one round: what is left over waits for the next.
const MAX_STEPS: u32 = 20;

/// Runs until `shutdown`.
pub(crate) async fn run(
    context: Context,
    files: Files,
    config: UpkeepConfig,
    shutdown: CancellationToken,
) {
    let rounds = async {
        loop {
            tokio::time::sleep(jittered(config.interval)).await;
            round(&context, &files, &config).await;
        }
    };
    shutdown.run_until_cancelled(rounds).await;
}

/// Give or take a quarter, so that nodes do not all come at once.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.75..1.25))
}

async fn round(context: &Context, files: &Files, config: &UpkeepConfig) {
    for what in Removed::ALL {
        for _ in 0..MAX_STEPS {
            match step(what, context, files, config).await {
                Ok(removed) => {
                    measures::removed(what, removed);
                    if removed < u64::from(config.step) {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        what = what.word(),
                        "nothing was removed; the next round will"
                    );
                    break;
                }
            }
        }
    }
}

async fn step(
    what: Removed,
    context: &Context,
    files: &Files,
    config: &UpkeepConfig,
) -> Result<u64, Error> {
    let Context { store, clock, .. } = context;
    let now = clock.now();
    Ok(match what {
        Removed::Sessions => {
            let before = now.minus(config.sessions_ttl);
            store.purge_sessions(before, config.step).await?
        }
        Removed::Notifications => {
            let before = now.minus(config.notifications_ttl);
            store.purge_notifications(before, config.step).await?
        }
        Removed::Rooms => store.purge_rooms(config.step).await?,
        Removed::Files => files.remove_unused(config.step).await?,
    })
}

//! Removing what has ended, in the background and in bounded steps. Every node does it, at its own moments;
//! nodes that meet remove different rows or find nothing left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::UpkeepConfig;
use crate::domain::{Context, Files};
use crate::error::Error;

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

/// What is removed.
#[derive(Clone, Copy)]
enum Ended {
    Sessions,
    Notifications,
    Rooms,
    Files,
}

impl Ended {
    const ALL: [Self; 4] = [
        Self::Sessions,
        Self::Notifications,
        Self::Rooms,
        Self::Files,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Notifications => "notifications",
            Self::Rooms => "rooms",
            Self::Files => "files",
        }
    }
}

async fn round(context: &Context, files: &Files, config: &UpkeepConfig) {
    for what in Ended::ALL {
        for _ in 0..MAX_STEPS {
            match step(what, context, files, config).await {
                Ok(removed) => {
                    metrics::counter!("chapar_api_removed_total", "what" => what.word())
                        .increment(removed);
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
    what: Ended,
    context: &Context,
    files: &Files,
    config: &UpkeepConfig,
) -> Result<u64, Error> {
    let Context { store, clock, .. } = context;
    let now = clock.now();
    Ok(match what {
        Ended::Sessions => {
            let before = now.minus(config.sessions_ttl);
            store.purge_sessions(before, config.step).await?
        }
        Ended::Notifications => {
            let before = now.minus(config.notifications_ttl);
            store.purge_notifications(before, config.step).await?
        }
        Ended::Rooms => store.purge_rooms(config.step).await?,
        Ended::Files => files.remove_unused(config.step).await?,
    })
}

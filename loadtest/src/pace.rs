//! Open loop: messages are due at fixed times, whatever the server does.

use std::time::Duration;

use crate::mark::Clock;

/// Below this distance of two messages they are sent in groups, once a millisecond.
const GROUPED: Duration = Duration::from_micros(500);

/// A timer of the runtime may be late by about this.
const TIMER_SLACK: Duration = Duration::from_micros(1_500);

/// Calls `publish` with the intended time of each message, at `per_s` a second for `seconds`, and `flush` after
/// each group. Ends early when `is_hopeless` says so. Gives the time of the first message.
///
/// # Errors
/// Those of `publish`.
pub async fn pace(
    clock: Clock,
    per_s: f64,
    seconds: f64,
    mut publish: impl FnMut(u64) -> anyhow::Result<()>,
    mut flush: impl FnMut(),
    mut is_hopeless: impl FnMut(u64) -> bool,
) -> anyhow::Result<u64> {
    let start = clock.micros() + 2_000;
    let distance = 1e6 / per_s;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "both are far below 2^53"
    )]
    let (count, due) = ((per_s * seconds).ceil().max(1.0) as u64, |message: u64| {
        start + (message as f64 * distance) as u64
    });
    let is_grouped = distance < GROUPED.as_secs_f64() * 1e6;
    let mut message = 0;
    while message < count {
        let now = clock.micros();
        let before = message;
        while message < count && due(message) <= now {
            publish(due(message))?;
            message += 1;
        }
        if message > before {
            flush();
            if is_hopeless(now) {
                break;
            }
        }
        if is_grouped {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        if message < count {
            let ahead = Duration::from_micros(due(message).saturating_sub(clock.micros()));
            tokio::time::sleep(ahead.saturating_sub(TIMER_SLACK)).await;
            // The rest is spent giving way, which a core of one's own allows.
            while clock.micros() < due(message) {
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(start)
}

//! Waiting for conditions, never for time.

use std::time::Duration;

use tokio::time::{interval, timeout};

/// How long a scenario waits for what must happen at once. Long, because the machine may be busy: where the
/// protocol promises a time, the scenario names that.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within `deadline`.
pub async fn eventually<T, F>(deadline: Duration, what: &str, mut ask: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let mut steps = interval(Duration::from_millis(50));
    timeout(deadline, async {
        loop {
            steps.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("not within {deadline:?}: {what}"))
}

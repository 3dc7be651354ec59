//! Waiting between tries.

use std::time::Duration;

/// Doubles from 50 ms to 2 s, each with a random half, so that nodes do not try in step.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

const LONGEST: Duration = Duration::from_secs(2);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(50))
    }
}

impl Backoff {
    /// How long to wait now; longer the next time.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        self.0 = (self.0 * 2).min(LONGEST);
        wait
    }

    /// Waits.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }
}

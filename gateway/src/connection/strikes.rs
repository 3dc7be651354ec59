//! Counting offences within a sliding window.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Allocates nothing until the first offence.
#[derive(Debug)]
pub(super) struct Strikes {
    max: usize,
    window: Duration,
    times: VecDeque<Instant>,
}

impl Strikes {
    pub(super) const fn new(max: usize, window: Duration) -> Self {
        Self {
            max,
            window,
            times: VecDeque::new(),
        }
    }

    /// Counts one; whether that was the last allowed within the window.
    pub(super) fn strike(&mut self) -> bool {
        let now = Instant::now();
        while self
            .times
            .front()
            .is_some_and(|at| now - *at >= self.window)
        {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.times.len() >= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn counts_within_the_window_only() {
        let mut strikes = Strikes::new(3, Duration::from_mins(1));
        assert!(!strikes.strike());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(!strikes.strike());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(!strikes.strike());
        assert!(strikes.strike());
    }
}

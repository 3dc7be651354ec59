//! Token buckets in one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::bucket::Cell;
use crate::{Demand, RateLimiter, Verdict};

/// Buckets kept at most. A full bucket needs no keeping, so this many were used within their refill time.
const MAX_BUCKETS: usize = 200_000;

/// Token buckets on Tokio's clock. Clones share them, as the nodes of one process do.
///
/// At most 200,000 buckets are kept: beyond, those that would be full soonest are forgotten.
#[derive(Clone, Debug)]
pub struct MemoryRateLimiter {
    buckets: Arc<Mutex<Buckets>>,
}

#[derive(Debug)]
struct Buckets {
    start: Instant,
    /// When each bucket is full again, in microseconds since `start`.
    full_at: HashMap<String, u64>,
    /// The size at which to look for full ones next.
    sweep_at: usize,
}

impl Default for MemoryRateLimiter {
    fn default() -> Self {
        Self {
            buckets: Arc::new(Mutex::new(Buckets {
                start: Instant::now(),
                full_at: HashMap::new(),
                sweep_at: 1024,
            })),
        }
    }
}

impl MemoryRateLimiter {
    pub(crate) fn take_now(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = buckets.now();
        demands
            .iter()
            .map(|group| buckets.take(group, now))
            .collect()
    }

    pub(crate) fn peek_now(&self, demand: &Demand) -> Verdict {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = buckets.now();
        let full_at = buckets.full_at.get(&demand.key).copied().unwrap_or(0);
        match Cell::of(demand.bucket).take(full_at, now) {
            Ok(_) => Verdict::Allowed,
            Err(retry_after) => Verdict::Limited { retry_after },
        }
    }
}

impl Buckets {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn take(&mut self, group: &[Demand], now: u64) -> Verdict {
        let mut after: HashMap<&str, u64> = HashMap::new();
        let mut wait: Option<Duration> = None;
        for demand in group {
            let key = demand.key.as_str();
            let full_at = after
                .get(key)
                .or_else(|| self.full_at.get(key))
                .copied()
                .unwrap_or(0);
            match Cell::of(demand.bucket).take(full_at, now) {
                Ok(full_at) => {
                    after.insert(key, full_at);
                }
                Err(longer) => wait = wait.max(Some(longer)),
            }
        }
        if let Some(retry_after) = wait {
            return Verdict::Limited { retry_after };
        }
        for (key, full_at) in after {
            match self.full_at.get_mut(key) {
                Some(kept) => *kept = full_at,
                None => {
                    self.full_at.insert(key.to_owned(), full_at);
                }
            }
        }
        self.sweep(now);
        Verdict::Allowed
    }

    /// Forgets full buckets whenever there are twice as many as after the last sweep.
    fn sweep(&mut self, now: u64) {
        if self.full_at.len() < self.sweep_at {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= MAX_BUCKETS {
            let mut ends: Vec<u64> = self.full_at.values().copied().collect();
            let (_, &mut middle, _) = ends.select_nth_unstable(MAX_BUCKETS / 2);
            self.full_at.retain(|_, full_at| *full_at > middle);
        }
        self.sweep_at = (self.full_at.len() * 2).clamp(1024, MAX_BUCKETS);
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        self.take_now(demands)
    }

    async fn peek(&self, demand: &Demand) -> Verdict {
        self.peek_now(demand)
    }
}

#[cfg(test)]
mod tests {
    use chapar_shared::limits::Bucket;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn buckets_are_bounded_and_full_ones_forgotten() {
        let limiter = MemoryRateLimiter::default();
        let take = |name: &str, count: usize, period: u64| {
            let demands: Vec<Vec<Demand>> = (0..count)
                .map(|number| {
                    vec![Demand {
                        key: format!("{name}:{number}"),
                        bucket: Bucket::per(1, Duration::from_secs(period)),
                    }]
                })
                .collect();
            limiter.take_now(&demands);
            limiter.buckets.lock().unwrap().full_at.len()
        };
        assert_eq!(take("short", 1000, 1), 1000);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(take("other", 30, 1) < 1000);
        assert!(take("long", 3 * MAX_BUCKETS, 1000) <= MAX_BUCKETS);
    }
}

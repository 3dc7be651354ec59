//! Token buckets as one number each: the generic cell rate algorithm (GCRA).
//!
//! A bucket is the time at which it will be full again. Taking a token moves that time by one interval; it may
//! not come to lie more than `capacity` intervals ahead. The Lua script of the Redis limiter does the same sums.

use std::time::Duration;

use chapar_shared::limits::Bucket;

/// A bucket's parameters in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Time for one token to come back.
    pub(crate) interval: u64,
    /// Time for all of them.
    pub(crate) span: u64,
}

/// The longest time for one token, 11 days: a bucket without refill, and one whose parameters make no sense,
/// has it. With it the script's sums stay exact in floating point.
const MAX_INTERVAL: f64 = 1e12;

/// The longest time for a whole bucket, 31 years, for the same reason.
const MAX_SPAN: u64 = 1_000_000_000_000_000;

impl Cell {
    pub(crate) fn of(bucket: Bucket) -> Self {
        let interval = 1e6 / bucket.refill_per_s;
        let interval = if interval.is_finite() && interval > 0.0 {
            interval.clamp(1.0, MAX_INTERVAL)
        } else {
            MAX_INTERVAL
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped above"
        )]
        let interval = interval.round() as u64;
        Self {
            interval,
            span: interval
                .saturating_mul(u64::from(bucket.capacity.max(1)))
                .min(MAX_SPAN),
        }
    }

    /// The time at which a bucket full at `full_at` is full after one more token, or how long to wait for it.
    pub(crate) fn take(self, full_at: u64, now: u64) -> Result<u64, Duration> {
        let after = full_at.max(now).saturating_add(self.interval);
        match after.saturating_sub(now).checked_sub(self.span) {
            None | Some(0) => Ok(after),
            Some(wait) => Err(Duration::from_micros(wait)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn senseless_buckets_give_one_token() {
        for refill_per_s in [0.0, -1.0, f64::NAN, 1e-300] {
            let cell = Cell::of(Bucket {
                capacity: 0,
                refill_per_s,
            });
            let full_at = cell.take(0, 1).unwrap();
            cell.take(full_at, 2).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn never_more_than_capacity_and_refill(
            capacity in 1u32..50,
            refill in 1u32..100,
            steps in prop::collection::vec(0u64..500_000, 1..200),
        ) {
            let cell = Cell::of(Bucket { capacity, refill_per_s: f64::from(refill) });
            let (mut now, mut full_at, mut taken) = (1_000_000, 0, 0u64);
            let start = now;
            for step in steps {
                now += step;
                match cell.take(full_at, now) {
                    Ok(after) => { full_at = after; taken += 1; }
                    Err(wait) => {
                        let then = now + u64::try_from(wait.as_micros()).unwrap();
                        prop_assert!(cell.take(full_at, then).is_ok());
                        prop_assert!(cell.take(full_at, then - 1).is_err());
                    }
                }
                prop_assert!(taken <= u64::from(capacity) + (now - start) / cell.interval);
            }
        }
    }
}

//! What was published and what arrived: counts, latencies, and how far the slowest message is.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::mark::Mark;

/// Latencies above this are recorded as this.
const LONGEST_MICROS: u64 = 120_000_000;

/// Counts of one fleet. Latencies are taken of messages meant to be sent from [`Meter::measure_from`] on.
#[derive(Debug)]
pub struct Meter {
    /// Arrivals at listeners.
    pub delivered: u64,
    /// The same, in bytes of payload.
    pub delivered_bytes: u64,
    /// When the last one came, by the generator's clock.
    pub last_arrival: u64,
    /// Arrivals of what was there already.
    pub doubled: u64,
    /// Arrivals after later ones of the same stream.
    pub disordered: u64,
    /// Arrivals that should be.
    pub expected: u64,
    /// Sends that were acknowledged.
    pub acked: u64,
    /// Sends that were refused, and the first refusal.
    pub refused: (u64, Option<String>),
    /// Sockets that ended without being told to, and why the first one did.
    pub ended: (u64, Option<String>),
    /// From the intended time to each arrival, in microseconds.
    pub latency: Histogram<u64>,
    /// From the intended time to the last listener's arrival.
    pub latency_to_last: Histogram<u64>,
    /// From the intended time to the acknowledgement.
    pub latency_of_ack: Histogram<u64>,
    measured_from: u64,
    /// Messages of each stream that not everybody has: intended time and how many lack it.
    waiting: Vec<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The number of the first one.
    first: u64,
    messages: VecDeque<(u64, u32)>,
}

impl Waiting {
    fn forget_complete(&mut self) {
        while let Some((_, 0)) = self.messages.front() {
            self.messages.pop_front();
            self.first += 1;
        }
    }
}

impl Meter {
    /// For that many streams.
    pub fn new(streams: usize) -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("the bounds are in order");
        let waiting = || Waiting {
            first: 1,
            messages: VecDeque::new(),
        };
        Self {
            delivered: 0,
            delivered_bytes: 0,
            last_arrival: 0,
            doubled: 0,
            disordered: 0,
            expected: 0,
            acked: 0,
            refused: (0, None),
            ended: (0, None),
            latency: histogram(),
            latency_to_last: histogram(),
            latency_of_ack: histogram(),
            measured_from: 0,
            waiting: (0..streams).map(|_| waiting()).collect(),
        }
    }

    /// Forgets latencies, and takes those of messages meant to be sent from then on.
    pub fn measure_from(&mut self, at: u64) {
        self.measured_from = at;
        self.latency.reset();
        self.latency_to_last.reset();
        self.latency_of_ack.reset();
    }

    /// A message was sent to that many listeners.
    pub fn published(&mut self, mark: Mark, listeners: u32) {
        self.expected += u64::from(listeners);
        let waiting = &mut self.waiting[mark.stream as usize];
        debug_assert_eq!(waiting.first + waiting.messages.len() as u64, mark.number);
        waiting.messages.push_back((mark.at, listeners));
        waiting.forget_complete();
    }

    /// A listener got a message that it had not.
    pub fn delivered(&mut self, mark: Mark, now: u64) {
        self.delivered += 1;
        self.last_arrival = now;
        let latency = now.saturating_sub(mark.at);
        let is_measured = mark.at >= self.measured_from;
        if is_measured {
            self.latency.saturating_record(latency);
        }
        let Some(waiting) = self.waiting.get_mut(mark.stream as usize) else {
            return;
        };
        let place = mark.number.checked_sub(waiting.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some((_, lacking)) = place.and_then(|place| waiting.messages.get_mut(place)) else {
            return;
        };
        *lacking = lacking.saturating_sub(1);
        if *lacking == 0 && is_measured {
            self.latency_to_last.saturating_record(latency);
        }
        waiting.forget_complete();
    }

    /// A sender got its answer.
    pub fn answered(&mut self, mark: Mark, now: u64) {
        self.acked += 1;
        if mark.at >= self.measured_from {
            let latency = now.saturating_sub(mark.at);
            self.latency_of_ack.saturating_record(latency);
        }
    }

    /// Begins each stream after the last number published of it.
    pub fn skip(&mut self, published: &[u64]) {
        for (waiting, last) in self.waiting.iter_mut().zip(published) {
            *waiting = Waiting {
                first: last + 1,
                messages: VecDeque::new(),
            };
        }
    }

    /// Counts something that should not be, and keeps the first reason.
    pub fn note(slot: &mut (u64, Option<String>), reason: impl FnOnce() -> String) {
        slot.0 += 1;
        slot.1.get_or_insert_with(reason);
    }

    /// How long the oldest message that somebody lacks has been on its way.
    pub fn oldest(&self, now: u64) -> u64 {
        let fronts = self.waiting.iter().filter_map(|it| it.messages.front());
        let oldest = fronts.map(|&(at, _)| at).min();
        oldest.map_or(0, |at| now.saturating_sub(at))
    }

    /// Whether everybody has everything.
    pub fn is_complete(&self) -> bool {
        self.waiting.iter().all(|it| it.messages.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_with_its_last_listener() {
        let mut meter = Meter::new(2);
        let mark = |number, at| Mark {
            stream: 1,
            number,
            at,
        };
        meter.measure_from(100);
        for number in 1..=2 {
            meter.published(mark(number, number * 100 - 50), 2);
        }
        meter.delivered(mark(2, 150), 250);
        meter.delivered(mark(1, 50), 260);
        meter.delivered(mark(2, 150), 1_150);
        assert_eq!((meter.latency.len(), meter.latency_to_last.len()), (2, 1));
        assert_eq!(meter.latency_to_last.max(), 1_000);
        assert!(!meter.is_complete());
        assert_eq!(meter.oldest(1_050), 1_000);
        meter.delivered(mark(1, 50), 1_200);
        assert!(meter.is_complete());
        assert_eq!(
            (meter.delivered, meter.expected, meter.oldest(9)),
            (4, 4, 0)
        );
    }
}

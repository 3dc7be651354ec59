//! What the figures are held against.

use crate::target::Kind;

use super::results::Medians;

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// At least this.
    Least(f64),
    /// At most this.
    Most(f64),
    /// At least so many times another target's.
    LeastTimes(f64, Kind),
    /// At most so many times another target's.
    MostTimes(f64, Kind),
    /// At least so many times another figure of the same run.
    LeastTimesOwn(f64, &'static str),
}

/// One target of the project.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) row: &'static str,
    pub(super) kind: Kind,
    pub(super) figure: &'static str,
    pub(super) bound: Bound,
}

/// What is compared, in the bound's unit, and whether it is met; `None` where something was not measured.
pub(super) fn judge(goal: &Goal, medians: &Medians) -> Option<(f64, bool)> {
    let Goal {
        row, kind, figure, ..
    } = *goal;
    let own = medians.median(row, kind, figure)?;
    let times = |kind| Some(own / medians.median(row, kind, figure)?);
    Some(match goal.bound {
        Bound::Least(bound) => (own, own >= bound),
        Bound::Most(bound) => (own, own <= bound),
        Bound::LeastTimes(bound, other) => {
            let times = times(other)?;
            (times, times >= bound)
        }
        Bound::MostTimes(bound, other) => {
            let times = times(other)?;
            (times, times <= bound)
        }
        Bound::LeastTimesOwn(bound, other) => {
            let times = own / medians.median(row, kind, other)?;
            (times, times >= bound)
        }
    })
}

const fn goal(row: &'static str, kind: Kind, figure: &'static str, bound: Bound) -> Goal {
    Goal {
        row,
        kind,
        figure,
        bound,
    }
}

const RATE: &str = "deliveries_per_s";
const MEMORY: &str = "resident_per_connection_bytes";
const CPU_GROWTH: &str = "cpu_s_per_million_growth_percent";
const MEMORY_GROWTH: &str = "resident_per_connection_bytes_growth_percent";

/// All of them.
pub(super) const GOALS: [Goal; 29] = {
    use Bound::{Least, LeastTimes, LeastTimesOwn, Most, MostTimes};
    use Kind::{Bare, Gateway, Socketio, Whole};
    [
        goal("fanout-1x500", Gateway, RATE, Least(1.5e6)),
        goal("fanout-1x500", Gateway, RATE, LeastTimes(8.0, Socketio)),
        goal("fanout-1x500", Gateway, RATE, LeastTimes(0.6, Bare)),
        goal("fanout-100x20", Gateway, RATE, Least(0.8e6)),
        goal("fanout-100x20", Gateway, RATE, LeastTimes(5.0, Socketio)),
        goal("fanout-100x20", Gateway, RATE, LeastTimes(0.55, Bare)),
        goal(
            "calm-1x500",
            Gateway,
            "cpu_s_per_million",
            MostTimes(1.15, Bare),
        ),
        goal(
            "calm-1x500",
            Gateway,
            "to_last_p50_ms",
            MostTimes(1.25, Bare),
        ),
        goal(
            "calm-1x500",
            Gateway,
            "to_last_p99_ms",
            MostTimes(1.25, Bare),
        ),
        goal("idle-5000", Gateway, MEMORY, Most(7_000.0)),
        goal("idle-18000", Gateway, MEMORY, Most(7_000.0)),
        goal("whole-1x500", Whole, RATE, Least(1e6)),
        goal("connects", Gateway, "connects_per_s", Least(5_000.0)),
        goal(
            "connects",
            Gateway,
            "connects_per_s",
            LeastTimes(3.0, Socketio),
        ),
        goal("reconnects", Gateway, "lost", Most(0.0)),
        goal("reconnects", Gateway, "doubled", Most(0.0)),
        goal("reconnects", Whole, "lost", Most(0.0)),
        goal("reconnects", Whole, "doubled", Most(0.0)),
        goal(
            "sends",
            Whole,
            "acks_per_s",
            LeastTimesOwn(1.0, "single_row_commits_per_s"),
        ),
        goal("sends", Whole, "ack_p99_ms", Most(100.0)),
        goal("crossing", Whole, "p50_ms", Most(5.0)),
        goal("crossing", Whole, "p99_ms", Most(25.0)),
        goal("growth-connections", Gateway, CPU_GROWTH, Most(25.0)),
        // Most of that growth is the kernel's, whose memory of a connection is in no cache either: the bare server has
        // it too.
        goal(
            "growth-connections",
            Gateway,
            "large_cpu_s_per_million",
            MostTimes(1.0, Bare),
        ),
        goal("growth-connections", Gateway, MEMORY_GROWTH, Most(25.0)),
        goal("growth-rooms", Gateway, CPU_GROWTH, Most(25.0)),
        goal("growth-rooms", Gateway, MEMORY_GROWTH, Most(25.0)),
        goal("growth-gateways", Gateway, CPU_GROWTH, Most(25.0)),
        goal("growth-gateways", Gateway, MEMORY_GROWTH, Most(25.0)),
    ]
};

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
    /// At least so many times another target's figure of another row.
    LeastTimesOf(f64, Figure),
    /// At most so many times another target's figure of another row.
    MostTimesOf(f64, Figure),
}

/// One figure of one target of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) row: &'static str,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
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
    let times = |row, kind, name| Some(own / medians.median(row, kind, name)?);
    let (value, bound, is_least) = match goal.bound {
        Bound::Least(bound) => (own, bound, true),
        Bound::Most(bound) => (own, bound, false),
        Bound::LeastTimes(bound, other) => (times(row, other, figure)?, bound, true),
        Bound::MostTimes(bound, other) => (times(row, other, figure)?, bound, false),
        Bound::LeastTimesOwn(bound, name) => (times(row, kind, name)?, bound, true),
        Bound::LeastTimesOf(bound, of) => (times(of.row, of.kind, of.name)?, bound, true),
        Bound::MostTimesOf(bound, of) => (times(of.row, of.kind, of.name)?, bound, false),
    };
    let is_met = if is_least {
        value >= bound
    } else {
        value <= bound
    };
    Some((value, is_met))
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

const fn of(row: &'static str, kind: Kind, name: &'static str) -> Figure {
    Figure { row, kind, name }
}

/// All of them.
///
/// Rates of delivery and the latency to another node were asked for on one machine, on which `ws` bears 219,000
/// deliveries a second in one room and 222,000 in a hundred, and `bare` takes 2.1 ms (p50) and 5.0 ms (p99) at a calm
/// rate. They are therefore held against that peer too, in that proportion: what a machine of any speed can tell.
pub(super) const GOALS: [Goal; 34] = {
    use Bound::{Least, LeastTimes, LeastTimesOf, LeastTimesOwn, Most, MostTimes, MostTimesOf};
    use Kind::{Bare, Gateway, Socketio, Whole, Ws};
    [
        goal("fanout-1x500", Gateway, RATE, Least(1.5e6)),
        goal("fanout-1x500", Gateway, RATE, LeastTimes(6.8, Ws)),
        goal("fanout-1x500", Gateway, RATE, LeastTimes(8.0, Socketio)),
        goal("fanout-1x500", Gateway, RATE, LeastTimes(0.6, Bare)),
        goal("fanout-100x20", Gateway, RATE, Least(0.8e6)),
        goal("fanout-100x20", Gateway, RATE, LeastTimes(3.6, Ws)),
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
        goal(
            "whole-1x500",
            Whole,
            RATE,
            LeastTimesOf(4.6, of("fanout-1x500", Ws, RATE)),
        ),
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
        goal(
            "crossing",
            Whole,
            "p50_ms",
            MostTimesOf(2.4, of("calm-1x500", Bare, "to_last_p50_ms")),
        ),
        goal("crossing", Whole, "p99_ms", Most(25.0)),
        goal(
            "crossing",
            Whole,
            "p99_ms",
            MostTimesOf(5.0, of("calm-1x500", Bare, "to_last_p99_ms")),
        ),
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

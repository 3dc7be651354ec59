//! Which rows there are, and which targets each is measured on.

use crate::cli::Work;
use crate::target::Kind;
use crate::work::connects::Connects;
use crate::work::crossing::Crossing;
use crate::work::fanout::Fanout;
use crate::work::growth::{Axis, Growth};
use crate::work::idle::Idle;
use crate::work::reconnects::Reconnects;
use crate::work::sends::Sends;

use super::Cell;

const ALL: [Kind; 7] = [
    Kind::Gateway,
    Kind::Bare,
    Kind::BareWide,
    Kind::Ws,
    Kind::Socketio,
    Kind::PythonSocketio,
    Kind::Channels,
];

/// Those that bear 10,000 deliveries a second.
const QUICK: [Kind; 6] = [
    Kind::Gateway,
    Kind::Bare,
    Kind::BareWide,
    Kind::Ws,
    Kind::Socketio,
    Kind::PythonSocketio,
];

/// Those whose memory is compared.
const IDLE: [Kind; 6] = [
    Kind::Gateway,
    Kind::Bare,
    Kind::Ws,
    Kind::Socketio,
    Kind::PythonSocketio,
    Kind::Channels,
];

/// All cells in the order in which they run.
pub(super) fn cells(is_smoke: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut row = |row, kinds: &[Kind], work: &dyn Fn(Kind) -> Work| {
        let cell = |&kind| Cell {
            row,
            kind,
            work: work(kind),
        };
        cells.extend(kinds.iter().map(cell));
    };
    let size = if is_smoke { Size::SMOKE } else { Size::FULL };
    row("fanout-1x500", &ALL, &|kind| size.search(kind, 1, 500));
    row("fanout-100x20", &ALL, &|kind| size.search(kind, 100, 20));
    row("calm-1x500", &QUICK, &|_| size.calm());
    row("idle-5000", &IDLE, &|_| size.idle(5_000));
    row("idle-18000", &IDLE[..4], &|_| size.idle(18_000));
    row("whole-1x500", &[Kind::Whole], &|kind| {
        size.search(kind, 1, 500)
    });
    let connecting = [
        Kind::Gateway,
        Kind::Whole,
        Kind::Bare,
        Kind::Ws,
        Kind::Socketio,
    ];
    row("connects", &connecting, &|_| size.connects());
    let resuming = [Kind::Gateway, Kind::Whole];
    row("reconnects", &resuming, &|_| size.reconnects());
    row("sends", &[Kind::Whole], &|_| size.sends());
    row("crossing", &[Kind::Whole], &|_| size.crossing());
    let growing = [Kind::Gateway, Kind::Bare];
    row("growth-connections", &growing, &|_| {
        size.growth(Axis::Connections)
    });
    for (name, axis) in [
        ("growth-rooms", Axis::Rooms),
        ("growth-gateways", Axis::Gateways),
    ] {
        row(name, &[Kind::Gateway], &|_| size.growth(axis));
    }
    cells
}

/// How large everything is.
#[derive(Clone, Copy)]
struct Size {
    divide: usize,
    seconds: f64,
}

impl Size {
    const FULL: Self = Self {
        divide: 1,
        seconds: 3.0,
    };
    const SMOKE: Self = Self {
        divide: 100,
        seconds: 0.2,
    };

    fn of(self, count: usize) -> usize {
        count.div_ceil(self.divide)
    }

    /// The first rates are such that all are borne, or nearly.
    fn search(self, kind: Kind, rooms: usize, members: usize) -> Work {
        let rate = match kind {
            Kind::Bare | Kind::BareWide => 600_000.0,
            Kind::Gateway | Kind::Whole => 200_000.0,
            Kind::Ws | Kind::Socketio => 80_000.0,
            Kind::PythonSocketio => 10_000.0,
            Kind::Channels => 1_000.0,
        };
        Work::Fanout(Fanout {
            rooms: rooms.div_ceil(self.divide.min(10)),
            members: members.div_ceil(self.divide.min(10)),
            rate: if self.divide == 1 { rate } else { 2_000.0 },
            seconds: self.seconds,
            search: self.divide == 1,
            step: 1.6,
            halvings: 4,
            senders: if kind == Kind::Whole { 8 } else { 1 },
        })
    }

    fn calm(self) -> Work {
        Work::Fanout(Fanout {
            rooms: 1,
            members: self.of(500),
            rate: if self.divide == 1 { 10_000.0 } else { 200.0 },
            seconds: self.seconds * 4.0,
            search: false,
            step: 1.6,
            halvings: 4,
            senders: 1,
        })
    }

    fn idle(self, connections: usize) -> Work {
        Work::Idle(Idle {
            connections: self.of(connections),
            seconds: self.seconds,
        })
    }

    fn connects(self) -> Work {
        Work::Connects(Connects {
            connections: self.of(10_000),
            at_once: 256,
        })
    }

    fn reconnects(self) -> Work {
        Work::Reconnects(Reconnects {
            connections: self.of(5_000),
            at_once: 256,
            missed: 20,
        })
    }

    fn sends(self) -> Work {
        Work::Sends(Sends {
            senders: self.of(200),
            window: if self.divide == 1 { 6 } else { 2 },
            search: true,
            seconds: self.seconds * 2.0,
            pgbench_seconds: if self.divide == 1 { 4 } else { 0 },
        })
    }

    fn crossing(self) -> Work {
        Work::Crossing(Crossing {
            rooms: self.of(100),
            members: 1,
            rate: if self.divide == 1 { 1_000.0 } else { 100.0 },
            seconds: self.seconds * 2.0,
        })
    }

    fn growth(self, axis: Axis) -> Work {
        Work::Growth(Growth {
            axis,
            rate: if self.divide == 1 { 20_000.0 } else { 1_000.0 },
            seconds: self.seconds * 2.0,
            divide: self.divide,
        })
    }
}

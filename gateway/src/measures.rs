//! The node's metrics, each named once; `docs/operations.md` lists them. Labels have few values and are never ids.
//!
//! Every handle is resolved once, so that measuring is an atomic addition: no lookup, no lock. What a fan-out
//! measures it measures once, whatever the number of its recipients. Handles are the process's: nodes that share
//! a process share them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chapar_shared::Code;
use chapar_shared::internal::{Command, Outcome};
use chapar_shared::protocol::CloseCode;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::dialects::{self, DialectId};

static HANDLES: LazyLock<Handles> = LazyLock::new(Handles::new);

/// How a socket ended, for the label `code`.
const ENDS: usize = CloseCode::ALL.len() + 2;
/// Its frames were none.
const PROTOCOL: usize = CloseCode::ALL.len();
/// It went by itself.
const CLIENT: usize = PROTOCOL + 1;

/// What a gateway asks of the api, for the label `call`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Open,
    Submit,
    Heads,
    Changes,
    User,
    Room,
    Acquainted,
    Companions,
    Resolve,
    Notify,
    Upload,
}

impl Call {
    const ALL: [Self; 11] = [
        Self::Open,
        Self::Submit,
        Self::Heads,
        Self::Changes,
        Self::User,
        Self::Room,
        Self::Acquainted,
        Self::Companions,
        Self::Resolve,
        Self::Notify,
        Self::Upload,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submit => "submit",
            Self::Heads => "heads",
            Self::Changes => "changes",
            Self::User => "user",
            Self::Room => "room",
            Self::Acquainted => "acquainted",
            Self::Companions => "companions",
            Self::Resolve => "resolve",
            Self::Notify => "notify",
            Self::Upload => "upload",
        }
    }
}

/// Where something is missing, for the label `kind`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    /// Positions of a room.
    Room,
    /// Versions of a user.
    User,
    /// The link may have lost anything.
    Link,
}

/// The words of the label `op`, in the order of [`op`].
const OPS: [&str; 5] = ["send", "edit", "delete", "react", "read"];
/// The words of the label `outcome`, in the order of [`outcome`].
const OUTCOMES: [&str; 3] = ["ok", "refused", "unavailable"];
/// The words of the label `outcome` of newcomers.
const NEWCOMERS: [&str; 5] = ["at_once", "waited", "too_many", "full", "draining"];
/// The words of the label `kind`, in the order of [`Missing`].
const KINDS: [&str; 3] = ["room", "user", "link"];

struct Handles {
    connections: Vec<Gauge>,
    accepted: Vec<Counter>,
    newcomers: [Counter; NEWCOMERS.len()],
    closes: Vec<[Counter; ENDS]>,
    open: Histogram,
    deliveries: Counter,
    commit_to_socket: Histogram,
    accept_to_ack: Histogram,
    commands: [Counter; OPS.len()],
    replies: [Counter; OUTCOMES.len()],
    batch: Histogram,
    resubmissions: Counter,
    calls: [(Histogram, Counter); Call::ALL.len()],
    queue_bytes: Gauge,
    queue_fullest: Gauge,
    queue_limit: Gauge,
    slow: Gauge,
    dropped_ephemerals: Counter,
    rooms: Gauge,
    users: Gauge,
    ring_hits: Counter,
    backfills: Counter,
    gaps: [Counter; KINDS.len()],
    repairs: Gauge,
    repair: Histogram,
    repaired: Counter,
    undecodable: Counter,
    subscribe_failures: Counter,
}

impl Handles {
    fn new() -> Self {
        let dialects = || dialects::ALL.iter().map(|dialect| dialect.name());
        let ends = || {
            let codes = CloseCode::ALL.map(|code| code.code().to_string());
            let others = ["protocol".to_owned(), "client".to_owned()];
            codes.into_iter().chain(others)
        };
        Self {
            connections: dialects()
                .map(|name| gauge!("chapar_gateway_connections", "dialect" => name))
                .collect(),
            accepted: dialects()
                .map(|name| counter!("chapar_gateway_connections_total", "dialect" => name))
                .collect(),
            newcomers: NEWCOMERS
                .map(|outcome| counter!("chapar_gateway_newcomers_total", "outcome" => outcome)),
            closes: dialects()
                .map(|name| {
                    let mut ends = ends();
                    std::array::from_fn(|_| {
                        let code = ends.next().expect("as many as ENDS");
                        counter!("chapar_gateway_closes_total", "dialect" => name, "code" => code)
                    })
                })
                .collect(),
            open: histogram!("chapar_gateway_open_seconds"),
            deliveries: counter!("chapar_gateway_deliveries_total"),
            commit_to_socket: histogram!("chapar_gateway_commit_to_socket_seconds"),
            accept_to_ack: histogram!("chapar_gateway_accept_to_ack_seconds"),
            commands: OPS.map(|op| counter!("chapar_gateway_commands_total", "op" => op)),
            replies: OUTCOMES
                .map(|outcome| counter!("chapar_gateway_replies_total", "outcome" => outcome)),
            batch: histogram!("chapar_gateway_submit_batch_size"),
            resubmissions: counter!("chapar_gateway_resubmissions_total"),
            calls: Call::ALL.map(|call| {
                let call = call.word();
                (
                    histogram!("chapar_gateway_backend_seconds", "call" => call),
                    counter!("chapar_gateway_backend_errors_total", "call" => call),
                )
            }),
            queue_bytes: gauge!("chapar_gateway_queue_bytes"),
            queue_fullest: gauge!("chapar_gateway_queue_fullest_bytes"),
            queue_limit: gauge!("chapar_gateway_queue_limit_bytes"),
            slow: gauge!("chapar_gateway_slow_connections"),
            dropped_ephemerals: counter!("chapar_gateway_dropped_ephemerals_total"),
            rooms: gauge!("chapar_gateway_rooms"),
            users: gauge!("chapar_gateway_users"),
            ring_hits: counter!("chapar_gateway_ring_hits_total"),
            backfills: counter!("chapar_gateway_backfills_total"),
            gaps: KINDS.map(|kind| counter!("chapar_gateway_gaps_total", "kind" => kind)),
            repairs: gauge!("chapar_gateway_repairs_running"),
            repair: histogram!("chapar_gateway_repair_seconds"),
            repaired: counter!("chapar_gateway_repaired_total"),
            undecodable: counter!("chapar_gateway_undecodable_total"),
            subscribe_failures: counter!("chapar_gateway_subscribe_failures_total"),
        }
    }
}

/// Tells the recorder what each metric means, and exposes each with 0.
pub(crate) fn describe() {
    describe_connections();
    describe_commands();
    describe_hub();
    LazyLock::force(&HANDLES);
}

fn describe_connections() {
    describe_gauge!("chapar_gateway_connections", "Signed-in sockets open now");
    describe_counter!(
        "chapar_gateway_connections_total",
        "Sockets that asked to come in"
    );
    describe_counter!(
        "chapar_gateway_newcomers_total",
        "Clients that came to the gate, by what it did with them"
    );
    describe_counter!(
        "chapar_gateway_closes_total",
        "Ended sockets by dialect and native close code"
    );
    describe_histogram!(
        "chapar_gateway_open_seconds",
        Unit::Seconds,
        "From a good token to ready"
    );
    describe_gauge!(
        "chapar_gateway_queue_bytes",
        Unit::Bytes,
        "Queued for all sockets and not yet written"
    );
    describe_gauge!(
        "chapar_gateway_queue_fullest_bytes",
        Unit::Bytes,
        "Queued for the socket that has most"
    );
    describe_gauge!(
        "chapar_gateway_queue_limit_bytes",
        Unit::Bytes,
        "What may be queued for one socket"
    );
    describe_gauge!(
        "chapar_gateway_slow_connections",
        "Sockets whose queue is over half full"
    );
}

fn describe_commands() {
    describe_counter!(
        "chapar_gateway_commands_total",
        "Commands accepted for the api"
    );
    describe_counter!("chapar_gateway_replies_total", "Answers to commands");
    describe_histogram!(
        "chapar_gateway_accept_to_ack_seconds",
        Unit::Seconds,
        "From a command's frame to its queued reply"
    );
    describe_histogram!(
        "chapar_gateway_submit_batch_size",
        "Commands in one batch for the api"
    );
    describe_counter!(
        "chapar_gateway_resubmissions_total",
        "Batches submitted again for lack of an answer"
    );
    describe_histogram!(
        "chapar_gateway_backend_seconds",
        Unit::Seconds,
        "What the api takes to answer"
    );
    describe_counter!(
        "chapar_gateway_backend_errors_total",
        "Calls that the api did not answer"
    );
}

fn describe_hub() {
    describe_counter!(
        "chapar_gateway_deliveries_total",
        "Changes queued for sockets"
    );
    describe_histogram!(
        "chapar_gateway_commit_to_socket_seconds",
        Unit::Seconds,
        "From a change's commit to this node's queues"
    );
    describe_counter!(
        "chapar_gateway_dropped_ephemerals_total",
        "Typing, read marks and presence dropped under load"
    );
    describe_gauge!("chapar_gateway_rooms", "Rooms in the hub");
    describe_gauge!("chapar_gateway_users", "Users in the hub");
    describe_counter!(
        "chapar_gateway_ring_hits_total",
        "Pages of a replay served from memory"
    );
    describe_counter!(
        "chapar_gateway_backfills_total",
        "Pages of changes fetched from the api"
    );
    describe_counter!("chapar_gateway_gaps_total", "Gaps found");
    describe_gauge!(
        "chapar_gateway_repairs_running",
        "Rooms whose gap is being repaired"
    );
    describe_histogram!(
        "chapar_gateway_repair_seconds",
        Unit::Seconds,
        "From a room's gap to its repair"
    );
    describe_counter!(
        "chapar_gateway_repaired_total",
        "Changes delivered by repair"
    );
    describe_counter!(
        "chapar_gateway_undecodable_total",
        "Messages of other nodes that could not be read"
    );
    describe_counter!(
        "chapar_gateway_subscribe_failures_total",
        "Subscriptions not confirmed at once"
    );
}

pub(crate) fn connected(dialect: DialectId) {
    HANDLES.connections[dialect.place()].increment(1.0);
}

pub(crate) fn disconnected(dialect: DialectId) {
    HANDLES.connections[dialect.place()].decrement(1.0);
}

pub(crate) fn accepted(dialect: DialectId) {
    HANDLES.accepted[dialect.place()].increment(1);
}

/// One of [`NEWCOMERS`].
pub(crate) fn newcomer(outcome: &str) {
    if let Some(at) = NEWCOMERS.iter().position(|word| *word == outcome) {
        HANDLES.newcomers[at].increment(1);
    }
}

pub(crate) fn opened(since: Instant) {
    HANDLES.open.record(since.elapsed());
}

/// The node closed a socket.
pub(crate) fn closed(dialect: DialectId, code: CloseCode) {
    let place = CloseCode::ALL.iter().position(|one| *one == code);
    ended(dialect, place.unwrap_or(PROTOCOL));
}

/// A socket was closed for frames that are none.
pub(crate) fn broken(dialect: DialectId) {
    ended(dialect, PROTOCOL);
}

/// A client went by itself.
pub(crate) fn left(dialect: DialectId) {
    ended(dialect, CLIENT);
}

fn ended(dialect: DialectId, end: usize) {
    HANDLES.closes[dialect.place()][end].increment(1);
}

/// One change for all of this node's listeners: counted once, whatever their number.
pub(crate) fn delivered(listeners: u64, since_commit: Duration) {
    HANDLES.deliveries.increment(listeners);
    HANDLES.commit_to_socket.record(since_commit);
}

pub(crate) fn dropped_ephemerals(count: u64) {
    HANDLES.dropped_ephemerals.increment(count);
}

/// The word of a command, for spans and labels.
pub(crate) const fn op(command: &Command) -> &'static str {
    OPS[place_of(command)]
}

const fn place_of(command: &Command) -> usize {
    match command {
        Command::Send(_) => 0,
        Command::Edit { .. } => 1,
        Command::Delete { .. } => 2,
        Command::React { .. } => 3,
        Command::Read { .. } => 4,
    }
}

pub(crate) fn submitted(command: &Command) {
    HANDLES.commands[place_of(command)].increment(1);
}

pub(crate) fn batch(commands: usize) {
    HANDLES.batch.record(number(commands));
}

pub(crate) fn resubmission() {
    HANDLES.resubmissions.increment(1);
}

/// A command has its answer; gives the outcome's word.
pub(crate) fn acknowledged(outcome: &Outcome, after: Duration) -> &'static str {
    HANDLES.accept_to_ack.record(after);
    let place = match outcome {
        Outcome::Ok(_) => 0,
        Outcome::Error(problem) if problem.code == Code::Unavailable => 2,
        Outcome::Error(_) => 1,
    };
    HANDLES.replies[place].increment(1);
    OUTCOMES[place]
}

pub(crate) fn asked(call: Call, since: Instant, is_answered: bool) {
    let (time, errors) = &HANDLES.calls[call as usize];
    time.record(since.elapsed());
    if !is_answered {
        errors.increment(1);
    }
}

/// What a scrape looks at, because counting it all the time would cost more.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) rooms: usize,
    pub(crate) users: usize,
    /// Queued for one socket at most.
    pub(crate) limit: usize,
    pub(crate) queued: usize,
    pub(crate) fullest: usize,
    /// Sockets whose queue is over half full.
    pub(crate) slow: usize,
}

pub(crate) fn sampled(sample: &Sample) {
    HANDLES.rooms.set(number(sample.rooms));
    HANDLES.users.set(number(sample.users));
    HANDLES.queue_limit.set(number(sample.limit));
    HANDLES.queue_bytes.set(number(sample.queued));
    HANDLES.queue_fullest.set(number(sample.fullest));
    HANDLES.slow.set(number(sample.slow));
}

pub(crate) fn ring_hit() {
    HANDLES.ring_hits.increment(1);
}

pub(crate) fn backfill() {
    HANDLES.backfills.increment(1);
}

pub(crate) fn gap(missing: Missing) {
    HANDLES.gaps[missing as usize].increment(1);
}

pub(crate) fn repaired(changes: u64) {
    HANDLES.repaired.increment(changes);
}

/// A repair that runs; it has ended when this is dropped, however.
#[derive(Debug)]
pub(crate) struct Repair(Instant);

impl Repair {
    pub(crate) fn begin() -> Self {
        HANDLES.repairs.increment(1.0);
        Self(Instant::now())
    }
}

impl Drop for Repair {
    fn drop(&mut self) {
        HANDLES.repairs.decrement(1.0);
        HANDLES.repair.record(self.0.elapsed());
    }
}

pub(crate) fn undecodable() {
    HANDLES.undecodable.increment(1);
}

pub(crate) fn subscribe_failure() {
    HANDLES.subscribe_failures.increment(1);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a node has far fewer than 2^52 of anything"
)]
fn number(count: usize) -> f64 {
    count as f64
}

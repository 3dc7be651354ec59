//! The node's metrics, each named once; `docs/operations.md` lists them. Labels have few values and are never ids.
//!
//! Every handle is resolved once, so that measuring is an atomic addition. They are the process's: nodes that
//! share a process share them.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::error::{Error, StoreError};
use crate::store::Pool;

static HANDLES: LazyLock<Handles> = LazyLock::new(Handles::new);

/// Why a transaction of sends was not committed, for the label `reason`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// A room's lock was not had.
    Busy,
    /// A row was refused.
    Failed,
    /// No answer.
    Unknown,
}

const REASONS: [&str; 3] = ["busy", "failed", "unknown"];

/// What became of a send, for the label `result`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sending {
    /// Committed.
    New,
    /// Its nonce was there already.
    Repeat,
    /// The rules refused it.
    Refused,
    /// Not committed in time, or not known.
    Unavailable,
}

const SENDS: [&str; 4] = ["new", "repeat", "refused", "unavailable"];

/// What became of a password that was tried, for the label `result`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Login {
    /// It was right.
    Good,
    /// It was wrong, or its account is not there or banned.
    Bad,
    /// It was not looked at: there were too many before.
    Limited,
}

const LOGINS: [&str; 3] = ["good", "bad", "limited"];

const UPLOADS: [&str; 3] = ["stored", "refused", "failed"];
const STORE_ERRORS: [&str; 4] = ["busy", "unavailable", "failed", "pool"];

/// What the background removal removes, for the label `what`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Removed {
    Sessions,
    Notifications,
    Rooms,
    Files,
}

impl Removed {
    pub(crate) const ALL: [Self; 4] = [
        Self::Sessions,
        Self::Notifications,
        Self::Rooms,
        Self::Files,
    ];

    pub(crate) const fn word(self) -> &'static str {
        REMOVED[self as usize]
    }
}

const REMOVED: [&str; 4] = ["sessions", "notifications", "rooms", "files"];

struct Handles {
    batch: Histogram,
    commit: Histogram,
    failures: [Counter; REASONS.len()],
    sends: [Counter; SENDS.len()],
    queue: Gauge,
    publish_failures: Counter,
    swept: Counter,
    sweeps_cut: Counter,
    store_errors: [Counter; STORE_ERRORS.len()],
    logins: [Counter; LOGINS.len()],
    registrations: Counter,
    password: Histogram,
    password_refusals: Counter,
    refresh_reuses: Counter,
    uploads: [Counter; UPLOADS.len()],
    upload_bytes: Counter,
    removed: [Counter; REMOVED.len()],
}

impl Handles {
    fn new() -> Self {
        Self {
            batch: histogram!("chapar_api_commit_batch_size"),
            commit: histogram!("chapar_api_commit_seconds"),
            failures: REASONS
                .map(|reason| counter!("chapar_api_commit_failures_total", "reason" => reason)),
            sends: SENDS.map(|result| counter!("chapar_api_sends_total", "result" => result)),
            queue: gauge!("chapar_api_writer_queue"),
            publish_failures: counter!("chapar_api_publish_failures_total"),
            swept: counter!("chapar_api_swept_total"),
            sweeps_cut: counter!("chapar_api_sweeps_cut_total"),
            store_errors: STORE_ERRORS
                .map(|kind| counter!("chapar_api_store_errors_total", "kind" => kind)),
            logins: LOGINS.map(|result| counter!("chapar_api_logins_total", "result" => result)),
            registrations: counter!("chapar_api_registrations_total"),
            password: histogram!("chapar_api_password_seconds"),
            password_refusals: counter!("chapar_api_password_refusals_total"),
            refresh_reuses: counter!("chapar_api_refresh_reuses_total"),
            uploads: UPLOADS.map(|result| counter!("chapar_api_uploads_total", "result" => result)),
            upload_bytes: counter!("chapar_api_upload_bytes_total"),
            removed: REMOVED.map(|what| counter!("chapar_api_removed_total", "what" => what)),
        }
    }
}

/// Tells the recorder what each metric means, and exposes each with 0.
pub(crate) fn describe() {
    describe_writing();
    describe_people();
    LazyLock::force(&HANDLES);
}

fn describe_writing() {
    describe_histogram!(
        "chapar_api_commit_batch_size",
        "Messages in one transaction"
    );
    describe_histogram!(
        "chapar_api_commit_seconds",
        Unit::Seconds,
        "One transaction of sends, whether it was committed or not"
    );
    describe_counter!(
        "chapar_api_commit_failures_total",
        "Transactions of sends that were not committed, as far as is known"
    );
    describe_counter!("chapar_api_sends_total", "Sends by their end");
    describe_gauge!(
        "chapar_api_writer_queue",
        "Sends that waited when the last batch was made"
    );
    describe_counter!(
        "chapar_api_publish_failures_total",
        "Messages of commits that were not published"
    );
    describe_counter!(
        "chapar_api_swept_total",
        "Rooms and users that the sweeper announced"
    );
    describe_counter!(
        "chapar_api_sweeps_cut_total",
        "Sweeps that found more than they may announce"
    );
    describe_gauge!(
        "chapar_api_store_connections",
        "Connections to the database by pool and state"
    );
    describe_gauge!(
        "chapar_api_store_max_connections",
        "Connections to the database that a pool may have"
    );
    describe_counter!(
        "chapar_api_store_errors_total",
        "Statements that the database did not carry out"
    );
}

fn describe_people() {
    describe_counter!("chapar_api_logins_total", "Passwords that were tried");
    describe_counter!("chapar_api_registrations_total", "Accounts made");
    describe_histogram!(
        "chapar_api_password_seconds",
        Unit::Seconds,
        "One hash of a password"
    );
    describe_counter!(
        "chapar_api_password_refusals_total",
        "Requests refused because too many waited for a hash"
    );
    describe_counter!(
        "chapar_api_refresh_reuses_total",
        "Refresh tokens that were shown again too late"
    );
    describe_counter!("chapar_api_uploads_total", "Uploads by their end");
    describe_counter!(
        "chapar_api_upload_bytes_total",
        Unit::Bytes,
        "Bytes of uploads stored"
    );
    describe_counter!(
        "chapar_api_removed_total",
        "Rows that the background removal removed"
    );
}

pub(crate) fn batch(messages: usize) {
    HANDLES.batch.record(number(messages));
}

pub(crate) fn committed(after: Duration) {
    HANDLES.commit.record(after);
}

pub(crate) fn not_committed(reason: Reason) {
    HANDLES.failures[reason as usize].increment(1);
}

pub(crate) fn sent(result: Sending, count: u64) {
    HANDLES.sends[result as usize].increment(count);
}

pub(crate) fn waiting(sends: usize) {
    HANDLES.queue.set(number(sends));
}

pub(crate) fn not_published(messages: u64) {
    HANDLES.publish_failures.increment(messages);
}

pub(crate) fn swept(heads: u64) {
    HANDLES.swept.increment(heads);
}

pub(crate) fn sweep_cut() {
    HANDLES.sweeps_cut.increment(1);
}

/// A statement failed; `is_of_pool` where no connection became free for it.
pub(crate) fn store_error(error: &StoreError, is_of_pool: bool) {
    let place = match error {
        _ if is_of_pool => 3,
        StoreError::Busy(_) => 0,
        StoreError::Unavailable(_) => 1,
        StoreError::Failed(_) => 2,
    };
    HANDLES.store_errors[place].increment(1);
}

/// What a scrape looks at: the pools as they are now.
pub(crate) fn pools(pools: &[Pool]) {
    for pool in pools {
        let Pool { name, max, .. } = *pool;
        gauge!("chapar_api_store_max_connections", "pool" => name).set(max);
        for (state, count) in [("used", pool.used), ("idle", pool.idle)] {
            gauge!("chapar_api_store_connections", "pool" => name, "state" => state).set(count);
        }
    }
}

pub(crate) fn login(result: Login) {
    HANDLES.logins[result as usize].increment(1);
}

pub(crate) fn registered() {
    HANDLES.registrations.increment(1);
}

pub(crate) fn hashed(after: Duration) {
    HANDLES.password.record(after);
}

pub(crate) fn hash_refused() {
    HANDLES.password_refusals.increment(1);
}

pub(crate) fn refresh_reused() {
    HANDLES.refresh_reuses.increment(1);
}

/// An upload ended; gives its result on.
pub(crate) fn uploaded<T>(result: Result<T, Error>) -> Result<T, Error> {
    let place = match &result {
        Ok(_) => 0,
        Err(Error::Refused(_)) => 1,
        Err(_) => 2,
    };
    HANDLES.uploads[place].increment(1);
    result
}

pub(crate) fn upload_bytes(bytes: u64) {
    HANDLES.upload_bytes.increment(bytes);
}

pub(crate) fn removed(what: Removed, rows: u64) {
    HANDLES.removed[what as usize].increment(rows);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "batches and queues are far below 2^52"
)]
fn number(count: usize) -> f64 {
    count as f64
}

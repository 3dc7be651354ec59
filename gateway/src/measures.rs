//! The node's metrics, each named once. Labels have few values and are never ids.

use std::time::Duration;

use chapar_shared::protocol::CloseCode;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Tells the recorder what each metric means.
pub(crate) fn describe() {
    describe_gauge!("chapar_gateway_connections", "Signed-in sockets open now");
    describe_gauge!("chapar_gateway_rooms", "Rooms subscribed now");
    describe_counter!("chapar_gateway_connections_total", "Sockets accepted");
    describe_counter!(
        "chapar_gateway_closes_total",
        "Sockets closed by the server, by code"
    );
    describe_counter!(
        "chapar_gateway_deliveries_total",
        "Changes queued for sockets"
    );
    describe_counter!(
        "chapar_gateway_dropped_ephemerals_total",
        "Typing, read marks and presence dropped"
    );
    describe_counter!(
        "chapar_gateway_ring_hits_total",
        "Replay pages served from memory"
    );
    describe_counter!(
        "chapar_gateway_backfills_total",
        "Pages of changes fetched from the api"
    );
    describe_counter!("chapar_gateway_gaps_total", "Gaps found in rooms and users");
    describe_counter!(
        "chapar_gateway_repaired_total",
        "Changes delivered by repair"
    );
    describe_counter!(
        "chapar_gateway_undecodable_total",
        "Envelopes that could not be read"
    );
    describe_counter!(
        "chapar_gateway_subscribe_failures_total",
        "Subscriptions not confirmed at once"
    );
    describe_counter!(
        "chapar_gateway_resubmissions_total",
        "Batches submitted again for lack of an answer"
    );
    describe_histogram!(
        "chapar_gateway_commit_to_socket_seconds",
        Unit::Seconds,
        "From an event's commit to this node's queues"
    );
    describe_histogram!(
        "chapar_gateway_accept_to_ack_seconds",
        Unit::Seconds,
        "From a command's frame to its queued reply"
    );
}

pub(crate) fn connected() {
    gauge!("chapar_gateway_connections").increment(1.0);
}

pub(crate) fn disconnected() {
    gauge!("chapar_gateway_connections").decrement(1.0);
}

pub(crate) fn accepted() {
    counter!("chapar_gateway_connections_total").increment(1);
}

pub(crate) fn closed(code: CloseCode) {
    counter!("chapar_gateway_closes_total", "code" => code.code().to_string()).increment(1);
}

/// One change for all of this node's listeners: counted once, whatever their number.
pub(crate) fn delivered(listeners: u64, since_commit: Duration) {
    counter!("chapar_gateway_deliveries_total").increment(listeners);
    histogram!("chapar_gateway_commit_to_socket_seconds").record(since_commit.as_secs_f64());
}

pub(crate) fn dropped_ephemerals(count: u64) {
    counter!("chapar_gateway_dropped_ephemerals_total").increment(count);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a node has far fewer than 2^52 rooms"
)]
pub(crate) fn rooms(count: usize) {
    gauge!("chapar_gateway_rooms").set(count as f64);
}

pub(crate) fn ring_hit() {
    counter!("chapar_gateway_ring_hits_total").increment(1);
}

pub(crate) fn backfill() {
    counter!("chapar_gateway_backfills_total").increment(1);
}

pub(crate) fn gap() {
    counter!("chapar_gateway_gaps_total").increment(1);
}

pub(crate) fn repaired(changes: u64) {
    counter!("chapar_gateway_repaired_total").increment(changes);
}

pub(crate) fn undecodable() {
    counter!("chapar_gateway_undecodable_total").increment(1);
}

pub(crate) fn subscribe_failure() {
    counter!("chapar_gateway_subscribe_failures_total").increment(1);
}

pub(crate) fn resubmission() {
    counter!("chapar_gateway_resubmissions_total").increment(1);
}

pub(crate) fn acknowledged(after: Duration) {
    histogram!("chapar_gateway_accept_to_ack_seconds").record(after.as_secs_f64());
}

//! The process's metrics. The one process-wide static: nodes that share a process share their metrics too.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::config::Roles;

pub use metrics::Gauge;

/// Upper bounds for everything that is measured in seconds: from a fan-out to a slow upload.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Upper bounds for sizes of batches and the like.
const COUNTS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];
/// Upper bounds for sizes.
const BYTES: &[f64] = &[
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    10_485_760.0,
];

/// The exporter folds what histograms gathered only when it is told to: without this they grow without bound
/// where nobody scrapes (metrics-rs/metrics issue 467).
const UPKEEP: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// The recorder of this process, installed by the first who asks.
pub fn handle() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_bytes".into()), BYTES)
            })
            // Without buckets a histogram becomes a summary, which cannot be added up over nodes.
            .and_then(|builder| builder.set_buckets(COUNTS))
            .expect("no list of buckets is empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("nothing else installs a recorder");
        metrics_process::Collector::default().describe();
        describe();
        handle
    })
}

fn describe() {
    describe_gauge!("chapar_build_info", "Version and role of this node");
    describe_gauge!(
        "chapar_ready",
        "Whether the node would say that it is ready"
    );
    describe_gauge!("chapar_ready_check", "Whether a check of readiness passes");
    describe_gauge!("chapar_draining", "Whether the node was told to stop");
    describe_gauge!(
        "chapar_http_connections",
        "Open connections, WebSockets included"
    );
    describe_gauge!(
        "chapar_http_max_connections",
        "Connections that a listener takes at once"
    );
    describe_counter!("chapar_http_requests_total", "Answered requests");
    describe_histogram!(
        "chapar_http_request_seconds",
        Unit::Seconds,
        "From a request's head to its answer's"
    );
    describe_gauge!("chapar_runtime_tasks", "Tasks of the runtime");
    describe_gauge!(
        "chapar_runtime_queue_depth",
        "Tasks that wait in the runtime's global queue"
    );
}

/// Begins measuring, before anything else of a node is made.
pub fn start(roles: Roles) {
    handle();
    let role = match roles {
        Roles::All => "all",
        Roles::Api => "api",
        Roles::Gateway => "gateway",
    };
    gauge!("chapar_build_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role).set(1.0);
}

/// A listener's open connections, to be counted by whoever accepts them.
#[expect(
    clippy::cast_precision_loss,
    reason = "a listener has far fewer than 2^52 connections"
)]
pub fn listener(name: &'static str, max_connections: usize) -> Gauge {
    gauge!("chapar_http_max_connections", "listener" => name).set(max_connections as f64);
    gauge!("chapar_http_connections", "listener" => name)
}

/// An answered request.
pub fn answered(method: &'static str, path: String, status: u16, after: Duration) {
    let labels = [("method", method.to_owned()), ("path", path)];
    histogram!("chapar_http_request_seconds", &labels).record(after);
    let [method, path] = labels;
    let status = ("status", status.to_string());
    counter!("chapar_http_requests_total", &[method, path, status]).increment(1);
}

/// What the node says of its readiness now.
pub fn readiness(is_draining: bool, checks: impl Iterator<Item = (&'static str, bool)>) {
    let is = |holds: bool| f64::from(u8::from(holds));
    let mut is_ready = !is_draining;
    for (check, passes) in checks {
        gauge!("chapar_ready_check", "check" => check).set(is(passes));
        is_ready &= passes;
    }
    gauge!("chapar_ready").set(is(is_ready));
    gauge!("chapar_draining").set(is(is_draining));
}

/// What a scrape gets.
#[expect(
    clippy::cast_precision_loss,
    reason = "a runtime has far fewer than 2^52 tasks"
)]
pub fn render() -> String {
    let handle = handle();
    let runtime = tokio::runtime::Handle::current().metrics();
    gauge!("chapar_runtime_tasks").set(runtime.num_alive_tasks() as f64);
    gauge!("chapar_runtime_queue_depth").set(runtime.global_queue_depth() as f64);
    metrics_process::Collector::default().collect();
    handle.render()
}

/// Folds histograms until `stop`.
pub async fn upkeep(stop: CancellationToken) {
    let handle = handle();
    let mut ticks = tokio::time::interval(UPKEEP);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

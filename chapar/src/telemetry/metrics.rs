//! The process's metrics. The one process-wide static: nodes that share a process share their metrics too.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

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
        handle
    })
}

/// What a scrape gets.
pub fn render() -> String {
    let handle = handle();
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

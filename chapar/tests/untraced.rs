//! A node that exports no traces makes no spans for them.
//!
//! A binary of its own, since what is subscribed to is the process's.

use chapar::config::{Roles, TelemetryConfig};
use chapar::telemetry::Telemetry;

#[test]
fn without_an_exporter_nobody_wants_our_spans() {
    let config = TelemetryConfig::default();
    assert_eq!(config.otlp_endpoint, None);
    let telemetry = Telemetry::start(&config, Roles::All).unwrap();
    assert!(
        tracing::enabled!(tracing::Level::INFO),
        "the log is what it was"
    );
    assert!(!chapar_trace::is_on());
    assert!(chapar_trace::span!("command").is_disabled());
    telemetry.shutdown();
}

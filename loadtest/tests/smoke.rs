//! Every workload of this server, as small as it goes: all of it works and nothing is lost, doubled or out of
//! order. No time is asserted.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers outside of its functions"
)]

use std::path::Path;

use chapar_loadtest::suite::{self, Bench};
use chapar_loadtest::target::Kind;
use chapar_loadtest::work::Common;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Runs rows on these targets; gives their reports and the table.
fn bench(rows: &[&str], targets: &[Kind]) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let bench = Bench {
        runs: 1,
        only: rows.iter().map(|&row| row.to_owned()).collect(),
        target: targets.to_vec(),
        smoke: true,
        append: false,
        table: false,
        log: path("runs.jsonl"),
        out: path("RESULTS.md"),
        common: Common {
            no_pin: true,
            ..Common::default()
        },
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let ran = LocalSet::new().block_on(&runtime, suite::run(&bench));
    ran.unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let log = read(&bench.log);
    let entries = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let reports: Vec<_> = entries.map(|mut entry| entry["report"].take()).collect();
    (reports, read(&bench.out))
}

fn assert_clean(report: &Value) {
    assert_eq!(report["remarks"], Value::Null, "{report}");
    for name in ["lost", "doubled", "disordered", "refused", "sockets_ended"] {
        let figure = report["figures"][name].as_f64();
        assert!(matches!(figure, None | Some(0.0)), "{name}: {report}");
    }
}

fn assert_positive(report: &Value, names: &[&str]) {
    for name in names {
        let figure = report["figures"][name].as_f64();
        assert!(
            figure.is_some_and(|figure| figure > 0.0),
            "{name}: {report}"
        );
    }
}

const TRAFFIC: [&str; 5] = [
    "deliveries_per_s",
    "deliveries",
    "p99_ms",
    "to_last_p99_ms",
    "bytes_per_delivery",
];

#[test]
fn fan_out_of_the_gateway_and_of_a_bare_broadcast() {
    let kinds = [Kind::Gateway, Kind::Bare, Kind::BareWide];
    let (reports, table) = bench(&["fanout"], &kinds);
    assert_eq!(reports.len(), 6);
    for report in &reports {
        assert_clean(report);
        assert_positive(report, &TRAFFIC);
    }
    let bytes = |target: &str| {
        let report = reports.iter().find(|it| it["target"] == target);
        report.unwrap()["figures"]["bytes_per_delivery"]
            .as_f64()
            .unwrap()
    };
    assert!((bytes("bare") - 150.0).abs() < 0.5);
    assert!((bytes("bare-wide") - bytes("gateway")).abs() < 20.0);
    assert!(table.contains("## fanout-100x20"), "{table}");
}

#[test]
fn idle_connections_and_a_storm_of_new_ones() {
    let (reports, _) = bench(&["idle-5000", "connects"], &[Kind::Gateway]);
    assert_eq!(reports.len(), 2);
    reports.iter().for_each(assert_clean);
    assert_positive(&reports[0], &["resident_after_bytes"]);
    assert_positive(&reports[1], &["connects_per_s", "connect_p99_ms"]);
}

#[test]
fn what_was_missed_comes_after_a_storm_of_reconnects() {
    let (reports, _) = bench(&["reconnects"], &[Kind::Gateway, Kind::Whole]);
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert_clean(report);
        let figure = |name: &str| report["figures"][name].as_f64().unwrap();
        // The first message, those missed, and one live.
        assert!((figure("deliveries") - 50.0 * 22.0).abs() < 0.5, "{report}");
        assert_positive(report, &["reconnects_per_s", "complete_after_s"]);
    }
}

#[test]
fn the_whole_path_delivers_and_acknowledges() {
    let (reports, _) = bench(&["whole", "sends", "crossing"], &[Kind::Whole]);
    assert_eq!(reports.len(), 3);
    reports.iter().for_each(assert_clean);
    assert_positive(&reports[0], &TRAFFIC);
    assert_positive(
        &reports[1],
        &["acks_per_s", "window", "ack_p99_ms", "stored"],
    );
    assert_positive(&reports[2], &TRAFFIC);
}

#[test]
fn growth_is_compared() {
    let (reports, _) = bench(&["growth-rooms"], &[Kind::Gateway]);
    assert_clean(&reports[0]);
    let names = ["small", "large"].map(|size| format!("{size}_resident_per_connection_bytes"));
    for name in names {
        assert!(reports[0]["figures"][&name].is_f64(), "{}", reports[0]);
    }
}

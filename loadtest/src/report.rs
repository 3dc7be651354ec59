//! What a run found, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One run of one workload on one target.
///
/// Figures are named with their unit: `_ms`, `_per_s`, `_bytes`; `cpu_s_per_million` is processor time for a
/// million deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The workload.
    pub work: String,
    /// The target.
    pub target: String,
    /// What was asked for.
    pub parameters: BTreeMap<String, Value>,
    /// What was measured.
    pub figures: BTreeMap<String, f64>,
    /// Why something is not as it should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(work: &str, target: &str) -> Self {
        Self {
            work: work.to_owned(),
            target: target.to_owned(),
            ..Self::default()
        }
    }

    /// Notes what was asked for.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Notes a figure.
    pub fn put(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }

    /// Notes the percentiles of a histogram of microseconds, if it has any.
    pub fn put_latency(&mut self, name: &str, micros: &Histogram<u64>) {
        if micros.is_empty() {
            return;
        }
        for (suffix, quantile) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            let value = millis(micros.value_at_quantile(quantile));
            self.put(&format!("{name}{suffix}_ms"), value);
        }
    }

    /// A figure; 0 where it was not measured.
    pub fn figure(&self, name: &str) -> f64 {
        self.figures.get(name).copied().unwrap_or_default()
    }
}

/// Microseconds in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().map_or(f64::NAN, |count| count as f64)
}

/// A figure with as many digits as it has meaning.
pub fn shown(value: f64) -> String {
    match value.abs() {
        it if it >= 1e6 => format!("{:.2} M", value / 1e6),
        it if it >= 1e4 => format!("{:.1} k", value / 1e3),
        it if it >= 100.0 || it.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} · {}", self.work, self.target)?;
        for (name, value) in &self.parameters {
            write!(f, " · {name} {value}")?;
        }
        writeln!(f)?;
        for (name, value) in &self.figures {
            writeln!(f, "  {name:<44} {:>12}", shown(*value))?;
        }
        for remark in &self.remarks {
            writeln!(f, "  ! {remark}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_read_back_and_print_every_figure() {
        let mut report = Report::new("fanout", "gateway").with("rooms", 100);
        let mut latency = Histogram::new(3).unwrap();
        latency.record_n(2_000, 99).unwrap();
        latency.record(50_000).unwrap();
        report.put_latency("", &latency);
        report.put("deliveries_per_s", 1_234_567.0);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        let printed = report.to_string();
        for part in [
            "fanout · gateway · rooms 100",
            "1.23 M",
            "p99_ms",
            "p999_ms",
        ] {
            assert!(printed.contains(part), "{part}: {printed}");
        }
    }
}

//! The table of results, in Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::report::shown;
use crate::target::Kind;

use super::goals::{Bound, Figure, GOALS, judge};
use super::{Entry, machine, plan};

/// Figures that the tables of rows show, where a report has them.
const COLUMNS: [&str; 28] = [
    "deliveries_per_s",
    "connects_per_s",
    "reconnects_per_s",
    "complete_after_s",
    "acks_per_s",
    "window",
    "single_row_commits_per_s",
    "p50_ms",
    "p99_ms",
    "p999_ms",
    "to_last_p50_ms",
    "to_last_p99_ms",
    "connect_p99_ms",
    "ack_p50_ms",
    "ack_p99_ms",
    "lost",
    "doubled",
    "disordered",
    "server_cpu_s_per_million",
    "redis_cpu_s_per_million",
    "postgres_cpu_s_per_million",
    "generator_cpu_s_per_million",
    "bytes_per_delivery",
    "resident_per_connection_bytes",
    "small_cpu_s_per_million",
    "large_cpu_s_per_million",
    "small_resident_per_connection_bytes",
    "large_resident_per_connection_bytes",
];

/// All runs' values of each figure of each target of each row.
#[derive(Debug, Default)]
pub(super) struct Medians(BTreeMap<(String, String), BTreeMap<String, Vec<f64>>>);

impl Medians {
    fn of(entries: &[Entry]) -> Self {
        let mut medians = Self::default();
        for Entry { row, report } in entries {
            let key = (row.clone(), report.target.clone());
            let figures = medians.0.entry(key).or_default();
            for (name, value) in &report.figures {
                figures.entry(name.clone()).or_default().push(*value);
            }
        }
        for values in medians.0.values_mut().flat_map(BTreeMap::values_mut) {
            values.sort_by(f64::total_cmp);
        }
        medians
    }

    fn values(&self, row: &str, target: &str, figure: &str) -> Option<&[f64]> {
        let figures = self.0.get(&(row.to_owned(), target.to_owned()))?;
        figures.get(figure).map(Vec::as_slice)
    }

    /// A figure's median over all runs.
    pub(super) fn median(&self, row: &str, kind: Kind, figure: &str) -> Option<f64> {
        middle(self.values(row, &kind.name(), figure)?)
    }
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

/// The distance of the furthest runs, in percent of the median.
fn spread(sorted: &[f64]) -> Option<f64> {
    let (first, last, middle) = (sorted.first()?, sorted.last()?, middle(sorted)?);
    (middle != 0.0).then(|| (last - first) / middle * 100.0)
}

/// The whole document.
pub(super) fn table(entries: &[Entry]) -> String {
    let medians = Medians::of(entries);
    let runs = medians.0.values().flat_map(BTreeMap::values).map(Vec::len);
    let runs = runs.max().unwrap_or(0);
    let mut text = String::from(
        "# Results\n\nWritten by `make bench`; [README.md](README.md) says what is measured and how. Figures are \
         medians; ± is the distance between the furthest runs in percent of the median.\n\n",
    );
    let measured: BTreeSet<&str> = entries.iter().map(|entry| &*entry.report.target).collect();
    let all: BTreeSet<String> = plan::cells(false)
        .iter()
        .map(|cell| cell.kind.name())
        .collect();
    let chosen: Vec<&str> = if measured.len() < all.len() {
        measured.into_iter().collect()
    } else {
        Vec::new()
    };
    text.push_str(&machine::description(runs, &chosen));
    goals(&mut text, &medians);
    let mut seen = BTreeSet::new();
    for Entry { row, .. } in entries {
        if seen.insert(row) {
            one_row(&mut text, row, entries, &medians);
        }
    }
    text
}

fn goals(text: &mut String, medians: &Medians) {
    text.push_str("## Against the targets\n\n| row | target | figure | wanted | measured | |\n|---|---|---|---|---|---|\n");
    for goal in &GOALS {
        let wanted = match goal.bound {
            Bound::Least(bound) => format!("≥ {}", shown(bound)),
            Bound::Most(bound) => format!("≤ {}", shown(bound)),
            Bound::LeastTimes(times, kind) => format!("≥ {times} × {}", kind.name()),
            Bound::MostTimes(times, kind) => format!("≤ {times} × {}", kind.name()),
            Bound::LeastTimesOwn(times, other) => format!("≥ {times} × {}", words(other)),
            Bound::LeastTimesOf(times, other) => format!("≥ {times} × {}", of(other)),
            Bound::MostTimesOf(times, other) => format!("≤ {times} × {}", of(other)),
        };
        let (measured, verdict) = match judge(goal, medians) {
            Some((value, is_met)) => {
                let is_ratio = !matches!(goal.bound, Bound::Least(_) | Bound::Most(_));
                let sign = if is_ratio { " ×" } else { "" };
                let verdict = if is_met { "met" } else { "**missed**" };
                (format!("{}{sign}", shown(value)), verdict)
            }
            None => ("–".to_owned(), "not measured"),
        };
        let (row, target, figure) = (goal.row, goal.kind.name(), words(goal.figure));
        line(text, &[row, &target, &figure, &wanted, &measured, verdict]);
    }
    text.push('\n');
}

fn one_row(text: &mut String, row: &str, entries: &[Entry], medians: &Medians) {
    let of_row = || entries.iter().filter(|entry| entry.row == row);
    let columns = COLUMNS
        .iter()
        .copied()
        .filter(|column| of_row().any(|Entry { report, .. }| report.figures.contains_key(*column)));
    let columns: Vec<_> = columns.collect();
    writeln!(text, "## {row}\n").expect("a string takes any write");
    if let Some(Entry { report, .. }) = of_row().find(|entry| !entry.report.parameters.is_empty()) {
        let parameters = report.parameters.iter();
        let parameters: Vec<_> = parameters
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        writeln!(text, "{}: {}\n", report.work, parameters.join(", ")).expect("as above");
    }
    let head: Vec<_> = columns.iter().map(|column| words(column)).collect();
    let head: Vec<&str> = std::iter::once("target")
        .chain(head.iter().map(String::as_str))
        .collect();
    line(text, &head);
    line(text, &vec!["---"; head.len()]);
    let mut seen = BTreeSet::new();
    let mut remarks = BTreeSet::new();
    for Entry { report, .. } in of_row() {
        for remark in &report.remarks {
            let remark: String = remark.chars().take(200).collect();
            remarks.insert(format!("- {}: {remark}", report.target));
        }
        if !seen.insert(&report.target) {
            continue;
        }
        let mut cells = vec![report.target.clone()];
        for column in &columns {
            let values = medians
                .values(row, &report.target, column)
                .unwrap_or_default();
            let value = middle(values).map_or_else(|| "–".to_owned(), shown);
            let noise = spread(values).filter(|_| values.len() > 1);
            let noise = noise.map_or_else(String::new, |noise| format!(" ±{noise:.0} %"));
            cells.push(format!("{value}{noise}"));
        }
        line(text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text.push('\n');
    if !remarks.is_empty() {
        let remarks: Vec<_> = remarks.into_iter().collect();
        writeln!(text, "{}\n", remarks.join("\n")).expect("as above");
    }
}

fn line(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("a string takes any write");
}

/// A figure of another row, for people.
fn of(Figure { row, kind, name }: Figure) -> String {
    format!("{}'s {} of {row}", kind.name(), words(name))
}

/// A figure's name for people.
fn words(figure: &str) -> String {
    let figure = figure
        .replace("_per_s", "/s")
        .replace("_cpu_s_per_million", " CPU s/M");
    let figure = figure
        .replace("cpu_s_per_million", "CPU s/M")
        .replace("p999", "p99.9");
    figure.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use crate::report::Report;

    use super::*;

    fn entry(target: &str, rate: f64) -> Entry {
        let mut report = Report::new("fanout search", target).with("rooms", 1);
        report.put("deliveries_per_s", rate);
        Entry {
            row: "fanout-1x500".to_owned(),
            report,
        }
    }

    #[test]
    fn figures_of_other_rows_are_held_against() {
        let mut whole = entry("whole", 2e6);
        whole.row = "whole-1x500".to_owned();
        let (mut crossing, mut calm) = (entry("whole", 0.0), entry("bare", 0.0));
        crossing.row = "crossing".to_owned();
        crossing.report.put("p50_ms", 9.0);
        calm.row = "calm-1x500".to_owned();
        calm.report.put("to_last_p50_ms", 3.0);
        let text = table(&[whole, entry("ws", 200e3), crossing, calm]);
        for line in [
            "| ≥ 4.6 × ws's deliveries/s of fanout-1x500 | 10 × | met |",
            "| ≤ 2.4 × bare's to last p50 ms of calm-1x500 | 3 × | **missed** |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn medians_are_held_against_the_targets() {
        let runs = [1.4e6, 1.7e6, 1.6e6].map(|rate| entry("gateway", rate));
        let peers = [
            entry("socketio", 180e3),
            entry("socketio", 220e3),
            entry("bare", 3e6),
        ];
        let text = table(&[&runs[..], &peers[..]].concat());
        for line in [
            "| fanout-1x500 | gateway | deliveries/s | ≥ 1.50 M | 1.60 M | met |",
            "| fanout-1x500 | gateway | deliveries/s | ≥ 8 × socketio | 8 × | met |",
            "| fanout-1x500 | gateway | deliveries/s | ≥ 0.6 × bare | 0.53 × | **missed** |",
            "| gateway | 1.60 M ±19 % |",
            "| socketio | 200.0 k ±20 % |",
            "| bare | 3.00 M |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(text.contains("not measured"));
    }
}

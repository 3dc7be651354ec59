//! The outcome, as a Markdown table.

use std::time::Duration;

use crate::check::{Findings, Kind};

/// One line of it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    /// `None` if the run broke off.
    pub(crate) findings: Option<Findings>,
    /// What did not hold besides the history.
    pub(crate) complaints: Vec<String>,
    pub(crate) took: Duration,
}

impl Row {
    pub(crate) fn is_good(&self) -> bool {
        let is_clean = |findings: &Findings| findings.violations.is_empty();
        self.complaints.is_empty() && self.findings.as_ref().is_some_and(is_clean)
    }

    fn cells(&self) -> [String; 8] {
        let verdict = if self.is_good() { "kept" } else { "**broken**" };
        let count = |kind| {
            let findings = self.findings.as_ref();
            findings.map_or_else(|| "?".to_owned(), |found| found.count(kind).to_string())
        };
        let silence = self.findings.as_ref();
        [
            self.fault.to_owned(),
            silence.map_or_else(|| "?".to_owned(), |found| found.messages.to_string()),
            count(Kind::Lost),
            count(Kind::Duplicated),
            count(Kind::Disordered),
            silence.map_or_else(|| "?".to_owned(), |found| seconds(found.silence)),
            verdict.to_owned(),
            seconds(self.took),
        ]
    }
}

/// The whole table, without a line's end after it.
pub(crate) fn markdown(rows: &[Row]) -> String {
    const HEAD: [&str; 8] = [
        "fault",
        "messages",
        "lost",
        "duplicated",
        "disordered",
        "longest silence",
        "promises",
        "run",
    ];
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.len().max(*width);
        }
    }
    let mut text: Vec<String> = lines.iter().map(|line| padded(line, &widths)).collect();
    // Numbers stand at the right; the first and the seventh column are words.
    let rules: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| {
            let is_word = matches!(column, 0 | 6);
            format!(
                "{}{}",
                "-".repeat(width - 1),
                if is_word { "-" } else { ":" }
            )
        })
        .collect();
    text.insert(1, format!("| {} |", rules.join(" | ")));
    text.join("\n")
}

fn padded(cells: &[String; 8], widths: &[usize; 8]) -> String {
    let cells = cells.iter().zip(widths).enumerate();
    let cells = cells.map(|(column, (cell, width))| match column {
        0 | 6 => format!("{cell:width$}"),
        _ => format!("{cell:>width$}"),
    });
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_markdown() {
        let row = |fault, findings| Row {
            fault,
            findings,
            complaints: Vec::new(),
            took: Duration::from_millis(12_340),
        };
        let rows = [row("calm", Some(Findings::default())), row("drain", None)];
        assert_eq!(
            markdown(&rows),
            "\
| fault | messages | lost | duplicated | disordered | longest silence | promises   |    run |
| ----- | -------: | ---: | ---------: | ---------: | --------------: | ---------- | -----: |
| calm  |        0 |    0 |          0 |          0 |           0.0 s | kept       | 12.3 s |
| drain |        ? |    ? |          ? |          ? |               ? | **broken** | 12.3 s |"
        );
    }
}

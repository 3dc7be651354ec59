//! How long messages took.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use crate::record::{ClientId, Entry, What};

/// The 99th percentile of the time from a send to its delivery to the clients of others, of what was sent in
/// `period`; `None` if nothing was.
pub(crate) fn percentile_99(entries: &[Entry], period: &Range<Duration>) -> Option<Duration> {
    let mut sent: HashMap<&str, (Duration, ClientId)> = HashMap::new();
    let mut times: Vec<Duration> = Vec::new();
    for entry in entries {
        match &entry.what {
            What::Sent { nonce, .. } if period.contains(&entry.at) => {
                sent.entry(nonce).or_insert((entry.at, entry.client));
            }
            What::Delivered { change, seq, .. } => {
                let Some(message) = change.message() else {
                    continue;
                };
                let Some(nonce) = &message.nonce else {
                    continue;
                };
                if let Some(&(at, by)) = sent.get(nonce.as_str())
                    && by != entry.client
                    && message.seq == *seq
                {
                    times.push(entry.at.saturating_sub(at));
                }
            }
            _ => {}
        }
    }
    times.sort_unstable();
    let at = times.len().checked_sub(1)? * 99 / 100;
    times.get(at).copied()
}

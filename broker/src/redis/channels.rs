//! The set of channels that a node wants, in the chunks in which it subscribes.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chapar_shared::envelope::Channel;

/// Channels of one command at most. Redis handles 2,000 in 5 ms, and nothing else meanwhile.
const MAX_CHUNK: usize = 1000;

/// The wanted channels, sorted by partition.
#[derive(Debug, Default)]
pub(super) struct Channels {
    wanted: Mutex<BTreeSet<(u64, Channel)>>,
}

impl Channels {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(u64, Channel)>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, channels: &[Channel]) {
        self.lock().extend(
            channels
                .iter()
                .map(|channel| (channel.partition(), *channel)),
        );
    }

    pub(super) fn remove(&self, channels: &[Channel]) {
        let mut wanted = self.lock();
        for channel in channels {
            wanted.remove(&(channel.partition(), *channel));
        }
    }

    /// Those of `chunk` that are wanted, or those that are not.
    pub(super) fn filter(&self, chunk: &[Channel], is_wanted: bool) -> Vec<Channel> {
        let wanted = self.lock();
        chunk
            .iter()
            .copied()
            .filter(|channel| wanted.contains(&(channel.partition(), *channel)) == is_wanted)
            .collect()
    }

    /// All of them in chunks.
    pub(super) fn chunks(&self, is_cluster: bool) -> Vec<Vec<Channel>> {
        chunks(self.lock().iter().copied(), is_cluster)
    }
}

/// Splits channels into chunks, each for one command: in a cluster, all of one partition.
pub(super) fn split(channels: &[Channel], is_cluster: bool) -> Vec<Vec<Channel>> {
    let sorted: BTreeSet<(u64, Channel)> = channels
        .iter()
        .map(|channel| (channel.partition(), *channel))
        .collect();
    chunks(sorted.into_iter(), is_cluster)
}

fn chunks(sorted: impl Iterator<Item = (u64, Channel)>, is_cluster: bool) -> Vec<Vec<Channel>> {
    let mut chunks: Vec<Vec<Channel>> = Vec::new();
    let mut last_partition = None;
    for (partition, channel) in sorted {
        let is_other = is_cluster && last_partition != Some(partition);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < MAX_CHUNK && !is_other => chunk.push(channel),
            _ => chunks.push(vec![channel]),
        }
        last_partition = Some(partition);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use chapar_shared::RoomId;

    use super::*;

    #[test]
    fn chunks_are_bounded_and_in_a_cluster_of_one_partition() {
        let channels: Vec<Channel> = (0..5000).map(|id| Channel::Room(RoomId(id))).collect();
        assert_eq!(split(&channels, false).len(), 5);
        let chunks = split(&channels, true);
        assert_eq!(chunks.len(), 1024);
        for chunk in &chunks {
            assert!(
                chunk
                    .iter()
                    .all(|channel| channel.partition() == chunk[0].partition())
            );
        }
        let one_partition: Vec<Channel> = (0..2001)
            .map(|id| Channel::Room(RoomId(id * 1024)))
            .collect();
        assert_eq!(split(&one_partition, true).len(), 3);
        assert!(split(&[], true).is_empty());
    }

    #[test]
    fn filter_looks_at_what_is_wanted_now() {
        let [a, b] = [1, 2].map(|id| Channel::Room(RoomId(id)));
        let channels = Channels::default();
        channels.add(&[a, b]);
        channels.remove(&[a]);
        assert_eq!(channels.filter(&[a, b], true), [b]);
        assert_eq!(channels.filter(&[a, b], false), [a]);
        assert_eq!(channels.chunks(false), [[b]]);
    }
}

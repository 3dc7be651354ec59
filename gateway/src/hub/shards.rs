//! A map of shared things under many small locks.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shards<K, V> {
    shards: [Mutex<HashMap<K, Arc<V>>>; SHARDS],
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl<K: Copy + Eq + Hash, V> Shards<K, V> {
    /// The shard of a key, locked.
    pub(crate) fn shard(&self, key: K) -> MutexGuard<'_, HashMap<K, Arc<V>>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let at = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: K) -> Option<Arc<V>> {
        self.shard(key).get(&key).cloned()
    }

    pub(crate) fn get_or_insert(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        Arc::clone(
            self.shard(key)
                .entry(key)
                .or_insert_with(|| Arc::new(make())),
        )
    }

    pub(crate) fn remove(&self, key: K) {
        self.shard(key).remove(&key);
    }

    /// All of them, a shard at a time; what comes or goes meanwhile may be missed.
    pub(crate) fn all(&self) -> Vec<Arc<V>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(
                shard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .values()
                    .cloned(),
            );
        }
        all
    }

    pub(crate) fn each(&self, visit: impl FnMut(&Arc<V>)) {
        self.all().iter().for_each(visit);
    }

    pub(crate) fn len(&self) -> usize {
        let len = |shard: &Mutex<HashMap<K, Arc<V>>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).len()
        };
        self.shards.iter().map(len).sum()
    }
}

//! Removing files that nothing shows any more.

use futures_util::{StreamExt, stream};
use object_store::ObjectStoreExt;

use super::{Files, object, thumbnail};
use crate::error::Error;
use crate::store::FileRecord;

/// Objects removed at once.
const AT_ONCE: usize = 8;

impl Files {
    /// Removes files that stand in no message for too long or whose message or room ended, at most `limit`; gives
    /// how many it was. Bytes go first, so that a row stays as long as there is something to remove.
    ///
    /// # Errors
    /// Store errors. What the storage does not remove stays for the next time.
    pub async fn remove_unused(&self, limit: u32) -> Result<u64, Error> {
        let context = &self.0.context;
        let unused_before = context.clock.now().minus(self.0.config.unused_ttl);
        let files = context.store.orphans(unused_before, limit).await?;
        let removed: Vec<_> = stream::iter(files)
            .map(|file: FileRecord| async move {
                self.remove_objects(&file.object).await.then_some(file.id)
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        if !removed.is_empty() {
            context.store.remove_files(&removed).await?;
        }
        Ok(removed.len() as u64)
    }

    /// Removes a file's bytes and its thumbnail's; whether they are gone.
    pub(super) async fn remove_objects(&self, name: &str) -> bool {
        for path in [thumbnail(name), object(name)] {
            match self.0.storage.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a file was not removed"
                    );
                    return false;
                }
            }
        }
        true
    }
}

//! Uploaded files: what is known of them; their bytes lie in the object storage.

use async_trait::async_trait;

use chapar_shared::{AttachmentId, Timestamp, UserId};

use super::records::FileRecord;
use crate::error::{Error, StoreError};

/// Files.
#[async_trait]
pub trait Files {
    /// Keeps an upload, if its owner's files then take at most `max_total` bytes.
    ///
    /// # Errors
    /// Refused `storage_full`; [`StoreError`].
    async fn create_file(&self, file: NewFile, max_total: u64) -> Result<FileRecord, Error>;

    /// A file, used or not.
    async fn file(&self, file: AttachmentId) -> Result<Option<FileRecord>, StoreError>;

    /// How many bytes a user's files take.
    async fn files_size(&self, user: UserId) -> Result<u64, StoreError>;

    /// Files to remove: unused (no message, nobody's avatar) since before `unused_before`, which is when they were
    /// uploaded or, if they were promised for longer, when that ended; or of deleted messages and rooms; oldest
    /// first.
    async fn orphans(
        &self,
        unused_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<FileRecord>, StoreError>;

    /// Forgets files whose bytes are gone.
    async fn remove_files(&self, files: &[AttachmentId]) -> Result<(), StoreError>;
}

/// A file to keep.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Who uploaded it.
    pub owner: UserId,
    /// Safe.
    pub name: String,
    /// Recognised.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// There is a thumbnail.
    pub has_thumbnail: bool,
    /// Its random name in the object storage.
    pub object: String,
    /// When.
    pub at: Timestamp,
    /// Until when it is promised at its address although it stands in no message; `None`: it is not.
    pub shown_until: Option<Timestamp>,
}

//! Uploaded files: received into the object storage, looked at, served and removed.
//!
//! The bytes go first and the row last, so that a row always has its bytes. A node that dies between the two
//! leaves bytes of no row behind: a rare waste, and nothing that anybody sees.

mod receive;
mod remove;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use chapar_shared::{AttachmentId, Code, UserId};

use super::Context;
use crate::config::FilesConfig;
use crate::error::Error;
use crate::store::FileRecord;

pub use receive::{Chunks, Upload};

/// Uploaded files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    context: Context,
    storage: Arc<dyn ObjectStore>,
    config: FilesConfig,
    tracker: TaskTracker,
    receiving: Arc<Semaphore>,
    /// How many uploads of each user are being received.
    receiving_of: Mutex<HashMap<UserId, u32>>,
    decoding: Semaphore,
}

impl Files {
    /// Over this context; bytes lie in `storage`, blocking work runs on `tracker`.
    pub fn new(
        context: Context,
        storage: Arc<dyn ObjectStore>,
        config: FilesConfig,
        tracker: TaskTracker,
    ) -> Self {
        Self(Arc::new(Inner {
            context,
            storage,
            receiving: Arc::new(Semaphore::new(config.max_uploads)),
            receiving_of: Mutex::default(),
            decoding: Semaphore::new(config.max_decoding.max(1)),
            config,
            tracker,
        }))
    }

    /// A file whose address was signed by us.
    ///
    /// # Errors
    /// Refused `invalid_signature` for any other address, `not_found` for a file that is gone; store errors.
    pub async fn signed(
        &self,
        kind: Served,
        file: AttachmentId,
        expires: i64,
        signature: &str,
    ) -> Result<FileRecord, Error> {
        let Context { store, links, .. } = &self.0.context;
        if !links.is_good(kind.word(), file, expires, signature) {
            return Err(Code::InvalidSignature.into());
        }
        let file = store.file(file).await?;
        let file = file.filter(|file| kind == Served::Whole || file.has_thumbnail);
        file.ok_or_else(|| Code::NotFound.into())
    }

    /// The bytes of a file or of its thumbnail, from the storage as they are read.
    ///
    /// # Errors
    /// Refused `not_found` where they are gone, `unavailable` where the storage does not answer.
    pub async fn read(
        &self,
        kind: Served,
        file: &FileRecord,
        range: Option<GetRange>,
    ) -> Result<GetResult, Error> {
        let path = match kind {
            Served::Whole => object(&file.object),
            Served::Thumbnail => thumbnail(&file.object),
        };
        let options = GetOptions {
            range,
            ..GetOptions::default()
        };
        let found = self.0.storage.get_opts(&path, options).await;
        found.map_err(storage_error)
    }

    /// How long an upload may take.
    pub fn upload_timeout(&self) -> std::time::Duration {
        self.0.config.upload_timeout
    }

    async fn write(&self, path: &Path, bytes: Vec<u8>) -> Result<(), Error> {
        let written = self.0.storage.put(path, bytes.into()).await;
        written.map(drop).map_err(storage_error)
    }

    /// The time now, which addresses' expiry is compared with.
    pub fn now(&self) -> chapar_shared::Timestamp {
        self.0.context.clock.now()
    }
}

/// What of a file is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// All of it.
    Whole,
    /// Its thumbnail.
    Thumbnail,
}

impl Served {
    fn word(self) -> &'static str {
        match self {
            Self::Whole => "files",
            Self::Thumbnail => "thumbnails",
        }
    }
}

fn object(name: &str) -> Path {
    Path::from(name)
}

fn thumbnail(name: &str) -> Path {
    Path::from(format!("{name}.thumbnail"))
}

fn storage_error(error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Code::NotFound.into(),
        error => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the file storage failed"
            );
            Code::Unavailable.into()
        }
    }
}

/// One of a user's places among the uploads being received.
#[derive(Debug)]
struct Place {
    files: Files,
    user: UserId,
}

impl Files {
    fn place(&self, user: UserId) -> Option<Place> {
        let mut of = self.receiving_of();
        let count = of.entry(user).or_default();
        if *count >= self.0.config.max_user_uploads {
            return None;
        }
        *count += 1;
        Some(Place {
            files: self.clone(),
            user,
        })
    }

    fn receiving_of(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, u32>> {
        let of = self.0.receiving_of.lock();
        of.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of = self.files.receiving_of();
        if let Some(count) = of.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                of.remove(&self.user);
            }
        }
    }
}

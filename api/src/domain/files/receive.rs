//! Receiving an upload: streamed to the storage with its size counted, then looked at.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chapar_shared::protocol::objects as wire;
use chapar_shared::{Code, Problem, Timestamp, UserId, text};
use futures_util::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, WriteMultipart};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Files, object, storage_error, thumbnail};
use crate::config::StorageKind;
use crate::domain::{Actor, present};
use crate::error::Error;
use crate::measures;
use crate::media::kind::{self, HEAD_BYTES};
use crate::media::thumbnail::{Pictured, picture};
use crate::store::files::NewFile;

/// The pieces of an upload as they come; an error is the client's or the line's.
pub trait Chunks: Stream<Item = Result<Bytes, Problem>> + Send + Unpin {}

impl<S: Stream<Item = Result<Bytes, Problem>> + Send + Unpin> Chunks for S {}

/// An upload as it comes.
#[derive(Debug)]
pub struct Upload<S> {
    /// The name that the client claims.
    pub name: String,
    /// Its content.
    pub chunks: S,
}

/// What was written.
struct Written {
    size: u64,
    content_type: &'static str,
}

impl Files {
    /// Keeps an upload of the caller's. Neither its claimed name nor its claimed type is believed.
    ///
    /// # Errors
    /// Refused `too_large`, `storage_full`, `rate_limited` (too many at once), `unavailable`, and what the stream
    /// refuses; store errors. Nothing is left of a refused upload.
    pub async fn receive(
        &self,
        actor: Actor,
        upload: Upload<impl Chunks>,
    ) -> Result<wire::Attachment, Error> {
        measures::uploaded(self.receive_until(actor, upload, None).await)
    }

    /// Keeps an upload that is shown by its address alone, as a link in a text is, for as long as the address is
    /// good. It counts as its owner's like any other, and may still become part of a message.
    ///
    /// # Errors
    /// As [`Files::receive`].
    pub async fn receive_shown(
        &self,
        actor: Actor,
        upload: Upload<impl Chunks>,
    ) -> Result<wire::Attachment, Error> {
        // The address is made when the upload is complete, and may end a day later than one made now.
        let shown_until = self.0.context.links.end().plus(Duration::from_hours(24));
        let received = self.receive_until(actor, upload, Some(shown_until));
        measures::uploaded(received.await)
    }

    async fn receive_until(
        &self,
        actor: Actor,
        upload: Upload<impl Chunks>,
        shown_until: Option<Timestamp>,
    ) -> Result<wire::Attachment, Error> {
        let context = &self.0.context;
        let _place = self
            .place(actor.user)
            .ok_or_else(|| Problem::rate_limited(Duration::from_secs(2)))?;
        let _permit = self
            .0
            .receiving
            .try_acquire()
            .map_err(|_| Code::Unavailable)?;
        let max_total = context.limits.max_user_files_bytes;
        if context.store.files_size(actor.user).await? >= max_total {
            return Err(Problem::limit(Code::StorageFull, max_total).into());
        }
        let hex = Uuid::new_v4().simple().to_string();
        // Folders of 256, since some file systems are slow with one of millions.
        let name = format!("{}/{}", &hex[..2], &hex[2..]);
        let written = timeout(
            self.0.config.upload_timeout,
            self.write_chunks(&object(&name), upload.chunks),
        )
        .await
        .map_err(|_| Code::Unavailable)??;
        match self
            .keep(actor.user, &upload.name, &name, &written, shown_until)
            .await
        {
            Ok(attachment) => Ok(attachment),
            Err(error) => {
                self.remove_objects(&name).await;
                Err(error)
            }
        }
    }

    async fn keep(
        &self,
        owner: UserId,
        claimed: &str,
        object_name: &str,
        written: &Written,
        shown_until: Option<Timestamp>,
    ) -> Result<wire::Attachment, Error> {
        let context = &self.0.context;
        let pictured = self.look(object_name, written).await?;
        let has_thumbnail = match pictured.as_ref().and_then(|one| one.thumbnail.as_ref()) {
            Some(bytes) => {
                self.write(&thumbnail(object_name), bytes.clone()).await?;
                true
            }
            None => false,
        };
        let file = NewFile {
            owner,
            name: text::file_name(claimed),
            content_type: written.content_type.to_owned(),
            size: i64::try_from(written.size).unwrap_or(i64::MAX),
            width: pictured.as_ref().map(|one| one.width),
            height: pictured.as_ref().map(|one| one.height),
            has_thumbnail,
            object: object_name.to_owned(),
            at: context.clock.now(),
            shown_until,
        };
        let max_total = context.limits.max_user_files_bytes;
        let file = context.store.create_file(file, max_total).await?;
        measures::upload_bytes(written.size);
        Ok(present::attachment(&file, &context.links))
    }

    /// Writes what comes, up to the limit. An upload that ends early leaves nothing.
    async fn write_chunks(&self, path: &Path, mut chunks: impl Chunks) -> Result<Written, Error> {
        let limit = self.0.context.limits.max_upload_bytes;
        let upload = self.0.storage.put_multipart(path).await;
        let part_bytes = match self.0.config.kind {
            StorageKind::Local => 256 << 10,
            StorageKind::S3 => 5 << 20,
        };
        let writing =
            WriteMultipart::new_with_chunk_size(upload.map_err(storage_error)?, part_bytes);
        let mut writing = Writing {
            files: self,
            writer: Some(writing),
        };
        let mut head = BytesMut::new();
        let mut size = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            size += chunk.len() as u64;
            if size > limit {
                return Err(Problem::limit(Code::TooLarge, limit).into());
            }
            let missing = HEAD_BYTES.saturating_sub(head.len()).min(chunk.len());
            head.extend_from_slice(&chunk[..missing]);
            writing.put(chunk).await?;
        }
        writing.finish().await?;
        Ok(Written {
            size,
            content_type: kind::recognise(&head),
        })
    }

    /// Measures an image and makes its thumbnail; few at once, each on a blocking task.
    async fn look(&self, name: &str, written: &Written) -> Result<Option<Pictured>, Error> {
        if !written.content_type.starts_with("image/") {
            return Ok(None);
        }
        let permit = self.0.decoding.acquire().await;
        let _permit = permit.map_err(|_| Code::Unavailable)?;
        let found = self.0.storage.get(&object(name)).await;
        let bytes = found.map_err(storage_error)?.bytes().await;
        let bytes = bytes.map_err(storage_error)?;
        let max_pixels = self.0.config.max_pixels;
        let work = move || picture(&bytes, max_pixels);
        match self.0.tracker.spawn_blocking(work).await {
            Ok(pictured) => Ok(pictured),
            // A decoder that panics has met a damaged image; the file is kept as it is.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an image could not be decoded"
                );
                Ok(None)
            }
        }
    }
}

/// An object being written; given up when it is dropped unfinished, as it is when the client goes away.
struct Writing<'a> {
    files: &'a Files,
    writer: Option<WriteMultipart>,
}

impl Writing<'_> {
    async fn put(&mut self, chunk: Bytes) -> Result<(), Error> {
        if let Some(writer) = &mut self.writer {
            // One part on its way while the next is gathered.
            writer.wait_for_capacity(1).await.map_err(storage_error)?;
            writer.put(chunk);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), Error> {
        match self.writer.take() {
            Some(writer) => writer.finish().await.map(drop).map_err(storage_error),
            None => Ok(()),
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        // Without a runtime the process is ending.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.files.0.tracker.spawn(async move {
                if let Err(error) = writer.abort().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "parts of an upload were left"
                    );
                }
            });
        }
    }
}

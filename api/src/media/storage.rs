//! Where the bytes of files lie.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use secrecy::ExposeSecret;

use crate::config::{FilesConfig, StorageKind};
use crate::error::Error;

/// Opens the storage of the configuration; connects when it is first used.
///
/// # Errors
/// A folder that cannot be made, settings that S3 cannot have.
pub fn open_storage(config: &FilesConfig) -> Result<Arc<dyn ObjectStore>, Error> {
    match config.kind {
        StorageKind::Local => {
            std::fs::create_dir_all(&config.path).map_err(|error| failed(error.into()))?;
            let folder = LocalFileSystem::new_with_prefix(&config.path)
                .map_err(|error| failed(error.into()))?;
            Ok(Arc::new(folder.with_automatic_cleanup(true)))
        }
        StorageKind::S3 => {
            let s3 = &config.s3;
            let mut builder = AmazonS3Builder::new()
                .with_bucket_name(&s3.bucket)
                .with_region(s3.region.as_deref().unwrap_or("us-east-1"));
            if let Some(endpoint) = &s3.endpoint {
                builder = builder
                    .with_endpoint(endpoint)
                    .with_allow_http(endpoint.starts_with("http://"));
            }
            if let (Some(id), Some(secret)) = (&s3.access_key_id, &s3.secret_access_key) {
                builder = builder
                    .with_access_key_id(id)
                    .with_secret_access_key(secret.expose_secret());
            }
            let bucket = builder.build().map_err(|error| failed(error.into()))?;
            Ok(if s3.prefix.is_empty() {
                Arc::new(bucket)
            } else {
                Arc::new(PrefixStore::new(bucket, s3.prefix.as_str()))
            })
        }
    }
}

fn failed(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::internal("opening the file storage", source)
}

//! Section `files`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::show;

/// Where uploads are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesKind {
    /// A folder. With several api nodes it must be one that all of them share.
    #[default]
    Local,
    /// A bucket of S3 or of what speaks its protocol.
    S3,
}

/// Section `files`: where uploads are kept and how their links are signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// `local` or `s3`.
    pub kind: FilesKind,
    /// The folder of `local`. Unset: `files` in `data_dir`.
    pub path: Option<PathBuf>,
    /// Address of `s3`, as `https://s3.example`. Unset: Amazon's for the region.
    pub endpoint: Option<String>,
    /// Bucket of `s3`.
    pub bucket: Option<String>,
    /// Region of `s3`; `us-east-1`.
    pub region: String,
    /// Access key id of `s3`.
    pub access_key_id: Option<String>,
    /// Secret access key of `s3`.
    #[serde(serialize_with = "show::hidden")]
    pub secret_access_key: Option<SecretString>,
    /// Before every object's name in `s3`; nothing.
    pub prefix: String,
    /// Signs links to files: at least 32 bytes, the same on every api node. A new one ends all links.
    #[serde(serialize_with = "show::hidden")]
    pub url_secret: Option<SecretString>,
    /// How long a link is good; `7d`.
    #[serde(with = "chapar_shared::duration")]
    pub url_ttl: Duration,
    /// An upload that stands in no message is removed after this time; `24h`.
    #[serde(with = "chapar_shared::duration")]
    pub unused_ttl: Duration,
    /// How long an upload may take; `10m`.
    #[serde(with = "chapar_shared::duration")]
    pub upload_timeout: Duration,
    /// Uploads received at once by the node; 64. Each holds up to two parts in memory: 256 KiB each with
    /// `local`, 5 MiB with `s3`, which takes no smaller ones.
    pub max_uploads: usize,
    /// Uploads received at once from one user; 4, so that nobody's slow line takes all the places.
    pub max_user_uploads: u32,
    /// Images of more pixels get neither size nor thumbnail; 50,000,000. One decode takes four bytes a pixel.
    pub max_pixels: u64,
    /// Images decoded at once; 2.
    pub max_decoding: usize,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            kind: FilesKind::Local,
            path: None,
            endpoint: None,
            bucket: None,
            region: "us-east-1".into(),
            access_key_id: None,
            secret_access_key: None,
            url_secret: None,
            prefix: String::new(),
            url_ttl: Duration::from_hours(7 * 24),
            unused_ttl: Duration::from_hours(24),
            upload_timeout: Duration::from_mins(10),
            max_uploads: 64,
            max_user_uploads: 4,
            max_pixels: 50_000_000,
            max_decoding: 2,
        }
    }
}

impl FilesConfig {
    /// The folder of `local`, with the default of one process filled in.
    pub fn path(&self, data_dir: &Path) -> PathBuf {
        self.path.clone().unwrap_or_else(|| data_dir.join("files"))
    }
}

//! The api role.

use std::sync::Arc;

use chapar_api::clock::Clock;
use chapar_api::config as api;
use chapar_api::media::{self, Links};
use chapar_api::store::Store;
use chapar_api::{Api, Deps};
use chapar_shared::token::Keyring;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bus::Bus;
use crate::config::{Config, FilesKind};

/// Builds it over an open store.
///
/// # Errors
/// A file storage that cannot be opened, costs of passwords that argon2 refuses.
pub(super) fn build(
    config: &Config,
    store: Arc<dyn Store>,
    bus: &Bus,
    keyring: Arc<Keyring>,
    tracker: &TaskTracker,
    shutdown: &CancellationToken,
) -> anyhow::Result<Api> {
    let settings = settings(config);
    let storage = media::open_storage(&settings.files)?;
    let clock = Clock::system();
    let links = Links::new(
        &secret(config.files.url_secret.as_ref()),
        config.http.public_url.as_deref().unwrap_or_default(),
        config.files.url_ttl,
        clock.clone(),
    );
    let deps = Deps {
        store,
        broker: Arc::clone(&bus.broker),
        presence: Arc::clone(&bus.presence),
        limiter: Arc::clone(&bus.limiter),
        limits: Arc::new(config.limits.clone()),
        keyring,
        refresh_secret: secret(config.tokens.refresh_secret.as_ref()),
        links,
        storage,
        clock,
        tracker: tracker.clone(),
        shutdown: shutdown.clone(),
    };
    Ok(Api::build(settings, deps)?)
}

/// A secret that [`Config::check`] found set.
pub(super) fn secret(secret: Option<&SecretString>) -> SecretString {
    secret
        .cloned()
        .expect("the configuration was checked for this role")
}

/// The api's settings, from the sections under which people find them.
fn settings(config: &Config) -> api::Config {
    let (http, tokens, files) = (&config.http, &config.tokens, &config.files);
    api::Config {
        sessions: api::SessionsConfig {
            access_ttl: tokens.access_ttl,
            refresh_ttl: tokens.refresh_ttl,
            refresh_grace: tokens.refresh_grace,
            ..api::SessionsConfig::default()
        },
        passwords: config.api.passwords.clone(),
        http: api::HttpConfig {
            trusted_proxies: http.trusted_proxies.iter().map(|range| range.0).collect(),
            allowed_origins: http.allowed_origins.clone(),
            public_url: http.public_url.clone(),
            request_timeout: http.request_timeout,
        },
        files: api::FilesConfig {
            kind: match files.kind {
                FilesKind::Local => api::StorageKind::Local,
                FilesKind::S3 => api::StorageKind::S3,
            },
            path: files.path(&config.data_dir).display().to_string(),
            s3: api::S3Config {
                bucket: files.bucket.clone().unwrap_or_default(),
                region: Some(files.region.clone()),
                endpoint: files.endpoint.clone(),
                access_key_id: files.access_key_id.clone(),
                secret_access_key: files.secret_access_key.clone(),
                prefix: files.prefix.clone(),
            },
            unused_ttl: files.unused_ttl,
            upload_timeout: files.upload_timeout,
            max_uploads: files.max_uploads,
            max_user_uploads: files.max_user_uploads,
            max_pixels: files.max_pixels,
            max_decoding: files.max_decoding,
        },
        upkeep: config.api.upkeep.clone(),
        writer: config.api.writer.clone(),
        sweeper: config.api.sweeper.clone(),
        internal: config.api.internal.clone(),
        dialects: config.api.dialects.clone(),
    }
}

//! The api's store, as the configuration names it.

use std::sync::Arc;

use chapar_api::StoreError;
use chapar_api::store::{Store, StoreConfig, config};

use super::{Check, Stop};
use crate::config::Config;

/// Opens it; connects when it is first used.
///
/// # Errors
/// For a URL that cannot be read, or a folder that cannot be made.
pub(super) fn open(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let store = &config.store;
    config::open(&StoreConfig {
        url: store.url(&config.data_dir),
        max_connections: store.max_connections,
        acquire_timeout: store.acquire_timeout,
        lock_timeout: store.lock_timeout,
        statement_cache: store.statement_cache,
    })
}

/// Brings the database to this version's schema.
///
/// # Errors
/// When it cannot be reached or a migration fails.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let store = open(config)?;
    let result = store.migrate().await;
    store.close().await;
    Ok(result?)
}

/// Whether the database answers.
pub(super) fn check(store: &Arc<dyn Store>) -> Check {
    let store = Arc::clone(store);
    let ask = move || {
        let store = Arc::clone(&store);
        let ping = async move { store.ping().await.map_err(|_| "no answer".to_owned()) };
        Box::pin(ping) as futures_util::future::BoxFuture<'static, _>
    };
    ("store", Box::new(ask))
}

/// Closes its connections.
pub(super) fn close(store: Arc<dyn Store>) -> Stop {
    Box::new(move |_| Box::pin(async move { store.close().await }))
}

//! The api without listeners, for the administrator's commands.

use std::sync::Arc;
use std::time::Duration;

use chapar_api::Api;
use chapar_api::admin::Admin;
use chapar_shared::token::Keyring;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bus::Bus;
use super::{LAST_STEPS, Stop, api, end_tasks, store};
use crate::config::Config;

/// How long a command waits for the broker, which may be away: what it does is found without it too.
const LINK: Duration = Duration::from_secs(3);

/// An api node that serves nobody.
pub struct Office {
    api: Api,
    stopping: CancellationToken,
    last: Vec<Stop>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Office {
    /// What the administrator can do.
    pub fn admin(&self) -> &Admin {
        self.api.admin()
    }

    /// Publishes what is to be published and closes all connections.
    pub async fn close(self) {
        self.stopping.cancel();
        for step in self.last {
            step(LAST_STEPS).await;
        }
    }
}

/// Builds it from a configuration that was checked for the api role. The database of one process is brought to
/// its schema first, so that users can be made before the first start.
///
/// # Errors
/// What is behind it cannot be used.
pub async fn office(config: &Config) -> anyhow::Result<Office> {
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let bus = Bus::open(&config.broker, rand::random())?;
    // Else what a command publishes is lost, and sockets that it is to cut live on until that is found.
    bus.until_linked(LINK).await;
    let store = store::open(config)?;
    if config.broker.is_memory() {
        store.migrate().await?;
    }
    let tokens = &config.tokens;
    let keyring = Arc::new(Keyring::new(
        &tokens.keys,
        &tokens.issuer,
        &tokens.audience,
    )?);
    let api = api::build(config, Arc::clone(&store), &bus, keyring, &tasks, &stopping)?;
    Ok(Office {
        api,
        stopping,
        last: vec![end_tasks(tasks), store::close(store), bus.close],
    })
}

//! Who signs in: access tokens and the sessions behind them.

use std::fmt;
use std::sync::Arc;

use chapar_shared::token::{Claims, Keyring, TokenError};
use chapar_shared::{Code, SessionId, UserId};
use jsonwebtoken::jwk::JwkSet;
use moka::future::Cache;

use super::{Actor, Context};
use crate::config::SessionsConfig;
use crate::error::{Error, StoreError};

/// Registration, login, sessions. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    context: Context,
    keyring: Arc<Keyring>,
    config: SessionsConfig,
    /// The user of each session that was asked about within the last second, if it was live.
    live: Cache<SessionId, Option<UserId>>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

impl Accounts {
    /// Tokens are signed by `keyring`.
    pub fn new(context: Context, keyring: Arc<Keyring>, config: SessionsConfig) -> Self {
        let live = Cache::builder()
            .max_capacity(config.max_cached)
            .time_to_live(config.cache_ttl)
            .build();
        Self(Arc::new(Inner {
            context,
            keyring,
            config,
            live,
        }))
    }

    /// The public keys.
    pub fn keys(&self) -> JwkSet {
        self.0.keyring.jwks()
    }

    /// Who shows this access token. The session behind it was live within the last second.
    ///
    /// # Errors
    /// Refused `unauthenticated`, `token_expired`, `session_revoked`; store errors.
    pub async fn authenticate(&self, token: &str) -> Result<Actor, Error> {
        let Claims { user, session, .. } = self
            .0
            .keyring
            .verify(token, self.0.context.clock.now())
            .map_err(|error| match error {
                TokenError::Invalid => Code::Unauthenticated,
                TokenError::Expired => Code::TokenExpired,
            })?;
        if self.live_user(session).await? == Some(user) {
            Ok(Actor { user, session })
        } else {
            Err(Code::SessionRevoked.into())
        }
    }

    async fn live_user(&self, session: SessionId) -> Result<Option<UserId>, StoreError> {
        let store = &self.0.context.store;
        let ask = async {
            let found = store
                .live_session(session, self.0.context.clock.now())
                .await?;
            Ok(found.map(|found| found.user))
        };
        // Whoever waits for the same answer gets the same error.
        self.0
            .live
            .try_get_with(session, ask)
            .await
            .map_err(|error: Arc<StoreError>| match &*error {
                StoreError::Busy(_) => StoreError::Busy(error.into()),
                StoreError::Unavailable(_) => StoreError::Unavailable(error.into()),
                StoreError::Failed(_) => StoreError::Failed(error.into()),
            })
    }
}

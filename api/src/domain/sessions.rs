//! Device sessions: access tokens, and refresh tokens that are used once.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chapar_shared::protocol::objects as wire;
use chapar_shared::token::{Claims, Keyring, TokenError};
use chapar_shared::{Code, Problem, SessionId, Timestamp, UserId};
use jsonwebtoken::jwk::JwkSet;
use moka::future::Cache;
use secrecy::SecretString;

use super::refresh::{RefreshKey, Shown};
use super::{Actor, Context, present};
use crate::config::{DialectsConfig, SessionsConfig};
use crate::error::{Error, StoreError};
use crate::measures;
use crate::store::sessions::{NewSession, Revoke, Rotation, SessionRecord};
use crate::store::{Committed, Person, UserFact};

/// Opens, checks, renews and ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    context: Context,
    keyring: Arc<Keyring>,
    refresh: RefreshKey,
    config: SessionsConfig,
    dialect_ttl: Duration,
    cookie_ttl: Duration,
    /// The user of each session that was asked about within the last second, if it was live.
    live: Cache<SessionId, Option<UserId>>,
}

/// The device that signs in.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its `User-Agent`, cut.
    pub device: String,
    /// Its address, behind trusted proxies.
    pub address: IpAddr,
}

/// Whom the tokens of a sign-in are for, which decides how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Clients of the native protocol, which renew their access token while they are connected.
    Native,
    /// Clients of a dialect, which do not.
    Dialect,
    /// A browser, which holds a cookie besides: its session outlives the cookie.
    Browser,
}

/// What a browser is given to keep.
#[derive(Clone, Debug)]
pub struct CookieToken {
    /// An access token of the session.
    pub token: SecretString,
    /// How long it is good.
    pub lifetime: Duration,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    /// Access tokens are signed by `keyring`, refresh tokens derived from `secret`.
    pub fn new(
        context: Context,
        keyring: Arc<Keyring>,
        secret: &SecretString,
        config: SessionsConfig,
        dialects: &DialectsConfig,
    ) -> Self {
        let live = Cache::builder()
            .max_capacity(config.max_cached)
            .time_to_live(config.cache_ttl)
            .build();
        Self(Arc::new(Inner {
            context,
            keyring,
            refresh: RefreshKey::new(secret),
            config,
            dialect_ttl: dialects.token_lifetime,
            cookie_ttl: dialects.cookie_lifetime,
            live,
        }))
    }

    /// The public keys that verify access tokens.
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
        self.resume(user, session).await
    }

    /// Who acts by a session that was opened before, found live within the last second.
    ///
    /// # Errors
    /// Refused `session_revoked`; store errors.
    pub async fn resume(&self, user: UserId, session: SessionId) -> Result<Actor, Error> {
        if self.live_user(session).await? == Some(user) {
            Ok(Actor { user, session })
        } else {
            Err(Code::SessionRevoked.into())
        }
    }

    /// Those of many that must not act by their sessions, and why: as [`Sessions::resume`], with one question to the
    /// store.
    pub async fn dead(
        &self,
        named: &HashSet<(UserId, SessionId)>,
    ) -> HashMap<(UserId, SessionId), Problem> {
        let context = &self.0.context;
        let mut users: HashMap<SessionId, Option<UserId>> = HashMap::with_capacity(named.len());
        let mut unknown = Vec::new();
        for &(_, session) in named {
            match self.0.live.get(&session).await {
                Some(user) => drop(users.insert(session, user)),
                None => unknown.push(session),
            }
        }
        let mut failure = Problem::from(Code::Unavailable);
        if !unknown.is_empty() {
            let now = context.clock.now();
            match context.store.live_sessions(&unknown, now).await {
                Ok(found) => {
                    users.extend(unknown.iter().map(|&session| (session, None)));
                    users.extend(found.iter().map(|one| (one.id, Some(one.user))));
                }
                Err(error) => failure = Error::from(error).into_problem(),
            }
        }
        for session in unknown {
            if let Some(user) = users.get(&session) {
                self.0.live.insert(session, *user).await;
            }
        }
        let dead = named.iter().filter_map(|&(user, session)| {
            let problem = match users.get(&session) {
                Some(live) if *live == Some(user) => return None,
                Some(_) => Code::SessionRevoked.into(),
                None => failure.clone(),
            };
            Some(((user, session), problem))
        });
        dead.collect()
    }

    async fn live_user(&self, session: SessionId) -> Result<Option<UserId>, StoreError> {
        let context = &self.0.context;
        let ask = async {
            let found = context
                .store
                .live_sessions(&[session], context.clock.now())
                .await?;
            Ok(found.first().map(|found| found.user))
        };
        // Whoever waits for the same answer gets the same error.
        let answer: Result<_, Arc<StoreError>> = self.0.live.try_get_with(session, ask).await;
        answer.map_err(|error| match &*error {
            StoreError::Busy(_) => StoreError::Busy(error.into()),
            StoreError::Unavailable(_) => StoreError::Unavailable(error.into()),
            StoreError::Failed(_) => StoreError::Failed(error.into()),
        })
    }

    /// Opens a session for a user whose password was right.
    ///
    /// # Errors
    /// Store errors.
    pub async fn open(
        &self,
        person: &Person,
        origin: Origin,
        life: Life,
    ) -> Result<wire::Tokens, Error> {
        let now = self.0.context.clock.now();
        let session = NewSession {
            user: person.id,
            device: origin.device,
            address: origin.address.to_string(),
            salt: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()),
            at: now,
            expires: now.plus(self.session_ttl(life)),
        };
        let session = self.0.context.store.create_session(session).await?;
        tracing::info!(
            user.id = person.id.0,
            session.id = session.id.0,
            "signed in"
        );
        Ok(self.tokens(person, &session, life, now))
    }

    /// What a browser that acts by this session keeps: an access token as long-lived as its cookie, good only
    /// as long as the session is.
    pub fn cookie_token(&self, actor: Actor) -> CookieToken {
        let now = self.0.context.clock.now();
        let claims = Claims {
            user: actor.user,
            session: actor.session,
            expires: now.plus(self.0.cookie_ttl),
        };
        CookieToken {
            token: self.0.keyring.sign(&claims, now).into(),
            lifetime: self.0.cookie_ttl,
        }
    }

    fn access_ttl(&self, life: Life) -> Duration {
        match life {
            Life::Native => self.0.config.access_ttl,
            Life::Dialect | Life::Browser => self.0.dialect_ttl,
        }
    }

    /// No token of a session outlives it.
    fn session_ttl(&self, life: Life) -> Duration {
        let least = match life {
            Life::Native => Duration::ZERO,
            Life::Dialect => self.0.dialect_ttl,
            Life::Browser => self.0.dialect_ttl.max(self.0.cookie_ttl),
        };
        self.0.config.refresh_ttl.max(least)
    }

    /// The next pair of tokens for a refresh token.
    ///
    /// The direct predecessor of a token that was not yet used is taken for a short while and gives the same
    /// successor, for answers that were lost and for two tabs. Any other token that was used before is taken
    /// for stolen: its session ends, whoever holds it.
    ///
    /// # Errors
    /// Refused `invalid_refresh_token`; store errors.
    pub async fn refresh(&self, token: &str, life: Life) -> Result<wire::Tokens, Error> {
        self.renewed(token, life, false).await
    }

    /// A new access token for a refresh token that stays good, until its session ends: for clients that keep the
    /// one of their login, to which a rotation would look like the end of the session. A token that was rotated
    /// away is taken for stolen here too.
    ///
    /// # Errors
    /// As [`Sessions::refresh`].
    pub async fn renew(&self, token: &str, life: Life) -> Result<wire::Tokens, Error> {
        self.renewed(token, life, true).await
    }

    /// Whether a refresh token would be taken now. It stays as good as it is.
    ///
    /// # Errors
    /// Refused `invalid_refresh_token`; store errors.
    pub async fn check_refresh_token(&self, token: &str) -> Result<(), Error> {
        let shown = Shown::read(token).ok_or(Code::InvalidRefreshToken)?;
        let context = &self.0.context;
        let now = context.clock.now();
        let session = context
            .store
            .live_sessions(&[shown.session], now)
            .await?
            .pop();
        let session = session.ok_or(Code::InvalidRefreshToken)?;
        match self.rotation(&shown, &session, Life::Native, now)? {
            Rotation::Revoke => Err(Code::InvalidRefreshToken.into()),
            Rotation::Next { .. } | Rotation::Same => Ok(()),
        }
    }

    async fn renewed(&self, token: &str, life: Life, keeps: bool) -> Result<wire::Tokens, Error> {
        let shown = Shown::read(token).ok_or(Code::InvalidRefreshToken)?;
        let context = &self.0.context;
        let now = context.clock.now();
        let decide = |session: &SessionRecord| {
            let rotation = self.rotation(&shown, session, life, now)?;
            Ok(match rotation {
                Rotation::Next { .. } if keeps => Rotation::Same,
                other => other,
            })
        };
        let (session, committed) = context
            .store
            .rotate_session(shown.session, now, &decide)
            .await?;
        let Some(session) = session else {
            tracing::warn!(
                session.id = shown.session.0,
                "a used refresh token was shown again"
            );
            measures::refresh_reused();
            self.ended(&committed).await;
            return Err(Code::InvalidRefreshToken.into());
        };
        let user = context.store.user(session.user).await?;
        let user = user.ok_or(Code::InvalidRefreshToken)?;
        Ok(self.tokens(&user.person, &session, life, now))
    }

    fn rotation(
        &self,
        shown: &Shown,
        session: &SessionRecord,
        life: Life,
        now: Timestamp,
    ) -> Result<Rotation, Problem> {
        if !self.0.refresh.is_ours(shown, &session.salt) || shown.generation > session.generation {
            return Err(Code::InvalidRefreshToken.into());
        }
        let is_predecessor = shown.generation + 1 == session.generation;
        let is_in_time = now < session.rotated_at.plus(self.0.config.refresh_grace);
        Ok(if shown.generation == session.generation {
            Rotation::Next {
                // A cookie of the session may live longer than what is renewed here.
                expires: now.plus(self.session_ttl(life)).max(session.expires),
            }
        } else if is_predecessor && is_in_time {
            Rotation::Same
        } else {
            Rotation::Revoke
        })
    }

    fn tokens(
        &self,
        person: &Person,
        session: &SessionRecord,
        life: Life,
        now: Timestamp,
    ) -> wire::Tokens {
        let Inner {
            context,
            keyring,
            refresh,
            ..
        } = &*self.0;
        let access_ttl = self.access_ttl(life);
        let claims = Claims {
            user: person.id,
            session: session.id,
            expires: now.plus(access_ttl),
        };
        wire::Tokens {
            access_token: keyring.sign(&claims, now),
            refresh_token: refresh.token(session),
            token_type: "Bearer".to_owned(),
            expires_in: i64::try_from(access_ttl.as_secs()).unwrap_or(i64::MAX),
            user: present::own_user(person, &context.links),
        }
    }

    /// The caller's live sessions, newest first.
    ///
    /// # Errors
    /// Store errors.
    pub async fn list(&self, actor: Actor) -> Result<Vec<wire::Session>, Error> {
        let context = &self.0.context;
        let sessions = context
            .store
            .sessions(actor.user, context.clock.now())
            .await?;
        let present = |session: SessionRecord| wire::Session {
            id: session.id,
            device: session.device,
            address: session.address,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            current: session.id == actor.session,
        };
        Ok(sessions.into_iter().map(present).collect())
    }

    /// Ends sessions of a user and closes their sockets; `false` where there was none to end.
    ///
    /// # Errors
    /// Store errors.
    pub async fn revoke(&self, user: UserId, which: Revoke) -> Result<bool, Error> {
        let context = &self.0.context;
        let now = context.clock.now();
        let committed = context.store.revoke_sessions(user, which, now).await?;
        self.ended(&committed).await;
        Ok(!committed.users.is_empty())
    }

    /// Forgets what this node knows of sessions that ended, and tells the gateways.
    pub(crate) async fn ended(&self, committed: &Committed) {
        for fact in committed.users.iter().flat_map(|bump| &bump.facts) {
            match fact {
                UserFact::Revoked(sessions) => {
                    for session in sessions {
                        self.0.live.invalidate(session).await;
                    }
                }
                UserFact::Shut => self.0.live.invalidate_all(),
                _ => {}
            }
        }
        self.0.context.publisher.committed(committed, None).await;
    }
}

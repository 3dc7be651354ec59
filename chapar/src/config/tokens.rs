//! Section `tokens`.

use std::time::Duration;

use chapar_shared::token::Key;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::show;

/// Section `tokens`: what signs people in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensConfig {
    /// `iss` of access tokens; `chapar`.
    pub issuer: String,
    /// `aud` of access tokens; `chapar`.
    pub audience: String,
    /// How long an access token is good; `15m`. It is checked against its session all the same, so a long one
    /// costs safety only with services that verify by themselves.
    #[serde(with = "chapar_shared::duration")]
    pub access_ttl: Duration,
    /// How long somebody stays signed in without using it; `30d`.
    #[serde(with = "chapar_shared::duration")]
    pub refresh_ttl: Duration,
    /// How long the predecessor of a refresh token not yet used is still taken, for answers that were lost and
    /// for two tabs at once; `10s`. Longer: a thief has more time. `0s`: a lost answer signs the user out.
    #[serde(with = "chapar_shared::duration")]
    pub refresh_grace: Duration,
    /// What refresh tokens are made with: at least 32 bytes, the same on every api node. A new one signs
    /// everybody out.
    #[serde(serialize_with = "show::hidden")]
    pub refresh_secret: Option<SecretString>,
    /// The first signs, all verify: to rotate, put a new one before the old, and take the old one away after
    /// `access_ttl`. Each has `algorithm` (`HS256`, `EdDSA`, `ES256`), `id`, and `secret` (32 bytes or more) or
    /// `private_pem` and `public_pem`. In the environment: `CHAPAR_TOKENS__KEYS__0__ID` and so on.
    #[serde(serialize_with = "show::keys")]
    pub keys: Vec<Key>,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            issuer: "chapar".into(),
            audience: "chapar".into(),
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            refresh_grace: Duration::from_secs(10),
            refresh_secret: None,
            keys: Vec::new(),
        }
    }
}

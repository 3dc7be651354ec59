//! Section `tokens`.

use std::time::Duration;

use chapar_shared::token::Key;
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
            keys: Vec::new(),
        }
    }
}

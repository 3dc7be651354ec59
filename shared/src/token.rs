//! Access tokens: JWTs with a pinned algorithm, key ids and a rotation list.

use std::fmt;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{SessionId, Timestamp, UserId};

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whose.
    pub user: UserId,
    /// The device session it belongs to; revoking that ends the token too.
    pub session: SessionId,
    /// When it ends.
    pub expires: Timestamp,
}

/// One key of the ring: the first signs, all verify.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "algorithm", deny_unknown_fields)]
pub enum Key {
    /// A shared secret of at least 32 bytes.
    HS256 {
        /// The `kid` in the token's header.
        id: String,
        /// The secret, as text.
        secret: SecretString,
    },
    /// An Ed25519 key.
    EdDSA {
        /// The `kid` in the token's header.
        id: String,
        /// PKCS#8 PEM.
        private_pem: SecretString,
        /// PEM.
        public_pem: String,
    },
    /// A P-256 key.
    ES256 {
        /// The `kid` in the token's header.
        id: String,
        /// PKCS#8 PEM.
        private_pem: SecretString,
        /// PEM.
        public_pem: String,
    },
}

/// Why keys or tokens are not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Forged, of another issuer or audience, or not a token.
    #[error("invalid token")]
    Invalid,
    /// Good, but its time is over.
    #[error("token expired")]
    Expired,
}

/// Why a key ring cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There must be one to sign with.
    #[error("no key")]
    Empty,
    /// RFC 7518 §3.2 asks for as many bytes as the hash has.
    #[error("secret of key {0} is shorter than 32 bytes")]
    ShortSecret(String),
    /// Two keys of one id.
    #[error("key id {0} stands twice")]
    Duplicate(String),
    /// Not a key of its algorithm.
    #[error("key {id} cannot be read")]
    Unreadable {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
}

struct RingKey {
    id: String,
    algorithm: Algorithm,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// Signs and verifies access tokens. Cheap to share behind an `Arc`.
pub struct Keyring {
    keys: Vec<RingKey>,
    issuer: String,
    audience: String,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    sub: String,
    sid: i64,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

impl Keyring {
    /// A ring of `keys`; the first signs.
    ///
    /// # Errors
    /// [`KeyError`] for a key that cannot be used.
    pub fn new(keys: &[Key], issuer: &str, audience: &str) -> Result<Self, KeyError> {
        let keys = keys
            .iter()
            .map(|key| ring_key(key, issuer, audience))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|other| other.id == key.id) {
                return Err(KeyError::Duplicate(key.id.clone()));
            }
        }
        Ok(Self {
            keys,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        })
    }

    /// A signed token.
    ///
    /// # Panics
    /// Never: keys were read when the ring was built.
    pub fn sign(&self, claims: &Claims, now: Timestamp) -> String {
        let key = &self.keys[0];
        let mut header = Header::new(key.algorithm);
        header.kid = Some(key.id.clone());
        let wire = Wire {
            sub: claims.user.to_string(),
            sid: claims.session.0,
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            iat: now.as_secs(),
            exp: claims.expires.as_secs(),
        };
        jsonwebtoken::encode(&header, &wire, &key.encoding)
            .expect("the key was read when the ring was built")
    }

    /// The claims of a good token. The algorithm is the key's, never the header's (RFC 8725 §3.1).
    ///
    /// # Errors
    /// [`TokenError`]; expired is told only of a token that is good otherwise.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = match header.kid {
            Some(id) => self.keys.iter().find(|key| key.id == id),
            None => self.keys.first(),
        };
        let key = key.ok_or(TokenError::Invalid)?;
        let wire = jsonwebtoken::decode::<Wire>(token, &key.decoding, &key.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if wire.exp <= now.as_secs() {
            return Err(TokenError::Expired);
        }
        Ok(Claims {
            user: wire.sub.parse().map_err(|_| TokenError::Invalid)?,
            session: SessionId(wire.sid),
            expires: Timestamp::from_micros(
                wire.exp.checked_mul(1_000_000).ok_or(TokenError::Invalid)?,
            ),
        })
    }

    /// The public keys (RFC 7517), for services that verify by themselves; empty with shared secrets.
    pub fn jwks(&self) -> JwkSet {
        let public = self
            .keys
            .iter()
            .filter(|key| key.algorithm != Algorithm::HS256);
        let keys = public.filter_map(|key| {
            let mut jwk = Jwk::from_encoding_key(&key.encoding, key.algorithm).ok()?;
            jwk.common.key_id = Some(key.id.clone());
            Some(jwk)
        });
        JwkSet {
            keys: keys.collect(),
        }
    }
}

fn ring_key(key: &Key, issuer: &str, audience: &str) -> Result<RingKey, KeyError> {
    let (id, algorithm, keys) = match key {
        Key::HS256 { id, secret } => {
            let bytes = secret.expose_secret().as_bytes();
            if bytes.len() < 32 {
                return Err(KeyError::ShortSecret(id.clone()));
            }
            (
                id,
                Algorithm::HS256,
                Ok((
                    EncodingKey::from_secret(bytes),
                    DecodingKey::from_secret(bytes),
                )),
            )
        }
        Key::EdDSA {
            id,
            private_pem,
            public_pem,
        } => {
            let pair = EncodingKey::from_ed_pem(private_pem.expose_secret().as_bytes()).and_then(
                |private| Ok((private, DecodingKey::from_ed_pem(public_pem.as_bytes())?)),
            );
            (id, Algorithm::EdDSA, pair)
        }
        Key::ES256 {
            id,
            private_pem,
            public_pem,
        } => {
            let pair = EncodingKey::from_ec_pem(private_pem.expose_secret().as_bytes()).and_then(
                |private| Ok((private, DecodingKey::from_ec_pem(public_pem.as_bytes())?)),
            );
            (id, Algorithm::ES256, pair)
        }
    };
    let (encoding, decoding) = keys.map_err(|source| KeyError::Unreadable {
        id: id.clone(),
        source,
    })?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Expiry is compared with the clock that was passed in.
    validation.validate_exp = false;
    Ok(RingKey {
        id: id.clone(),
        algorithm,
        encoding,
        decoding,
        validation,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ring(secrets: &[(&str, &str)]) -> Keyring {
        jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
            .install_default()
            .ok();
        let keys: Vec<Key> = secrets
            .iter()
            .map(|(id, secret)| Key::HS256 {
                id: (*id).into(),
                secret: (*secret).into(),
            })
            .collect();
        Keyring::new(&keys, "chapar", "chapar").unwrap()
    }

    const OLD: (&str, &str) = ("1", "0123456789abcdef0123456789abcdef");
    const NEW: (&str, &str) = ("2", "fedcba9876543210fedcba9876543210");

    #[test]
    fn old_keys_verify_and_the_first_signs() {
        let now = Timestamp::from_micros(1_000_000_000_000);
        let claims = Claims {
            user: UserId(7),
            session: SessionId(9),
            expires: now.plus(Duration::from_mins(15)),
        };
        let token = ring(&[OLD]).sign(&claims, now);
        assert_eq!(ring(&[NEW, OLD]).verify(&token, now), Ok(claims.clone()));
        assert_eq!(ring(&[NEW]).verify(&token, now), Err(TokenError::Invalid));
        assert_eq!(
            ring(&[OLD]).verify(&token, claims.expires),
            Err(TokenError::Expired)
        );
        let other = Keyring::new(
            &[Key::HS256 {
                id: "1".into(),
                secret: OLD.1.into(),
            }],
            "other",
            "chapar",
        )
        .unwrap();
        assert_eq!(other.verify(&token, now), Err(TokenError::Invalid));
    }

    #[test]
    fn short_secrets_are_refused() {
        let key = Key::HS256 {
            id: "1".into(),
            secret: "short".into(),
        };
        assert!(matches!(
            Keyring::new(&[key], "a", "b"),
            Err(KeyError::ShortSecret(_))
        ));
    }
}

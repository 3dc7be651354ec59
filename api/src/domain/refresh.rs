//! Refresh tokens: opaque to clients, and never stored. A token is derived from a session, the number of its
//! generation and the session's salt with a key that is not in the database, so neither a copy of the
//! database nor an older token gives a newer one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chapar_shared::SessionId;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::store::sessions::SessionRecord;

const MAC_BYTES: usize = 32;

/// Makes and checks refresh tokens.
#[derive(Clone)]
pub(super) struct RefreshKey(Hmac<Sha256>);

/// A token as it was shown, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The session it names.
    pub(super) session: SessionId,
    /// The generation it names.
    pub(super) generation: i64,
    mac: [u8; MAC_BYTES],
}

impl RefreshKey {
    /// A key of its own, derived from the deployment's secret.
    pub(super) fn new(secret: &SecretString) -> Self {
        let mut derive = hmac(secret.expose_secret().as_bytes());
        derive.update(b"chapar refresh token");
        Self(hmac(&derive.finalize().into_bytes()))
    }

    /// The token of the session's present generation.
    pub(super) fn token(&self, session: &SessionRecord) -> String {
        let mac = self.mac(session.id, session.generation, &session.salt);
        let mut bytes = Vec::with_capacity(16 + MAC_BYTES);
        bytes.extend(session.id.0.to_be_bytes());
        bytes.extend(session.generation.to_be_bytes());
        bytes.extend(mac.finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether the shown token was made by us for the session with this salt.
    pub(super) fn is_ours(&self, shown: &Shown, salt: &str) -> bool {
        self.mac(shown.session, shown.generation, salt)
            .verify_slice(&shown.mac)
            .is_ok()
    }

    fn mac(&self, session: SessionId, generation: i64, salt: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&session.0.to_be_bytes());
        mac.update(&generation.to_be_bytes());
        mac.update(salt.as_bytes());
        mac
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl Shown {
    /// Reads a token's form; `None` for what is none of ours.
    pub(super) fn read(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (session, rest) = bytes.split_first_chunk::<8>()?;
        let (generation, mac) = rest.split_first_chunk::<8>()?;
        Some(Self {
            session: SessionId(i64::from_be_bytes(*session)),
            generation: i64::from_be_bytes(*generation),
            mac: mac.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use chapar_shared::{Timestamp, UserId};

    use super::*;

    fn session(id: i64, generation: i64, salt: &str) -> SessionRecord {
        let at = Timestamp::from_micros(0);
        SessionRecord {
            id: SessionId(id),
            user: UserId(1),
            device: String::new(),
            address: String::new(),
            salt: salt.to_owned(),
            generation,
            rotated_at: at,
            created_at: at,
            last_used_at: at,
            expires: at,
        }
    }

    #[test]
    fn a_token_is_good_only_for_its_session_generation_and_salt() {
        let key = RefreshKey::new(&"secret".into());
        let shown = Shown::read(&key.token(&session(7, 3, "salt"))).unwrap();
        assert_eq!((shown.session, shown.generation), (SessionId(7), 3));
        assert!(key.is_ours(&shown, "salt"));
        assert!(!key.is_ours(&shown, "other"));
        assert!(!RefreshKey::new(&"other".into()).is_ours(&shown, "salt"));
        let forged = Shown {
            generation: 4,
            ..shown
        };
        assert!(!key.is_ours(&forged, "salt"));
        for bad in ["", "!", "AAAA", &"A".repeat(200)] {
            assert_eq!(Shown::read(bad), None);
        }
    }
}

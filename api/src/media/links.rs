//! Signed, expiring addresses of files: the same for every viewer for a day, so that caches help.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chapar_shared::{AttachmentId, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::clock::Clock;

const DAY: i64 = 86_400;

/// Makes and checks addresses of files. Cheap to clone.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    key: Hmac<Sha256>,
    base: String,
    lifetime: Duration,
    clock: Clock,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links")
    }
}

impl Links {
    /// Addresses that begin with `base` (scheme and host, or nothing for relative ones), are signed with
    /// `secret` and live at least `lifetime`.
    pub fn new(secret: &SecretString, base: &str, lifetime: Duration, clock: Clock) -> Self {
        let key = Hmac::new_from_slice(secret.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length");
        Self(Arc::new(Inner {
            key,
            base: base.trim_end_matches('/').to_owned(),
            lifetime,
            clock,
        }))
    }

    /// The address of a file.
    pub fn file(&self, file: AttachmentId) -> String {
        self.address("files", file)
    }

    /// The address of an image's thumbnail.
    pub fn thumbnail(&self, file: AttachmentId) -> String {
        self.address("thumbnails", file)
    }

    /// When an address made now ends; one made a little later may end a day later.
    pub fn end(&self) -> Timestamp {
        Timestamp::from_micros(self.expires() * 1_000_000)
    }

    /// Rounded up to a whole day: the same address for everybody all day long.
    fn expires(&self) -> i64 {
        (self.0.clock.now().plus(self.0.lifetime).as_secs() / DAY + 1) * DAY
    }

    fn address(&self, kind: &str, file: AttachmentId) -> String {
        let expires = self.expires();
        let signature =
            URL_SAFE_NO_PAD.encode(self.signed(kind, file, expires).finalize().into_bytes());
        format!(
            "{}/v1/{kind}/{file}?expires={expires}&signature={signature}",
            self.0.base
        )
    }

    /// Whether an address of `kind` (`files`, `thumbnails`) is one of ours and has not expired.
    pub fn is_good(&self, kind: &str, file: AttachmentId, expires: i64, signature: &str) -> bool {
        self.0.clock.now() < Timestamp::from_micros(expires.saturating_mul(1_000_000))
            && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| {
                self.signed(kind, file, expires)
                    .verify_slice(&bytes)
                    .is_ok()
            })
    }

    fn signed(&self, kind: &str, file: AttachmentId, expires: i64) -> Hmac<Sha256> {
        let mut mac = self.0.key.clone();
        mac.update(format!("{kind}/{file}/{expires}").as_bytes());
        mac
    }
}

//! How often a password may be guessed: only failures count, by account and address together and by account.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chapar_broker::{Demand, Verdict};
use chapar_shared::text::identity;
use chapar_shared::{Problem, UserId};
use sha2::{Digest, Sha256};

use super::Context;
use crate::error::Error;
use crate::measures::{self, Login};

/// The buckets of one account seen from one address.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    context: &'a Context,
    demands: Vec<Demand>,
}

impl<'a> Attempts<'a> {
    /// For an account that was found, or for the name under which there is none. An account's names share its
    /// buckets.
    pub(super) fn new(
        context: &'a Context,
        found: Option<UserId>,
        login: &str,
        address: IpAddr,
    ) -> Self {
        let account = match found {
            Some(user) => format!("u{user}"),
            // Hashed, since it may be long and is somebody's typing.
            None => format!(
                "n{}",
                URL_SAFE_NO_PAD.encode(Sha256::digest(identity(login)))
            ),
        };
        let demands = vec![
            Demand {
                key: format!("login:{account}:{}", network(address)),
                bucket: context.limits.login_account_address,
            },
            Demand {
                key: format!("login:{account}"),
                bucket: context.limits.login_account,
            },
        ];
        Self { context, demands }
    }

    /// Whether there may be another guess now.
    ///
    /// # Errors
    /// Refused `rate_limited`.
    pub(super) async fn check(&self) -> Result<(), Error> {
        for demand in &self.demands {
            if let Verdict::Limited { retry_after } = self.context.limiter.peek(demand).await {
                measures::login(Login::Limited);
                return Err(Problem::rate_limited(retry_after).into());
            }
        }
        Ok(())
    }

    /// The password was right.
    #[expect(clippy::unused_self, reason = "it is these attempts that end")]
    pub(super) fn succeed(self) {
        measures::login(Login::Good);
    }

    /// Counts a wrong guess.
    pub(super) async fn fail(&self) {
        measures::login(Login::Bad);
        // Each bucket by itself: one that is empty by now must not save the other.
        let groups: Vec<_> = self.demands.iter().cloned().map(|one| vec![one]).collect();
        self.context.limiter.take(&groups).await;
    }
}

/// What one client holds: a single IPv4 address, but 2^64 of IPv6.
pub(super) fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
    }
}

//! Accounts: registration and login.

use std::net::IpAddr;

use chapar_broker::{Demand, Verdict};
use chapar_shared::problem::Violations;
use chapar_shared::protocol::objects as wire;
use chapar_shared::{Code, Limits, Problem, Violation, text};

use super::attempts::{Attempts, network};
use super::sessions::{Life, Origin};
use super::{Context, Passwords, Sessions};
use crate::error::Error;
use crate::measures;
use crate::store::users::{NewUser, UserRecord};

/// Registration and login. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    context: Context,
    passwords: Passwords,
    sessions: Sessions,
}

/// An account to make, not yet checked.
#[derive(Clone, Debug)]
pub struct Registration {
    /// 1 to 64 characters.
    pub username: String,
    /// 8 to 128 characters.
    pub password: String,
    /// Needed by nobody.
    pub email: Option<String>,
    /// The username where there is none.
    pub display_name: Option<String>,
}

impl Accounts {
    /// Over this context.
    pub fn new(context: Context, passwords: Passwords, sessions: Sessions) -> Self {
        Self {
            context,
            passwords,
            sessions,
        }
    }

    /// Makes an account and signs in.
    ///
    /// # Errors
    /// Refused `invalid`, `username_taken`, `email_taken`, `rate_limited`, `unavailable`; failures of ours.
    pub async fn register(
        &self,
        registration: Registration,
        origin: Origin,
        life: Life,
    ) -> Result<wire::Tokens, Error> {
        let user = self.enrol(registration, origin.address).await?;
        self.sessions.open(&user.person, origin, life).await
    }

    /// Makes an account without signing in.
    ///
    /// # Errors
    /// As [`Accounts::register`].
    pub async fn enrol(
        &self,
        registration: Registration,
        address: IpAddr,
    ) -> Result<UserRecord, Error> {
        let clean = Clean::check(registration, &self.context.limits)?;
        self.count_registration(address).await?;
        self.create(clean).await
    }

    /// Makes an account for the administrator, who is not counted.
    ///
    /// # Errors
    /// As [`Accounts::register`], without `rate_limited`.
    pub async fn create_user(&self, registration: Registration) -> Result<UserRecord, Error> {
        self.create(Clean::check(registration, &self.context.limits)?)
            .await
    }

    async fn create(&self, clean: Clean) -> Result<UserRecord, Error> {
        // Before the hash, which costs far more than asking; the store has the last word.
        if self
            .context
            .store
            .user_by_name(&clean.username)
            .await?
            .is_some()
        {
            return Err(Code::UsernameTaken.into());
        }
        let password_hash = self.passwords.turn().await?.hash(&clean.password).await?;
        let user = NewUser {
            username: clean.username,
            email: clean.email,
            display_name: clean.display_name,
            password_hash,
            at: self.context.clock.now(),
        };
        let user = self.context.store.create_user(user).await?;
        measures::registered();
        tracing::info!(user.id = user.person.id.0, "registered");
        Ok(user)
    }

    async fn count_registration(&self, address: IpAddr) -> Result<(), Error> {
        let demand = Demand {
            key: format!("register:{}", network(address)),
            bucket: self.context.limits.registrations,
        };
        let verdicts = self.context.limiter.take(&[vec![demand]]).await;
        match verdicts.first() {
            Some(Verdict::Limited { retry_after }) => {
                Err(Problem::rate_limited(*retry_after).into())
            }
            _ => Ok(()),
        }
    }

    /// Signs in by username or e-mail. Whether there is such a user shows neither in the answer nor in the
    /// time it takes.
    ///
    /// # Errors
    /// Refused `invalid_credentials`, `rate_limited`, `unavailable`; failures of ours.
    pub async fn login(
        &self,
        login: &str,
        password: &str,
        origin: Origin,
        life: Life,
    ) -> Result<wire::Tokens, Error> {
        let user = self.context.store.user_by_name(login.trim()).await?;
        let found = user.as_ref().map(|user| user.person.id);
        let attempts = Attempts::new(&self.context, found, login, origin.address);
        attempts.check().await?;
        let turn = self.passwords.turn().await?;
        // Others may have failed while this one waited for its turn.
        attempts.check().await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let verdict = turn.verify(password, hash).await?;
        let Some(user) = user.filter(|user| verdict.is_good && !user.is_banned) else {
            attempts.fail().await;
            return Err(Code::InvalidCredentials.into());
        };
        attempts.succeed();
        if let Some(renewed) = verdict.renewed {
            let before = &user.password_hash;
            self.context
                .store
                .renew_password_hash(user.person.id, before, &renewed)
                .await?;
        }
        self.sessions.open(&user.person, origin, life).await
    }
}

/// A registration whose texts are clean.
struct Clean {
    username: String,
    password: String,
    email: Option<String>,
    display_name: String,
}

impl Clean {
    fn check(registration: Registration, limits: &Limits) -> Result<Self, Problem> {
        let mut violations = Violations::default();
        let username = violations.check("username", username(&registration.username, limits));
        violations.check("password", password(&registration.password, limits));
        let email = registration.email.as_deref();
        let email = email.map(|email| violations.check("email", text::email(email)));
        let shown = registration.display_name.as_deref().unwrap_or_default();
        let shown = violations.check("display_name", display_name(shown, limits));
        violations.finish()?;
        let username = username.unwrap_or_default();
        Ok(Self {
            display_name: shown.flatten().unwrap_or_else(|| username.clone()),
            username,
            password: registration.password,
            email: email.flatten(),
        })
    }
}

fn username(username: &str, limits: &Limits) -> Result<String, Violation> {
    let username = text::username(username, limits.max_username)?;
    // By this name deleted users are shown.
    let is_reserved = text::identity(&username)
        .strip_prefix("deleted-")
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    if is_reserved {
        Err(Violation::Format)
    } else {
        Ok(username)
    }
}

/// Whether a new password is of an acceptable length.
pub(crate) fn password(password: &str, limits: &Limits) -> Result<(), Violation> {
    match password.chars().count() {
        count if count < limits.min_password => Err(Violation::TooShort {
            min: limits.min_password as u64,
        }),
        count if count > limits.max_password => Err(Violation::TooLong {
            max: limits.max_password as u64,
        }),
        _ => Ok(()),
    }
}

/// A display name on one line; `None` for an empty one.
pub(super) fn display_name(name: &str, limits: &Limits) -> Result<Option<String>, Violation> {
    let name = text::label(name, limits.max_name)?;
    if name.contains('\n') {
        return Err(Violation::Characters);
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

//! People: oneself and others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use chapar_shared::problem::Violations;
use chapar_shared::protocol::objects as wire;
use chapar_shared::{AttachmentId, Code, Problem, Timestamp, UserId, Violation, text};

use super::attempts::Attempts;
use super::{Actor, Context, Passwords, Sessions, accounts, present};
use crate::error::Error;
use crate::store::users::{UserPatch, UserRecord};
use crate::store::{Page, Person, Store};

mod named;

pub use named::Naming;

/// Profiles, search, presence. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Users {
    context: Context,
    passwords: Passwords,
    sessions: Sessions,
}

/// What to change of oneself, not yet checked; `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    /// Empty: the username.
    pub display_name: Option<String>,
    /// First name apart, as some systems have it. Empty: none.
    pub first_name: Option<String>,
    /// The same of the last name. Where either is given and `display_name` is not, that becomes both together.
    pub last_name: Option<String>,
    /// `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// An uploaded image of one's own; `Some(None)` removes it.
    pub avatar: Option<Option<AttachmentId>>,
    /// A new password; all other sessions end.
    pub password: Option<String>,
    /// Needed with a new password.
    pub current_password: Option<String>,
}

/// Who of some people is online.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presences {
    /// By id.
    pub online: Vec<UserId>,
    /// Of those who are not, where it is known.
    pub last_seen: BTreeMap<UserId, Timestamp>,
}

impl Users {
    /// Over this context.
    pub fn new(context: Context, passwords: Passwords, sessions: Sessions) -> Self {
        Self {
            context,
            passwords,
            sessions,
        }
    }

    /// The caller.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn me(&self, actor: Actor) -> Result<wire::OwnUser, Error> {
        let user = self.context.store.user(actor.user).await?;
        let user = user.ok_or(Code::UserNotFound)?;
        Ok(present::own_user(&user.person, &self.context.links))
    }

    /// A user; a deleted one is not there.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn user(&self, user: UserId) -> Result<wire::User, Error> {
        let user = self.context.store.user(user).await?;
        let user = user.filter(|user| !user.is_deleted);
        let user = user.ok_or(Code::UserNotFound)?;
        Ok(present::user(&user.person, &self.context.links))
    }

    /// The caller with what only dialects show of oneself.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn own(&self, actor: Actor) -> Result<UserRecord, Error> {
        let user = self.context.store.user(actor.user).await?;
        user.ok_or_else(|| Code::UserNotFound.into())
    }

    /// The user of a username, in any spelling that is taken for the same; a deleted one is not there.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn by_username(&self, username: &str) -> Result<Person, Error> {
        of_username(&self.context.store, username).await
    }

    /// Users whose username or display name holds `query`, Arabic and Persian letters alike.
    ///
    /// # Errors
    /// Refused `invalid`; store errors.
    pub async fn search(
        &self,
        query: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<wire::User, UserId>, Error> {
        let max = self.context.limits.max_name;
        if query.chars().count() > max {
            return Err(Problem::invalid("q", Violation::TooLong { max: max as u64 }).into());
        }
        let key = text::search_key(query);
        let page = self.context.store.search_users(&key, after, limit).await?;
        let present = |person: &Person| present::user(person, &self.context.links);
        Ok(Page {
            items: page.items.iter().map(present).collect(),
            next: page.next,
        })
    }

    /// Changes the caller's profile. A new password ends all their other sessions.
    ///
    /// # Errors
    /// Refused `invalid`, `email_taken`, `rate_limited` (wrong current passwords), `unavailable`; failures of
    /// ours.
    pub async fn update(
        &self,
        actor: Actor,
        patch: ProfilePatch,
        address: IpAddr,
    ) -> Result<wire::OwnUser, Error> {
        let limits = &self.context.limits;
        let store = &self.context.store;
        let mut violations = Violations::default();
        let display_name = patch
            .display_name
            .map(|name| violations.check("display_name", accounts::display_name(&name, limits)));
        let given = |name: &Option<String>, field, violations: &mut Violations| {
            let name = name.as_deref()?;
            violations.check(field, accounts::display_name(name, limits))
        };
        let first_name = given(&patch.first_name, "first_name", &mut violations);
        let last_name = given(&patch.last_name, "last_name", &mut violations);
        let email = match patch.email {
            Some(Some(email)) => violations.check("email", text::email(&email)).map(Some),
            removed_or_kept => removed_or_kept,
        };
        if let Some(password) = &patch.password {
            violations.check("password", accounts::password(password, limits));
            if patch.current_password.is_none() {
                violations.add("current_password", Violation::Required);
            }
        }
        violations.finish()?;

        let user = store.user(actor.user).await?.ok_or(Code::UserNotFound)?;
        let password_hash = match (&patch.password, &patch.current_password) {
            (Some(password), Some(current)) => {
                self.verify(actor, current, &user.password_hash, address)
                    .await?;
                Some(self.passwords.turn().await?.hash(password).await?)
            }
            _ => None,
        };
        let first_name = first_name.map(Option::unwrap_or_default);
        let last_name = last_name.map(Option::unwrap_or_default);
        let display_name = match display_name.flatten() {
            None if first_name.is_some() || last_name.is_some() => {
                let first = first_name.as_ref().unwrap_or(&user.first_name);
                let last = last_name.as_ref().unwrap_or(&user.last_name);
                let both: String = format!("{first} {last}")
                    .trim()
                    .chars()
                    .take(limits.max_name)
                    .collect();
                Some(Some(both.trim_end().to_owned()).filter(|name| !name.is_empty()))
            }
            given => given,
        };
        let patch = UserPatch {
            display_name: display_name
                .map(|name| name.unwrap_or_else(|| user.person.username.clone())),
            first_name,
            last_name,
            email,
            avatar: patch.avatar,
            password_hash,
            keep_session: Some(actor.session),
        };
        let now = self.context.clock.now();
        let (user, committed) = store.update_user(actor.user, patch, now).await?;
        self.sessions.ended(&committed).await;
        Ok(present::own_user(&user.person, &self.context.links))
    }

    async fn verify(
        &self,
        actor: Actor,
        password: &str,
        hash: &str,
        address: IpAddr,
    ) -> Result<(), Error> {
        let attempts = Attempts::new(&self.context, Some(actor.user), "", address);
        attempts.check().await?;
        let turn = self.passwords.turn().await?;
        attempts.check().await?;
        if turn.verify(password, Some(hash)).await?.is_good {
            attempts.succeed();
            Ok(())
        } else {
            attempts.fail().await;
            Err(Problem::invalid("current_password", Violation::Wrong).into())
        }
    }

    /// Who of `users` is online, of those with whom the caller shares a room; others are left out as if they did
    /// not exist.
    ///
    /// # Errors
    /// Refused `invalid`, `unavailable`; store errors.
    pub async fn presence(&self, actor: Actor, users: &[UserId]) -> Result<Presences, Error> {
        let max = self.context.limits.max_watched;
        if users.len() > max {
            return Err(Problem::invalid("users", Violation::TooMany { max: max as u64 }).into());
        }
        let known = self.context.store.acquainted(actor.user, users).await?;
        let states = self.context.presence.states(&known).await;
        let states = states.map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "presence is not known"
            );
            Code::Unavailable
        })?;
        let mut presences = Presences::default();
        for (user, state) in states {
            if state.is_online {
                presences.online.push(user);
            } else if let Some(at) = state.last_seen {
                presences.last_seen.insert(user, at);
            }
        }
        presences.online.sort_unstable();
        Ok(presences)
    }
}

/// The user of a username; a deleted one is not there.
pub(super) async fn of_username(store: &Arc<dyn Store>, username: &str) -> Result<Person, Error> {
    let username = username.trim();
    let found = store.user_by_name(username).await?;
    // The store finds people by e-mail too, which is not for everybody to ask.
    let is_meant = |person: &Person| text::identity(&person.username) == text::identity(username);
    let found = found.map(|user| user.person).filter(is_meant);
    found.ok_or_else(|| Code::UserNotFound.into())
}

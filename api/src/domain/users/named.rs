//! Users by what people call them.

use chapar_shared::{Code, Problem, UserId, Violation};

use super::Users;
use crate::error::Error;
use crate::store::Person;

/// Somebody, as a request may name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By id.
    Id(UserId),
    /// By username.
    Username(String),
    /// By username or e-mail, where people show each other their e-mails.
    Name(String),
}

impl Users {
    /// The user of a username or an e-mail.
    ///
    /// # Errors
    /// Refused `user_not_found`; store errors.
    pub async fn by_name(&self, name: &str) -> Result<Person, Error> {
        let found = self.context.store.user_by_name(name.trim()).await?;
        Ok(found.ok_or(Code::UserNotFound)?.person)
    }

    /// The ids of people whom a room is to be made with, in order, each once. Whether an id is somebody's, the
    /// making of the room tells.
    ///
    /// # Errors
    /// Refused `invalid` with `members`: `too_many` (more than a room begins with, and its maker), `unknown`; store
    /// errors.
    pub async fn named(&self, people: &[Naming]) -> Result<Vec<UserId>, Error> {
        let max = self.context.limits.max_initial_members;
        if people.len() > max + 1 {
            let max = max as u64;
            return Err(Problem::invalid("members", Violation::TooMany { max }).into());
        }
        let mut ids = Vec::with_capacity(people.len());
        for one in people {
            let found = match one {
                Naming::Id(id) => Ok(*id),
                Naming::Username(name) => self.by_username(name).await.map(|person| person.id),
                Naming::Name(name) => self.by_name(name).await.map(|person| person.id),
            };
            let id = found.map_err(|error| match error {
                Error::Refused(problem) if problem.code == Code::UserNotFound => {
                    Problem::invalid("members", Violation::Unknown).into()
                }
                other => other,
            })?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

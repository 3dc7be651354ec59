//! Raising users' versions: once for each user in a transaction, after every other lock.

use std::collections::BTreeMap;

use chapar_shared::{Timestamp, UserId};

use super::db::{Conn, any, ids, locked};
use crate::error::StoreError;
use crate::store::records::{UserBump, UserFact};

/// What a transaction changed for users, gathered while it runs.
#[derive(Debug, Default)]
pub(super) struct Facts(BTreeMap<UserId, Vec<UserFact>>);

impl Facts {
    /// Notes something for a user, after what was noted before.
    pub(super) fn add(&mut self, user: UserId, fact: UserFact) {
        self.0.entry(user).or_default().push(fact);
    }

    /// Raises the version of each of them by one, in the order of their ids, so that transactions that meet
    /// here wait and do not deadlock. Comes after the rooms' locks and is the last statement but the commit.
    pub(super) async fn raise(
        self,
        conn: &mut Conn,
        at: Timestamp,
    ) -> Result<Vec<UserBump>, StoreError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let users = || ids(self.0.keys().map(|user| user.0));
        // Two statements. A single one with the lock in a subquery updates from the rows as they were before it
        // waited: it then queues at the old version of a row behind who holds its place there and waits for the
        // new version, which is locked here. Postgres ends that as a deadlock.
        sqlx::query(concat!(
            "SELECT id FROM users WHERE id ",
            any!("$1"),
            " ORDER BY id",
            locked!()
        ))
        .bind(users())
        .fetch_all(&mut *conn)
        .await?;
        let versions: BTreeMap<i64, i64> = sqlx::query_as(concat!(
            "UPDATE users SET version = version + 1, changed_at = $1 WHERE id ",
            any!("$2"),
            " RETURNING id, version"
        ))
        .bind(at.as_micros())
        .bind(users())
        .fetch_all(conn)
        .await?
        .into_iter()
        .collect();
        let bump = |(user, facts): (UserId, Vec<UserFact>)| {
            let version = *versions.get(&user.0)?;
            Some(UserBump {
                user,
                version,
                facts,
            })
        };
        Ok(self.0.into_iter().filter_map(bump).collect())
    }
}

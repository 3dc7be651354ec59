//! Users and their names: the statements.

use async_trait::async_trait;
use chapar_shared::text::{identity, search_key};
use chapar_shared::{AttachmentId, Code, Problem, Timestamp, UserId, Violation};

use super::bumps::Facts;
use super::db::{Conn, Store, holds, locked};
use super::sessions::{self, ended};
use crate::error::{Error, StoreError};
use crate::store::records::{Committed, Page, Person, UserFact};
use crate::store::rows::{PersonRow, person_columns};
use crate::store::sessions::Revoke;
use crate::store::users::{NewUser, UserPatch, UserRecord, Users};

#[derive(sqlx::FromRow)]
struct UserRow {
    #[sqlx(flatten)]
    person: PersonRow,
    first_name: String,
    last_name: String,
    password_hash: String,
    is_banned: i64,
    deleted_at: Option<i64>,
    version: i64,
    created_at: i64,
}

impl From<UserRow> for UserRecord {
    fn from(row: UserRow) -> Self {
        Self {
            person: row.person.into(),
            first_name: row.first_name,
            last_name: row.last_name,
            password_hash: row.password_hash,
            is_banned: row.is_banned == 1,
            is_deleted: row.deleted_at.is_some(),
            version: row.version,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

macro_rules! users {
    () => {
        concat!(
            "SELECT ",
            person_columns!("u"),
            ", u.first_name, u.last_name, u.password_hash, u.is_banned, u.deleted_at, u.version, u.created_at FROM users u "
        )
    };
}

/// Whose name it is, as `user_names.kind` has it.
const USERNAME: &str = "username";
const EMAIL: &str = "email";

#[async_trait]
impl Users for Store {
    async fn create_user(&self, user: NewUser) -> Result<UserRecord, Error> {
        let mut tx = self.begin_write().await?;
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO users (username, display_name, email, search_key, password_hash, changed_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
        )
        .bind(&user.username)
        .bind(&user.display_name)
        .bind(&user.email)
        .bind(keys(&user.username, &user.display_name))
        .bind(&user.password_hash)
        .bind(user.at.as_micros())
        .fetch_one(&mut *tx)
        .await?;
        let username = identity(&user.username);
        let email = user.email.as_deref().map(identity);
        let mut names = vec![(username.clone(), USERNAME)];
        // Somebody's username may be their own e-mail; then it stands once.
        names.extend(
            email
                .filter(|email| *email != username)
                .map(|email| (email, EMAIL)),
        );
        // In the order of names, so that registrations that want each other's names wait and do not deadlock.
        names.sort_unstable();
        for (name, kind) in names {
            take_name(&mut tx, UserId(id), &name, kind).await?;
        }
        let record = read(&mut tx, UserId(id)).await?;
        tx.commit().await?;
        record.ok_or_else(|| Code::UserNotFound.into())
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as(concat!(users!(), "WHERE u.id = $1"))
            .bind(user.0)
            .fetch_optional(self.reader())
            .await?;
        Ok(row.map(UserRecord::from))
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        // Postgres keeps no NUL, so nobody has such a name.
        if name.contains('\0') {
            return Ok(None);
        }
        let row: Option<UserRow> = sqlx::query_as(concat!(
            users!(),
            "JOIN user_names n ON n.user_id = u.id WHERE n.name = $1 AND u.deleted_at IS NULL"
        ))
        .bind(identity(name))
        .fetch_optional(self.reader())
        .await?;
        Ok(row.map(UserRecord::from))
    }

    async fn search_users(
        &self,
        query: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<Person, UserId>, StoreError> {
        // Walks the primary key until the page is full: for a rare text that is the whole table.
        let rows: Vec<PersonRow> = sqlx::query_as(concat!(
            "SELECT ",
            person_columns!("u"),
            " FROM users u WHERE u.id > $2 AND u.is_banned = 0 AND u.deleted_at IS NULL AND ",
            holds!("u.search_key", "$1"),
            " ORDER BY u.id LIMIT $3"
        ))
        .bind(query)
        .bind(after.map_or(0, |user| user.0))
        .bind(i64::from(limit) + 1)
        .fetch_all(self.reader())
        .await?;
        let people = rows.into_iter().map(Person::from).collect();
        Ok(Page::cut(people, limit, |person: &Person| person.id))
    }

    async fn list_users(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<UserRecord, UserId>, StoreError> {
        let rows: Vec<UserRow> =
            sqlx::query_as(concat!(users!(), "WHERE u.id > $1 ORDER BY u.id LIMIT $2"))
                .bind(after.map_or(0, |user| user.0))
                .bind(i64::from(limit) + 1)
                .fetch_all(self.reader())
                .await?;
        let users = rows.into_iter().map(UserRecord::from).collect();
        Ok(Page::cut(users, limit, |user: &UserRecord| user.person.id))
    }

    async fn update_user(
        &self,
        user: UserId,
        patch: UserPatch,
        at: Timestamp,
    ) -> Result<(UserRecord, Committed), Error> {
        let mut tx = self.begin_write().await?;
        let mut facts = Facts::default();
        // Sessions are locked before users everywhere.
        if patch.password_hash.is_some() {
            let which = patch.keep_session.map_or(Revoke::All, Revoke::AllBut);
            ended(
                &mut facts,
                user,
                sessions::end(&mut tx, user, which, at).await?,
            );
        }
        if let Some(Some(avatar)) = patch.avatar {
            check_avatar(&mut tx, user, avatar).await?;
        }
        let row: Option<UserRow> = sqlx::query_as(concat!(
            users!(),
            "WHERE u.id = $1 AND u.deleted_at IS NULL",
            locked!("u")
        ))
        .bind(user.0)
        .fetch_optional(&mut *tx)
        .await?;
        let before = UserRecord::from(row.ok_or(Code::UserNotFound)?);
        if let Some(email) = &patch.email {
            change_email(&mut tx, &before.person, email.as_deref()).await?;
        }
        let person = &before.person;
        let display_name = patch.display_name.as_ref().unwrap_or(&person.display_name);
        let avatar = patch.avatar.unwrap_or(person.avatar);
        sqlx::query(
            "UPDATE users SET display_name = $2, search_key = $3, email = $4, avatar_id = $5, password_hash = $6,
                 first_name = $7, last_name = $8
             WHERE id = $1",
        )
        .bind(user.0)
        .bind(display_name)
        .bind(keys(&person.username, display_name))
        .bind(patch.email.as_ref().unwrap_or(&person.email))
        .bind(avatar.map(|file| file.0))
        .bind(patch.password_hash.as_ref().unwrap_or(&before.password_hash))
        .bind(patch.first_name.as_ref().unwrap_or(&before.first_name))
        .bind(patch.last_name.as_ref().unwrap_or(&before.last_name))
        .execute(&mut *tx)
        .await?;
        let committed = Committed {
            users: facts.raise(&mut tx, at).await?,
            ..Committed::default()
        };
        let record = read(&mut tx, user).await?.ok_or(Code::UserNotFound)?;
        tx.commit().await?;
        Ok((record, committed))
    }

    async fn renew_password_hash(
        &self,
        user: UserId,
        before: &str,
        after: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
            .bind(user.0)
            .bind(before)
            .bind(after)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn set_banned(
        &self,
        user: UserId,
        is_banned: bool,
        at: Timestamp,
    ) -> Result<Committed, Error> {
        let mut tx = self.begin_write().await?;
        if is_banned {
            sessions::end(&mut tx, user, Revoke::All, at).await?;
        }
        let before: Option<(i64,)> = sqlx::query_as(concat!(
            "SELECT is_banned FROM users WHERE id = $1 AND deleted_at IS NULL",
            locked!()
        ))
        .bind(user.0)
        .fetch_optional(&mut *tx)
        .await?;
        let (before,) = before.ok_or(Code::UserNotFound)?;
        if before == i64::from(is_banned) {
            return Ok(Committed::default());
        }
        sqlx::query("UPDATE users SET is_banned = $2 WHERE id = $1")
            .bind(user.0)
            .bind(i64::from(is_banned))
            .execute(&mut *tx)
            .await?;
        let mut facts = Facts::default();
        if is_banned {
            facts.add(user, UserFact::Shut);
        }
        let users = facts.raise(&mut tx, at).await?;
        tx.commit().await?;
        Ok(Committed {
            users,
            ..Committed::default()
        })
    }

    async fn delete_user(&self, user: UserId, at: Timestamp) -> Result<Committed, Error> {
        let mut tx = self.begin_write().await?;
        sessions::end(&mut tx, user, Revoke::All, at).await?;
        // Devices and addresses are personal data too.
        sqlx::query("UPDATE sessions SET device = '', address = '' WHERE user_id = $1")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        let gone = sqlx::query(
            "UPDATE users SET username = $2, display_name = $2, email = NULL, search_key = '', avatar_id = NULL,
                 first_name = '', last_name = '', password_hash = '', deleted_at = $3
             WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(user.0)
        .bind(format!("deleted-{user}"))
        .bind(at.as_micros())
        .execute(&mut *tx)
        .await?;
        if gone.rows_affected() == 0 {
            return Err(Code::UserNotFound.into());
        }
        sqlx::query("DELETE FROM user_names WHERE user_id = $1")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        let mut facts = Facts::default();
        facts.add(user, UserFact::Shut);
        let users = facts.raise(&mut tx, at).await?;
        tx.commit().await?;
        Ok(Committed {
            users,
            ..Committed::default()
        })
    }
}

/// What users are searched by.
fn keys(username: &str, display_name: &str) -> String {
    format!("{} {}", search_key(username), search_key(display_name))
}

async fn read(conn: &mut Conn, user: UserId) -> Result<Option<UserRecord>, StoreError> {
    let row: Option<UserRow> = sqlx::query_as(concat!(users!(), "WHERE u.id = $1"))
        .bind(user.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(UserRecord::from))
}

/// Takes a name if nobody has it. Waits for a transaction that is about to take it.
async fn take_name(conn: &mut Conn, user: UserId, name: &str, kind: &str) -> Result<(), Error> {
    let taken = sqlx::query(
        "INSERT INTO user_names (name, user_id, kind) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(user.0)
    .bind(kind)
    .execute(conn)
    .await?;
    if taken.rows_affected() == 1 {
        Ok(())
    } else if kind == USERNAME {
        Err(Code::UsernameTaken.into())
    } else {
        Err(Code::EmailTaken.into())
    }
}

async fn change_email(conn: &mut Conn, person: &Person, email: Option<&str>) -> Result<(), Error> {
    sqlx::query("DELETE FROM user_names WHERE user_id = $1 AND kind = $2")
        .bind(person.id.0)
        .bind(EMAIL)
        .execute(&mut *conn)
        .await?;
    match email.map(identity) {
        Some(email) if email != identity(&person.username) => {
            take_name(conn, person.id, &email, EMAIL).await
        }
        _ => Ok(()),
    }
}

/// Locks the file, so that it is not removed as unused meanwhile.
async fn check_avatar(conn: &mut Conn, user: UserId, avatar: AttachmentId) -> Result<(), Error> {
    let found: Option<(i64,)> = sqlx::query_as(concat!(
        "SELECT id FROM attachments
         WHERE id = $1 AND owner_id = $2 AND is_orphaned = 0 AND content_type LIKE 'image/%'",
        locked!()
    ))
    .bind(avatar.0)
    .bind(user.0)
    .fetch_optional(conn)
    .await?;
    match found {
        Some(_) => Ok(()),
        None => Err(Problem::invalid("avatar", Violation::Unknown).into()),
    }
}

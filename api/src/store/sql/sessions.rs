//! Device sessions: the statements.

use async_trait::async_trait;
use chapar_shared::{Code, SessionId, Timestamp, UserId};

use super::bumps::Facts;
use super::db::{Conn, Store, any, ids, locked};
use crate::error::{Error, StoreError};
use crate::store::records::{Committed, UserFact};
use crate::store::rooms::Decide;
use crate::store::sessions::{NewSession, Revoke, Rotation, SessionRecord, Sessions};

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: i64,
    user_id: i64,
    device: String,
    address: String,
    salt: String,
    generation: i64,
    rotated_at: i64,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
}

impl From<SessionRow> for SessionRecord {
    fn from(row: SessionRow) -> Self {
        Self {
            id: SessionId(row.id),
            user: UserId(row.user_id),
            device: row.device,
            address: row.address,
            salt: row.salt,
            generation: row.generation,
            rotated_at: Timestamp::from_micros(row.rotated_at),
            created_at: Timestamp::from_micros(row.created_at),
            last_used_at: Timestamp::from_micros(row.last_used_at),
            expires: Timestamp::from_micros(row.expires_at),
        }
    }
}

macro_rules! columns {
    ($sessions:literal) => {
        concat!(
            $sessions,
            "id, ",
            $sessions,
            "user_id, ",
            $sessions,
            "device, ",
            $sessions,
            "address, ",
            $sessions,
            "salt, ",
            $sessions,
            "generation, ",
            $sessions,
            "rotated_at, ",
            $sessions,
            "created_at, ",
            $sessions,
            "last_used_at, ",
            $sessions,
            "expires_at"
        )
    };
}

/// Sessions that live at the time `$2`.
macro_rules! live {
    () => {
        concat!(
            "SELECT ",
            columns!("s."),
            " FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.revoked_at IS NULL AND s.expires_at > $2 AND u.is_banned = 0 AND u.deleted_at IS NULL "
        )
    };
}

#[async_trait]
impl Sessions for Store {
    async fn create_session(&self, session: NewSession) -> Result<SessionRecord, StoreError> {
        let mut tx = self.begin_write().await?;
        let row: SessionRow = sqlx::query_as(concat!(
            "INSERT INTO sessions (user_id, device, address, salt, rotated_at, created_at, last_used_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $5, $5, $6) RETURNING ",
            columns!("")
        ))
        .bind(session.user.0)
        .bind(&session.device)
        .bind(&session.address)
        .bind(&session.salt)
        .bind(session.at.as_micros())
        .bind(session.expires.as_micros())
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.into())
    }

    async fn live_sessions(
        &self,
        sessions: &[SessionId],
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let rows: Vec<SessionRow> = sqlx::query_as(concat!(live!(), "AND s.id ", any!("$1")))
            .bind(ids(sessions.iter().map(|session| session.0)))
            .bind(now.as_micros())
            .fetch_all(self.reader())
            .await?;
        Ok(rows.into_iter().map(SessionRecord::from).collect())
    }

    async fn sessions(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        // Index sessions_user.
        let rows: Vec<SessionRow> = sqlx::query_as(concat!(
            live!(),
            "AND s.user_id = $1 ORDER BY s.id DESC LIMIT 1000"
        ))
        .bind(user.0)
        .bind(now.as_micros())
        .fetch_all(self.reader())
        .await?;
        Ok(rows.into_iter().map(SessionRecord::from).collect())
    }

    async fn rotate_session(
        &self,
        session: SessionId,
        now: Timestamp,
        decide: Decide<'_, SessionRecord, Rotation>,
    ) -> Result<(Option<SessionRecord>, Committed), Error> {
        let mut tx = self.begin_write().await?;
        let row: Option<SessionRow> =
            sqlx::query_as(concat!(live!(), "AND s.id = $1", locked!("s")))
                .bind(session.0)
                .bind(now.as_micros())
                .fetch_optional(&mut *tx)
                .await?;
        let record = SessionRecord::from(row.ok_or(Code::InvalidRefreshToken)?);
        match decide(&record)? {
            Rotation::Same => Ok((Some(record), Committed::default())),
            Rotation::Next { expires } => {
                let row: SessionRow = sqlx::query_as(concat!(
                    "UPDATE sessions
                     SET generation = generation + 1, rotated_at = $2, last_used_at = $2, expires_at = $3
                     WHERE id = $1 RETURNING ",
                    columns!("")
                ))
                .bind(session.0)
                .bind(now.as_micros())
                .bind(expires.as_micros())
                .fetch_one(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok((Some(row.into()), Committed::default()))
            }
            Rotation::Revoke => {
                let which = Revoke::One(session);
                let committed = end_and_raise(&mut tx, record.user, which, now).await?;
                tx.commit().await?;
                Ok((None, committed))
            }
        }
    }

    async fn revoke_sessions(
        &self,
        user: UserId,
        which: Revoke,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let mut tx = self.begin_write().await?;
        let committed = end_and_raise(&mut tx, user, which, now).await?;
        tx.commit().await?;
        Ok(committed)
    }

    async fn purge_sessions(&self, ended_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin_write().await?;
        // Index sessions_expires_at: a revoked session expires when it is revoked.
        let removed = sqlx::query(
            "DELETE FROM sessions WHERE id IN (
                 SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        )
        .bind(ended_before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(removed.rows_affected())
    }
}

async fn end_and_raise(
    conn: &mut Conn,
    user: UserId,
    which: Revoke,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let mut facts = Facts::default();
    ended(&mut facts, user, end(conn, user, which, now).await?);
    Ok(Committed {
        users: facts.raise(conn, now).await?,
        ..Committed::default()
    })
}

/// Notes which sessions ended, if any did.
pub(super) fn ended(facts: &mut Facts, user: UserId, sessions: Vec<SessionId>) {
    if !sessions.is_empty() {
        facts.add(user, UserFact::Revoked(sessions));
    }
}

/// Ends live sessions, locked in the order of their ids and before their user; gives those that were.
pub(super) async fn end(
    conn: &mut Conn,
    user: UserId,
    which: Revoke,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let (only, all_but) = match which {
        Revoke::One(session) => (Some(session.0), None),
        Revoke::All => (None, None),
        Revoke::AllBut(session) => (None, Some(session.0)),
    };
    let mut ended: Vec<(i64,)> = sqlx::query_as(concat!(
        "UPDATE sessions SET revoked_at = $2, expires_at = $2 WHERE id IN (
             SELECT id FROM sessions
             WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
                 AND (CAST($3 AS BIGINT) IS NULL OR id = $3) AND (CAST($4 AS BIGINT) IS NULL OR id <> $4)
             ORDER BY id",
        locked!(),
        ") RETURNING id"
    ))
    .bind(user.0)
    .bind(now.as_micros())
    .bind(only)
    .bind(all_but)
    .fetch_all(conn)
    .await?;
    ended.sort_unstable();
    Ok(ended.into_iter().map(|(id,)| SessionId(id)).collect())
}

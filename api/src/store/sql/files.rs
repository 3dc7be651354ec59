//! Uploaded files: the statements.

use async_trait::async_trait;
use chapar_shared::{AttachmentId, Code, Problem, Timestamp, UserId};

use super::db::{Conn, Store, any, ids, locked};
use crate::error::{Error, StoreError};
use crate::store::files::{Files, NewFile};
use crate::store::records::FileRecord;
use crate::store::rows::FileRow;

macro_rules! columns {
    () => {
        "id, owner_id, message_id, name, content_type, size, width, height, has_thumbnail, object, created_at,
         is_orphaned"
    };
}

/// Unused files. By index `attachments_idle`.
macro_rules! idle {
    () => {
        "SELECT a.id FROM attachments a
         WHERE a.message_id IS NULL AND COALESCE(a.shown_until, a.created_at) < $1 AND a.is_orphaned = 0
             AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.owner_id AND u.avatar_id = a.id)
         ORDER BY COALESCE(a.shown_until, a.created_at), a.id LIMIT $2"
    };
}

/// What [`Files::orphans`] begins with, for a look at its plan.
#[cfg(test)]
pub(super) const IDLE: &str = idle!();

#[async_trait]
impl Files for Store {
    async fn create_file(&self, file: NewFile, max_total: u64) -> Result<FileRecord, Error> {
        let mut tx = self.begin_write().await?;
        // Uploads of one user wait here for each other, so that together they keep within the limit.
        let owner: Option<(i64,)> = sqlx::query_as(concat!(
            "SELECT id FROM users WHERE id = $1 AND deleted_at IS NULL",
            locked!()
        ))
        .bind(file.owner.0)
        .fetch_optional(&mut *tx)
        .await?;
        owner.ok_or(Code::UserNotFound)?;
        let total = total(&mut tx, file.owner).await?;
        if total.saturating_add(file.size.cast_unsigned()) > max_total {
            return Err(Problem::limit(Code::StorageFull, max_total).into());
        }
        let row: FileRow = sqlx::query_as(concat!(
            "INSERT INTO attachments
                 (owner_id, name, content_type, size, width, height, has_thumbnail, object, created_at, shown_until)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ",
            columns!()
        ))
        .bind(file.owner.0)
        .bind(&file.name)
        .bind(&file.content_type)
        .bind(file.size)
        .bind(file.width.map(i64::from))
        .bind(file.height.map(i64::from))
        .bind(i64::from(file.has_thumbnail))
        .bind(&file.object)
        .bind(file.at.as_micros())
        .bind(file.shown_until.map(Timestamp::as_micros))
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.into())
    }

    async fn file(&self, file: AttachmentId) -> Result<Option<FileRecord>, StoreError> {
        let row: Option<FileRow> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM attachments WHERE id = $1"
        ))
        .bind(file.0)
        .fetch_optional(self.reader())
        .await?;
        Ok(row.map(FileRecord::from))
    }

    async fn files_size(&self, user: UserId) -> Result<u64, StoreError> {
        let mut conn = self.reader().acquire().await?;
        total(&mut conn, user).await
    }

    async fn orphans(
        &self,
        unused_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<FileRecord>, StoreError> {
        let mut tx = self.begin_write().await?;
        // Marked first: from here on no message and no profile takes them.
        let marked: Vec<(i64,)> = sqlx::query_as(concat!(
            "UPDATE attachments SET is_orphaned = 1 WHERE message_id IS NULL AND id IN (",
            idle!(),
            locked!("a"),
            ") RETURNING id"
        ))
        .bind(unused_before.as_micros())
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await?;
        // Whoever made one of them an avatar while we waited for its lock is seen only by a new statement.
        sqlx::query(concat!(
            "UPDATE attachments SET is_orphaned = 0 WHERE id ",
            any!("$1"),
            " AND EXISTS (SELECT 1 FROM users u WHERE u.id = owner_id AND u.avatar_id = attachments.id)"
        ))
        .bind(ids(marked.into_iter().map(|(id,)| id)))
        .execute(&mut *tx)
        .await?;
        // Index attachments_orphaned.
        let rows: Vec<FileRow> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM attachments WHERE is_orphaned = 1
                 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = owner_id AND u.avatar_id = attachments.id)
             ORDER BY id LIMIT $1"
        ))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(FileRecord::from).collect())
    }

    async fn remove_files(&self, files: &[AttachmentId]) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        sqlx::query(concat!(
            "DELETE FROM attachments WHERE is_orphaned = 1 AND id ",
            any!("$1")
        ))
        .bind(ids(files.iter().map(|file| file.0)))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Bytes of a user's files, those about to be removed left out. Index `attachments_owner`.
async fn total(conn: &mut Conn, user: UserId) -> Result<u64, StoreError> {
    let (total,): (i64,) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM attachments
         WHERE owner_id = $1 AND is_orphaned = 0",
    )
    .bind(user.0)
    .fetch_one(conn)
    .await?;
    Ok(total.max(0).cast_unsigned())
}

//! What a batch of sends writes, one statement after the other: SQLite changes rows in no part of a statement but the
//! last, and no network is between it and its statements.

use super::db::{Conn, bind_rows, rows};
use super::sending::{Inserted, Writes, insert_messages, insertion, move_heads, move_marks};

pub(super) async fn write(
    conn: &mut Conn,
    writes: &Writes<'_>,
) -> Result<Vec<Inserted>, sqlx::Error> {
    let inserted = insertion(insert_messages!(), &writes.messages)
        .fetch_all(&mut *conn)
        .await?;
    let query = sqlx::query(move_heads!(
        rows!("n": room_id bigint "$1", seq bigint "$2", number bigint "$3", at bigint "$4")
    ));
    let query = bind_rows!(query, &writes.heads; room_id, seq, number, at);
    query.execute(&mut *conn).await?;
    let query = sqlx::query(move_marks!(
        rows!("n": room_id bigint "$1", user_id bigint "$2", number bigint "$3")
    ));
    let query = bind_rows!(query, &writes.marks; room_id, user_id, number);
    query.execute(conn).await?;
    Ok(inserted)
}

//! What a batch of sends writes, one statement after the other: SQLite changes rows in no part of a statement but the
//! last, and no network is between it and its statements.

use chapar_shared::protocol::EventType;

use super::db::{Conn, bind_rows, rows};
use super::sending::{Inserted, Writes, insert_messages, move_heads, move_marks};
use crate::store::words::Word;

pub(super) async fn write(
    conn: &mut Conn,
    writes: &Writes<'_>,
) -> Result<Vec<Inserted>, sqlx::Error> {
    let query = sqlx::query_as(insert_messages!(
        "$1",
        rows!("n": room_id bigint "$2", seq bigint "$3", number bigint "$4", sender_id bigint "$5",
              content text "$6", nonce text "$7", is_nonce_hidden bigint "$8", body_hash text "$9",
              reply_to bigint "$10", at bigint "$11")
    ))
    .bind(EventType::MessageCreated.word());
    let query = bind_rows!(query, &writes.messages; room_id, seq, number, sender_id, content, nonce,
        is_nonce_hidden, body_hash, reply_to, at);
    let inserted = query.fetch_all(&mut *conn).await?;
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

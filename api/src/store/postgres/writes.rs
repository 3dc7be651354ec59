//! What a batch of sends writes, in one statement: a round trip costs a small batch more than what it writes.

use chapar_shared::protocol::EventType;

use super::db::{Conn, bind_rows, rows};
use super::sending::{Inserted, Writes, insert_messages, move_heads, move_marks};
use crate::store::words::Word;

/// The tables differ, so that it does not matter in which order Postgres writes them.
const WRITE: &str = concat!(
    "WITH heads AS (",
    move_heads!(
        rows!("n": room_id bigint "$12", seq bigint "$13", number bigint "$14", at bigint "$15")
    ),
    "), marks AS (",
    move_marks!(rows!("n": room_id bigint "$16", user_id bigint "$17", number bigint "$18")),
    ") ",
    insert_messages!(
        "$1",
        rows!("n": room_id bigint "$2", seq bigint "$3", number bigint "$4", sender_id bigint "$5",
              content text "$6", nonce text "$7", is_nonce_hidden bigint "$8", body_hash text "$9",
              reply_to bigint "$10", at bigint "$11")
    )
);

pub(super) async fn write(
    conn: &mut Conn,
    writes: &Writes<'_>,
) -> Result<Vec<Inserted>, sqlx::Error> {
    let query = sqlx::query_as(WRITE).bind(EventType::MessageCreated.word());
    let query = bind_rows!(query, &writes.messages; room_id, seq, number, sender_id, content, nonce,
        is_nonce_hidden, body_hash, reply_to, at);
    let query = bind_rows!(query, &writes.heads; room_id, seq, number, at);
    let query = bind_rows!(query, &writes.marks; room_id, user_id, number);
    query.fetch_all(conn).await
}

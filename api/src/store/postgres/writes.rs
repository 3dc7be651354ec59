//! What a batch of sends writes, in one statement: a round trip costs a small batch more than what it writes.

use super::db::{Conn, bind_rows, rows};
use super::sending::{Inserted, Writes, insert_messages, insertion, move_heads, move_marks};

/// The tables differ, so that it does not matter in which order Postgres writes them.
const WRITE: &str = concat!(
    "WITH heads AS (",
    move_heads!(
        rows!("n": room_id bigint "$12", seq bigint "$13", number bigint "$14", at bigint "$15")
    ),
    "), marks AS (",
    move_marks!(rows!("n": room_id bigint "$16", user_id bigint "$17", number bigint "$18")),
    ") ",
    insert_messages!(),
);

pub(super) async fn write(
    conn: &mut Conn,
    writes: &Writes<'_>,
) -> Result<Vec<Inserted>, sqlx::Error> {
    let query = insertion(WRITE, &writes.messages);
    let query = bind_rows!(query, &writes.heads; room_id, seq, number, at);
    let query = bind_rows!(query, &writes.marks; room_id, user_id, number);
    query.fetch_all(conn).await
}

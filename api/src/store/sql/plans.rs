//! The statements on tables that grow use the indexes that they name.

use sqlx::{AssertSqlSafe, Row as _};

use super::db::{Conn, EXPLAIN, Store, bind_rows, ids, scratch};
use super::{feed, files, listings, messages, notifications, overviews, rooms, send_facts};
use crate::store::Store as _;

/// 5,000 users and rooms; 200 rooms of 100 members with 100 messages each, 100 notifications for each of 200 users,
/// and 5,000 unused files.
const FILL: [&str; 7] = [
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
     INSERT INTO users (id, username, display_name, search_key, password_hash, changed_at, created_at)
     SELECT i, CAST(i AS text), '', '', '', i, i FROM n",
    "INSERT INTO rooms (id, kind, name, name_key, description, search_key, active_at, changed_at,
         created_at)
     SELECT id, 'public', username, username, '', username, id, id << 24, id FROM users",
    "INSERT INTO members (room_id, user_id, role, changed_seq, change_kind, joined_at, read_number)
     SELECT r.id, u.id, 'member', u.id, 'member.joined', u.id, 0 FROM rooms r, users u
     WHERE u.id <= 100 AND r.id <= 200",
    "INSERT INTO messages (room_id, seq, changed_seq, change_kind, number, sender_id, content, nonce,
         body_hash, created_at)
     SELECT r.id, u.id, u.id, 'message.created', u.id, u.id, '', u.username, '', u.id
     FROM rooms r, users u WHERE u.id <= 100 AND r.id <= 200",
    "INSERT INTO notifications (user_id, kind, room_id, number, sender_id, text, created_at)
     SELECT u.id, 'invite', r.id, 0, 1, '', 0 FROM rooms r, users u WHERE u.id <= 200 AND r.id <= 100",
    "INSERT INTO attachments (owner_id, name, content_type, size, has_thumbnail, object, created_at)
     SELECT id, '', '', 1, 0, '', id FROM users",
    "ANALYZE",
];

const NONCE: [send_facts::NonceKey<'static>; 1] = [send_facts::NonceKey {
    place: 0,
    room_id: 7,
    sender_id: 7,
    nonce: "7",
}];

enum Value {
    Number(i64),
    Text(&'static str),
    Ids(&'static [i64]),
    Nonces(&'static [send_facts::NonceKey<'static>]),
}

async fn plan(conn: &mut Conn, statement: &str, values: &[Value]) -> String {
    let mut query = sqlx::query(AssertSqlSafe(format!("{EXPLAIN}{statement}")));
    for value in values {
        query = match value {
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(*text),
            Value::Ids(list) => query.bind(ids(list.iter().copied())),
            Value::Nonces(list) => bind_rows!(query, list; place, room_id, sender_id, nonce),
        };
    }
    let lines = query.fetch_all(conn).await.unwrap().into_iter();
    let lines = lines.map(|line| line.get::<String, _>(line.len() - 1));
    lines.collect::<Vec<String>>().join("\n")
}

#[tokio::test]
async fn growing_tables_are_read_by_the_indexes_that_statements_name() {
    use Value::{Ids, Nonces, Number, Text};

    let (config, _folder) = scratch().await;
    let store = Store::open(&config).unwrap();
    store.migrate().await.unwrap();
    let mut tx = store.begin_write().await.unwrap();
    for statement in FILL {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    let page = || vec![Number(7), Number(90), Number(10)];
    for (index, statement, values) in [
        ("messages_changes", feed::CHANGED_MESSAGES, page()),
        ("members_changes", feed::CHANGED_MEMBERS, page()),
        ("messages_number", messages::BELOW, page()),
        ("messages_number", messages::ABOVE, page()),
        (
            "messages_nonce",
            send_facts::USED_NONCES,
            vec![Nonces(&NONCE)],
        ),
        ("notifications_user", notifications::NEWEST, page()),
        ("attachments_idle", files::IDLE, vec![Number(7), Number(10)]),
        (
            "rooms_changed",
            feed::CHANGED_ROOMS,
            vec![Number(4990 << 24), Number(10)],
        ),
        (
            "users_changed_at",
            feed::CHANGED_USERS,
            vec![Number(4990), Number(10)],
        ),
        (
            "members_room",
            rooms::MEMBERS,
            vec![Number(7), Number(0), Number(0), Number(10)],
        ),
        (
            "rooms_discover",
            rooms::DISCOVER,
            vec![Number(7), Text(""), Number(i64::MAX), Number(0), Number(10)],
        ),
        (
            "members_room",
            overviews::ROSTERS,
            vec![Ids(&[7, 8]), Number(10)],
        ),
        ("messages_number", overviews::LATEST, vec![Ids(&[7, 8])]),
        (
            "messages_number",
            listings::DIRECT_MESSAGES,
            vec![Number(7), Number(i64::MAX), Number(10)],
        ),
        (
            "members_user",
            rooms::COMPANIONS,
            vec![Number(7), Number(200), Number(10)],
        ),
    ] {
        let plan = plan(&mut tx, statement, &values).await;
        assert!(plan.contains(index), "{statement}\n{plan}");
    }
}

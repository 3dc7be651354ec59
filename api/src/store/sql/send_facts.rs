//! What is read for a batch of sends, under the rooms' locks, each kind of thing in one statement and only
//! where the batch names such a thing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{AttachmentId, MessageId, RoomId, UserId};

use super::db::{Conn, any, bind_rows, ids, locked, rows};
use crate::error::StoreError;
use crate::store::messages::NewMessage;
use crate::store::records::{Person, RoomRecord};
use crate::store::rooms::Standing;
use crate::store::rows::{FileRow, RoomRow, StandingRow, person_columns, room_columns};

/// What is done about nonces that were used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonces {
    /// Nothing: index `messages_nonce` refuses them. Only where a send is refused its nonce is looked up.
    Trusted,
    /// They are looked up.
    LookedUp,
}

/// One of the two of a direct room.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) user: UserId,
    pub(super) is_hidden: bool,
    pub(super) is_muted: bool,
}

/// What a batch is judged and written by.
#[derive(Debug)]
pub(super) struct Known {
    /// Ended ones too.
    pub(super) rooms: BTreeMap<RoomId, RoomRecord>,
    pub(super) persons: HashMap<UserId, Arc<Person>>,
    pub(super) standings: HashMap<(RoomId, UserId), Standing>,
    /// By the place of a send in the batch: the message that has its nonce already, and the hash of that one's body.
    /// Empty where nonces are not looked up.
    pub(super) nonces: HashMap<usize, (MessageId, String)>,
    /// Messages that may be answered.
    pub(super) targets: HashSet<(RoomId, MessageId)>,
    pub(super) files: HashMap<AttachmentId, FileRow>,
    /// Files that messages of the batch took.
    pub(super) used: HashSet<AttachmentId>,
    /// Who is in the direct rooms of the batch.
    pub(super) peers: BTreeMap<RoomId, Vec<Peer>>,
    /// Members by the names that the batch mentions; `true` if they muted the room.
    names: HashMap<(RoomId, String), (UserId, bool)>,
}

impl Known {
    /// Locks the rooms in the order of their ids, then reads.
    pub(super) async fn read(
        conn: &mut Conn,
        batch: &[NewMessage],
        nonces: Nonces,
    ) -> Result<Self, StoreError> {
        let rooms = lock_rooms(conn, batch).await?;
        let Senders { persons, standings } = senders(conn, batch).await?;
        let nonces = match nonces {
            Nonces::Trusted => HashMap::new(),
            Nonces::LookedUp => used_nonces(conn, batch.iter().enumerate()).await?,
        };
        let targets = targets(conn, batch).await?;
        let files = files(conn, batch).await?;
        let peers = peers(conn, &rooms).await?;
        let names = names(conn, batch, &rooms).await?;
        Ok(Self {
            rooms,
            persons,
            standings,
            nonces,
            targets,
            files,
            used: HashSet::new(),
            peers,
            names,
        })
    }

    /// The members whom a message mentions and who want to know, each once: of each mention's spellings the
    /// first that is a member's.
    pub(super) fn mentioned(&self, new: &NewMessage) -> Vec<UserId> {
        let mut users = Vec::new();
        for spellings in &new.mentions {
            let mut members = spellings
                .iter()
                .filter_map(|name| self.names.get(&(new.room, name.clone())));
            if let Some((user, false)) = members.next()
                && !users.contains(user)
            {
                users.push(*user);
            }
        }
        users
    }
}

async fn lock_rooms(
    conn: &mut Conn,
    batch: &[NewMessage],
) -> Result<BTreeMap<RoomId, RoomRecord>, StoreError> {
    let rooms: BTreeSet<RoomId> = batch.iter().map(|new| new.room).collect();
    let rows: Vec<RoomRow> = sqlx::query_as(concat!(
        "SELECT ",
        room_columns!("r."),
        " FROM rooms r WHERE r.id ",
        any!("$1"),
        " ORDER BY r.id",
        locked!()
    ))
    .bind(ids(rooms.into_iter().map(|room| room.0)))
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| RoomRecord::try_from(row).map(|room| (room.id, room)))
        .collect()
}

/// A sender in a room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sender {
    room_id: i64,
    sender_id: i64,
}

#[derive(sqlx::FromRow)]
struct SenderRow {
    room_id: i64,
    #[sqlx(flatten)]
    standing: StandingRow,
}

#[derive(Default)]
struct Senders {
    persons: HashMap<UserId, Arc<Person>>,
    standings: HashMap<(RoomId, UserId), Standing>,
}

/// Who sends, and how they stand in the room: by the primary keys.
async fn senders(conn: &mut Conn, batch: &[NewMessage]) -> Result<Senders, StoreError> {
    let senders = batch.iter().map(|new| Sender {
        room_id: new.room.0,
        sender_id: new.sender.0,
    });
    let named: BTreeSet<Sender> = senders.collect();
    let query = sqlx::query_as(concat!(
        "SELECT n.room_id, ",
        person_columns!("u"),
        ", u.deleted_at AS user_deleted_at, m.role, m.left_at, m.is_banned, CAST(0 AS bigint) AS rooms
         FROM ",
        rows!("n": room_id bigint "$1", sender_id bigint "$2"),
        " JOIN users u ON u.id = n.sender_id
          LEFT JOIN members m ON m.room_id = n.room_id AND m.user_id = n.sender_id"
    ));
    let query = bind_rows!(query, &named; room_id, sender_id);
    let rows: Vec<SenderRow> = query.fetch_all(conn).await?;
    let mut senders = Senders::default();
    for row in rows {
        let (person, standing) = row.standing.read()?;
        let (room, sender) = (RoomId(row.room_id), person.id);
        senders.standings.insert((room, sender), standing);
        senders
            .persons
            .entry(sender)
            .or_insert_with(|| Arc::new(person));
    }
    Ok(senders)
}

/// A send whose nonce is looked up.
#[derive(Clone, Copy)]
pub(super) struct NonceKey<'a> {
    pub(super) place: i64,
    pub(super) room_id: i64,
    pub(super) sender_id: i64,
    pub(super) nonce: &'a str,
}

/// The messages that have the nonces already: by index `messages_nonce`. The parameters are the columns of [`NonceKey`].
pub(super) const USED_NONCES: &str = concat!(
    "SELECT n.place, m.id, m.body_hash FROM ",
    rows!("n": place bigint "$1", room_id bigint "$2", sender_id bigint "$3", nonce text "$4"),
    " JOIN messages m ON m.room_id = n.room_id AND m.sender_id = n.sender_id AND m.nonce = n.nonce"
);

/// Of sends with their places in the batch: those that have messages already, and the hashes of their bodies.
pub(super) async fn used_nonces<'a>(
    conn: &mut Conn,
    sends: impl Iterator<Item = (usize, &'a NewMessage)>,
) -> Result<HashMap<usize, (MessageId, String)>, StoreError> {
    let keys: Vec<NonceKey<'_>> = sends
        .filter_map(|(place, new)| {
            Some(NonceKey {
                place: i64::try_from(place).ok()?,
                room_id: new.room.0,
                sender_id: new.sender.0,
                nonce: new.nonce.as_deref()?,
            })
        })
        .collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as(USED_NONCES);
    let query = bind_rows!(query, &keys; place, room_id, sender_id, nonce);
    let rows: Vec<(i64, i64, Option<String>)> = query.fetch_all(conn).await?;
    let used = rows.into_iter().filter_map(|(place, id, hash)| {
        let place = usize::try_from(place).ok()?;
        Some((place, (MessageId(id), hash.unwrap_or_default())))
    });
    Ok(used.collect())
}

/// By the primary key.
async fn targets(
    conn: &mut Conn,
    batch: &[NewMessage],
) -> Result<HashSet<(RoomId, MessageId)>, StoreError> {
    let named: BTreeSet<i64> = batch
        .iter()
        .filter_map(|new| new.reply_to.map(|target| target.0))
        .collect();
    if named.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(i64, i64)> = sqlx::query_as(concat!(
        "SELECT room_id, id FROM messages WHERE deleted_at IS NULL AND id ",
        any!("$1")
    ))
    .bind(ids(named))
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(room, id)| (RoomId(room), MessageId(id)))
        .collect())
}

/// By the primary key; locked, since another room's message may name the same file.
async fn files(
    conn: &mut Conn,
    batch: &[NewMessage],
) -> Result<HashMap<AttachmentId, FileRow>, StoreError> {
    let named: BTreeSet<AttachmentId> = batch
        .iter()
        .flat_map(|new| new.attachments.iter().copied())
        .collect();
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<FileRow> = sqlx::query_as(concat!(
        "SELECT id, owner_id, message_id, name, content_type, size, width, height, has_thumbnail,
                object, created_at, is_orphaned
         FROM attachments WHERE id ",
        any!("$1"),
        " ORDER BY id",
        locked!()
    ))
    .bind(ids(named.into_iter().map(|file| file.0)))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id(), row)).collect())
}

/// By the primary key; a direct room has two members at most.
async fn peers(
    conn: &mut Conn,
    rooms: &BTreeMap<RoomId, RoomRecord>,
) -> Result<BTreeMap<RoomId, Vec<Peer>>, StoreError> {
    let mut peers: BTreeMap<RoomId, Vec<Peer>> = BTreeMap::new();
    let direct: Vec<i64> = rooms
        .values()
        .filter(|room| room.kind == RoomKind::Direct)
        .map(|room| room.id.0)
        .collect();
    if direct.is_empty() {
        return Ok(peers);
    }
    let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(concat!(
        "SELECT room_id, user_id, is_hidden, is_muted FROM members
         WHERE left_at IS NULL AND room_id ",
        any!("$1")
    ))
    .bind(ids(direct))
    .fetch_all(conn)
    .await?;
    for (room, user, is_hidden, is_muted) in rows {
        peers.entry(RoomId(room)).or_default().push(Peer {
            user: UserId(user),
            is_hidden: is_hidden == 1,
            is_muted: is_muted == 1,
        });
    }
    Ok(peers)
}

/// A name that a message of a room mentions.
struct Name<'a> {
    room_id: i64,
    name: &'a str,
}

/// By the primary keys of `user_names` and `members`.
async fn names(
    conn: &mut Conn,
    batch: &[NewMessage],
    rooms: &BTreeMap<RoomId, RoomRecord>,
) -> Result<HashMap<(RoomId, String), (UserId, bool)>, StoreError> {
    let is_direct = |room: &RoomId| {
        rooms
            .get(room)
            .is_some_and(|room| room.kind == RoomKind::Direct)
    };
    let named: BTreeSet<(RoomId, &str)> = batch
        .iter()
        .filter(|new| !is_direct(&new.room))
        .flat_map(|new| {
            new.mentions
                .iter()
                .flatten()
                .map(|name| (new.room, &**name))
        })
        .collect();
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let named: Vec<Name<'_>> = named
        .into_iter()
        .map(|(RoomId(room_id), name)| Name { room_id, name })
        .collect();
    let query = sqlx::query_as(concat!(
        "SELECT m.room_id, u.name, m.user_id, m.is_muted FROM ",
        rows!("n": room_id bigint "$1", name text "$2"),
        " JOIN user_names u ON u.name = n.name AND u.kind = 'username'
          JOIN members m ON m.room_id = n.room_id AND m.user_id = u.user_id AND m.left_at IS NULL"
    ));
    let query = bind_rows!(query, &named; room_id, name);
    let rows: Vec<(i64, String, i64, i64)> = query.fetch_all(conn).await?;
    let known = rows
        .into_iter()
        .map(|(room, name, user, is_muted)| ((RoomId(room), name), (UserId(user), is_muted == 1)));
    Ok(known.collect())
}

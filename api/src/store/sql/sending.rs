//! Committing a batch of sends: reading what holds, asking the domain for each, writing all at once. The
//! number of statements does not grow with the batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::query::QueryAs;

use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::{NotificationKind, RoomKind};
use chapar_shared::{AttachmentId, Code, MessageId, Number, Problem, RoomId, Seq, UserId};

use super::bodies::{Viewer, complete};
use super::bumps::Facts;
use super::db::{Conn, Db, any, bind_rows, ids, rows, violates};
use super::notices::{self, Notice, beginning};
use super::send_facts::{Known, Nonces, used_nonces};
use super::standings::stranger;
use super::writes::write;
use crate::error::StoreError;
use crate::store::messages::{DecideSend, NewMessage, SendFacts, SendOutcome};
use crate::store::records::{ChangeRecord, Committed, MessageRecord, Subject, UserFact};
use crate::store::rows::{MessageRow, messages};
use crate::store::words::Word;

/// [`crate::store::Messages::commit_sends`] inside its transaction. `None`, and nothing can be committed, where a nonce
/// was trusted that is not new.
pub(super) async fn commit(
    conn: &mut Conn,
    batch: &[NewMessage],
    decide: DecideSend<'_>,
    nonces: Nonces,
) -> Result<Option<SendOutcome>, StoreError> {
    let known = Known::read(conn, batch, nonces).await?;
    let mut plan = Plan::new(known);
    let mut verdicts: Vec<Verdict> = batch.iter().map(|new| plan.judge(new, decide)).collect();
    if nonces == Nonces::Trusted {
        // What was accepted once is answered so again, whatever the rules say now.
        let refused = verdicts.iter().enumerate().filter_map(|(place, verdict)| {
            matches!(verdict, Verdict::Refused(_)).then_some((place, &batch[place]))
        });
        for (place, (id, hash)) in used_nonces(conn, refused).await? {
            let is_same = hash == batch[place].body_hash;
            verdicts[place] = repeat_or_conflict(is_same, Verdict::Before(id));
        }
    }
    let accepted = plan.accepted;
    let known = plan.known;

    let mut facts = Facts::default();
    let mut changes = Vec::with_capacity(accepted.len());
    let mut made: Vec<Option<Arc<MessageRecord>>> = Vec::with_capacity(accepted.len());
    if !accepted.is_empty() {
        let writes = Writes {
            messages: new_rows(batch, &accepted),
            heads: heads(batch, &accepted),
            marks: marks(batch, &accepted, &known),
        };
        let inserted = match write(conn, &writes).await {
            Ok(inserted) => by_number(inserted),
            Err(error) if violates(&error, "messages_nonce", NONCE_COLUMNS) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        for send in &accepted {
            let id = inserted.get(&(send.room, send.number)).copied();
            let record = id.map(|id| Arc::new(record(&batch[send.index], send, id, &known)));
            changes.extend(record.as_ref().map(created));
            made.push(record);
        }
        show_again(&accepted, &known, &mut facts);
        let made = || made.iter().flatten();
        bind_files(conn, made()).await?;
        let notices = made()
            .zip(&accepted)
            .flat_map(|(message, send)| notices_of(message, &batch[send.index], &known));
        notices::insert(conn, notices.collect(), &mut facts).await?;
    }
    let repeats = repeats(conn, &verdicts).await?;
    let users = match batch.iter().map(|new| new.at).max() {
        Some(at) => facts.raise(conn, at).await?,
        None => Vec::new(),
    };

    let results = verdicts.into_iter().map(|verdict| {
        let message = match verdict {
            Verdict::Refused(problem) => return Err(problem),
            Verdict::New(place) => made[place].clone().map(|message| (message, false)),
            Verdict::Again(place) => made[place].clone().map(|message| (message, true)),
            Verdict::Before(id) => repeats.get(&id).cloned().map(|message| (message, true)),
        };
        message.ok_or_else(|| Code::Internal.into())
    });
    changes.sort_by_key(|change: &ChangeRecord| (change.room, change.seq));
    Ok(Some(SendOutcome {
        results: results.collect(),
        committed: Committed { changes, users },
    }))
}

/// What becomes of one message of the batch.
enum Verdict {
    Refused(Problem),
    /// The accepted one at this place.
    New(usize),
    /// A repeat of the accepted one at this place.
    Again(usize),
    /// A repeat of a message that was there before.
    Before(MessageId),
}

/// A message that is written.
struct Accepted {
    /// In the batch.
    index: usize,
    room: RoomId,
    seq: Seq,
    number: Number,
}

/// The batch as it is judged, one message after the other.
struct Plan<'a> {
    known: Known,
    accepted: Vec<Accepted>,
    /// Nonces of the batch: the accepted message's place and its hash.
    nonces: HashMap<(RoomId, UserId, &'a str), (usize, &'a str)>,
    judged: usize,
}

impl<'a> Plan<'a> {
    fn new(known: Known) -> Self {
        Self {
            known,
            accepted: Vec::new(),
            nonces: HashMap::new(),
            judged: 0,
        }
    }

    fn judge(&mut self, new: &'a NewMessage, decide: DecideSend<'_>) -> Verdict {
        let index = self.judged;
        self.judged += 1;
        if let Some((id, hash)) = self.known.nonces.get(&index) {
            return repeat_or_conflict(*hash == new.body_hash, Verdict::Before(*id));
        }
        let nonce = new.nonce.as_deref();
        let nonce = nonce.map(|nonce| (new.room, new.sender, nonce));
        if let Some(nonce) = &nonce
            && let Some((place, hash)) = self.nonces.get(nonce)
        {
            return repeat_or_conflict(*hash == new.body_hash, Verdict::Again(*place));
        }
        let facts = self.facts(new);
        let (is_absent, has_attachments) = (facts.room.is_none(), facts.has_attachments);
        if let Err(problem) = decide(new, &facts) {
            return Verdict::Refused(problem);
        }
        let Some(room) = self.known.rooms.get_mut(&new.room).filter(|_| !is_absent) else {
            return Verdict::Refused(Code::RoomNotFound.into());
        };
        if !has_attachments || !self.known.persons.contains_key(&new.sender) {
            return Verdict::Refused(Code::Internal.into());
        }
        room.last_seq += 1;
        room.last_number += 1;
        room.active_at = room.active_at.max(new.at);
        let place = self.accepted.len();
        self.accepted.push(Accepted {
            index,
            room: new.room,
            seq: room.last_seq,
            number: room.last_number,
        });
        for file in &new.attachments {
            self.known.used.insert(*file);
        }
        if let Some(nonce) = nonce {
            self.nonces.insert(nonce, (place, &new.body_hash));
        }
        Verdict::New(place)
    }

    fn facts(&self, new: &NewMessage) -> SendFacts<'_> {
        let room = self.known.rooms.get(&new.room);
        let standing = self.known.standings.get(&(new.room, new.sender));
        let is_usable = |file: &AttachmentId| {
            !self.known.used.contains(file)
                && self
                    .known
                    .files
                    .get(file)
                    .is_some_and(|row| row.is_free() && row.owner() == new.sender)
        };
        SendFacts {
            room: room.filter(|room| !room.is_deleted),
            sender: standing.copied().unwrap_or(stranger(new.sender)),
            has_reply_target: new
                .reply_to
                .is_none_or(|target| self.known.targets.contains(&(new.room, target))),
            has_attachments: new.attachments.iter().all(is_usable),
        }
    }
}

fn repeat_or_conflict(is_same: bool, repeat: Verdict) -> Verdict {
    if is_same {
        repeat
    } else {
        Verdict::Refused(Code::NonceConflict.into())
    }
}

/// Of index `messages_nonce`.
const NONCE_COLUMNS: &str = "messages.room_id, messages.sender_id, messages.nonce";

/// What accepted messages write, whatever their number.
pub(super) struct Writes<'a> {
    pub(super) messages: Vec<NewRow<'a>>,
    pub(super) heads: Vec<Head>,
    pub(super) marks: Vec<Mark>,
}

/// A message as it is inserted.
pub(super) struct NewRow<'a> {
    pub(super) room_id: i64,
    pub(super) seq: Seq,
    pub(super) number: Number,
    pub(super) sender_id: i64,
    pub(super) content: &'a str,
    pub(super) nonce: Option<&'a str>,
    pub(super) is_nonce_hidden: i64,
    pub(super) body_hash: Option<&'a str>,
    pub(super) reply_to: Option<i64>,
    pub(super) at: i64,
}

/// Where a room stands after the batch.
pub(super) struct Head {
    pub(super) room_id: i64,
    pub(super) seq: Seq,
    pub(super) number: Number,
    pub(super) at: i64,
}

/// Up to where a member has read. 0 leaves that as it is.
pub(super) struct Mark {
    pub(super) room_id: i64,
    pub(super) user_id: i64,
    pub(super) number: Number,
}

/// A message's id, room and number.
pub(super) type Inserted = (i64, i64, i64);

/// Inserts what [`insertion`] binds, and gives an [`Inserted`] for each. Both databases insert in the order in which they
/// give the rows, which is that of the list, so that in a room ids ascend with the numbers.
macro_rules! insert_messages {
    () => {
        concat!(
            "INSERT INTO messages (room_id, seq, changed_seq, change_kind, number, sender_id, content,
                 nonce, is_nonce_hidden, body_hash, reply_to, created_at)
             SELECT n.room_id, n.seq, n.seq, $1, n.number, n.sender_id, n.content,
                 n.nonce, n.is_nonce_hidden, n.body_hash, n.reply_to, n.at
             FROM ",
            rows!("n": room_id bigint "$2", seq bigint "$3", number bigint "$4", sender_id bigint "$5",
                  content text "$6", nonce text "$7", is_nonce_hidden bigint "$8", body_hash text "$9",
                  reply_to bigint "$10", at bigint "$11"),
            " RETURNING id, room_id, number"
        )
    };
}
pub(super) use insert_messages;

/// Moves rooms to rows `n` of [`Head`].
macro_rules! move_heads {
    ($rows:expr) => {
        concat!(
            "UPDATE rooms SET last_seq = n.seq, last_number = n.number, changed_at = n.at,
                 active_at = CASE WHEN n.at > active_at THEN n.at ELSE active_at END
             FROM ",
            $rows,
            " WHERE rooms.id = n.room_id"
        )
    };
}
pub(super) use move_heads;

/// Moves the read marks of rows `n` of [`Mark`], and shows these members their hidden direct room again.
macro_rules! move_marks {
    ($rows:expr) => {
        concat!(
            "UPDATE members SET is_hidden = 0,
                 read_number = CASE WHEN n.number > read_number THEN n.number ELSE read_number END
             FROM ",
            $rows,
            " WHERE members.room_id = n.room_id AND members.user_id = n.user_id"
        )
    };
}
pub(super) use move_marks;

/// A statement with [`insert_messages!`], whose parameters are the first eleven.
pub(super) fn insertion<'q>(
    statement: &'static str,
    rows: &'q [NewRow<'q>],
) -> QueryAs<'q, Db, Inserted, <Db as sqlx::Database>::Arguments> {
    let query = sqlx::query_as(statement).bind(EventType::MessageCreated.word());
    bind_rows!(query, rows; room_id, seq, number, sender_id, content, nonce, is_nonce_hidden,
        body_hash, reply_to, at)
}

fn new_rows<'a>(batch: &'a [NewMessage], accepted: &[Accepted]) -> Vec<NewRow<'a>> {
    let row = |send: &Accepted| {
        let new = &batch[send.index];
        let nonce = new.nonce.as_deref();
        NewRow {
            room_id: send.room.0,
            seq: send.seq,
            number: send.number,
            sender_id: new.sender.0,
            content: &new.content,
            nonce,
            is_nonce_hidden: i64::from(new.is_nonce_hidden),
            body_hash: nonce.map(|_| &*new.body_hash),
            reply_to: new.reply_to.map(|target| target.0),
            at: new.at.as_micros(),
        }
    };
    accepted.iter().map(row).collect()
}

/// The new messages' ids.
fn by_number(inserted: Vec<Inserted>) -> HashMap<(RoomId, Number), MessageId> {
    let keyed = inserted
        .into_iter()
        .map(|(id, room, number)| ((RoomId(room), number), MessageId(id)));
    keyed.collect()
}

fn record(new: &NewMessage, send: &Accepted, id: MessageId, known: &Known) -> MessageRecord {
    let files = new.attachments.iter().filter_map(|file| {
        let row = known.files.get(file)?;
        Some(row.clone().into())
    });
    MessageRecord {
        id,
        room: send.room,
        seq: send.seq,
        changed_seq: send.seq,
        number: send.number,
        sender: Arc::clone(&known.persons[&new.sender]),
        content: new.content.clone(),
        nonce: new.nonce.clone().filter(|_| !new.is_nonce_hidden),
        reply_to: new.reply_to,
        attachments: files.collect(),
        reactions: Vec::new(),
        created_at: new.at,
        edited_at: None,
        deleted_at: None,
    }
}

fn created(message: &Arc<MessageRecord>) -> ChangeRecord {
    ChangeRecord {
        room: message.room,
        seq: message.seq,
        kind: EventType::MessageCreated,
        at: message.created_at,
        actor: Some(Arc::clone(&message.sender)),
        subject: Subject::Message(Arc::clone(message), None),
    }
}

/// Heads and activity of the rooms.
fn heads(batch: &[NewMessage], accepted: &[Accepted]) -> Vec<Head> {
    let mut heads: BTreeMap<RoomId, Head> = BTreeMap::new();
    for send in accepted {
        let head = heads.entry(send.room).or_insert(Head {
            room_id: send.room.0,
            seq: 0,
            number: 0,
            at: 0,
        });
        (head.seq, head.number) = (send.seq, send.number);
        head.at = head.at.max(batch[send.index].at.as_micros());
    }
    heads.into_values().collect()
}

/// The senders' read marks, and those of members who had hidden a direct room.
fn marks(batch: &[NewMessage], accepted: &[Accepted], known: &Known) -> Vec<Mark> {
    let mut marks: BTreeMap<(RoomId, UserId), Number> = BTreeMap::new();
    for send in accepted {
        marks.insert((send.room, batch[send.index].sender), send.number);
        for peer in known.peers.get(&send.room).into_iter().flatten() {
            if peer.is_hidden {
                marks.entry((send.room, peer.user)).or_insert(0);
            }
        }
    }
    let mark = |((RoomId(room_id), UserId(user_id)), number)| Mark {
        room_id,
        user_id,
        number,
    };
    marks.into_iter().map(mark).collect()
}

/// Notes for those who had hidden a direct room that it is there again, from its first new message on.
fn show_again(accepted: &[Accepted], known: &Known, facts: &mut Facts) {
    for (room, peers) in &known.peers {
        for peer in peers.iter().filter(|peer| peer.is_hidden) {
            let first = accepted.iter().filter(|send| send.room == *room);
            if let Some(seq) = first.map(|send| send.seq).min() {
                let after = seq - 1;
                facts.add(peer.user, UserFact::Joined { room: *room, after });
            }
        }
    }
}

/// Where a file stands.
struct FilePlace {
    id: i64,
    message_id: i64,
    position: i64,
}

async fn bind_files(
    conn: &mut Conn,
    made: impl Iterator<Item = &Arc<MessageRecord>>,
) -> Result<(), StoreError> {
    let rows: Vec<FilePlace> = made
        .flat_map(|message| {
            (0..)
                .zip(&message.attachments)
                .map(|(position, file)| FilePlace {
                    id: file.id.0,
                    message_id: message.id.0,
                    position,
                })
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(concat!(
        "UPDATE attachments SET message_id = n.message_id, position = n.position FROM ",
        rows!("n": id bigint "$1", message_id bigint "$2", position bigint "$3"),
        " WHERE attachments.id = n.id"
    ));
    let query = bind_rows!(query, &rows; id, message_id, position);
    query.execute(conn).await?;
    Ok(())
}

/// Who is notified of a message: the other of a direct room, else the members whom it mentions.
fn notices_of(message: &MessageRecord, new: &NewMessage, known: &Known) -> Vec<Notice> {
    let is_direct = known
        .rooms
        .get(&message.room)
        .is_some_and(|room| room.kind == RoomKind::Direct);
    let (kind, users) = if is_direct {
        let peers = known.peers.get(&message.room).into_iter().flatten();
        let awake = peers.filter(|peer| !peer.is_muted).map(|peer| peer.user);
        (NotificationKind::Direct, awake.collect())
    } else {
        (NotificationKind::Mention, known.mentioned(new))
    };
    let others = users.into_iter().filter(|user| *user != new.sender);
    others
        .map(|user| Notice {
            user,
            kind,
            room: Some(message.room),
            message: Some((message.id, message.number)),
            sender: Arc::clone(&message.sender),
            text: beginning(&message.content),
            at: message.created_at,
        })
        .collect()
}

/// The messages that were there before, as their authors see them.
async fn repeats(
    conn: &mut Conn,
    verdicts: &[Verdict],
) -> Result<HashMap<MessageId, Arc<MessageRecord>>, StoreError> {
    let before: Vec<i64> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Before(id) => Some(id.0),
            _ => None,
        })
        .collect();
    if before.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<MessageRow> = sqlx::query_as(concat!(messages!(), "WHERE m.id ", any!("$1")))
        .bind(ids(before))
        .fetch_all(&mut *conn)
        .await?;
    let records = complete(conn, rows, Viewer::Author).await?;
    let shared = records.into_iter().map(|one| (one.id, Arc::new(one)));
    Ok(shared.collect())
}

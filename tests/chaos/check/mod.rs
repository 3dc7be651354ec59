//! The history checker: judges the record of a run against the promises. Pure.
//!
//! What must hold of every client and room, over all of the client's sockets:
//!
//! - every acknowledged send is stored, once, where the acknowledgement said, and reached every client; none that
//!   was refused is;
//! - positions ascend; none comes twice, and no message is created twice;
//! - no position is missing, but for those that were superseded: the thing that changed there changed again,
//!   and that later change came;
//! - one sender's messages stand in the order in which they were sent, unless one was put off on the way;
//! - what the client knows in the end is what REST tells, and what any two clients saw at one position is the
//!   same.

mod client;
mod latency;
#[cfg(test)]
mod tests;
mod violation;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chapar_shared::protocol::Message;
use chapar_shared::{MessageId, RoomId, Seq};

use crate::record::{ClientId, Entry, What};
use client::Seen;

pub(crate) use latency::percentile_99;
pub(crate) use violation::{Kind, Violation};

/// What REST tells of a room in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// The room's head.
    pub(crate) seq: Seq,
    /// All messages, tombstones included, oldest first, nobody's own reactions marked.
    pub(crate) messages: Vec<Message>,
}

/// Everything that is judged.
#[derive(Debug)]
pub(crate) struct History<'a> {
    /// What happened, in order.
    pub(crate) entries: &'a [Entry],
    /// Every room of the run.
    pub(crate) truth: &'a BTreeMap<RoomId, Truth>,
    /// Who follows which rooms.
    pub(crate) members: &'a BTreeMap<ClientId, Vec<RoomId>>,
}

/// The verdict.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Acknowledged sends.
    pub(crate) messages: usize,
    /// Longest time from an acknowledgement to the delivery to the last client, but for the time in which that
    /// had no socket.
    pub(crate) silence: Duration,
    /// Positions that a client never saw because a later change of the same thing stood in their stead.
    pub(crate) superseded: usize,
    /// Those of them that were passed on a live socket: the change was repaired by a later one.
    pub(crate) superseded_live: usize,
    /// Rooms that a client loaded again after a `reset`.
    pub(crate) reloads: usize,
    /// What was promised and did not hold.
    pub(crate) violations: Vec<Violation>,
}

impl Findings {
    pub(crate) fn count(&self, kind: Kind) -> usize {
        let of_kind = self.violations.iter().filter(|one| one.kind() == kind);
        of_kind.count()
    }
}

/// An acknowledged send.
#[derive(Clone, Copy, Debug)]
struct Ack<'a> {
    at: Duration,
    client: ClientId,
    room: RoomId,
    nonce: &'a str,
    message: MessageId,
    seq: Seq,
}

/// Judges a run that has ended.
pub(crate) fn check(history: &History<'_>) -> Findings {
    let mut findings = Findings::default();
    let acks = acknowledged(history, &mut findings.violations);
    findings.messages = acks.len();
    let is_reload = |entry: &&Entry| matches!(entry.what, What::Loaded { .. });
    findings.reloads = history.entries.iter().filter(is_reload).count();
    stored(history, &acks, &mut findings.violations);
    in_sending_order(history, &acks, &mut findings.violations);
    agreed(history, &mut findings.violations);
    let things = things(history, &acks);
    for (&client, rooms) in history.members {
        for &room in rooms {
            let Some(truth) = history.truth.get(&room) else {
                continue;
            };
            let seen = Seen::of(history.entries, client, room, &mut findings.violations);
            seen.judge(truth, &things, &mut findings);
            let of_room = acks.iter().filter(|ack| ack.room == room);
            for ack in of_room {
                findings.silence = findings.silence.max(seen.silence(ack.at, ack.message));
            }
        }
    }
    findings
}

/// The first acknowledgement of every send; says what is wrong with the other answers.
fn acknowledged<'a>(history: &History<'a>, violations: &mut Vec<Violation>) -> Vec<Ack<'a>> {
    let mut acks: Vec<Ack<'a>> = Vec::new();
    let mut by_nonce: HashMap<&str, MessageId> = HashMap::new();
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    let mut unanswered: BTreeMap<&str, (ClientId, RoomId)> = BTreeMap::new();
    for entry in history.entries {
        let client = entry.client;
        match &entry.what {
            What::Sent { room, nonce } => {
                unanswered.entry(nonce).or_insert((client, *room));
            }
            What::Acked {
                room,
                nonce,
                message,
                seq,
            } => match by_nonce.insert(nonce, *message) {
                None => acks.push(Ack {
                    at: entry.at,
                    client,
                    room: *room,
                    nonce,
                    message: *message,
                    seq: *seq,
                }),
                Some(first) if first == *message => {}
                Some(first) => violations.push(Violation::TwoMessages {
                    room: *room,
                    nonce: nonce.clone(),
                    messages: vec![first, *message],
                }),
            },
            What::Refused { nonce } => {
                refused.insert(nonce);
            }
            What::Broke(how) => violations.push(Violation::Protocol {
                client,
                how: how.clone(),
            }),
            _ => {}
        }
    }
    for truth in history.truth.values() {
        for message in &truth.messages {
            if let Some(nonce) = &message.nonce
                && refused.contains(nonce.as_str())
            {
                violations.push(Violation::StoredThoughRefused {
                    room: message.room,
                    message: message.id,
                });
            }
        }
    }
    unanswered.retain(|nonce, _| !by_nonce.contains_key(nonce) && !refused.contains(nonce));
    for (nonce, (client, room)) in unanswered {
        violations.push(Violation::Unanswered {
            client,
            room,
            nonce: nonce.to_owned(),
        });
    }
    acks
}

/// Every acknowledged send stands in the history, once, where the acknowledgement said.
fn stored(history: &History<'_>, acks: &[Ack<'_>], violations: &mut Vec<Violation>) {
    for (&room, truth) in history.truth {
        let by_id: HashMap<MessageId, &Message> =
            truth.messages.iter().map(|one| (one.id, one)).collect();
        let mut by_nonce: BTreeMap<&str, Vec<MessageId>> = BTreeMap::new();
        for message in &truth.messages {
            if let Some(nonce) = &message.nonce {
                by_nonce.entry(nonce).or_default().push(message.id);
            }
        }
        for (nonce, messages) in by_nonce {
            if messages.len() > 1 {
                violations.push(Violation::TwoMessages {
                    room,
                    nonce: nonce.to_owned(),
                    messages,
                });
            }
        }
        for ack in acks.iter().filter(|ack| ack.room == room) {
            match by_id.get(&ack.message) {
                Some(message) if message.seq == ack.seq => {}
                Some(message) => violations.push(Violation::Moved {
                    room,
                    message: ack.message,
                    acknowledged: ack.seq,
                    stored: message.seq,
                }),
                None => violations.push(Violation::NotStored {
                    client: ack.client,
                    room,
                    message: ack.message,
                    seq: ack.seq,
                }),
            }
        }
    }
}

/// What one client sends to one room stands there in the order of sending.
fn in_sending_order(history: &History<'_>, acks: &[Ack<'_>], violations: &mut Vec<Violation>) {
    let positions: HashMap<&str, Seq> = acks.iter().map(|ack| (ack.nonce, ack.seq)).collect();
    let mut put_off: BTreeSet<&str> = BTreeSet::new();
    for entry in history.entries {
        if let What::Deferred { nonce } = &entry.what {
            put_off.insert(nonce);
        }
    }
    let mut sent: BTreeSet<&str> = BTreeSet::new();
    let mut last: BTreeMap<(ClientId, RoomId), (Seq, &str)> = BTreeMap::new();
    for entry in history.entries {
        let What::Sent { room, nonce } = &entry.what else {
            continue;
        };
        if !sent.insert(nonce) || put_off.contains(nonce.as_str()) {
            continue;
        }
        let Some(&seq) = positions.get(nonce.as_str()) else {
            continue;
        };
        if let Some((before, first)) = last.insert((entry.client, *room), (seq, nonce))
            && before > seq
        {
            violations.push(Violation::SentOrder {
                client: entry.client,
                room: *room,
                first: (first.to_owned(), before),
                second: (nonce.clone(), seq),
            });
        }
    }
}

/// What two clients saw at one position is the same.
fn agreed(history: &History<'_>, violations: &mut Vec<Violation>) {
    let mut first: HashMap<(RoomId, Seq), (ClientId, &Message)> = HashMap::new();
    for entry in history.entries {
        let What::Delivered {
            room, seq, change, ..
        } = &entry.what
        else {
            continue;
        };
        let Some(message) = change.message() else {
            continue;
        };
        let (client, other) = *first
            .entry((*room, *seq))
            .or_insert((entry.client, message));
        if other != message {
            violations.push(Violation::Disagreement {
                room: *room,
                seq: *seq,
                clients: [client, entry.client],
            });
        }
    }
}

/// Which message changed at a position, as far as anybody was told.
type Things = HashMap<(RoomId, Seq), Option<MessageId>>;

fn things(history: &History<'_>, acks: &[Ack<'_>]) -> Things {
    let mut things: Things = acks
        .iter()
        .map(|ack| ((ack.room, ack.seq), Some(ack.message)))
        .collect();
    for entry in history.entries {
        if let What::Delivered {
            room, seq, change, ..
        } = &entry.what
        {
            things.insert((*room, *seq), change.message().map(|message| message.id));
        }
    }
    for (&room, truth) in history.truth {
        for message in &truth.messages {
            things.insert((room, message.seq), Some(message.id));
            things.insert((room, message.changed_seq), Some(message.id));
        }
    }
    things
}

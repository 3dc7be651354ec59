//! What one client saw of one room, over all of its sockets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::time::Duration;

use chapar_shared::protocol::Message;
use chapar_shared::{MessageId, RoomId, Seq};

use super::{Findings, Things, Truth, Violation};
use crate::record::{Change, ClientId, Entry, What};

/// How long a socket may replay what was missed, and what comes meanwhile with it: where that ends and live
/// events begin is not told.
const CATCHING_UP: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Seen {
    client: ClientId,
    room: RoomId,
    /// Where its first socket began, and where it stands in the end; `None` if it never opened one.
    began: Option<Seq>,
    position: Seq,
    /// The positions that it passed without an event.
    holes: BTreeSet<Seq>,
    /// Those of them that were passed on a live socket.
    live_holes: BTreeSet<Seq>,
    known: BTreeMap<MessageId, Message>,
    /// When a message first came.
    came: HashMap<MessageId, Duration>,
    /// The times without a socket.
    away: Vec<Range<Duration>>,
}

impl Seen {
    /// Follows the client through the record and says what broke the order on the way.
    pub(super) fn of(
        entries: &[Entry],
        client: ClientId,
        room: RoomId,
        violations: &mut Vec<Violation>,
    ) -> Self {
        let mut seen = Self {
            client,
            room,
            began: None,
            position: 0,
            holes: BTreeSet::new(),
            live_holes: BTreeSet::new(),
            known: BTreeMap::new(),
            came: HashMap::new(),
            away: Vec::new(),
        };
        let mut delivered: BTreeSet<Seq> = BTreeSet::new();
        let mut created: BTreeSet<MessageId> = BTreeSet::new();
        let mut opened = Duration::ZERO;
        let mut closed = Some(Duration::ZERO);
        for entry in entries.iter().filter(|entry| entry.client == client) {
            match &entry.what {
                What::Opened { rooms, .. } => {
                    opened = entry.at;
                    seen.away.extend(closed.take().map(|closed| closed..opened));
                    let at = rooms.iter().find(|(id, _)| *id == room);
                    if let (None, Some((_, seq))) = (seen.began, at) {
                        seen.began = Some(*seq);
                        seen.position = *seq;
                    }
                }
                What::Delivered {
                    room: of,
                    seq,
                    change,
                    ..
                } if *of == room => {
                    if let Change::Created(message) = change
                        && !created.insert(message.id)
                    {
                        violations.push(Violation::CreatedTwice {
                            client,
                            room,
                            message: message.id,
                        });
                    }
                    if *seq > seen.position {
                        let holes = seen.position + 1..*seq;
                        if entry.at.saturating_sub(opened) > CATCHING_UP {
                            seen.live_holes.extend(holes.clone());
                        }
                        seen.holes.extend(holes);
                        seen.position = *seq;
                    } else if delivered.contains(seq) {
                        violations.push(Violation::DeliveredTwice {
                            client,
                            room,
                            seq: *seq,
                        });
                    } else {
                        violations.push(Violation::OutOfOrder {
                            client,
                            room,
                            seq: *seq,
                            after: seen.position,
                        });
                    }
                    delivered.insert(*seq);
                    if let Some(message) = change.message() {
                        seen.came.entry(message.id).or_insert(entry.at);
                        seen.learn(message);
                    }
                }
                What::Closed { .. } => {
                    closed.get_or_insert(entry.at);
                }
                What::Loaded {
                    room: of,
                    seq,
                    messages,
                } if *of == room => {
                    seen.position = seen.position.max(*seq);
                    // A load tells the latest state of everything up to its position.
                    seen.holes.clear();
                    for message in messages {
                        seen.learn(message);
                    }
                }
                _ => {}
            }
        }
        seen
    }

    fn learn(&mut self, message: &Message) {
        let newest = self
            .known
            .entry(message.id)
            .or_insert_with(|| message.clone());
        if newest.changed_seq < message.changed_seq {
            *newest = message.clone();
        }
    }

    /// Holds it against what REST tells.
    pub(super) fn judge(&self, truth: &Truth, things: &Things, findings: &mut Findings) {
        let (client, room) = (self.client, self.room);
        let Some(began) = self.began else {
            findings
                .violations
                .push(Violation::NeverOpened { client, room });
            return;
        };
        let last: HashMap<Seq, MessageId> = truth
            .messages
            .iter()
            .map(|message| (message.changed_seq, message.id))
            .collect();
        let after = self.position + 1..=truth.seq;
        for seq in self.holes.iter().copied().chain(after) {
            let thing = things.get(&(room, seq)).copied();
            let is_superseded = match thing {
                _ if last.contains_key(&seq) => false,
                // Somebody was told of a membership or the room: that is not superseded here.
                Some(None) => false,
                Some(Some(message)) => self
                    .known
                    .get(&message)
                    .is_some_and(|known| known.changed_seq > seq),
                // Nobody was told of it, and in the end nothing has it as its latest change.
                None => true,
            };
            if is_superseded {
                findings.superseded += 1;
                findings.superseded_live += usize::from(self.live_holes.contains(&seq));
            } else {
                findings.violations.push(Violation::NotDelivered {
                    client,
                    room,
                    seq,
                    message: thing.flatten(),
                });
            }
        }
        if self.position > truth.seq {
            findings.violations.push(Violation::Ahead {
                client,
                room,
                position: self.position,
                head: truth.seq,
            });
        }
        let mut known = self.known.clone();
        for message in truth.messages.iter().filter(|one| one.changed_seq > began) {
            match known.remove(&message.id) {
                // Said above, with its position.
                None => {}
                Some(seen) if seen == *message || seen.changed_seq < message.changed_seq => {}
                Some(_) => findings.violations.push(Violation::OtherThanRest {
                    client,
                    room,
                    message: message.id,
                }),
            }
        }
        for message in known.into_keys() {
            findings.violations.push(Violation::OtherThanRest {
                client,
                room,
                message,
            });
        }
    }

    /// How long a message that was acknowledged then was silent for this client: while it had a socket.
    pub(super) fn silence(&self, acknowledged: Duration, message: MessageId) -> Duration {
        let Some(&at) = self.came.get(&message) else {
            return Duration::ZERO;
        };
        let of_it = |span: &Range<Duration>| {
            let end = span.end.min(at);
            end.saturating_sub(span.start.max(acknowledged))
        };
        let away: Duration = self.away.iter().map(of_it).sum();
        at.saturating_sub(acknowledged).saturating_sub(away)
    }
}

//! Checks what a client saw of a room against what the protocol promises.

use std::collections::{BTreeMap, BTreeSet};

use chapar_shared::protocol::{Event, EventBody, Message};
use chapar_shared::{MessageId, RoomId, Seq};

use crate::{Socket, User};

/// The changes of one room that one or more sockets of one client saw, in order.
#[derive(Clone, Debug)]
pub struct History {
    room: RoomId,
    changes: Vec<Event>,
}

impl History {
    /// What a socket saw so far.
    pub fn of(socket: &Socket, room: RoomId) -> Self {
        Self {
            room,
            changes: socket.changes(room),
        }
    }

    /// Goes on with what the client's next socket saw.
    #[must_use]
    pub fn and(mut self, socket: &Socket) -> Self {
        self.changes.extend(socket.changes(self.room));
        self
    }

    /// The positions, in the order in which they came.
    pub fn positions(&self) -> Vec<Seq> {
        self.changes.iter().filter_map(|event| event.seq).collect()
    }

    /// The changes themselves.
    pub fn changes(&self) -> &[Event] {
        &self.changes
    }

    /// The messages created, in the order in which they came.
    pub fn created(&self) -> Vec<&Message> {
        let created = self.changes.iter().filter_map(|event| match &event.body {
            EventBody::MessageCreated(message) => Some(message),
            _ => None,
        });
        created.collect()
    }

    /// Every position is above the one before: nothing twice, nothing out of order.
    #[track_caller]
    pub fn assert_ascending(&self) -> &Self {
        let positions = self.positions();
        for pair in positions.windows(2) {
            assert!(
                pair[0] < pair[1],
                "room {}: {} came before {}",
                self.room,
                pair[0],
                pair[1]
            );
        }
        self
    }

    /// Every position after `from` up to `to` came, each once, in order.
    #[track_caller]
    pub fn assert_dense(&self, from: Seq, to: Seq) -> &Self {
        let positions = self.positions();
        let expected: Vec<Seq> = (from + 1..=to).collect();
        if positions != expected {
            let seen: BTreeSet<Seq> = positions.iter().copied().collect();
            let missing: Vec<_> = expected.iter().filter(|seq| !seen.contains(seq)).collect();
            let extra: Vec<_> = seen.iter().filter(|seq| !expected.contains(seq)).collect();
            panic!(
                "room {}: {} positions after {from} up to {to}; missing {missing:?}, more {extra:?}",
                self.room,
                positions.len()
            );
        }
        self
    }

    /// No message was created twice, and all of these were.
    #[track_caller]
    pub fn assert_holds(&self, acknowledged: impl IntoIterator<Item = MessageId>) -> &Self {
        let mut counts: BTreeMap<MessageId, u32> = BTreeMap::new();
        for message in self.created() {
            *counts.entry(message.id).or_default() += 1;
        }
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "room {}: twice {twice:?}", self.room);
        let lost: Vec<_> = acknowledged
            .into_iter()
            .filter(|id| !counts.contains_key(id))
            .collect();
        assert!(lost.is_empty(), "room {}: lost {lost:?}", self.room);
        self
    }

    /// After these changes the client knows what REST tells: each message in its latest state.
    pub async fn assert_equals_rest(&self, reader: &User) {
        let mut known: BTreeMap<MessageId, Message> = BTreeMap::new();
        for event in &self.changes {
            if let Some(message) = crate::socket::event_message(event) {
                known.insert(message.id, message.clone());
            }
        }
        for mut message in reader.history(self.room).await {
            // Events are the same for everybody and mark nobody's own reactions.
            for reaction in &mut message.reactions {
                reaction.me = None;
            }
            let seen = known.remove(&message.id);
            assert_eq!(seen.as_ref(), Some(&message), "room {}", self.room);
        }
        assert!(known.is_empty(), "not in the history: {known:?}");
    }
}

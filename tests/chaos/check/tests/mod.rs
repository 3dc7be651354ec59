//! Histories that are whole, and every way in which one can be broken.

use chapar_shared::protocol::User;
use chapar_shared::{Timestamp, UserId};

use super::*;
use crate::record::Change;

mod agreement;
mod order;

const ROOM: RoomId = RoomId(7);

/// A history in the making: two clients in one room, whose first position is 1.
#[derive(Debug)]
struct Story {
    entries: Vec<Entry>,
    truth: Truth,
}

impl Story {
    /// Both clients have a socket.
    fn begin() -> Self {
        let truth = Truth {
            seq: 1,
            messages: Vec::new(),
        };
        let mut story = Self {
            entries: Vec::new(),
            truth,
        };
        story.open(0, 1).open(1, 1);
        story
    }

    /// Client 0 said three things, and both got them.
    fn of_three() -> Self {
        let mut story = Self::begin();
        for seq in 2..=4 {
            story.say(seq);
            for client in 0..2 {
                story.deliver(client, seq);
            }
        }
        story
    }

    fn add(&mut self, client: ClientId, what: What) -> &mut Self {
        let at = Duration::from_millis(100 * self.entries.len() as u64);
        self.entries.push(Entry { at, client, what });
        self
    }

    fn open(&mut self, client: ClientId, seq: Seq) -> &mut Self {
        let rooms = vec![(ROOM, seq)];
        self.add(client, What::Opened { rooms })
    }

    fn send(&mut self, nonce: &str) -> &mut Self {
        let nonce = nonce.to_owned();
        self.add(0, What::Sent { room: ROOM, nonce })
    }

    fn acknowledge(&mut self, nonce: &str, message: i64, seq: Seq) -> &mut Self {
        let what = What::Acked {
            room: ROOM,
            nonce: nonce.to_owned(),
            message: MessageId(message),
            seq,
        };
        self.add(0, what)
    }

    /// Client 0 sends the message of this position; it is stored and acknowledged.
    fn say(&mut self, seq: Seq) -> &mut Self {
        self.truth.messages.push(message(seq, seq));
        self.truth.seq = seq;
        let nonce = nonce(seq);
        self.send(&nonce).acknowledge(&nonce, seq, seq)
    }

    /// The message of position `first` changes at `seq`.
    fn change(&mut self, first: Seq, seq: Seq) -> &mut Self {
        let changed = message(first, seq);
        let old = self.truth.messages.iter_mut().find(|one| one.seq == first);
        *old.unwrap() = changed;
        self.truth.seq = seq;
        self
    }

    fn deliver(&mut self, client: ClientId, seq: Seq) -> &mut Self {
        self.deliver_as(client, seq, Change::Created(Box::new(message(seq, seq))))
    }

    fn deliver_change(&mut self, client: ClientId, first: Seq, seq: Seq) -> &mut Self {
        self.deliver_as(client, seq, Change::Changed(Box::new(message(first, seq))))
    }

    fn deliver_as(&mut self, client: ClientId, seq: Seq, change: Change) -> &mut Self {
        let what = What::Delivered {
            room: ROOM,
            seq,
            change,
        };
        self.add(client, what)
    }

    /// So long after the last opening that whatever comes is live.
    fn later(&mut self) -> &mut Self {
        for _ in 0..60 {
            self.add(0, What::Told { after_ms: 0 });
        }
        self
    }

    fn check(&self) -> Findings {
        check(&History {
            entries: &self.entries,
            truth: &BTreeMap::from([(ROOM, self.truth.clone())]),
            members: &BTreeMap::from([(0, vec![ROOM]), (1, vec![ROOM])]),
        })
    }

    #[track_caller]
    fn assert_whole(&self) -> Findings {
        let findings = self.check();
        assert_eq!(findings.violations, []);
        findings
    }

    #[track_caller]
    fn assert_broken(&self, violations: &[Violation]) {
        assert_eq!(self.check().violations, violations);
    }
}

fn nonce(seq: Seq) -> String {
    format!("0/{seq}")
}

/// The message of position `seq`, which has its number as id too, as it is since `changed`.
fn message(seq: Seq, changed: Seq) -> Message {
    Message {
        id: MessageId(seq),
        room: ROOM,
        seq,
        changed_seq: changed,
        number: seq - 1,
        sender: User {
            id: UserId(1),
            username: "سارا".to_owned(),
            display_name: "سارا".to_owned(),
            avatar_url: None,
        },
        content: format!("text of {changed}"),
        nonce: Some(nonce(seq)),
        reply_to: None,
        attachments: Vec::new(),
        reactions: Vec::new(),
        created_at: Timestamp::from_micros(0),
        edited_at: None,
        deleted_at: None,
    }
}

#[test]
fn a_whole_history_is_whole() {
    let findings = Story::of_three().assert_whole();
    assert_eq!((findings.messages, findings.superseded), (3, 0));
}

#[test]
fn a_message_acknowledged_and_not_stored_is_lost() {
    let mut story = Story::of_three();
    story.send("x").acknowledge("x", 99, 5);
    story.assert_broken(&[Violation::NotStored {
        client: 0,
        room: ROOM,
        message: MessageId(99),
        seq: 5,
    }]);
}

#[test]
fn a_message_that_one_client_never_got_is_lost() {
    let mut story = Story::of_three();
    story
        .say(5)
        .deliver(0, 5)
        .say(6)
        .deliver(0, 6)
        .deliver(1, 6);
    story.assert_broken(&[Violation::NotDelivered {
        client: 1,
        room: ROOM,
        seq: 5,
        message: Some(MessageId(5)),
    }]);
}

#[test]
fn the_last_message_can_be_lost_too() {
    let mut story = Story::of_three();
    story.say(5).deliver(0, 5);
    assert_eq!(story.check().count(Kind::Lost), 1);
}

#[test]
fn an_edit_that_never_came_is_lost() {
    let mut story = Story::of_three();
    story.change(3, 5).deliver_change(0, 3, 5);
    story.assert_broken(&[Violation::NotDelivered {
        client: 1,
        room: ROOM,
        seq: 5,
        message: Some(MessageId(3)),
    }]);
}

#[test]
fn a_membership_that_only_some_were_told_of_is_lost_for_the_others() {
    let mut story = Story::of_three();
    story.deliver_as(0, 5, Change::Other);
    story.say(6).deliver(0, 6).deliver(1, 6);
    assert_eq!(story.check().count(Kind::Lost), 1);
}

#[test]
fn a_superseded_position_may_be_missing() {
    let mut story = Story::of_three();
    story
        .say(5)
        .deliver(0, 5)
        .change(5, 6)
        .deliver_change(0, 5, 6);
    // Client 1 was away and gets the latest state alone, as new.
    story.open(1, 6);
    story.deliver_as(1, 6, Change::Created(Box::new(message(5, 6))));
    let findings = story.assert_whole();
    assert_eq!((findings.superseded, findings.superseded_live), (1, 0));
}

#[test]
fn a_position_is_superseded_only_by_a_change_that_came() {
    let mut story = Story::of_three();
    story
        .say(5)
        .deliver(0, 5)
        .change(5, 6)
        .deliver_change(0, 5, 6);
    story.say(7).deliver(0, 7).deliver(1, 7);
    assert_eq!(story.check().count(Kind::Lost), 2);
}

#[test]
fn a_client_without_a_socket_is_found() {
    let mut story = Story::of_three();
    story.entries.retain(|entry| entry.client == 0);
    let violation = Violation::NeverOpened {
        client: 1,
        room: ROOM,
    };
    story.assert_broken(&[violation]);
}

#[test]
fn what_was_loaded_after_a_reset_counts_as_delivered() {
    let mut story = Story::of_three();
    story.say(5).deliver(0, 5).say(6).deliver(0, 6);
    let messages = story.truth.messages.clone();
    let what = What::Loaded {
        room: ROOM,
        seq: 6,
        messages,
    };
    story.open(1, 6).add(1, what);
    story.say(7).deliver(0, 7).deliver(1, 7);
    story.assert_whole();
}

#[test]
fn a_superseded_position_is_counted_where_it_is_missing_on_a_live_socket() {
    let mut story = Story::of_three();
    story.later().say(5).deliver(0, 5);
    story.change(5, 6).deliver_change(0, 5, 6);
    story.deliver_as(1, 6, Change::Created(Box::new(message(5, 6))));
    let findings = story.assert_whole();
    assert_eq!((findings.superseded, findings.superseded_live), (1, 1));
}

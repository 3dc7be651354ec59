//! The writer over a store that does as it is told.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chapar_shared::envelope::Envelope;
use chapar_shared::protocol::EventType;
use chapar_shared::{MessageId, RoomId, Timestamp, UserId};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::*;
use crate::domain::publish::fixtures::{Recorder, clock, publisher};
use crate::error::{Error, StoreError};
use crate::store::messages::{
    Around, DecideSend, History, MessageChange, MessageFacts, MessageOutcome, SendOutcome,
};
use crate::store::rooms::Decide;
use crate::store::{ChangeRecord, Committed, Person, Subject};

/// Commits in memory; each step of `script` decides what the next transaction does.
#[derive(Debug)]
struct Script {
    state: Mutex<State>,
    /// A permit lets one transaction through.
    gate: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    steps: VecDeque<Step>,
    locked: HashSet<RoomId>,
    bad: HashSet<String>,
    nonces: HashMap<(RoomId, String), Arc<MessageRecord>>,
    seqs: HashMap<RoomId, i64>,
    /// The texts of each transaction, also of those that failed.
    batches: Vec<Vec<String>>,
    /// The texts in the order in which they were committed.
    written: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The connection is lost after the commit.
    LostAfter,
    /// The connection is lost before the commit.
    LostBefore,
    /// No answer at all.
    Hang,
}

impl Script {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            gate: Semaphore::new(permits),
        })
    }

    fn written(&self) -> Vec<String> {
        self.state.lock().unwrap().written.clone()
    }

    fn batches(&self) -> Vec<Vec<String>> {
        self.state.lock().unwrap().batches.clone()
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("lost".into())
}

impl State {
    fn write(&mut self, message: &NewMessage) -> (Arc<MessageRecord>, bool) {
        let nonce = message.nonce.clone().unwrap();
        let key = (message.room, nonce.clone());
        if let Some(first) = self.nonces.get(&key) {
            return (Arc::clone(first), true);
        }
        let seq = self.seqs.entry(message.room).or_default();
        *seq += 1;
        let record = Arc::new(MessageRecord {
            id: MessageId(message.room.0 * 1000 + *seq),
            room: message.room,
            seq: *seq,
            changed_seq: *seq,
            number: *seq,
            sender: Arc::new(Person {
                id: message.sender,
                username: "u".to_owned(),
                display_name: "u".to_owned(),
                avatar: None,
                email: None,
            }),
            content: message.content.clone(),
            nonce: (!message.is_nonce_hidden).then_some(nonce),
            reply_to: None,
            attachments: Vec::new(),
            reactions: Vec::new(),
            created_at: message.at,
            edited_at: None,
            deleted_at: None,
        });
        self.nonces.insert(key, record.clone());
        self.written.push(message.content.clone());
        (record, false)
    }
}

#[async_trait]
impl Messages for Script {
    async fn commit_sends(
        &self,
        batch: &[NewMessage],
        _: DecideSend<'_>,
    ) -> Result<SendOutcome, StoreError> {
        self.gate.acquire().await.unwrap().forget();
        let texts = batch.iter().map(|message| message.content.clone());
        let step = {
            let mut state = self.state.lock().unwrap();
            state.batches.push(texts.collect());
            state.steps.pop_front()
        };
        match step {
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::LostBefore) => return Err(lost()),
            Some(Step::LostAfter) | None => {}
        }
        let mut state = self.state.lock().unwrap();
        if batch.iter().any(|it| state.locked.contains(&it.room)) {
            return Err(StoreError::Busy("locked".into()));
        }
        if batch.iter().any(|it| state.bad.contains(&it.content)) {
            return Err(StoreError::Failed("bad".into()));
        }
        let mut committed = Committed::default();
        let mut results = Vec::new();
        for message in batch {
            let (record, is_repeat) = state.write(message);
            if !is_repeat {
                committed.changes.push(ChangeRecord {
                    room: record.room,
                    seq: record.seq,
                    kind: EventType::MessageCreated,
                    at: message.at,
                    actor: None,
                    subject: Subject::Message(Arc::clone(&record), None),
                });
            }
            results.push(Ok((record, is_repeat)));
        }
        if matches!(step, Some(Step::LostAfter)) {
            return Err(lost());
        }
        Ok(SendOutcome { results, committed })
    }

    async fn change_message(
        &self,
        _: RoomId,
        _: MessageId,
        _: UserId,
        _: Timestamp,
        _: Decide<'_, MessageFacts, MessageChange>,
    ) -> Result<MessageOutcome, Error> {
        unreachable!("the writer changes nothing")
    }

    async fn message(
        &self,
        _: RoomId,
        _: MessageId,
        _: UserId,
    ) -> Result<Option<MessageRecord>, StoreError> {
        unreachable!("the writer reads nothing")
    }

    async fn direct_messages(
        &self,
        _: UserId,
        _: Option<MessageId>,
        _: u32,
    ) -> Result<Vec<(MessageRecord, UserId)>, StoreError> {
        unreachable!("the writer reads nothing")
    }

    async fn latest(
        &self,
        _: &[RoomId],
        _: UserId,
    ) -> Result<HashMap<RoomId, MessageRecord>, StoreError> {
        unreachable!("the writer reads nothing")
    }

    async fn history(
        &self,
        _: RoomId,
        _: UserId,
        _: Around,
        _: u32,
    ) -> Result<History, StoreError> {
        unreachable!("the writer reads nothing")
    }
}

struct Setup {
    writer: Writer,
    store: Arc<Script>,
    broker: Arc<Recorder>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

fn start(permits: usize, config: WriterConfig) -> Setup {
    let store = Script::new(permits);
    let (publisher, broker) = publisher();
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let writer = Writer::start(
        store.clone(),
        publisher,
        clock(),
        config,
        &tasks,
        shutdown.clone(),
    );
    Setup {
        writer,
        store,
        broker,
        tasks,
        shutdown,
    }
}

impl Setup {
    async fn queue(&self, room: i64, text: &str) -> Pending {
        let message = NewMessage {
            room: RoomId(room),
            sender: UserId(1),
            content: text.to_owned(),
            body_hash: String::new(),
            nonce: None,
            is_nonce_hidden: false,
            reply_to: None,
            attachments: Vec::new(),
            mentions: Vec::new(),
            at: Timestamp::default(),
        };
        self.writer.queue(message, None).await.unwrap()
    }

    async fn send(&self, room: i64, text: &str) -> Result<Sent, Problem> {
        self.queue(room, text).await.wait().await
    }

    /// Ends the writer and gives the positions that were published, in order.
    async fn close(self) -> Vec<(RoomId, i64)> {
        self.shutdown.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_mins(1), self.tasks.wait())
            .await
            .expect("the writer ends");
        let published = self.broker.taken().into_iter();
        published
            .filter_map(|(_, envelope)| match envelope {
                Envelope::Change(change) => Some((change.room, change.seq)),
                _ => None,
            })
            .collect()
    }
}

fn code(result: Result<Sent, Problem>) -> Code {
    result.unwrap_err().code
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_commit_is_in_flight_forms_the_next_batch() {
    let config = WriterConfig {
        max_batch: 3,
        ..WriterConfig::default()
    };
    let setup = start(0, config);
    let mut pending = vec![setup.queue(1, "a").await];
    // The first one is in flight before the others come.
    sleep(Duration::from_millis(1)).await;
    for text in ["b", "c", "d", "e"] {
        pending.push(setup.queue(1, text).await);
    }
    setup.store.gate.add_permits(10);
    for (at, pending) in pending.into_iter().enumerate() {
        let sent = pending.wait().await.unwrap();
        assert_eq!(sent.message.seq, i64::try_from(at).unwrap() + 1);
        assert_eq!(sent.message.nonce, None);
    }
    let batches = setup.store.batches();
    assert_eq!(batches, [vec!["a"], vec!["b", "c", "d"], vec!["e"]]);
    let published = setup.close().await;
    let seqs: Vec<_> = published.iter().map(|(_, seq)| *seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_after_a_large_one_waits_for_company() {
    // How long the large one took, and whether the next one waits for a send 3 ms later.
    for (took, waits) in [(100, true), (4, false)] {
        let setup = start(0, WriterConfig::default());
        let mut pending = Vec::new();
        for _ in 0..40 {
            pending.push(setup.queue(1, "many").await);
        }
        sleep(Duration::from_millis(took)).await;
        setup.store.gate.add_permits(1);
        for pending in pending.drain(..) {
            pending.wait().await.unwrap();
        }
        setup.store.gate.add_permits(2);
        for text in ["a", "b"] {
            pending.push(setup.queue(1, text).await);
            sleep(Duration::from_millis(3)).await;
        }
        for pending in pending {
            pending.wait().await.unwrap();
        }
        let batches = setup.store.batches().split_off(1);
        let together = batches == [vec!["a", "b"]];
        assert_eq!(together, waits, "{took} ms: {batches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_that_comes_alone_waits_for_nobody() {
    let setup = start(100, WriterConfig::default());
    setup.send(1, "a").await.unwrap();
    let begin = Instant::now();
    setup.send(1, "b").await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_in_bytes() {
    let config = WriterConfig {
        max_batch_bytes: 10,
        ..WriterConfig::default()
    };
    let setup = start(0, config);
    let mut pending = vec![setup.queue(1, "first").await];
    sleep(Duration::from_millis(1)).await;
    for text in ["123456", "1234", "x", "much longer than ten"] {
        pending.push(setup.queue(1, text).await);
    }
    setup.store.gate.add_permits(10);
    for pending in pending {
        pending.wait().await.unwrap();
    }
    let sizes: Vec<_> = setup.store.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 2, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_locked_room_delays_no_other_and_keeps_its_order() {
    let setup = start(100, WriterConfig::default());
    setup.store.state.lock().unwrap().locked.insert(RoomId(1));
    let mut locked = vec![setup.queue(1, "a1").await];
    let other = setup.queue(2, "b1").await;
    locked.push(setup.queue(1, "a2").await);
    assert_eq!(other.wait().await.unwrap().message.seq, 1);
    // What comes later for the locked room waits behind, what comes for another does not.
    locked.push(setup.queue(1, "a3").await);
    setup.send(2, "b2").await.unwrap();
    setup.store.state.lock().unwrap().locked.clear();
    for pending in locked {
        pending.wait().await.unwrap();
    }
    setup.send(1, "a4").await.unwrap();
    assert_eq!(setup.store.written(), ["b1", "b2", "a1", "a2", "a3", "a4"]);
    assert_eq!(setup.close().await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_room_locked_for_long_is_given_up() {
    let setup = start(100, WriterConfig::default());
    setup.store.state.lock().unwrap().locked.insert(RoomId(1));
    assert_eq!(code(setup.send(1, "a").await), Code::Unavailable);
    assert_eq!(setup.store.batches().len(), 6);
    setup.store.state.lock().unwrap().locked.clear();
    setup.send(1, "b").await.unwrap();
    assert_eq!(setup.store.written(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn one_bad_message_fails_alone() {
    let setup = start(0, WriterConfig::default());
    setup
        .store
        .state
        .lock()
        .unwrap()
        .bad
        .insert("bad".to_owned());
    let first = setup.queue(9, "first").await;
    sleep(Duration::from_millis(1)).await;
    let mut pending = Vec::new();
    for (room, text) in [(1, "a"), (1, "bad"), (1, "b"), (2, "c")] {
        pending.push(setup.queue(room, text).await);
    }
    setup.store.gate.add_permits(100);
    first.wait().await.unwrap();
    let mut codes = Vec::new();
    for pending in pending {
        codes.push(pending.wait().await.err().map(|problem| problem.code));
    }
    assert_eq!(codes, [None, Some(Code::Internal), None, None]);
    let in_room: Vec<_> = setup.store.written();
    let (a, b) = (
        in_room.iter().position(|it| it == "a"),
        in_room.iter().position(|it| it == "b"),
    );
    assert!(a < b);
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_outcome_is_repeated_and_writes_once() {
    for step in [Step::LostBefore, Step::LostAfter, Step::Hang] {
        let setup = start(100, WriterConfig::default());
        setup.store.state.lock().unwrap().steps.push_back(step);
        let sent = setup.send(1, "a").await.unwrap();
        assert_eq!(sent.message.seq, 1);
        assert_eq!(setup.store.written(), ["a"], "{step:?}");
        assert_eq!(setup.store.batches().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_told_at_the_deadline() {
    let setup = start(1000, WriterConfig::default());
    setup.store.state.lock().unwrap().steps = [Step::LostBefore; 50].into();
    let begin = Instant::now();
    assert_eq!(code(setup.send(1, "a").await), Code::Unavailable);
    assert_eq!(begin.elapsed().as_secs(), 10);
    setup.store.state.lock().unwrap().steps.clear();
    setup.send(1, "b").await.unwrap();
    assert_eq!(setup.store.written(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_senders_wait_and_then_refuses() {
    let config = WriterConfig {
        max_queue: 1,
        ..WriterConfig::default()
    };
    let setup = start(0, config);
    let _in_flight = setup.queue(1, "a").await;
    sleep(Duration::from_millis(1)).await;
    let _queued = setup.queue(1, "b").await;
    let message = NewMessage {
        content: "c".to_owned(),
        ..sample()
    };
    let refused = setup.writer.queue(message, None).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable);
}

fn sample() -> NewMessage {
    NewMessage {
        room: RoomId(1),
        sender: UserId(1),
        content: String::new(),
        body_hash: String::new(),
        nonce: None,
        is_nonce_hidden: false,
        reply_to: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
        at: Timestamp::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_delays_no_answer() {
    let setup = start(100, WriterConfig::default());
    setup.broker.hangs.store(true, Ordering::SeqCst);
    let begin = Instant::now();
    for text in ["a", "b", "c"] {
        setup.send(1, text).await.unwrap();
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn shutting_down_commits_and_publishes_what_is_queued() {
    let setup = start(0, WriterConfig::default());
    let mut pending = Vec::new();
    for text in ["a", "b", "c"] {
        pending.push(setup.queue(1, text).await);
    }
    setup.shutdown.cancel();
    sleep(Duration::from_millis(1)).await;
    setup.store.gate.add_permits(10);
    let writer = setup.writer.clone();
    let store = setup.store.clone();
    assert_eq!(setup.close().await.len(), 3);
    assert_eq!(store.written(), ["a", "b", "c"]);
    for pending in pending {
        pending.wait().await.unwrap();
    }
    let late = writer.queue(sample(), None).await.unwrap_err();
    assert_eq!(late.code, Code::Unavailable);
}

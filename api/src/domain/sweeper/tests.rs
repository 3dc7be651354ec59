//! The sweeper over a store whose changes are set, in paused time.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use chapar_shared::internal::RoomHead;
use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{NotificationId, Seq, Timestamp};
use tokio_util::task::TaskTracker;

use super::*;
use crate::domain::publish::fixtures::{Recorder, clock, publisher};
use crate::error::StoreError;
use crate::store::feed::{FeedPage, UserSnapshot};
use crate::store::{ChangeRecord, Committed, RoomRecord, Subject, UserBump};

#[derive(Debug, Default)]
struct Changed {
    rooms: Mutex<Vec<(RoomId, Seq, Timestamp)>>,
    users: Mutex<Vec<(UserId, i64)>>,
}

#[async_trait]
impl Feed for Changed {
    async fn changes(
        &self,
        _: RoomId,
        _: Seq,
        _: Option<Seq>,
        _: u32,
    ) -> Result<Option<FeedPage>, StoreError> {
        unreachable!("the sweeper asks for heads")
    }

    async fn heads(
        &self,
        _: &[RoomId],
        _: &[UserId],
    ) -> Result<(Vec<RoomHead>, Vec<(UserId, i64)>), StoreError> {
        unreachable!("the sweeper asks for what changed")
    }

    async fn changed_since(
        &self,
        at: Timestamp,
        _: u32,
    ) -> Result<(Vec<(RoomId, Seq)>, Vec<(UserId, i64)>), StoreError> {
        let rooms = self.rooms.lock().unwrap();
        let rooms = rooms.iter().filter(|(_, _, changed)| *changed >= at);
        let rooms = rooms.map(|(room, seq, _)| (*room, *seq)).collect();
        Ok((rooms, self.users.lock().unwrap().clone()))
    }

    async fn user_state(
        &self,
        _: UserId,
        _: NotificationId,
    ) -> Result<Option<UserSnapshot>, StoreError> {
        unreachable!("the sweeper asks for what changed")
    }

    async fn epoch(&self) -> Result<String, StoreError> {
        unreachable!("the sweeper asks for what changed")
    }

    async fn new_epoch(&self) -> Result<String, StoreError> {
        unreachable!("the sweeper asks for what changed")
    }
}

struct Setup {
    store: Arc<Changed>,
    broker: Arc<Recorder>,
    publisher: Publisher,
    clock: Clock,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

fn start() -> Setup {
    let store = Arc::new(Changed::default());
    let (publisher, broker) = publisher();
    let (tasks, shutdown, clock) = (TaskTracker::new(), CancellationToken::new(), clock());
    tasks.spawn(sweep(
        store.clone(),
        publisher.clone(),
        clock.clone(),
        SweeperConfig::default(),
        shutdown.clone(),
    ));
    Setup {
        store,
        broker,
        publisher,
        clock,
        tasks,
        shutdown,
    }
}

impl Setup {
    fn commit(&self, room: i64, seq: Seq) {
        let mut rooms = self.store.rooms.lock().unwrap();
        rooms.retain(|(other, ..)| other.0 != room);
        rooms.push((RoomId(room), seq, self.clock.now()));
    }

    async fn publish(&self, room: i64, seq: Seq) {
        let record = RoomRecord {
            id: RoomId(room),
            kind: RoomKind::Public,
            name: String::new(),
            slug: None,
            description: String::new(),
            last_seq: seq,
            last_number: 0,
            member_count: 1,
            created_at: self.clock.now(),
            active_at: self.clock.now(),
            is_deleted: false,
        };
        let committed = Committed {
            changes: vec![ChangeRecord {
                room: RoomId(room),
                seq,
                kind: EventType::RoomChanged,
                at: self.clock.now(),
                actor: None,
                subject: Subject::Room(Box::new(record)),
            }],
            users: vec![UserBump {
                user: UserId(1),
                version: seq,
                facts: Vec::new(),
            }],
        };
        self.publisher.committed(&committed, None).await;
        self.broker.taken();
    }

    /// The rooms' heads and users' versions announced within `seconds`.
    async fn announced(&self, seconds: f64) -> Vec<(Channel, i64)> {
        sleep(Duration::from_secs_f64(seconds)).await;
        let envelopes = self.broker.taken().into_iter();
        envelopes
            .map(|(channel, envelope)| match envelope {
                Envelope::Head { seq, .. } => (channel, seq),
                Envelope::Version { version, .. } => (channel, version),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

const ROOM: Channel = Channel::Room(RoomId(1));

#[tokio::test(start_paused = true)]
async fn what_a_dead_node_left_is_announced_once_and_soon() {
    let setup = start();
    setup.commit(1, 5);
    setup.store.users.lock().unwrap().push((UserId(3), 8));
    let expected = [(ROOM, 5), (Channel::User(UserId(3)), 8)];
    assert_eq!(setup.announced(2.6).await, expected);
    assert_eq!(setup.announced(30.0).await, []);
    setup.shutdown.cancel();
    setup.tasks.close();
    setup.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn what_this_node_published_is_not_announced() {
    let setup = start();
    setup.commit(1, 5);
    setup.store.users.lock().unwrap().push((UserId(1), 5));
    setup.publish(1, 5).await;
    assert_eq!(setup.announced(10.0).await, []);
    // Another node's change above it is.
    setup.commit(1, 6);
    assert_eq!(setup.announced(2.6).await, [(ROOM, 6)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_publish_is_announced_when_the_broker_is_back() {
    let setup = start();
    setup.broker.is_down.store(true, Ordering::SeqCst);
    setup.commit(1, 5);
    setup.publish(1, 5).await;
    assert_eq!(setup.announced(5.0).await, []);
    setup.broker.is_down.store(false, Ordering::SeqCst);
    assert_eq!(setup.announced(1.3).await, [(ROOM, 5)]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_never_rests_is_announced_now_and_then() {
    let setup = start();
    let mut announced = Vec::new();
    for seq in 1..=100 {
        setup.commit(1, seq);
        announced.extend(setup.announced(0.1).await);
    }
    // Ten seconds: one in each 2.5 s and the pause after it, and never further apart than 5 s.
    assert!((2..=4).contains(&announced.len()), "{announced:?}");
    let mut before = 0;
    for (_, seq) in announced {
        assert!(seq - before <= 50);
        before = seq;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_sweep_looks_further_back() {
    let setup = start();
    let at = setup.clock.now().minus(Duration::from_mins(2));
    setup.store.rooms.lock().unwrap().push((RoomId(1), 5, at));
    let found = setup.announced(10.0).await;
    assert_eq!(found, [(ROOM, 5)]);
}

//! The people of one run, their rooms, and the clients that keep them busy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chapar_shared::{RoomId, Seq};
use chapar_tests::User;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::check::Truth;
use crate::client::reload::{Loaded, read};
use crate::client::{Client, Orders, Status};
use crate::plan::{Plan, generator};
use crate::record::{ClientId, Record};
use crate::stage::Stage;

/// How long the last answers, and then the last deliveries, may take once sending has ended.
const SETTLE: Duration = Duration::from_secs(45);

/// Who takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) people: usize,
    pub(crate) rooms: usize,
    /// In each room.
    pub(crate) members: usize,
    /// Further devices, which only read; of one person after the other.
    pub(crate) readers: usize,
    /// Between two steps of one sender, about.
    pub(crate) pause: Duration,
    /// Of the longest message.
    pub(crate) words: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            people: 8,
            rooms: 4,
            members: 5,
            readers: 4,
            pause: Duration::from_millis(125),
            words: 12,
        }
    }
}

/// See the module. Clients end when it is dropped.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) record: Record,
    pub(crate) people: Vec<Arc<User>>,
    pub(crate) members: BTreeMap<ClientId, Vec<RoomId>>,
    /// One person of each room.
    insiders: BTreeMap<RoomId, Arc<User>>,
    statuses: Vec<Arc<Mutex<Status>>>,
    orders: watch::Sender<Orders>,
    clients: JoinSet<()>,
}

impl Crowd {
    /// Registers people, makes rooms, and lets the clients begin.
    pub(crate) async fn gather(stage: &Stage, size: Size, seed: u64, fault: &str) -> Result<Self> {
        let registering = (0..size.people).map(|one| User::register(stage.site(), one % 2));
        let people: Vec<Arc<User>> = join_all(registering)
            .await
            .into_iter()
            .map(Arc::new)
            .collect();
        let mut insiders = BTreeMap::new();
        let mut rooms_of: Vec<Vec<RoomId>> = vec![Vec::new(); size.people];
        for number in 0..size.rooms {
            let at = |one: usize| (number * 2 + one) % size.people;
            let members: Vec<&User> = (1..size.members).map(|one| &*people[at(one)]).collect();
            let room = people[at(0)].private_room(&members).await.room.id;
            (0..size.members).for_each(|one| rooms_of[at(one)].push(room));
            insiders.insert(room, Arc::clone(&people[at(0)]));
        }
        let record = Record::begin();
        let orders = watch::Sender::new(Orders {
            is_sending: true,
            ..Orders::default()
        });
        let mut crowd = Self {
            record,
            people,
            members: BTreeMap::new(),
            insiders,
            statuses: Vec::new(),
            orders,
            clients: JoinSet::new(),
        };
        for id in 0..size.people + size.readers {
            let person = id % size.people;
            let chance = |what: u64| generator(seed, fault, id as u64 * 2 + what);
            let plan = (id < size.people).then(|| Plan::new(chance(0), size.pause, size.words));
            let status = Arc::default();
            let client = Client {
                id,
                user: Arc::clone(&crowd.people[person]),
                rooms: rooms_of[person].clone(),
                doors: stage.doors(),
                plan,
                jitter: chance(1),
                record: crowd.record.clone(),
                status: Arc::clone(&status),
                orders: crowd.orders.subscribe(),
            };
            crowd.members.insert(id, rooms_of[person].clone());
            crowd.statuses.push(status);
            crowd.clients.spawn(client.live());
        }
        crowd
            .until("every client has a socket", |status| status.door.is_some())
            .await?;
        Ok(crowd)
    }

    /// Has every client drop its socket within [`crate::client::SCATTER`] and come back.
    pub(crate) fn scatter(&self) {
        self.orders.send_modify(|orders| orders.scatters += 1);
    }

    /// The clients whose sockets came through this door.
    pub(crate) fn behind(&self, door: usize) -> Vec<ClientId> {
        let numbered = self.statuses.iter().enumerate();
        numbered
            .filter(|(_, status)| look(status).door == Some(door))
            .map(|(id, _)| id)
            .collect()
    }

    /// Ends sending, waits for what is under way, and asks REST what is true.
    pub(crate) async fn settle(&self) -> Result<BTreeMap<RoomId, Truth>> {
        self.orders.send_modify(|orders| orders.is_sending = false);
        // What is missing in the end, the checker names.
        self.until("everything is answered", |status| status.unanswered == 0)
            .await
            .ok();
        let mut truth = BTreeMap::new();
        for (&room, insider) in &self.insiders {
            truth.insert(room, agreed(insider, room).await?);
        }
        self.until("everybody has everything", |status| {
            let at_head = |(room, seq): (&RoomId, &Seq)| {
                truth.get(room).is_none_or(|truth| *seq >= truth.seq)
            };
            status.door.is_some() && status.positions.iter().all(at_head)
        })
        .await
        .ok();
        Ok(truth)
    }

    /// Sends everybody home.
    pub(crate) async fn leave(&mut self) -> Result<()> {
        self.orders.send_modify(|orders| orders.is_over = true);
        let leaving = async {
            while let Some(client) = self.clients.join_next().await {
                client.context("a client of the suite panicked")?;
            }
            Ok(())
        };
        timeout(SETTLE, leaving).await.context("clients go home")?
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Result<()> {
        let deadline = Instant::now() + SETTLE;
        while !self.statuses.iter().all(|status| is_so(&look(status))) {
            if Instant::now() > deadline {
                bail!("not within {SETTLE:?}: {what}");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn look(status: &Mutex<Status>) -> std::sync::MutexGuard<'_, Status> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A room as both nodes tell it while nothing is written. What a node sent to Postgres before it was killed may be
/// committed after its death, between one reading and the next: then a node contradicts itself, and is read again.
async fn agreed(user: &User, room: RoomId) -> Result<Truth> {
    let deadline = Instant::now() + SETTLE;
    let mut before = whole(user, 0, room).await?;
    loop {
        let other = whole(user, 1, room).await?;
        let after = whole(user, 0, room).await?;
        let is_same =
            |one: &Loaded, other: &Loaded| one.seq == other.seq && one.messages == other.messages;
        if is_same(&before, &after) {
            if !is_same(&other, &after) {
                bail!("the api nodes tell room {room} differently");
            }
            let Loaded { seq, messages, .. } = after;
            return Ok(Truth { seq, messages });
        }
        if Instant::now() > deadline {
            bail!("room {room} changes although nobody sends");
        }
        before = after;
    }
}

/// A room as one node tells it, which may have to come back first.
async fn whole(user: &User, node: usize, room: RoomId) -> Result<Loaded> {
    let deadline = Instant::now() + SETTLE;
    loop {
        if let Some(loaded) = read(user, node, room).await {
            return Ok(loaded);
        }
        if Instant::now() > deadline {
            bail!("api node {node} tells no history of room {room}");
        }
        sleep(Duration::from_millis(200)).await;
    }
}

//! Leases that all nodes see.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chapar_shared::{Timestamp, UserId};

use super::config::{RedisConfig, RedisConfigError};
use super::connection::{Connection, unreachable};
use super::script::{Call, Script};
use crate::{BrokerError, PRESENCE_LEASE, Presence, PresenceState};

/// Users are spread over this many hash tags: in Cluster mode those of one tag go into one call.
const PARTITIONS: u64 = 64;

/// Users of one call at most; a script holds up everything else on its server.
const MAX_CALL: usize = 200;

/// How long Redis remembers when somebody was last seen.
const RETENTION: Duration = Duration::from_hours(30 * 24);

/// States remembered for the time that Redis is away.
const MAX_KNOWN: usize = 100_000;

/// The [`Presence`] of a cluster. Leases end by the Redis servers' clocks.
#[derive(Debug)]
pub struct RedisPresence {
    connection: Connection,
    script: Script,
    prefix: String,
    node: u64,
    lease: Duration,
    timeout: Duration,
    known: Mutex<Known>,
}

impl RedisPresence {
    /// Starts connecting in the background. Leases are held in the name of `node`.
    ///
    /// # Errors
    /// Only for what [`RedisConfig::validate`] refuses.
    pub fn connect(config: &RedisConfig, node: u64) -> Result<Self, RedisConfigError> {
        Ok(Self {
            connection: Connection::open(config)?,
            script: Script::new(include_str!("presence.lua")),
            prefix: config.prefix.clone(),
            node,
            lease: PRESENCE_LEASE,
            timeout: config.command_timeout,
            known: Mutex::default(),
        })
    }

    /// The same with another length of leases, for tests.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Ends the connection; the node's leases run out.
    pub async fn close(&self) {
        self.connection.close().await;
    }

    /// Lets this node's leases end so long from now. Gives those who were on no node.
    async fn hold(&self, users: &[UserId], lease: Duration) -> Result<Vec<UserId>, BrokerError> {
        let args = [
            "renew".to_owned(),
            self.node.to_string(),
            lease.as_millis().to_string(),
            RETENTION.as_millis().to_string(),
        ];
        Ok(on_no_node(self.run(users, &args).await?))
    }

    /// Runs the script for all users and gives what it answered for each: live leases and last seen.
    async fn run(
        &self,
        users: &[UserId],
        args: &[String],
    ) -> Result<Vec<(UserId, i64, i64)>, BrokerError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let partition = |user: UserId| user.0.cast_unsigned() % PARTITIONS;
        let mut together: BTreeMap<u64, Vec<UserId>> = BTreeMap::new();
        for &user in users {
            let slot = if self.connection.is_cluster() {
                partition(user)
            } else {
                0
            };
            together.entry(slot).or_default().push(user);
        }
        let mut parts = Vec::new();
        let mut calls = Vec::new();
        for users in together.values() {
            for part in users.chunks(MAX_CALL) {
                let key = |&user: &UserId| {
                    format!("{}:{{o{}}}:online:{}", self.prefix, partition(user), user.0).into()
                };
                parts.push(part);
                calls.push(Call {
                    keys: part.iter().map(key).collect(),
                    args: args.iter().map(|arg| arg.as_str().into()).collect(),
                });
            }
        }
        let client = self.connection.connected()?;
        let answers = self.script.run(&client, &calls, self.timeout).await?;
        let mut rows = Vec::with_capacity(users.len());
        for (part, answer) in parts.into_iter().zip(answers) {
            let numbers: Vec<i64> = answer?.convert()?;
            if numbers.len() != part.len() * 2 {
                return Err(unreachable("the script's answer is not whole"));
            }
            for (&user, pair) in part.iter().zip(numbers.chunks_exact(2)) {
                rows.push((user, pair[0], pair[1]));
            }
        }
        Ok(rows)
    }

    fn learn(&self, states: impl Iterator<Item = (UserId, PresenceState)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (user, state) in states {
            known.insert(user, state);
        }
    }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn renew(&self, users: &[UserId]) -> Result<Vec<UserId>, BrokerError> {
        let result = self.hold(users, self.lease).await;
        // Whether Redis heard of it or not, they are here.
        self.learn(users.iter().map(|&user| {
            let state = PresenceState {
                is_online: true,
                last_seen: None,
            };
            (user, state)
        }));
        result
    }

    async fn release(&self, users: &[UserId], at: Timestamp) -> Result<Vec<UserId>, BrokerError> {
        let args = [
            "release".to_owned(),
            self.node.to_string(),
            at.as_micros().to_string(),
            RETENTION.as_millis().to_string(),
        ];
        let rows = self.run(users, &args).await?;
        self.learn(rows.iter().copied().map(state));
        Ok(on_no_node(rows))
    }

    async fn let_go(&self, users: &[UserId], after: Duration) -> Result<(), BrokerError> {
        self.hold(users, after.min(self.lease)).await.map(|_| ())
    }

    async fn states(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, PresenceState>, BrokerError> {
        match self.run(users, &["states".to_owned()]).await {
            Ok(rows) => {
                let states: HashMap<UserId, PresenceState> = rows
                    .into_iter()
                    .filter(|&(_, live, _)| live >= 0)
                    .map(state)
                    .collect();
                self.learn(states.iter().map(|(&user, &state)| (user, state)));
                Ok(states)
            }
            Err(error) => {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let states: HashMap<UserId, PresenceState> = users
                    .iter()
                    .filter_map(|&user| Some((user, known.get(user)?)))
                    .collect();
                if states.is_empty() {
                    return Err(error);
                }
                Ok(states)
            }
        }
    }
}

fn on_no_node(rows: Vec<(UserId, i64, i64)>) -> Vec<UserId> {
    let without = rows.into_iter().filter(|&(_, live, _)| live == 0);
    without.map(|(user, _, _)| user).collect()
}

fn state((user, live, seen): (UserId, i64, i64)) -> (UserId, PresenceState) {
    let state = PresenceState {
        is_online: live > 0,
        last_seen: (seen >= 0).then(|| Timestamp::from_micros(seen)),
    };
    (user, state)
}

/// The last known states, in two generations: when the young one is full it becomes the old one, which goes.
#[derive(Debug, Default)]
struct Known {
    young: HashMap<UserId, PresenceState>,
    old: HashMap<UserId, PresenceState>,
}

impl Known {
    fn get(&self, user: UserId) -> Option<PresenceState> {
        self.young
            .get(&user)
            .or_else(|| self.old.get(&user))
            .copied()
    }

    fn insert(&mut self, user: UserId, state: PresenceState) {
        if self.young.len() >= MAX_KNOWN / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(user, state);
    }
}

//! Token buckets that all nodes share.
//!
//! A group's buckets are taken by one script where they lie in one slot: always outside Cluster mode, and in it
//! when their keys carry the same `{tag}`. Other groups are taken slot by slot, and what was taken is given back
//! when a later slot refuses; nothing is allowed beyond the limit, but a token that is on its way back may refuse
//! somebody else meanwhile.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fred::error::Error;
use fred::types::Value;
use metrics::Counter;
use tokio::time::Instant;

use super::config::{RedisConfig, RedisConfigError};
use super::connection::Connection;
use super::script::{Call, Script, slot};
use crate::bucket::Cell;
use crate::memory::MemoryRateLimiter;
use crate::meters;
use crate::{BrokerError, Demand, RateLimiter, Verdict};

/// How long the node's own buckets serve after Redis failed to answer, before it is asked again.
const AWAY: Duration = Duration::from_secs(1);

/// The [`RateLimiter`] of a cluster. Time is the Redis servers'.
#[derive(Debug)]
pub struct RedisRateLimiter {
    connection: Connection,
    script: Script,
    prefix: String,
    is_cluster: bool,
    timeout: Duration,
    away_until: Mutex<Option<Instant>>,
    own: MemoryRateLimiter,
    fallbacks: Counter,
}

/// What became of one group so far.
#[derive(Debug)]
struct Progress {
    /// Calls still to make and calls that took, one for each slot.
    left: Vec<Call>,
    taken: Vec<Call>,
    wait: Duration,
    has_failed: bool,
}

impl RedisRateLimiter {
    /// Starts connecting in the background.
    ///
    /// # Errors
    /// Only for what [`RedisConfig::validate`] refuses.
    pub fn connect(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        let connection = Connection::open(config)?;
        Ok(Self {
            is_cluster: connection.is_cluster(),
            connection,
            script: Script::new(include_str!("limiter.lua")),
            prefix: config.prefix.clone(),
            timeout: config.command_timeout,
            away_until: Mutex::default(),
            own: MemoryRateLimiter::default(),
            fallbacks: meters::limiter_fallbacks(),
        })
    }

    /// Whether Redis is asked; else the node's own buckets serve.
    pub fn is_connected(&self) -> bool {
        self.connection.connected().is_ok() && !self.is_away()
    }

    /// Ends the connection.
    pub async fn close(&self) {
        self.connection.close().await;
    }

    fn is_away(&self) -> bool {
        let away_until = self
            .away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        away_until.is_some_and(|until| Instant::now() < until)
    }

    async fn run(&self, calls: &[Call]) -> Result<Vec<Result<Value, Error>>, BrokerError> {
        let client = self.connection.connected()?;
        let result = self.script.run(&client, calls, self.timeout).await;
        if result.is_err() {
            *self
                .away_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + AWAY);
        }
        result
    }

    fn take_own(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        self.fallbacks.increment(demands.len() as u64);
        self.own.take_now(demands)
    }

    fn peek_own(&self, demand: &Demand) -> Verdict {
        self.fallbacks.increment(1);
        self.own.peek_now(demand)
    }

    /// The calls for a group, one for each slot it spans.
    fn calls(&self, mode: &str, group: &[Demand]) -> Vec<Call> {
        let mut by_slot: BTreeMap<u16, Call> = BTreeMap::new();
        for demand in group {
            let key = format!("{}:limit:{}", self.prefix, demand.key);
            let call = by_slot
                .entry(if self.is_cluster { slot(&key) } else { 0 })
                .or_insert_with(|| Call {
                    keys: Vec::new(),
                    args: vec![mode.to_owned()],
                });
            let Cell { interval, span } = Cell::of(demand.bucket);
            call.keys.push(key);
            call.args.push(interval.to_string());
            call.args.push(span.to_string());
        }
        by_slot.into_values().collect()
    }

    async fn take_shared(&self, demands: &[Vec<Demand>]) -> Result<Vec<Progress>, BrokerError> {
        let mut groups: Vec<Progress> = demands
            .iter()
            .map(|group| Progress {
                left: self.calls("take", group),
                taken: Vec::new(),
                wait: Duration::ZERO,
                has_failed: false,
            })
            .collect();
        // One round, outside Cluster mode; else as many as the widest group has slots.
        loop {
            let mut calls = Vec::new();
            let mut callers = Vec::new();
            for (index, group) in groups.iter_mut().enumerate() {
                if let Some(mut call) = group.left.pop() {
                    if !group.wait.is_zero() {
                        "peek".clone_into(&mut call.args[0]);
                    }
                    calls.push(call);
                    callers.push(index);
                }
            }
            if calls.is_empty() {
                break;
            }
            let answers = self.run(&calls).await?;
            for ((index, call), answer) in callers.into_iter().zip(calls).zip(answers) {
                let group = &mut groups[index];
                match answer.ok().and_then(|answer| answer.as_u64()) {
                    Some(0) if call.args[0] == "take" => group.taken.push(call),
                    Some(wait) => group.wait = group.wait.max(Duration::from_micros(wait)),
                    None => {
                        group.has_failed = true;
                        group.left.clear();
                    }
                }
            }
        }
        let mut back = Vec::new();
        for group in &mut groups {
            if group.has_failed || !group.wait.is_zero() {
                for mut call in group.taken.drain(..) {
                    "give".clone_into(&mut call.args[0]);
                    back.push(call);
                }
            }
        }
        if !back.is_empty() {
            // What cannot be given back refills by itself.
            self.run(&back).await.ok();
        }
        Ok(groups)
    }
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn take(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        if demands.is_empty() {
            return Vec::new();
        }
        if self.is_away() {
            return self.take_own(demands);
        }
        let Ok(groups) = self.take_shared(demands).await else {
            return self.take_own(demands);
        };
        groups
            .iter()
            .zip(demands)
            .map(|(group, demands)| match group {
                Progress {
                    has_failed: true, ..
                } => self.take_own(std::slice::from_ref(demands))[0],
                Progress { wait, .. } if wait.is_zero() => Verdict::Allowed,
                Progress { wait, .. } => Verdict::Limited { retry_after: *wait },
            })
            .collect()
    }

    async fn peek(&self, demand: &Demand) -> Verdict {
        if self.is_away() {
            return self.peek_own(demand);
        }
        let calls = self.calls("peek", std::slice::from_ref(demand));
        let answer = match self.run(&calls).await {
            Ok(mut answers) => answers.pop().and_then(Result::ok),
            Err(_) => None,
        };
        match answer.and_then(|answer| answer.as_u64()) {
            Some(0) => Verdict::Allowed,
            Some(wait) => Verdict::Limited {
                retry_after: Duration::from_micros(wait),
            },
            None => self.peek_own(demand),
        }
    }
}

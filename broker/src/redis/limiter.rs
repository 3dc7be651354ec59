//! Token buckets that all nodes share.
//!
//! Groups are taken by one script, many in a call, where their buckets lie in one slot: always outside Cluster mode,
//! and in it when a group's keys carry the same `{tag}`. Other groups are taken slot by slot, and what was taken is
//! given back when a later slot refuses; nothing is allowed beyond the limit, but a token that is on its way back may
//! refuse somebody else meanwhile.

use std::collections::BTreeMap;
use std::iter;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fred::bytes_utils::Str;
use fred::types::Value;
use metrics::Counter;
use tokio::time::Instant;

use super::config::{RedisConfig, RedisConfigError};
use super::connection::Connection;
use super::script::{Call, Script, number, slot};
use crate::bucket::Cell;
use crate::memory::MemoryRateLimiter;
use crate::meters;
use crate::{BrokerError, Demand, RateLimiter, Verdict};

/// Groups of one call; a server does nothing else meanwhile.
const MAX_GROUPS: usize = 128;
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

/// What of a group lies in one slot.
#[derive(Debug)]
struct Part {
    /// 0 outside Cluster mode.
    slot: u16,
    keys: Vec<Str>,
    cells: Vec<Cell>,
    /// How often it asks.
    times: usize,
}

/// How often a part was given, and the microseconds until it may be again (0 where it was not refused).
type Given = (usize, u64);

/// What a call does with its groups; the script's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Take,
    Peek,
    Give,
}

impl Mode {
    const fn word(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Peek => "peek",
            Self::Give => "give",
        }
    }
}

/// What became of a group so far.
#[derive(Debug)]
struct Progress {
    /// How often it asks: more than once where the same group came several times in a row and lies in one slot.
    times: usize,
    given: usize,
    /// Parts still to take.
    left: Vec<Part>,
    taken: Vec<Part>,
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

    /// Runs the script over parts of groups, those of one slot together and in order; `None` where the server refused.
    async fn run(&self, parts: &[(Mode, &Part)]) -> Result<Vec<Option<Given>>, BrokerError> {
        let mut together: BTreeMap<(Mode, u16), Vec<usize>> = BTreeMap::new();
        for (index, (mode, part)) in parts.iter().enumerate() {
            together.entry((*mode, part.slot)).or_default().push(index);
        }
        let chunks: Vec<(Mode, &[usize])> = together
            .iter()
            .flat_map(|((mode, _), all)| all.chunks(MAX_GROUPS).map(|some| (*mode, some)))
            .collect();
        let calls: Vec<Call> = chunks
            .iter()
            .map(|(mode, chunk)| call(*mode, chunk.iter().map(|&index| parts[index].1)))
            .collect();
        let client = self.connection.connected()?;
        let answered = self.script.run(&client, &calls, self.timeout).await;
        if answered.is_err() {
            *self
                .away_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + AWAY);
        }
        let mut given = vec![None; parts.len()];
        for ((_, chunk), answer) in chunks.into_iter().zip(answered?) {
            let Ok(Value::Array(answer)) = answer else {
                continue;
            };
            let mut numbers = answer.iter().map(Value::as_u64);
            for &index in chunk {
                let (times, wait) = (numbers.next().flatten(), numbers.next().flatten());
                given[index] = times
                    .and_then(|times| usize::try_from(times).ok())
                    .zip(wait);
            }
        }
        Ok(given)
    }

    fn take_own(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        self.fallbacks.increment(demands.len() as u64);
        self.own.take_now(demands)
    }

    fn peek_own(&self, demand: &Demand) -> Verdict {
        self.fallbacks.increment(1);
        self.own.peek_now(demand)
    }

    /// A group's parts, one for each slot that it spans.
    fn parts(&self, group: &[Demand]) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::with_capacity(1);
        for demand in group {
            let key = [&*self.prefix, ":limit:", &*demand.key].concat();
            let slot = if self.is_cluster { slot(&key) } else { 0 };
            let at = parts.iter().position(|part| part.slot == slot);
            let at = at.unwrap_or_else(|| {
                parts.push(Part {
                    slot,
                    keys: Vec::with_capacity(group.len()),
                    cells: Vec::with_capacity(group.len()),
                    times: 1,
                });
                parts.len() - 1
            });
            let (part, cell) = (&mut parts[at], Cell::of(demand.bucket));
            // A bucket that stands in a group twice gives two tokens at a time.
            if let Some(same) = part.keys.iter().position(|known| **known == *key) {
                part.cells[same].interval += cell.interval;
            } else {
                part.keys.push(key.into());
                part.cells.push(cell);
            }
        }
        parts
    }

    /// The groups, those that come several times in a row once.
    fn groups(&self, demands: &[Vec<Demand>]) -> Vec<Progress> {
        let mut groups = Vec::with_capacity(demands.len());
        for same in demands.chunk_by(|one, next| one == next) {
            let first = self.parts(&same[0]);
            // What lies in several slots may have to be given back, and is taken one by one.
            let times = if first.len() == 1 { same.len() } else { 1 };
            let others = (1..same.len() / times).map(|_| self.parts(&same[0]));
            for mut left in iter::once(first).chain(others) {
                for part in &mut left {
                    part.times = times;
                }
                groups.push(Progress {
                    times,
                    given: times,
                    left,
                    taken: Vec::new(),
                    wait: Duration::ZERO,
                    has_failed: false,
                });
            }
        }
        groups
    }

    async fn take_shared(&self, demands: &[Vec<Demand>]) -> Result<Vec<Progress>, BrokerError> {
        let mut groups = self.groups(demands);
        // One round, outside Cluster mode; else as many as the widest group has slots.
        loop {
            let turn: Vec<(usize, Mode, Part)> = groups
                .iter_mut()
                .enumerate()
                .filter_map(|(index, group)| {
                    let part = group.left.pop()?;
                    // What is refused already is only asked how long it takes.
                    let is_refused = !group.wait.is_zero();
                    let mode = if is_refused { Mode::Peek } else { Mode::Take };
                    Some((index, mode, part))
                })
                .collect();
            if turn.is_empty() {
                break;
            }
            let parts: Vec<_> = turn.iter().map(|(_, mode, part)| (*mode, part)).collect();
            let given = self.run(&parts).await?;
            for ((index, mode, part), given) in turn.into_iter().zip(given) {
                let group = &mut groups[index];
                let Some((times, wait)) = given else {
                    group.has_failed = true;
                    group.left.clear();
                    continue;
                };
                group.given = group.given.min(times);
                group.wait = group.wait.max(Duration::from_micros(wait));
                if mode == Mode::Take && times == group.times {
                    group.taken.push(part);
                }
            }
        }
        let back: Vec<(Mode, &Part)> = groups
            .iter()
            .filter(|group| group.has_failed || group.given < group.times)
            .flat_map(|group| group.taken.iter().map(|part| (Mode::Give, part)))
            .collect();
        if !back.is_empty() {
            // What cannot be given back refills by itself.
            self.run(&back).await.ok();
        }
        Ok(groups)
    }
}

/// One call for parts of groups in one slot.
fn call<'a>(mode: Mode, parts: impl Iterator<Item = &'a Part>) -> Call {
    let mut call = Call {
        keys: Vec::new(),
        args: vec![mode.word().into()],
    };
    for part in parts {
        call.keys.extend(part.keys.iter().cloned());
        call.args
            .extend([number(part.cells.len()), number(part.times)]);
        for Cell { interval, span } in &part.cells {
            call.args.extend([number(*interval), number(*span)]);
        }
    }
    call
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
        let mut verdicts = Vec::with_capacity(demands.len());
        for group in groups {
            let of = &demands[verdicts.len()..][..group.times];
            if group.has_failed {
                verdicts.extend(self.take_own(of));
                continue;
            }
            let refused = Verdict::Limited {
                retry_after: group.wait,
            };
            verdicts.extend(vec![Verdict::Allowed; group.given]);
            verdicts.extend(vec![refused; group.times - group.given]);
        }
        verdicts
    }

    async fn peek(&self, demand: &Demand) -> Verdict {
        if self.is_away() {
            return self.peek_own(demand);
        }
        let parts = self.parts(std::slice::from_ref(demand));
        let parts: Vec<_> = parts.iter().map(|part| (Mode::Peek, part)).collect();
        let given = match self.run(&parts).await {
            Ok(given) => given.first().copied().flatten(),
            Err(_) => None,
        };
        match given {
            Some((_, 0)) => Verdict::Allowed,
            Some((_, wait)) => Verdict::Limited {
                retry_after: Duration::from_micros(wait),
            },
            None => self.peek_own(demand),
        }
    }
}

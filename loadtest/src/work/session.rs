//! A target with its clients, and traffic between them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;

use crate::fleet::{Fleet, Opening};
use crate::layout::Layout;
use crate::mark::Clock;
use crate::pace::pace;
use crate::process::own_cpu;
use crate::report::{Report, number};
use crate::target::{Kind, Target, Usage};

use super::{Common, PATIENCE};

/// Attempts to connect at the same time, where the storm itself is not what is measured.
const AT_ONCE: usize = 64;

/// A server whose oldest message has been on its way for so long does not bear the load.
const HOPELESS_MICROS: u64 = 1_000_000;

/// Without any arrival for so long, what is missing is lost.
const SILENCE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub struct Session {
    /// The server.
    pub target: Target,
    /// Its clients.
    pub fleet: Fleet,
}

/// How some seconds of traffic went.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Deliveries a second that were asked for.
    pub offered_per_s: f64,
    /// Deliveries a second from the first message's time to the last arrival.
    pub delivered_per_s: f64,
    /// Arrivals.
    pub delivered: u64,
    /// Bytes of a delivery's frame, without its head.
    pub bytes: f64,
    /// Arrivals that never came.
    pub lost: u64,
    /// Arrivals of what was there already.
    pub doubled: u64,
    /// Arrivals after later ones.
    pub disordered: u64,
    /// Sockets that ended.
    pub ended: u64,
    /// Sends that were refused.
    pub refused: u64,
    /// It was broken off, or never came to rest.
    pub is_hopeless: bool,
    /// What went wrong first.
    pub remark: Option<String>,
    /// To each listener, in microseconds.
    pub latency: Histogram<u64>,
    /// To each message's last listener.
    pub latency_to_last: Histogram<u64>,
    /// To the sender's answer.
    pub latency_of_ack: Histogram<u64>,
    /// What it took.
    pub usage: Usage,
    /// What the generator itself took.
    pub own_cpu: Duration,
}

impl Session {
    /// Starts a target; nobody is connected.
    ///
    /// # Errors
    /// What kept it from starting.
    pub async fn start(common: &Common, layout: Layout, nodes: usize) -> anyhow::Result<Self> {
        let target = Target::start(common.target, common.options(layout, nodes)).await?;
        let bytes = target.options.payload_bytes;
        let fleet = Fleet::new(layout, target.wire, Clock::start(), bytes);
        Ok(Self { target, fleet })
    }

    /// Opens a socket for every user: senders at the first node, listeners where `node` says.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn join(&mut self, node: impl Fn(usize) -> usize) -> anyhow::Result<()> {
        let layout = self.fleet.layout();
        self.join_senders().await?;
        self.join_users(1..=layout.listeners, AT_ONCE, node).await?;
        Ok(())
    }

    /// Opens the senders' sockets.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn join_senders(&mut self) -> anyhow::Result<()> {
        let layout = self.fleet.layout();
        let senders = layout.listeners + 1..=layout.users();
        self.join_users(senders, AT_ONCE, |_| 0).await?;
        Ok(())
    }

    /// Opens sockets of users, which resume where they were.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn join_users(
        &mut self,
        users: impl IntoIterator<Item = usize>,
        at_once: usize,
        node: impl Fn(usize) -> usize,
    ) -> anyhow::Result<Opening> {
        let target = &self.target;
        let greeting = |user| target.greeting(user, node(user), &BTreeMap::new());
        self.fleet.open(users, at_once, PATIENCE, greeting).await
    }

    /// Publishes a message of a stream now; [`Target::flush`] sends it where it comes from outside.
    ///
    /// # Errors
    /// When there is nowhere to publish to.
    pub fn publish(&self, stream: usize, at: u64) -> anyhow::Result<()> {
        if self.target.kind.has_senders() {
            self.fleet.say(stream, at)
        } else {
            self.target.publish(self.fleet.next_mark(stream, at))
        }
    }

    /// One message of each stream, which everybody must get: the way is open.
    ///
    /// # Errors
    /// When somebody does not.
    pub async fn probe(&mut self) -> anyhow::Result<()> {
        self.fleet.start_over();
        for stream in 0..self.fleet.layout().streams() {
            self.publish(stream, self.fleet.clock().micros())?;
            self.target.flush();
        }
        let is_complete = self.fleet.settle(PATIENCE / 4).await;
        ensure!(is_complete, "not everybody got the first message");
        if self.target.kind == Kind::Whole {
            let streams = self.fleet.layout().streams() as u64;
            self.fleet.await_answers(streams, PATIENCE / 4).await?;
        }
        ensure!(self.fleet.lost() == 0, "somebody lacks the first message");
        Ok(())
    }

    /// Traffic at that many deliveries a second over all streams in turn, measured; everybody is connected and
    /// at rest before.
    ///
    /// # Errors
    /// When the target is gone.
    pub async fn traffic(
        &mut self,
        deliveries_per_s: f64,
        seconds: f64,
    ) -> anyhow::Result<Traffic> {
        self.fleet.start_over();
        let layout = self.fleet.layout();
        let listeners: u32 = layout.listeners_by_room().iter().sum();
        let fan_out = f64::from(listeners) / number(layout.rooms);
        let before = (self.target.usage()?, own_cpu()?);
        let clock = self.fleet.clock();
        let mut stream = 0;
        let mut is_hopeless = false;
        let start = pace(
            clock,
            deliveries_per_s / fan_out,
            seconds,
            |at| {
                stream = (stream + 1) % layout.streams();
                self.publish(stream, at)
            },
            || self.target.flush(),
            |now| {
                is_hopeless = self.fleet.meter().oldest(now) > HOPELESS_MICROS;
                is_hopeless
            },
        )
        .await?;
        is_hopeless |= !self.fleet.settle(SILENCE).await;
        let usage = self.target.usage()? - before.0;
        let own_cpu = own_cpu()?.saturating_sub(before.1);
        let lost = self.fleet.lost();
        let meter = self.fleet.meter();
        let elapsed = meter.last_arrival.saturating_sub(start).max(1);
        Ok(Traffic {
            offered_per_s: deliveries_per_s,
            delivered_per_s: number(meter.delivered) * 1e6 / number(elapsed),
            delivered: meter.delivered,
            bytes: number(meter.delivered_bytes) / number(meter.delivered.max(1)),
            lost,
            doubled: meter.doubled,
            disordered: meter.disordered,
            ended: meter.ended.0,
            refused: meter.refused.0,
            is_hopeless,
            remark: meter.ended.1.clone().or_else(|| meter.refused.1.clone()),
            latency: meter.latency.clone(),
            latency_to_last: meter.latency_to_last.clone(),
            latency_of_ack: meter.latency_of_ack.clone(),
            usage,
            own_cpu,
        })
    }

    /// Brings everybody back after a load that was too much.
    ///
    /// # Errors
    /// When the target does not come to rest.
    pub async fn recover(&mut self) -> anyhow::Result<()> {
        self.fleet.cut().await;
        self.fleet.start_over();
        self.join(|_| 0).await?;
        self.probe().await
    }
}

impl Traffic {
    /// Whether nothing was lost, doubled or out of order, and nobody was cut off or refused.
    pub fn is_clean(&self) -> bool {
        let wrong = self.lost + self.doubled + self.disordered + self.ended + self.refused;
        wrong == 0 && !self.is_hopeless
    }

    /// Whether it is clean and 99 of 100 arrivals were earlier.
    pub fn is_within(&self, p99_ms: f64) -> bool {
        self.is_clean() && crate::report::millis(self.latency.value_at_quantile(0.99)) < p99_ms
    }

    /// Puts everything into a report.
    pub fn put(&self, report: &mut Report) {
        report.put("offered_per_s", self.offered_per_s);
        report.put("deliveries_per_s", self.delivered_per_s);
        report.put("bytes_per_delivery", self.bytes);
        for (name, count) in [
            ("deliveries", self.delivered),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("disordered", self.disordered),
            ("sockets_ended", self.ended),
            ("refused", self.refused),
        ] {
            report.put(name, number(count));
        }
        report.put_latency("", &self.latency);
        report.put_latency("to_last_", &self.latency_to_last);
        report.put_latency("ack_", &self.latency_of_ack);
        let millions = number(self.delivered.max(1)) / 1e6;
        for (name, time) in [
            ("server", self.usage.server),
            ("redis", self.usage.redis),
            ("postgres", self.usage.postgres),
            ("generator", self.own_cpu),
        ] {
            let name = format!("{name}_cpu_s_per_million");
            report.put(&name, time.as_secs_f64() / millions);
        }
        let all = self.usage.server + self.usage.redis + self.usage.postgres;
        report.put("cpu_s_per_million", all.as_secs_f64() / millions);
        report.remarks.extend(self.remark.clone());
    }
}

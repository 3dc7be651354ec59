//! The faults, each struck under load.

mod crowds;
mod links;
mod nodes;
mod presence;
mod servers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;
use rand::rngs::StdRng;
use tokio::time::sleep;

use crate::crowd::{Crowd, Size};
use crate::stage::{Flavour, Stage};

type Strike = for<'a> fn(&'a mut Scene) -> LocalBoxFuture<'a, Result<()>>;

/// One way in which things go wrong.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What happens, for `--list`.
    pub(crate) about: &'static str,
    pub(crate) flavour: Flavour,
    /// Whether the short run has it.
    pub(crate) is_short: bool,
    pub(crate) size: fn() -> Size,
    /// Whether every position reaches the live sockets: nothing is lost on the way, so nothing is compacted
    /// unless gateways had to repair. Only where no gateway is restarted, which would forget that.
    pub(crate) is_dense: bool,
    /// The longest silence that it may cause.
    pub(crate) silence: Duration,
    pub(crate) strike: Strike,
}

impl Fault {
    /// What it takes on a busy machine, about, with a cluster to be started before and ended after it.
    pub(crate) fn longest(&self, is_short: bool) -> Duration {
        match (is_short, self.name) {
            (true, _) => Duration::from_secs(11),
            (false, "redis-away" | "slow-readers" | "presence") => Duration::from_secs(90),
            (false, _) => Duration::from_secs(45),
        }
    }
}

/// What a fault works on.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) stage: Arc<Stage>,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) chance: StdRng,
    pub(crate) is_short: bool,
    /// What did not hold besides the history: one sentence each.
    pub(crate) complaints: Vec<String>,
}

impl Scene {
    /// Lets the load go on: so long, or in the short run so long.
    async fn pass(&self, whole: Duration, short: Duration) {
        sleep(if self.is_short { short } else { whole }).await;
    }

    fn complain(&mut self, what: impl Into<String>) {
        self.complaints.push(what.into());
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// "Delays an event by seconds": what a fault may cost where nothing else is said. Generous, because the
/// machine may be busy.
const SECONDS: Duration = Duration::from_secs(15);

/// Every fault, in the order in which they are struck.
pub(crate) const ALL: &[Fault] = &[
    fault("calm", "nothing goes wrong", |scene| {
        Box::pin(crowds::calm(scene))
    })
    .dense(),
    fault(
        "gateway-kill",
        "SIGKILL of a gateway, which comes back",
        |scene| Box::pin(nodes::kill_gateway(scene)),
    )
    .short(),
    fault(
        "gateway-term",
        "SIGTERM of a gateway, which comes back",
        |scene| Box::pin(nodes::term_gateway(scene)),
    ),
    fault(
        "stampede",
        "SIGKILL of a gateway: its clients come to the other one at once",
        |scene| Box::pin(nodes::stampede(scene)),
    )
    .with(crowds::many),
    fault(
        "drain",
        "SIGTERM of a gateway: its clients are told to reconnect, spread out",
        |scene| Box::pin(nodes::drain(scene)),
    ),
    fault(
        "api-kill",
        "SIGKILL of an api node, which comes back",
        |scene| Box::pin(nodes::kill_api(scene)),
    )
    .short(),
    fault(
        "api-term",
        "SIGTERM of an api node, under requests through nginx too",
        |scene| Box::pin(nodes::term_api(scene)),
    ),
    fault(
        "redis-restart",
        "SIGKILL of Redis, which comes back with its data",
        |scene| Box::pin(servers::restart_redis(scene)),
    ),
    fault(
        "redis-empty",
        "SIGKILL of Redis, which comes back without data",
        |scene| Box::pin(servers::empty_redis(scene)),
    )
    .short(),
    fault(
        "redis-away",
        "Redis is away for a minute: refused, then silent",
        |scene| Box::pin(links::redis_away(scene)),
    ),
    fault(
        "client-kill",
        "CLIENT KILL of the subscriber links, thrice",
        |scene| Box::pin(servers::client_kill(scene)),
    )
    .short(),
    fault("client-pause", "CLIENT PAUSE of Redis", |scene| {
        Box::pin(servers::client_pause(scene))
    }),
    fault(
        "lost-publishes",
        "a third of all publishes is lost",
        |scene| Box::pin(links::lose_publishes(scene)),
    )
    .short(),
    fault(
        "postgres-restart",
        "SIGKILL of Postgres, which comes back",
        |scene| Box::pin(servers::restart_postgres(scene)),
    )
    .silent_for(30),
    fault(
        "network-cut",
        "a gateway cannot reach the api: refused, then silent",
        |scene| Box::pin(links::cut_api(scene)),
    )
    .short(),
    fault(
        "sources-lost",
        "a gateway reaches neither Redis nor the api: 4012",
        |scene| Box::pin(links::lose_sources(scene)),
    )
    .silent_for(30),
    fault(
        "rolling-restart",
        "everything is restarted, one after the other",
        |scene| Box::pin(nodes::rolling_restart(scene)),
    )
    .silent_for(30),
    fault(
        "reconnect-all",
        "all clients reconnect within 5 s",
        |scene| Box::pin(crowds::reconnect_all(scene)),
    )
    .dense()
    .short()
    .with(crowds::many),
    fault(
        "slow-readers",
        "a flood of clients that do not read",
        |scene| Box::pin(crowds::slow_readers(scene)),
    )
    .dense()
    .with(crowds::loud),
    fault(
        "presence",
        "SIGKILL of a gateway: no ghost stays, no reconnect flickers",
        |scene| Box::pin(presence::vanish(scene)),
    ),
    fault(
        "sentinel-failover",
        "the Redis master dies, a Sentinel promotes the replica",
        |scene| Box::pin(servers::fail_over(scene)),
    )
    .on(Flavour::Sentinel)
    .silent_for(30),
    fault(
        "slot-migration",
        "Redis Cluster moves all slots of a master",
        |scene| Box::pin(servers::move_slots(scene)),
    )
    .on(Flavour::Cluster),
];

const fn fault(name: &'static str, about: &'static str, strike: Strike) -> Fault {
    Fault {
        name,
        about,
        flavour: Flavour::Alone,
        is_short: false,
        is_dense: false,
        size: Size::default,
        silence: SECONDS,
        strike,
    }
}

impl Fault {
    const fn short(self) -> Self {
        Self {
            is_short: true,
            ..self
        }
    }

    const fn dense(self) -> Self {
        Self {
            is_dense: true,
            ..self
        }
    }

    const fn with(self, size: fn() -> Size) -> Self {
        Self { size, ..self }
    }

    const fn on(self, flavour: Flavour) -> Self {
        Self { flavour, ..self }
    }

    const fn silent_for(self, seconds: u64) -> Self {
        Self {
            silence: Duration::from_secs(seconds),
            ..self
        }
    }
}

//! The cluster that faults strike: two api nodes, two gateways and nginx as processes, on servers of their own.
//!
//! Nodes keep their ports over a restart. Between each gateway and each api node stands a proxy, and between
//! each gateway, and the api nodes, and Redis; so every link can be cut by itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chapar::config::Roles;
use chapar::testing::{Deployment, Place, Shape, Which, dev, migrated};
use chapar_testkit::{
    Nginx, Persistence, Postgres, Proxy, Redis, RedisCluster, RedisOptions, Sentinel, free_port,
};
use chapar_tests::{Rest, Site, User, eventually};
use reqwest::Method;

/// What Redis is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flavour {
    /// One server, with its data on disk.
    Alone,
    /// A master, a replica and three Sentinels.
    Sentinel,
    /// Three masters.
    Cluster,
}

#[derive(Debug)]
enum Broker {
    Alone(Redis),
    Sentinel(Sentinel),
    Cluster(RedisCluster),
}

/// A running cluster. Nodes and servers end with it.
#[derive(Debug)]
pub(crate) struct Stage {
    site: Site,
    doors: Arc<[String]>,
    /// Before Redis: of the api nodes, of gateway 0, of gateway 1; none of a Redis that is not alone.
    pub(crate) redis_links: Vec<Proxy>,
    /// Before the api nodes: of gateway 0, of gateway 1.
    pub(crate) api_links: [Vec<Proxy>; 2],
    pub(crate) postgres: Postgres,
    broker: Broker,
    nginx: Nginx,
}

impl Stage {
    pub(crate) async fn start(flavour: Flavour) -> Result<Self> {
        // Durable, unlike the one that tests share: it is killed.
        let postgres = Postgres::start().await?;
        let store = migrated(&postgres).await?;
        let broker = Broker::start(flavour).await?;
        let mut redis_links = Vec::new();
        if let Broker::Alone(redis) = &broker {
            for _ in 0..3 {
                redis_links.push(Proxy::start(format!("127.0.0.1:{}", redis.port())).await?);
            }
        }
        let broker_url = |link: usize| match redis_links.get(link) {
            Some(proxy) => format!("redis://{}", proxy.address()),
            None => broker.url(),
        };
        let nobody = Shape::Cluster {
            api: 0,
            gateways: 0,
        };
        let settings = [
            ("STORE__URL", &*store),
            ("BROKER__URL", &broker_url(0)),
            // Sooner than by default, so that a run need not wait a minute for it.
            ("GATEWAY__SOURCE_TIMEOUT", "12s"),
            // So slowly that a few clients can be seen to be told one after the other.
            ("GATEWAY__DRAIN_RATE", "4"),
            // So narrow that a few clients are a crowd, of which some wait and some are told to come back.
            ("GATEWAY__ACCEPT_RATE", "10"),
            ("GATEWAY__ACCEPT_BURST", "4"),
            ("GATEWAY__ACCEPT_WAIT", "200ms"),
            // As in operation: requests are on their way through nginx while nodes stop.
            ("HTTP__DRAIN_LINGER", "3s"),
        ];
        let mut deployment = Deployment::start(nobody, Place::Processes, &settings).await?;
        let mut api = Vec::new();
        for _ in 0..2 {
            deployment.set("INTERNAL__BIND", &local(free_port()));
            api.push(add(&mut deployment, Roles::Api).await?);
        }
        let mut api_links = [Vec::new(), Vec::new()];
        let mut gateways = Vec::new();
        for (gateway, links) in api_links.iter_mut().enumerate() {
            let mut urls = Vec::new();
            for node in 0..2 {
                let url = deployment
                    .internal_url(node)
                    .context("api nodes have one")?;
                let proxy = Proxy::start(url.trim_start_matches("http://")).await?;
                urls.push(format!("http://{}", proxy.address()));
                links.push(proxy);
            }
            deployment.set("INTERNAL__API_URLS", &urls.join(","));
            deployment.set("BROKER__URL", &broker_url(1 + gateway));
            gateways.push(add(&mut deployment, Roles::Gateway).await?);
        }
        let nginx = Nginx::start(&dev::configuration("127.0.0.1:{port}", &api, &gateways)).await?;
        let mut doors: Vec<String> = (0..2).map(|node| deployment.ws_url(node)).collect();
        doors.push(format!("ws://127.0.0.1:{}/v1/ws", nginx.port()));
        let stage = Self {
            site: Site::of(deployment),
            doors: doors.into(),
            redis_links,
            api_links,
            postgres,
            broker,
            nginx,
        };
        stage.until_ready().await;
        Ok(stage)
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Where sockets are to be had: gateway 0, gateway 1, nginx.
    pub(crate) fn doors(&self) -> Arc<[String]> {
        Arc::clone(&self.doors)
    }

    /// REST behind nginx, for somebody.
    pub(crate) fn behind_nginx(&self, user: &User) -> Rest {
        let base = format!("http://127.0.0.1:{}", self.nginx.port());
        Rest::new(Rest::client(), &base).with_token(&user.token())
    }

    /// The one Redis.
    pub(crate) fn redis(&self) -> Result<&Redis> {
        match &self.broker {
            Broker::Alone(redis) => Ok(redis),
            _ => anyhow::bail!("this Redis is not alone"),
        }
    }

    pub(crate) fn sentinel(&self) -> Result<&Sentinel> {
        match &self.broker {
            Broker::Sentinel(sentinel) => Ok(sentinel),
            _ => anyhow::bail!("there are no Sentinels"),
        }
    }

    pub(crate) fn cluster(&self) -> Result<&RedisCluster> {
        match &self.broker {
            Broker::Cluster(cluster) => Ok(cluster),
            _ => anyhow::bail!("this is no Redis Cluster"),
        }
    }

    /// Waits until every node says that it is ready.
    ///
    /// # Panics
    /// When one is not within half a minute.
    pub(crate) async fn until_ready(&self) {
        let deadline = Duration::from_secs(30);
        eventually(deadline, "every node is ready", async || {
            for node in 0..2 {
                for rest in [self.site.api(node), self.site.gateway(node)] {
                    let answer = rest.attempt(rest.request(Method::GET, "/readyz")).await;
                    answer.ok().filter(|answer| answer.status == 200)?;
                }
            }
            Some(())
        })
        .await;
    }

    /// The sum of a metric over the gateways and its series that have a label.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> usize {
        self.metric_of(0, name, label).await + self.metric_of(1, name, label).await
    }

    /// The same of one gateway.
    pub(crate) async fn metric_of(&self, gateway: usize, name: &str, label: &str) -> usize {
        let text = self.site.gateway(gateway).get("/metrics").await.text();
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let rest = series.strip_prefix(name)?;
            let is_it = rest.is_empty() || rest.starts_with('{');
            value
                .parse()
                .ok()
                .filter(|_: &usize| is_it && rest.contains(label))
        });
        values.sum::<usize>()
    }

    /// Ends a node, in order or at once, and starts it again after a while.
    pub(crate) async fn bounce(&self, which: Which, is_kill: bool, away: Duration) {
        if is_kill {
            self.site.kill(which).await;
        } else {
            self.site.drain(which).await;
        }
        tokio::time::sleep(away).await;
        self.site.restart(which).await;
    }
}

impl Broker {
    async fn start(flavour: Flavour) -> Result<Self> {
        Ok(match flavour {
            Flavour::Alone => {
                let options = RedisOptions {
                    persistence: Persistence::AppendOnly,
                    ..RedisOptions::default()
                };
                Self::Alone(Redis::start(options).await?)
            }
            Flavour::Sentinel => Self::Sentinel(Sentinel::start().await?),
            Flavour::Cluster => Self::Cluster(RedisCluster::start(3, 0).await?),
        })
    }

    fn url(&self) -> String {
        match self {
            Self::Alone(redis) => redis.url(),
            Self::Sentinel(sentinel) => sentinel.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }
}

/// One more node on a port that it keeps; gives its address.
async fn add(deployment: &mut Deployment, roles: Roles) -> Result<String> {
    let address = local(free_port());
    deployment.set("HTTP__BIND", &address);
    deployment.add(roles).await?;
    Ok(address)
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

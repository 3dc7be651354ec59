//! Whole deployments for tests and development: one process, or a cluster on private servers. Nodes take the
//! way of `main`, from settings as the environment would give them.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use chapar::testing::Deployment;
//! let cluster = Deployment::cluster().await?;
//! let (writes, listens) = (cluster.api_url(0), cluster.ws_url(1));
//! # Ok(()) }
//! ```

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use chapar_testkit::{Postgres, shared_postgres, shared_redis};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::compose;
use crate::config::{Roles, Sources, load};
use crate::node::Node;

pub mod child;
pub mod dev;
mod settings;

pub use child::{Addresses, ChildNode};
pub use settings::Settings;

/// How a deployment's nodes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// As tasks of this process: fast, and their panics and logs are the test's.
    #[default]
    Tasks,
    /// As processes of the real binary, which can be killed.
    Processes,
}

/// What a deployment consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Everything in one node, with SQLite and a broker in memory.
    Single,
    /// Api nodes and gateways of this number, on Postgres and Redis.
    Cluster {
        /// Api nodes.
        api: usize,
        /// Gateways.
        gateways: usize,
    },
}

/// Which node of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The api node of this number; the only node of a single one.
    Api(usize),
    /// The gateway of this number; the only node of a single one.
    Gateway(usize),
}

#[derive(Debug)]
enum Running {
    Task(Box<Node>),
    Process(Box<ChildNode>),
}

#[derive(Debug)]
struct Slot {
    roles: Roles,
    settings: Settings,
    addresses: Addresses,
    running: Option<Running>,
}

/// A deployment with data of its own: nothing is shared with another one but the servers' processes.
#[derive(Debug)]
pub struct Deployment {
    shape: Shape,
    place: Place,
    settings: Settings,
    api: Vec<Slot>,
    gateways: Vec<Slot>,
    // Removed last.
    _folder: Arc<TempDir>,
}

impl Deployment {
    /// One node.
    ///
    /// # Errors
    /// What kept it from starting.
    pub async fn single() -> anyhow::Result<Self> {
        Self::start(Shape::Single, Place::Tasks, &[]).await
    }

    /// Two api nodes and two gateways.
    ///
    /// # Errors
    /// What kept them from starting.
    pub async fn cluster() -> anyhow::Result<Self> {
        let shape = Shape::Cluster {
            api: 2,
            gateways: 2,
        };
        Self::start(shape, Place::Tasks, &[]).await
    }

    /// Any deployment; `overrides` are settings as `("CHAPAR_LIMITS__MAX_CONTENT", "5")` for all of its nodes. A
    /// cluster that is given a store (see [`migrated`]) or a broker uses that in place of the shared servers.
    ///
    /// # Errors
    /// What kept it from starting.
    pub async fn start(
        shape: Shape,
        place: Place,
        overrides: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let folder = Arc::new(tempfile::Builder::new().prefix("chapar-").tempdir()?);
        let mut settings = Settings::for_tests(folder.path());
        for (name, value) in overrides {
            settings.set(name, value);
        }
        if let Shape::Cluster { .. } = shape {
            if settings.get("STORE__URL").is_none() {
                settings.set("STORE__URL", &database().await?);
            }
            if settings.get("BROKER__URL").is_none() {
                settings.set("BROKER__URL", &shared_redis().await?.url());
            }
        }
        let mut deployment = Self {
            shape,
            place,
            settings,
            api: Vec::new(),
            gateways: Vec::new(),
            _folder: folder,
        };
        match shape {
            Shape::Single => deployment.add(Roles::All).await?,
            Shape::Cluster { api, gateways } => {
                for _ in 0..api {
                    deployment.add(Roles::Api).await?;
                }
                for _ in 0..gateways {
                    deployment.add(Roles::Gateway).await?;
                }
            }
        }
        Ok(deployment)
    }

    /// One more node of a cluster.
    ///
    /// # Errors
    /// What kept it from starting.
    pub async fn add(&mut self, roles: Roles) -> anyhow::Result<()> {
        let mut settings = self.settings.clone();
        if roles == Roles::Gateway && settings.get("INTERNAL__API_URLS").is_none() {
            let internal = self.api.iter().filter_map(|slot| slot.addresses.internal);
            let urls: Vec<_> = internal
                .map(|address| format!("http://{address}"))
                .collect();
            settings.set("INTERNAL__API_URLS", &urls.join(","));
        }
        let (running, addresses) = launch(self.place, roles, &settings).await?;
        let slot = Slot {
            roles,
            settings,
            addresses,
            running: Some(running),
        };
        match roles {
            Roles::All | Roles::Api => self.api.push(slot),
            Roles::Gateway => self.gateways.push(slot),
        }
        Ok(())
    }

    /// What it consists of.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The settings that all nodes share: their store, prefix and secrets.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes a setting for the nodes that are added from now on. With `INTERNAL__API_URLS` gateways ask what
    /// stands there, such as proxies, in place of the deployment's own api nodes.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.set(name, value);
    }

    /// Where gateways reach an api node: `http://127.0.0.1:4002`. `None` of a single node.
    pub fn internal_url(&self, number: usize) -> Option<String> {
        let internal = round(&self.api, number).addresses.internal;
        internal.map(|address| format!("http://{address}"))
    }

    /// The last log lines of a node; `None` unless it is a process that runs.
    pub fn log(&self, which: Which) -> Option<String> {
        let slot = match which {
            Which::Api(number) => self.api.get(number),
            Which::Gateway(number) => self.gateways.get(number),
        };
        match slot?.running.as_ref()? {
            Running::Process(child) => Some(child.log()),
            Running::Task(_) => None,
        }
    }

    /// Where REST is, without a trailing slash: `http://127.0.0.1:4000`. Numbers go round.
    pub fn api_url(&self, number: usize) -> String {
        format!("http://{}", round(&self.api, number).addresses.public)
    }

    /// Where native sockets are: `ws://127.0.0.1:4001/v1/ws`. Numbers go round.
    pub fn ws_url(&self, number: usize) -> String {
        format!("ws://{}/v1/ws", self.gateway(number).addresses.public)
    }

    /// Where a gateway is, for other protocols: `http://127.0.0.1:4001`. Numbers go round.
    pub fn gateway_url(&self, number: usize) -> String {
        format!("http://{}", self.gateway(number).addresses.public)
    }

    /// The first api node's address, as `http.public_url` would be.
    pub fn public_url(&self) -> String {
        self.api_url(0)
    }

    /// Ends a node with its drain.
    ///
    /// # Errors
    /// When it is not running or does not end well.
    pub async fn stop(&mut self, which: Which) -> anyhow::Result<()> {
        match self.slot(which)?.running.take() {
            Some(Running::Task(node)) => node.stop(CancellationToken::new()).await,
            Some(Running::Process(child)) => child.stop().await?,
            None => bail!("{which:?} is not running"),
        }
        Ok(())
    }

    /// Kills a node with SIGKILL; of [`Place::Processes`] only.
    ///
    /// # Errors
    /// When it is not running, or runs as tasks, which cannot be killed.
    pub async fn kill(&mut self, which: Which) -> anyhow::Result<()> {
        let slot = self.slot(which)?;
        match slot.running.take() {
            Some(Running::Process(child)) => child.kill().await,
            other => {
                slot.running = other;
                bail!("{which:?} is not a process that runs")
            }
        }
    }

    /// Starts a node that was stopped or killed, on another port.
    ///
    /// # Errors
    /// When it still runs, or cannot be started.
    pub async fn restart(&mut self, which: Which) -> anyhow::Result<()> {
        let place = self.place;
        let slot = self.slot(which)?;
        ensure!(slot.running.is_none(), "{which:?} still runs");
        let (running, addresses) = launch(place, slot.roles, &slot.settings).await?;
        slot.running = Some(running);
        slot.addresses = addresses;
        Ok(())
    }

    /// Ends all nodes with their drains, gateways first.
    ///
    /// # Errors
    /// Those of [`Deployment::stop`].
    pub async fn shut_down(mut self) -> anyhow::Result<()> {
        let gateways = (0..self.gateways.len()).map(Which::Gateway);
        let all: Vec<_> = gateways
            .chain((0..self.api.len()).map(Which::Api))
            .collect();
        for which in all {
            if self.slot(which)?.running.is_some() {
                self.stop(which).await?;
            }
        }
        Ok(())
    }

    fn gateway(&self, number: usize) -> &Slot {
        match self.shape {
            Shape::Single => &self.api[0],
            Shape::Cluster { .. } => round(&self.gateways, number),
        }
    }

    fn slot(&mut self, which: Which) -> anyhow::Result<&mut Slot> {
        let slot = match (which, self.shape) {
            (Which::Api(_) | Which::Gateway(_), Shape::Single) => self.api.first_mut(),
            (Which::Api(number), _) => self.api.get_mut(number),
            (Which::Gateway(number), _) => self.gateways.get_mut(number),
        };
        slot.with_context(|| format!("there is no {which:?}"))
    }
}

fn round(slots: &[Slot], number: usize) -> &Slot {
    &slots[number % slots.len()]
}

async fn launch(
    place: Place,
    roles: Roles,
    settings: &Settings,
) -> anyhow::Result<(Running, Addresses)> {
    match place {
        Place::Tasks => {
            let config = load(&Sources::of_environment(settings.iter()))?;
            let node = Node::start(config, roles).await?;
            let addresses = Addresses {
                public: node.public_address(),
                internal: node.internal_address(),
            };
            Ok((Running::Task(Box::new(node)), addresses))
        }
        Place::Processes => {
            let child = ChildNode::start(&child::binary()?, roles, settings, None).await?;
            let addresses = child.addresses();
            Ok((Running::Process(Box::new(child)), addresses))
        }
    }
}

/// A database with this version's schema, copied from one that is migrated once in this process.
async fn database() -> anyhow::Result<String> {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let server = shared_postgres().await?;
    let template = TEMPLATE
        .get_or_try_init(async || {
            let url = migrated(server).await?;
            let name = url
                .rsplit('/')
                .next()
                .and_then(|name| name.split('?').next());
            anyhow::Ok(name.context("the URL names a database")?.to_owned())
        })
        .await?;
    server.create_database_like("chapar", template).await
}

/// A new database with this version's schema on `server`.
///
/// # Errors
/// When the server is not up.
pub async fn migrated(server: &Postgres) -> anyhow::Result<String> {
    let url = server.create_database("chapar_template").await?;
    let config = load(&Sources::of_environment([("CHAPAR_STORE__URL", &url)]))?;
    compose::migrate(&config).await?;
    Ok(url)
}

//! The places that scenarios run at.

use std::future::Future;
use std::process::Output;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chapar::testing::{Deployment, Place, Shape, Which, child};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::Rest;

/// Longer than any scenario takes on a busy machine: a scenario that hangs fails.
const SCENARIO_DEADLINE: Duration = Duration::from_mins(5);

/// Two api nodes and two gateways.
pub const CLUSTER: Shape = Shape::Cluster {
    api: 2,
    gateways: 2,
};

/// What a place is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One process: SQLite, in-process broker.
    Single,
    /// Two api and two gateway nodes on Postgres and Redis.
    Cluster,
}

/// A running deployment and how to reach it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    // `None` once it is taken down.
    deployment: Mutex<Option<Deployment>>,
    urls: RwLock<Urls>,
}

/// Where two nodes of each role are; one process is all of them.
#[derive(Clone, Debug)]
struct Urls {
    api: [String; 2],
    gateways: [String; 2],
    sockets: [String; 2],
}

impl Urls {
    fn of(deployment: &Deployment) -> Self {
        let both = |url: &dyn Fn(usize) -> String| [url(0), url(1)];
        Self {
            api: both(&|node| deployment.api_url(node)),
            gateways: both(&|node| deployment.gateway_url(node)),
            sockets: both(&|node| deployment.ws_url(node)),
        }
    }
}

impl Site {
    /// Starts a place whose settings differ from the defaults of tests in these: dotted keys and values.
    pub async fn start(shape: Shape, place: Place, settings: &[(&str, &str)]) -> Self {
        let settings: Vec<(String, &str)> = settings
            .iter()
            .map(|(key, value)| (variable(key), *value))
            .collect();
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(key, value)| (key.as_str(), *value))
            .collect();
        let deployment = Deployment::start(shape, place, &settings).await;
        Self::of(deployment.unwrap_or_else(|error| panic!("{error:?}")))
    }

    /// The place of a deployment that was started otherwise.
    pub fn of(deployment: Deployment) -> Self {
        Self(Arc::new(Inner {
            http: Rest::client(),
            urls: RwLock::new(Urls::of(&deployment)),
            deployment: Mutex::new(Some(deployment)),
        }))
    }

    fn urls(&self) -> Urls {
        self.0
            .urls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A REST client of api node `node`, without a token.
    pub fn api(&self, node: usize) -> Rest {
        Rest::new(self.0.http.clone(), &self.urls().api[node])
    }

    /// A REST client of gateway `node`, for its health and metrics.
    pub fn gateway(&self, node: usize) -> Rest {
        Rest::new(self.0.http.clone(), &self.urls().gateways[node])
    }

    /// The address of sockets on gateway `node`.
    pub fn ws_url(&self, node: usize) -> String {
        self.urls().sockets[node].clone()
    }

    /// The base address of gateway `node`, for clients of other protocols.
    pub fn gateway_url(&self, node: usize) -> String {
        self.urls().gateways[node].clone()
    }

    /// Kills a node with SIGKILL.
    pub async fn kill(&self, which: Which) {
        let mut deployment = self.0.deployment.lock().await;
        let deployment = deployment
            .as_mut()
            .expect("it runs until the scenario ends");
        deployment
            .kill(which)
            .await
            .unwrap_or_else(|error| panic!("{which:?}: {error:?}"));
    }

    /// Ends a node with its drain.
    pub async fn drain(&self, which: Which) {
        let mut deployment = self.0.deployment.lock().await;
        let deployment = deployment
            .as_mut()
            .expect("it runs until the scenario ends");
        deployment
            .stop(which)
            .await
            .unwrap_or_else(|error| panic!("{which:?}: {error:?}"));
    }

    /// Starts a node again that was killed or drained.
    pub async fn restart(&self, which: Which) {
        let mut deployment = self.0.deployment.lock().await;
        let deployment = deployment
            .as_mut()
            .expect("it runs until the scenario ends");
        deployment
            .restart(which)
            .await
            .unwrap_or_else(|error| panic!("{which:?}: {error:?}"));
        *self.0.urls.write().unwrap_or_else(PoisonError::into_inner) = Urls::of(deployment);
    }

    /// The last log lines of a node that is a process.
    pub async fn log(&self, which: Which) -> String {
        let deployment = self.0.deployment.lock().await;
        let deployment = deployment
            .as_ref()
            .expect("it runs until the scenario ends");
        deployment.log(which).expect("it is a process that runs")
    }

    /// Runs `chapar admin …` as an operator does, with the deployment's settings.
    pub async fn admin(&self, arguments: &[&str]) -> Output {
        let settings = {
            let deployment = self.0.deployment.lock().await;
            let deployment = deployment
                .as_ref()
                .expect("it runs until the scenario ends");
            deployment.settings().clone()
        };
        let binary = child::binary().unwrap_or_else(|error| panic!("{error:?}"));
        let mut command = Command::new(binary);
        command
            .arg("admin")
            .args(arguments)
            .env_clear()
            .envs(settings.iter());
        command.current_dir(settings.get("DATA_DIR").unwrap_or("/"));
        let run = command.kill_on_drop(true).output();
        let output = timeout(Duration::from_mins(1), run).await;
        let output = output.expect("it ends").expect("it starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    /// Where its data is, for what would take too long to bring in through the nodes.
    pub async fn store_url(&self) -> String {
        let deployment = self.0.deployment.lock().await;
        let deployment = deployment
            .as_ref()
            .expect("it runs until the scenario ends");
        let settings = deployment.settings();
        match settings.get("STORE__URL") {
            Some(url) => url.to_owned(),
            None => format!(
                "sqlite:{}/chapar.db",
                settings.get("DATA_DIR").unwrap_or(".")
            ),
        }
    }

    /// Takes it down in order; nodes that do not end well fail the scenario.
    pub async fn stop(&self) {
        let deployment = self.0.deployment.lock().await.take();
        let deployment = deployment.expect("it is taken down once");
        let ended = timeout(Duration::from_mins(1), deployment.shut_down()).await;
        ended
            .expect("the drain is bounded")
            .unwrap_or_else(|error| panic!("{error:?}"));
    }
}

/// `limits.max_sockets` as the environment names it.
fn variable(key: &str) -> String {
    format!("CHAPAR_{}", key.replace('.', "__").to_uppercase())
}

/// Runs a scenario at a place of its own and takes that down in order.
///
/// # Panics
/// When the scenario does, or takes too long.
pub async fn run<F: Future<Output = ()>>(
    kind: Kind,
    settings: &[(&str, &str)],
    scenario: impl FnOnce(Site) -> F,
) {
    let shape = match kind {
        Kind::Single => Shape::Single,
        Kind::Cluster => CLUSTER,
    };
    let site = Site::start(shape, Place::Tasks, settings).await;
    bounded(scenario(site.clone())).await;
    site.stop().await;
}

/// Runs what must end.
///
/// # Panics
/// When it takes longer than any scenario does.
pub async fn bounded<T>(scenario: impl Future<Output = T>) -> T {
    timeout(SCENARIO_DEADLINE, Box::pin(scenario))
        .await
        .expect("the scenario ends in time")
}

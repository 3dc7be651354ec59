//! fred clients with every limit set.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike as _, ClusterInterface as _};
use fred::types::Builder;
use fred::types::config::{ReconnectPolicy, UnresponsiveConfig};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::{RedisConfig, RedisConfigError};
use crate::BrokerError;

/// One client: one connection, or in Cluster mode one for each master. It connects, and connects again, in the
/// background; it ends when dropped.
#[derive(Debug)]
pub(super) struct RawConnection {
    client: Client,
    task: JoinHandle<Result<(), Error>>,
}

impl RawConnection {
    /// Starts connecting and returns at once; `listen` gets the client before the first event can be missed.
    pub(super) fn open<T>(
        config: &RedisConfig,
        max_incoming: usize,
        listen: impl FnOnce(&Client) -> T,
    ) -> Result<(Self, T), RedisConfigError> {
        let client = Self::prepare(config, max_incoming)?;
        let listener = listen(&client);
        let task = client.connect();
        Ok((Self { client, task }, listener))
    }

    fn prepare(config: &RedisConfig, max_incoming: usize) -> Result<Client, RedisConfigError> {
        let mut builder = Builder::from_config(config.parse()?);
        let max_delay = u32::try_from(config.max_reconnect_delay.as_millis()).unwrap_or(u32::MAX);
        let mut policy = ReconnectPolicy::new_exponential(0, 50, max_delay, 2);
        policy.set_jitter(50);
        builder
            .set_policy(policy)
            .with_connection_config(|connection| {
                connection.connection_timeout = config.connect_timeout;
                connection.internal_command_timeout = config.connect_timeout;
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = config.max_commands;
                connection.auto_client_setname = true;
                connection.unresponsive = UnresponsiveConfig {
                    max_timeout: Some(config.command_timeout * 3),
                    interval: config.command_timeout.min(Duration::from_secs(1)),
                };
                connection.tcp.nodelay = Some(true);
            })
            .with_performance_config(|performance| {
                performance.default_command_timeout = config.command_timeout;
                performance.broadcast_channel_capacity = max_incoming;
            });
        builder
            .build()
            .map_err(|error| RedisConfigError::Url(error.details().to_owned()))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Ends it in order, within a second.
    pub(super) async fn close(&self) {
        // It is going away: an error on the way changes nothing, and dropping ends the task in any case.
        tokio::time::timeout(Duration::from_secs(1), self.client.quit())
            .await
            .ok();
        self.task.abort();
    }
}

impl Drop for RawConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Notices that a client which only sends commands keeps for whoever listens, and here nobody does. fred makes
/// room for each of its eight streams of them at once: the 65,536 of a subscriber cost 50 MB.
const NOTICES: usize = 32;

/// A connection for commands that is looked after: a client that stays disconnected is replaced, since fred
/// waits for a command to be written before it notices some ends, and in Cluster mode the slots are kept fresh.
#[derive(Debug)]
pub(super) struct Connection {
    current: Arc<Mutex<RawConnection>>,
    is_cluster: bool,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Connection {
    /// Starts connecting and returns at once.
    pub(super) fn open(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        let (raw, ()) = RawConnection::open(config, NOTICES, |_| ())?;
        let is_cluster = raw.client().is_clustered();
        let current = Arc::new(Mutex::new(raw));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let care = look_after(config.clone(), Arc::clone(&current), is_cluster);
        tasks.spawn(stop.clone().run_until_cancelled_owned(care));
        tasks.close();
        Ok(Self {
            current,
            is_cluster,
            tasks,
            stop,
        })
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// The client if it is connected; commands to any other would wait for their deadline.
    pub(super) fn connected(&self) -> Result<Client, BrokerError> {
        let client = client_of(&self.current);
        if client.is_connected() {
            Ok(client)
        } else {
            Err(unreachable("not connected"))
        }
    }

    /// Ends it in order, within a second.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
        let client = client_of(&self.current);
        tokio::time::timeout(Duration::from_secs(1), client.quit())
            .await
            .ok();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn client_of(current: &Mutex<RawConnection>) -> Client {
    let current = current.lock().unwrap_or_else(PoisonError::into_inner);
    current.client().clone()
}

async fn look_after(config: RedisConfig, current: Arc<Mutex<RawConnection>>, is_cluster: bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    let mut connected_at = Instant::now();
    let mut was_connected = false;
    loop {
        ticks.tick().await;
        let client = client_of(&current);
        if client.is_connected() {
            connected_at = Instant::now();
            was_connected = true;
            if is_cluster {
                // What fails here fails in the commands too, and is reported there.
                within(config.command_timeout, client.sync_cluster())
                    .await
                    .ok();
            }
            continue;
        }
        // One that was connected is replaced at once. One that never was tries by itself, for a while.
        let patience = if was_connected {
            Duration::ZERO
        } else {
            (config.connect_timeout + config.max_reconnect_delay) * 2
        };
        if connected_at.elapsed() < patience {
            continue;
        }
        match RawConnection::open(&config, NOTICES, |_| ()) {
            Ok((raw, ())) => {
                tracing::info!("a connection to Redis is replaced");
                *current.lock().unwrap_or_else(PoisonError::into_inner) = raw;
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn StdError, "no client");
            }
        }
        connected_at = Instant::now();
        was_connected = false;
    }
}

pub(super) fn unreachable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> BrokerError {
    BrokerError::Unreachable(cause.into())
}

impl From<Error> for BrokerError {
    fn from(error: Error) -> Self {
        Self::Unreachable(Box::new(error))
    }
}

/// Waits for a command at most `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::new(ErrorKind::Timeout, "no answer in time").into()),
    }
}

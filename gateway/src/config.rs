//! Section `gateway` of the configuration: what one node may choose for itself. What all nodes must agree on
//! stands in [`chapar_shared::Limits`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One gateway node's settings. Durations read `30s`; sizes are in bytes where the name says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Browser origins that may connect besides the host that the request names, as `https://chat.example`;
    /// `*` allows every one. Clients without an `Origin` header always may.
    ///
    /// Not in this section: the binary sets it from `http.allowed_origins`.
    #[serde(skip)]
    pub allowed_origins: Vec<String>,
    /// Sockets at once, signed in or not; 19,000. More are refused with 503, so that probes and requests still
    /// get through: keep it below `http.max_connections`, beyond which nothing does.
    pub max_connections: usize,
    /// Newcomers let in in a second; 1,000. When another node goes, its clients come here: what opening their
    /// sessions may take from those who are served, of this node and of the api. More wait for their turn.
    pub accept_rate: u32,
    /// Newcomers let in at once after a quiet time; 1,000. Higher lets a short rush pass unnoticed.
    pub accept_burst: u32,
    /// How long one may wait for its turn before its upgrade is answered; 5s. Who would wait longer is refused
    /// with 503 and told when to come back. 0s refuses at once; keep it below what clients take for no answer.
    #[serde(with = "chapar_shared::duration")]
    pub accept_wait: Duration,
    /// How long a client may take to its `hello`; 10s. Lower cuts slow networks off, higher lets strangers
    /// hold sockets.
    #[serde(with = "chapar_shared::duration")]
    pub hello_timeout: Duration,
    /// How long opening a connection may take after `hello`; 15s. Then it is closed 1001.
    #[serde(with = "chapar_shared::duration")]
    pub open_timeout: Duration,
    /// Between two pings; 30s. A client silent for two of them is closed. Lower finds dead clients sooner and
    /// wakes phones more often; keep it below the load balancer's idle timeout.
    #[serde(with = "chapar_shared::duration")]
    pub heartbeat: Duration,
    /// How long a write may stall before its client is cut off; 20s.
    #[serde(with = "chapar_shared::duration")]
    pub write_timeout: Duration,
    /// Outbound queue of one connection in bytes; 1 MiB. At half of it typing and presence are dropped, at
    /// all of it the client is closed 4010. Higher bears longer stalls and costs memory for each slow client.
    pub max_queue_bytes: usize,
    /// Commands of one connection that wait for their outcome; 64. Beyond it they are `rate_limited`.
    pub max_pending_commands: usize,
    /// Commands in one batch for the api; 256.
    pub max_batch: usize,
    /// Bytes of content in one batch for the api; 1 MiB.
    pub max_batch_bytes: usize,
    /// Batches in flight to the api at once; 8. More shortens waiting while the api is slow, fewer makes
    /// larger batches.
    pub max_batches: usize,
    /// How long after the batch before the next one leaves at the latest; 5ms. It leaves at once when it is full, and
    /// when no other is in flight, unless the last one was large. Higher makes larger batches, which cost less, and
    /// lets commands wait for slower ones before them.
    #[serde(with = "chapar_shared::duration")]
    pub batch_linger: Duration,
    /// How long a batch without an answer is submitted again; 15s. Then its commands are `unavailable`.
    #[serde(with = "chapar_shared::duration")]
    pub submit_timeout: Duration,
    /// Frames with a file that are read or handed on to the api at once; 16. Each takes up to four times the
    /// bytes of the largest upload; users wait for each other beyond it.
    pub max_file_frames: usize,
    /// How long reading one may take; 1m. Then its socket is cut off.
    #[serde(with = "chapar_shared::duration")]
    pub file_timeout: Duration,
    /// How long a room stays subscribed without a listener; 5s. So reconnects find its ring and head.
    #[serde(with = "chapar_shared::duration")]
    pub linger: Duration,
    /// Changes kept for each room to serve reconnects from memory; 128.
    pub ring_changes: usize,
    /// Bytes of those; 65,536.
    pub ring_bytes: usize,
    /// Early changes held for each room while a gap is filled; 256. What is beyond is fetched.
    pub max_early: usize,
    /// How long a gap may close by itself before it is fetched; 20ms. Two api nodes publish in any order, so
    /// zero would ask the api for what is already on its way.
    #[serde(with = "chapar_shared::duration")]
    pub repair_delay: Duration,
    /// Fetches of changes in flight to the api at once; 32.
    pub max_fetches: usize,
    /// Items asked for in one page of changes; 200, at most 1,000.
    pub page_items: u32,
    /// Between two comparisons of all heads and versions with the api's; 30s. It bounds how late the last
    /// event of a quiet room is when its publish was lost.
    #[serde(with = "chapar_shared::duration")]
    pub check_interval: Duration,
    /// The same while the broker's link is not proven, when it is the only source of events; 1s.
    #[serde(with = "chapar_shared::duration")]
    pub unproven_check_interval: Duration,
    /// After how long without both broker and api the clients are sent elsewhere with 4012; 60s.
    #[serde(with = "chapar_shared::duration")]
    pub source_timeout: Duration,
    /// Rooms and users in one comparison; 5,000, at most 10,000.
    pub check_batch: usize,
    /// How long after the last socket a user is offline; 10s, so that reconnects do not flicker.
    #[serde(with = "chapar_shared::duration")]
    pub offline_delay: Duration,
    /// How long one user's typing in one room is not relayed again; 3s.
    #[serde(with = "chapar_shared::duration")]
    pub typing_interval: Duration,
    /// Clients of Socket.IO.
    pub socketio: SocketIoConfig,
    /// Clients told in a second to reconnect elsewhere while the node drains; 500. What the other nodes can take
    /// in. More where they would not all be told in two thirds of `http.drain_timeout`.
    pub drain_rate: u32,
    /// How long closing waits for the clients to go; 10s.
    ///
    /// Not in this section: the binary sets it from `http.drain_timeout`.
    #[serde(skip)]
    pub drain_timeout: Duration,
}

/// Section `gateway.socketio`: the transport of Socket.IO clients, which has timers and sizes of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketIoConfig {
    /// Between two pings of the transport; 25s, of which clients are told. A poll is answered by it at the latest:
    /// keep it below the load balancer's idle timeout.
    #[serde(with = "chapar_shared::duration")]
    pub ping_interval: Duration,
    /// How long a client may take to answer one; 20s. Then it is gone.
    #[serde(with = "chapar_shared::duration")]
    pub ping_timeout: Duration,
    /// How long a session may take to a good CONNECT; 20s. Higher lets strangers hold sessions.
    #[serde(with = "chapar_shared::duration")]
    pub connect_timeout: Duration,
    /// Longest message or request body in bytes; 1,000,000, of which clients are told. A longer one ends the session.
    pub max_payload_bytes: usize,
    /// Packets in the transport's buffer of one session, before which the queue of the connection stands; 128.
    /// More is memory for each slow client, fewer makes a client that polls wait more often.
    pub max_buffered_packets: usize,
    /// Sessions on this node, signed in or not; 20,000. More are refused with 503. One that polls holds no
    /// connection, so that `http.max_connections` does not bound them.
    pub max_sessions: usize,
}

impl Default for SocketIoConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(20),
            max_payload_bytes: 1_000_000,
            max_buffered_packets: 128,
            max_sessions: 20_000,
        }
    }
}

/// A setting that a node cannot run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gateway.{field} must be at least {least}")]
pub struct ConfigError {
    /// The setting.
    pub field: &'static str,
    /// The smallest that works, in the field's unit.
    pub least: u64,
}

impl Config {
    /// Checks what would keep a node from serving.
    ///
    /// # Errors
    /// The first setting that is too small.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let checks = [
            ("max_connections", self.max_connections as u64, 1),
            ("accept_rate", u64::from(self.accept_rate), 1),
            ("accept_burst", u64::from(self.accept_burst), 1),
            ("hello_timeout", millis(self.hello_timeout), 1),
            ("open_timeout", millis(self.open_timeout), 1),
            ("heartbeat", millis(self.heartbeat), 1),
            ("write_timeout", millis(self.write_timeout), 1),
            ("file_timeout", millis(self.file_timeout), 1),
            ("max_file_frames", self.max_file_frames as u64, 1),
            ("submit_timeout", millis(self.submit_timeout), 1),
            ("check_interval", millis(self.check_interval), 1),
            (
                "unproven_check_interval",
                millis(self.unproven_check_interval),
                1,
            ),
            ("max_queue_bytes", self.max_queue_bytes as u64, 4096),
            ("max_pending_commands", self.max_pending_commands as u64, 1),
            ("max_batch", self.max_batch as u64, 1),
            ("max_batch_bytes", self.max_batch_bytes as u64, 1),
            ("max_batches", self.max_batches as u64, 1),
            ("max_fetches", self.max_fetches as u64, 1),
            ("page_items", u64::from(self.page_items), 1),
            ("check_batch", self.check_batch as u64, 1),
            ("drain_rate", u64::from(self.drain_rate), 1),
            (
                "socketio.ping_interval",
                millis(self.socketio.ping_interval),
                1,
            ),
            (
                "socketio.ping_timeout",
                millis(self.socketio.ping_timeout),
                1,
            ),
            (
                "socketio.connect_timeout",
                millis(self.socketio.connect_timeout),
                1,
            ),
            (
                "socketio.max_payload_bytes",
                self.socketio.max_payload_bytes as u64,
                4096,
            ),
            (
                "socketio.max_buffered_packets",
                self.socketio.max_buffered_packets as u64,
                2,
            ),
            (
                "socketio.max_sessions",
                self.socketio.max_sessions as u64,
                1,
            ),
        ];
        match checks.into_iter().find(|(_, value, least)| value < least) {
            Some((field, _, least)) => Err(ConfigError { field, least }),
            None => Ok(()),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            max_connections: 19_000,
            accept_rate: 1000,
            accept_burst: 1000,
            accept_wait: Duration::from_secs(5),
            hello_timeout: Duration::from_secs(10),
            open_timeout: Duration::from_secs(15),
            heartbeat: Duration::from_secs(30),
            write_timeout: Duration::from_secs(20),
            max_queue_bytes: 1 << 20,
            max_pending_commands: 64,
            max_batch: 256,
            max_batch_bytes: 1 << 20,
            max_batches: 8,
            batch_linger: Duration::from_millis(5),
            submit_timeout: Duration::from_secs(15),
            max_file_frames: 16,
            file_timeout: Duration::from_mins(1),
            linger: Duration::from_secs(5),
            ring_changes: 128,
            ring_bytes: 64 << 10,
            max_early: 256,
            repair_delay: Duration::from_millis(20),
            max_fetches: 32,
            page_items: 200,
            check_interval: Duration::from_secs(30),
            unproven_check_interval: Duration::from_secs(1),
            source_timeout: Duration::from_mins(1),
            check_batch: 5000,
            offline_delay: Duration::from_secs(10),
            typing_interval: Duration::from_secs(3),
            socketio: SocketIoConfig::default(),
            drain_rate: 500,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert_eq!(Config::default().validate(), Ok(()));
        let config = Config {
            max_batches: 0,
            ..Config::default()
        };
        let error = config.validate().unwrap_err();
        assert_eq!(error.to_string(), "gateway.max_batches must be at least 1");
    }

    #[test]
    fn reads_back_and_refuses_unknown_keys() {
        let config = Config::default();
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains(r#""heartbeat":"30s""#), "{text}");
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        assert!(serde_json::from_str::<Config>(r#"{"heart_beat":"1s"}"#).is_err());
    }
}

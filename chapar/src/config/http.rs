//! Sections `http` and `internal`: the two listeners.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::show;

/// Section `http`: the listener for clients, of every role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; `127.0.0.1:8000`. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The address that clients use, without a path: in links to files. Unset: `http://` and `bind`.
    pub public_url: Option<String>,
    /// Address ranges of the proxies before this node, as `10.0.0.0/8`. The client's address is the
    /// rightmost of `X-Forwarded-For` outside them. Too wide: clients choose the address that their
    /// registrations and logins are counted by. Too narrow: all clients share the proxy's.
    pub trusted_proxies: Vec<Cidr>,
    /// Origins of web pages that may use the API from a browser, as `https://chat.example`; `*` is any.
    /// The node's own is always allowed.
    pub allowed_origins: Vec<String>,
    /// How long a client may take to send a request's head; `10s`. Too high: slow clients hold connections.
    #[serde(with = "chapar_shared::duration")]
    pub header_timeout: Duration,
    /// How long a connection is kept for the next request; `75s`. A proxy before the node must give idle ones up
    /// well before: a request that meets a connection's end is lost.
    #[serde(with = "chapar_shared::duration")]
    pub idle_timeout: Duration,
    /// How long answering a REST request may take; `30s`. Uploads and downloads have limits of their own.
    #[serde(with = "chapar_shared::duration")]
    pub request_timeout: Duration,
    /// Connections at once, sockets included; 20,000. More wait in the kernel's queue. Each takes a file
    /// descriptor: keep it below `ulimit -n`.
    pub max_connections: usize,
    /// How long a stopping node goes on accepting after its readiness is off; `0s`. Give load balancers the
    /// time of a probe or two.
    #[serde(with = "chapar_shared::duration")]
    pub drain_delay: Duration,
    /// How long a stopping node keeps idle connections open, for requests that are on their way; `3s`, at most half
    /// of `drain_timeout`. Longer than the proxies keep idle ones; 0s where clients come without a proxy.
    #[serde(with = "chapar_shared::duration")]
    pub drain_linger: Duration,
    /// How long a stopping node waits for requests and sockets; `30s`. What is left is then cut.
    #[serde(with = "chapar_shared::duration")]
    pub drain_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            max_connections: 20_000,
            drain_delay: Duration::ZERO,
            drain_linger: Duration::from_secs(3),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

impl HttpConfig {
    /// The address that clients use, without a trailing slash.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.bind),
        }
    }

    /// The origins of pages that may open sockets besides that of the host which a request names: the public
    /// address, which a proxy may hide from the node, and those that are listed.
    pub fn known_origins(&self) -> Vec<String> {
        let public = self.public_url.as_ref().map(|_| self.public_url());
        self.allowed_origins.iter().cloned().chain(public).collect()
    }
}

/// Section `internal`: what gateways ask of api nodes. Never reachable from outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InternalConfig {
    /// Where an api node listens for gateways; `127.0.0.1:8001`.
    pub bind: SocketAddr,
    /// What both sides prove themselves with: at least 32 bytes, the same on every node.
    #[serde(serialize_with = "show::hidden")]
    pub secret: Option<SecretString>,
    /// The api nodes that a gateway asks; `http://127.0.0.1:8001`.
    pub api_urls: Vec<String>,
}

impl Default for InternalConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8001)),
            secret: None,
            api_urls: vec!["http://127.0.0.1:8001".into()],
        }
    }
}

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(pub IpNet);

impl FromStr for Cidr {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Self(address.into())),
            Err(_) => text.parse().map(Self),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            de::Error::invalid_value(
                de::Unexpected::Str(&text),
                &"a range of addresses such as 10.0.0.0/8",
            )
        })
    }
}

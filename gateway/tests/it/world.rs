//! Gateway nodes over one simulated store and bus, on real sockets, and clients of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use chapar_gateway::{Config, Deps, Gateway};
use chapar_shared::token::{Claims, Key, Keyring};
use chapar_shared::{Limits, SessionId, Timestamp, UserId};

use super::bus::Bus;
use super::store::Store;

/// No condition takes longer on the slowest machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct World {
    pub bus: Arc<Bus>,
    pub store: Arc<Store>,
    pub nodes: Vec<Node>,
    pub keyring: Arc<Keyring>,
    config: Config,
    limits: Limits,
}

pub struct Node {
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub tracker: TaskTracker,
    pub shutdown: CancellationToken,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Short times, so that nothing is waited for long; checks so rare that nothing passes by them alone.
pub fn config() -> Config {
    Config {
        hello_timeout: Duration::from_secs(5),
        linger: Duration::from_millis(50),
        check_interval: Duration::from_mins(10),
        unproven_check_interval: Duration::from_millis(20),
        offline_delay: Duration::from_millis(50),
        drain_timeout: Duration::from_secs(5),
        repair_delay: Duration::from_millis(2),
        ..Config::default()
    }
}

impl World {
    /// Users 1 to 5 in room 1, one node.
    pub async fn new() -> Self {
        Self::with(config(), Limits::default()).await
    }

    pub async fn with(config: Config, limits: Limits) -> Self {
        jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
            .install_default()
            .ok();
        let key = Key::HS256 {
            id: "1".into(),
            secret: "0123456789abcdef0123456789abcdef".into(),
        };
        let bus = Arc::new(Bus::default());
        let store = Store::new(Arc::clone(&bus));
        store.populate(5, 1);
        let mut world = Self {
            bus,
            store,
            nodes: Vec::new(),
            keyring: Arc::new(Keyring::new(&[key], "chapar", "chapar").unwrap()),
            config,
            limits,
        };
        world.add_node().await;
        world
    }

    pub async fn add_node(&mut self) -> usize {
        let broker = self.bus.node();
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let gateway = Gateway::build(
            self.config.clone(),
            Deps {
                broker: broker.clone(),
                presence: broker,
                backend: self.store.clone(),
                keyring: Arc::clone(&self.keyring),
                limits: Arc::new(self.limits.clone()),
                tracker: tracker.clone(),
                shutdown: shutdown.clone(),
                node: self.nodes.len() as u64,
            },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = gateway.router();
        let stop = shutdown.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                served = async { axum::serve(listener, router).await } => served.unwrap(),
            }
        });
        self.nodes.push(Node {
            gateway,
            address,
            tracker,
            shutdown,
        });
        self.nodes.len() - 1
    }

    pub fn token(&self, user: i64, session: i64, lifetime: Duration) -> String {
        let now = Timestamp::now();
        let claims = Claims {
            user: UserId(user),
            session: SessionId(session),
            expires: now.plus(lifetime),
        };
        self.keyring.sign(&claims, now)
    }

    /// A socket without `hello`, with these headers.
    pub async fn socket(
        &self,
        node: usize,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Client {
        let url = format!("ws://{}/v1/ws{query}", self.nodes[node].address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = timeout(DEADLINE, connect_async(request))
            .await
            .unwrap()
            .unwrap();
        Client {
            socket,
            ready: Value::Null,
        }
    }

    /// A dialect's socket of the user's first session, or the status with which it is refused. `path` begins
    /// with a slash and may have a query.
    pub async fn door(&self, node: usize, user: i64, path: &str) -> Result<Client, u16> {
        let token = self.token(user, user * 10, Duration::from_mins(15));
        let bearer = format!("Bearer {token}");
        self.knock(node, path, &[("authorization", &bearer)]).await
    }

    pub async fn knock(
        &self,
        node: usize,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, u16> {
        let url = format!("ws://{}{path}", self.nodes[node].address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match timeout(DEADLINE, connect_async(request)).await.unwrap() {
            Ok((socket, _)) => Ok(Client {
                socket,
                ready: Value::Null,
            }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A signed-in client of the user's first session.
    pub async fn client(&self, node: usize, user: i64) -> Client {
        self.resume(node, user, json!({})).await
    }

    pub async fn resume(&self, node: usize, user: i64, hello: Value) -> Client {
        let mut client = self.socket(node, "", &[]).await;
        let mut frame =
            json!({"op": "hello", "token": self.token(user, user * 10, Duration::from_mins(15))});
        frame
            .as_object_mut()
            .unwrap()
            .extend(hello.as_object().unwrap().clone());
        client.send(&frame).await;
        client.ready = client.next().await;
        assert_eq!(client.ready["op"], "ready", "{}", client.ready);
        client
    }
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub ready: Value,
}

impl Client {
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn message(&mut self) -> Option<Result<Message, Error>> {
        timeout(DEADLINE, self.socket.next())
            .await
            .expect("a frame within the deadline")
    }

    /// The next text frame.
    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The same, whatever it holds.
    pub async fn text(&mut self) -> String {
        loop {
            match self.message().await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a frame: {other:?}"),
            }
        }
    }

    /// The next frame that `wanted` picks; others before it are passed over.
    pub async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await;
            if wanted(&frame) {
                return frame;
            }
        }
    }

    pub async fn event(&mut self, kind: &str) -> Value {
        self.find(|frame| frame["type"] == kind).await
    }

    pub async fn reply(&mut self, id: i64) -> Value {
        self.find(|frame| frame["op"] == "reply" && frame["id"] == id)
            .await
    }

    /// What arrived before the answer to a ping: all that was queued.
    pub async fn drain(&mut self) -> Vec<Value> {
        self.send(&json!({"op": "ping", "id": "drain"})).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["id"] == "drain" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// The code with which the server closes.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.message().await {
                Some(Ok(Message::Close(frame))) => return frame.expect("a code").code.into(),
                Some(Ok(_)) => {}
                other => panic!("instead of a close: {other:?}"),
            }
        }
    }

    /// The positions of a room's events up to `last`.
    pub async fn seqs(&mut self, last: i64) -> Vec<i64> {
        let mut seqs = Vec::new();
        while seqs.last() != Some(&last) {
            let frame = self.next().await;
            if let Some(seq) = frame["seq"].as_i64() {
                seqs.push(seq);
            }
        }
        seqs
    }

    /// The positions of events up to the server's close, and its code.
    pub async fn seqs_until_closed(&mut self) -> (Vec<i64>, u16) {
        let mut seqs = Vec::new();
        loop {
            match self.message().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    seqs.extend(frame["seq"].as_i64());
                }
                Some(Ok(Message::Close(frame))) => {
                    return (seqs, frame.expect("a code").code.into());
                }
                Some(Ok(_)) => {}
                other => panic!("instead of a close: {other:?}"),
            }
        }
    }
}

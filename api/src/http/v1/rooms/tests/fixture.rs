//! A whole api node on a port of its own, with its own database.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chapar_broker::{BrokerError, Demand, Presence, PresenceState, RateLimiter, Verdict};
use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::token::{Claims, Key, Keyring};
use chapar_shared::{Limits, SessionId, Timestamp, UserId};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::domain::publish::fixtures::Recorder;
use crate::media::Links;
use crate::store::Store;
use crate::store::config::{StoreConfig, open};
use crate::store::sessions::{NewSession, Revoke};
use crate::store::users::NewUser;
use crate::{Api, Config, Deps};

/// The databases that every test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// Makes a test of each database of an async function that takes a [`TestApi`].
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($api:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($api: &TestApi) $body

            #[tokio::test]
            async fn sqlite() {
                let api = TestApi::start(Database::Sqlite).await;
                run(&api).await;
                api.stop().await;
            }

            #[tokio::test]
            async fn postgres() {
                let api = TestApi::start(Database::Postgres).await;
                run(&api).await;
                api.stop().await;
            }
        }
    )*};
}
pub(crate) use on_both;

/// Allows everything until it is told not to.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) is_shut: AtomicBool,
}

#[async_trait]
impl RateLimiter for Gate {
    async fn take(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        let verdict = if self.is_shut.load(Ordering::SeqCst) {
            Verdict::Limited {
                retry_after: Duration::from_millis(1200),
            }
        } else {
            Verdict::Allowed
        };
        vec![verdict; demands.len()]
    }

    async fn peek(&self, _: &Demand) -> Verdict {
        Verdict::Allowed
    }
}

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Presence for Nobody {
    async fn renew(&self, _: &[UserId]) -> Result<Vec<UserId>, BrokerError> {
        Ok(Vec::new())
    }

    async fn release(&self, _: &[UserId], _: Timestamp) -> Result<Vec<UserId>, BrokerError> {
        Ok(Vec::new())
    }

    async fn let_go(&self, _: &[UserId], _: Duration) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn states(&self, _: &[UserId]) -> Result<HashMap<UserId, PresenceState>, BrokerError> {
        Ok(HashMap::new())
    }
}

pub(crate) struct TestApi {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) broker: Arc<Recorder>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) api: Api,
    keyring: Arc<Keyring>,
    public: SocketAddr,
    internal: SocketAddr,
    http: reqwest::Client,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    _folder: tempfile::TempDir,
}

pub(crate) const CLUSTER_SECRET: &str = "the secret of the cluster";

impl TestApi {
    pub(crate) async fn start(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match database {
            Database::Sqlite => format!("sqlite:{}", folder.path().join("x.db").display()),
            Database::Postgres => {
                let server = chapar_testkit::shared_postgres().await.unwrap();
                let name = format!("t{}", uuid::Uuid::new_v4().simple());
                server.create_database(&name).await.unwrap()
            }
        };
        let store = open(&StoreConfig {
            url: SecretString::from(url),
            ..StoreConfig::default()
        })
        .unwrap();
        store.migrate().await.unwrap();
        let secret = || SecretString::from("0123456789abcdef0123456789abcdef");
        let key = Key::HS256 {
            id: "1".to_owned(),
            secret: secret(),
        };
        let keyring = Arc::new(Keyring::new(&[key], "chapar", "chapar").unwrap());
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let broker = Arc::new(Recorder::default());
        let gate = Arc::new(Gate::default());
        let deps = Deps {
            store: store.clone(),
            broker: broker.clone(),
            presence: Arc::new(Nobody),
            limiter: gate.clone(),
            limits: Arc::new(Limits::default()),
            keyring: keyring.clone(),
            refresh_secret: secret(),
            links: Links::new(&secret(), "", Duration::from_hours(168), Clock::system()),
            storage: Arc::new(object_store::memory::InMemory::new()),
            clock: Clock::system(),
            tracker: tracker.clone(),
            shutdown: shutdown.clone(),
        };
        let api = Api::build(Config::default(), deps).unwrap();
        let mut addresses = Vec::new();
        for router in [
            api.public_router(),
            api.internal_router(&SecretString::from(CLUSTER_SECRET)),
        ] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let ended = shutdown.clone().cancelled_owned();
            tracker.spawn(async move {
                axum::serve(listener, router)
                    .with_graceful_shutdown(ended)
                    .await
                    .unwrap();
            });
        }
        Self {
            store,
            broker,
            gate,
            api,
            keyring,
            public: addresses[0],
            internal: addresses[1],
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            shutdown,
            tracker,
            _folder: folder,
        }
    }

    /// Ends the node and checks that nothing of it is left.
    pub(crate) async fn stop(&self) {
        self.shutdown.cancel();
        self.tracker.close();
        tokio::time::timeout(Duration::from_secs(10), self.tracker.wait())
            .await
            .expect("every task of the node ends");
        self.store.close().await;
    }

    /// A user with a session.
    pub(crate) async fn user(&self, name: &str) -> TestUser<'_> {
        let at = Timestamp::now();
        let user = self
            .store
            .create_user(NewUser {
                username: name.to_owned(),
                email: None,
                display_name: name.to_owned(),
                password_hash: "x".to_owned(),
                at,
            })
            .await
            .unwrap();
        let expires = at.plus(Duration::from_hours(1));
        let session = self
            .store
            .create_session(NewSession {
                user: user.person.id,
                device: String::new(),
                address: String::new(),
                salt: "salt".to_owned(),
                at,
                expires,
            })
            .await
            .unwrap();
        let claims = Claims {
            user: user.person.id,
            session: session.id,
            expires,
        };
        TestUser {
            api: self,
            id: user.person.id,
            session: session.id,
            token: self.keyring.sign(&claims, at),
        }
    }

    /// What was published since it was asked last.
    pub(crate) fn published(&self) -> Vec<(Channel, Envelope)> {
        self.broker.taken()
    }

    pub(crate) async fn internal(&self, path: &str, secret: &str, body: &str) -> (u16, Value) {
        let url = format!("http://{}/internal/v1/{path}", self.internal);
        let request = self.http.post(url).bearer_auth(secret);
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn revoke(&self, user: &TestUser<'_>) {
        let now = Timestamp::now();
        let one = Revoke::One(user.session);
        self.store.revoke_sessions(user.id, one, now).await.unwrap();
    }

    /// Rooms of a user by the store, hidden ones left out.
    pub(crate) async fn count_rooms(&self, user: UserId) -> usize {
        let page = self.store.rooms_of(user, None, 100).await.unwrap();
        page.items.len()
    }
}

pub(crate) struct TestUser<'a> {
    api: &'a TestApi,
    pub(crate) id: UserId,
    pub(crate) session: SessionId,
    pub(crate) token: String,
}

impl TestUser<'_> {
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("http://{}/v1{path}", self.api.public);
        let mut request = self.api.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, None).await
    }

    /// Makes a room; gives its path.
    pub(crate) async fn room(&self, kind: &str, name: &str, members: &[UserId]) -> String {
        let body = json!({"kind": kind, "name": name, "members": members});
        let (status, room) = self.post("/rooms", body).await;
        assert_eq!(status, 201, "{room}");
        format!("/rooms/{}", room["id"])
    }

    pub(crate) async fn send(&self, room: &str, text: &str) -> Value {
        let (status, message) = self
            .post(&format!("{room}/messages"), json!({"content": text}))
            .await;
        assert_eq!(status, 201, "{message}");
        message
    }
}

/// The status and code of a refusal.
pub(crate) fn refusal(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

//! A node on a fresh database behind a real listener, and a client of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chapar_api::clock::Clock;
use chapar_api::config::PasswordsConfig;
use chapar_api::media::{Links, open_storage};
use chapar_api::store::config::StoreConfig;
use chapar_api::store::{Store, open};
use chapar_api::{Api, Config, Deps};
use chapar_broker::{
    Broker, BrokerError, Delivery, Demand, Link, Presence, PresenceState, RateLimiter, Verdict,
};
use chapar_shared::envelope::{Channel, Envelope};
use chapar_shared::token::{Key, Keyring};
use chapar_shared::{Limits, Timestamp, UserId};
use percent_encoding::NON_ALPHANUMERIC;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) broker: Arc<Published>,
    pub(crate) presence: Arc<Here>,
    pub(crate) client: reqwest::Client,
    pub(crate) base: String,
    pub(crate) folder: TempDir,
    ahead: Arc<AtomicI64>,
    _end: DropGuard,
}

/// What a test may ask for.
pub(crate) struct Options {
    pub(crate) config: Config,
    pub(crate) limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        let config = Config {
            passwords: PasswordsConfig {
                memory_kib: 256,
                iterations: 1,
                permits: 2,
                ..PasswordsConfig::default()
            },
            ..Config::default()
        };
        Self {
            config,
            limits: Limits::default(),
        }
    }
}

/// Which database.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl World {
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, Options::default()).await
    }

    pub(crate) async fn start_with(database: Database, mut options: Options) -> Self {
        install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let url = match database {
            Database::Sqlite => format!("sqlite:{}", folder.path().join("chapar.db").display()),
            Database::Postgres => {
                let server = chapar_testkit::shared_postgres().await.unwrap();
                server.create_database("http").await.unwrap()
            }
        };
        let store = open(&StoreConfig {
            url: url.into(),
            max_connections: 4,
            acquire_timeout: Duration::from_mins(1),
            lock_timeout: Duration::from_mins(1),
            ..StoreConfig::default()
        })
        .unwrap();
        store.migrate().await.unwrap();

        let ahead = Arc::new(AtomicI64::new(0));
        let clock = {
            let ahead = Arc::clone(&ahead);
            Clock::from_fn(move || {
                let micros = Timestamp::now().as_micros() + ahead.load(Ordering::Relaxed);
                Timestamp::from_micros(micros)
            })
        };
        let key = Key::HS256 {
            id: "1".to_owned(),
            secret: SECRET.into(),
        };
        options.config.files.path = folder.path().join("files").display().to_string();
        let broker = Arc::new(Published::default());
        let presence = Arc::new(Here::default());
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let deps = Deps {
            store: Arc::clone(&store),
            broker: Arc::<Published>::clone(&broker),
            presence: Arc::<Here>::clone(&presence),
            limiter: Arc::new(Counted::default()),
            limits: Arc::new(options.limits),
            keyring: Arc::new(Keyring::new(&[key], "chapar", "chapar").unwrap()),
            refresh_secret: SECRET.into(),
            links: Links::new(
                &SECRET.into(),
                "",
                Duration::from_hours(7 * 24),
                clock.clone(),
            ),
            storage: open_storage(&options.config.files).unwrap(),
            clock,
            tracker: tracker.clone(),
            shutdown: shutdown.clone(),
        };
        let api = Api::build(options.config, deps).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = api
            .public_router()
            .into_make_service_with_connect_info::<SocketAddr>();
        let end = shutdown.clone();
        tracker.spawn(async move {
            let serving = axum::serve(listener, service);
            serving.with_graceful_shutdown(end.cancelled_owned()).await
        });
        // A refused upload ends its connection; another request must not be on its way there.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0);
        let client = client.build().unwrap();
        Self {
            api,
            store,
            broker,
            presence,
            client,
            base,
            folder,
            ahead,
            _end: shutdown.drop_guard(),
        }
    }

    /// Moves the node's clock.
    pub(crate) fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.ahead.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn get_with(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let encoded = query.iter().map(|(name, value)| {
            let value = percent_encoding::utf8_percent_encode(value, NON_ALPHANUMERIC);
            format!("{name}={value}")
        });
        let query = encoded.collect::<Vec<_>>().join("&");
        self.get(&format!("{path}?{query}"))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    pub(crate) async fn register(&self, username: &str) -> User {
        let body = json!({"username": username, "password": "correct horse"});
        let answer = answer(self.post("/v1/auth/register", &body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        User::of(&answer.body)
    }

    pub(crate) async fn login(&self, login: &str, password: &str) -> Answer {
        let body = json!({"login": login, "password": password});
        answer(self.post("/v1/auth/login", &body)).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        answer(self.post("/v1/auth/refresh", &json!({ "refresh_token": token }))).await
    }

    pub(crate) async fn me(&self, token: &str) -> Answer {
        answer(self.get("/v1/users/me").bearer_auth(token)).await
    }

    /// How many files lie in the storage, parts of unfinished uploads too.
    pub(crate) fn objects(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| match entry.file_type() {
                    Ok(kind) if kind.is_dir() => count(&entry.path()),
                    _ => 1,
                })
                .sum()
        }
        count(&self.folder.path().join("files"))
    }
}

pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl User {
    pub(crate) fn of(tokens: &Value) -> Self {
        Self {
            id: tokens["user"]["id"].as_i64().unwrap(),
            access: tokens["access_token"].as_str().unwrap().to_owned(),
            refresh: tokens["refresh_token"].as_str().unwrap().to_owned(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// It is a problem of this code, in its full form.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{:?}",
            self.body
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:chapar:problem:{code}"));
        assert!(self.body["title"].is_string() && self.body["detail"].is_string());
        if status == 401 {
            assert!(self.header("www-authenticate").starts_with("Bearer"));
        }
        if status == 429 || status == 503 {
            assert!(self.header("retry-after").parse::<u64>().unwrap() >= 1);
        }
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let sending = tokio::time::timeout(Duration::from_mins(1), request.send());
    let response = sending.await.unwrap().unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    Answer {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

/// Keeps what was published.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<Vec<(Channel, Bytes)>>);

impl Published {
    /// What was told to a user since the last time, as JSON.
    pub(crate) fn take(&self, user: i64) -> Vec<Value> {
        self.take_of(&Channel::User(UserId(user)))
    }

    /// What was told in a channel since the last time, as JSON.
    pub(crate) fn take_of(&self, wanted: &Channel) -> Vec<Value> {
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        all.into_iter()
            .filter(|(channel, _)| channel == wanted)
            .map(|(_, bytes)| {
                Envelope::decode(&bytes).unwrap();
                serde_json::from_slice(&bytes).unwrap()
            })
            .collect()
    }
}

#[async_trait]
impl Broker for Published {
    async fn publish(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError> {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
    async fn subscribe(&self, _: &[Channel]) -> Result<(), BrokerError> {
        Ok(())
    }
    async fn unsubscribe(&self, _: &[Channel]) {}
    fn deliveries(&self) -> mpsc::Receiver<Delivery> {
        mpsc::channel(1).1
    }
    fn link(&self) -> watch::Receiver<Link> {
        watch::channel(Link::Proven).1
    }
    async fn close(&self) {}
}

/// Buckets that are not refilled, so that tests do not depend on time.
#[derive(Debug, Default)]
struct Counted(Mutex<HashMap<String, u32>>);

const LIMITED: Verdict = Verdict::Limited {
    retry_after: Duration::from_millis(1500),
};

#[async_trait]
impl RateLimiter for Counted {
    async fn take(&self, demands: &[Vec<Demand>]) -> Vec<Verdict> {
        let mut taken = self.0.lock().unwrap();
        let verdict = |group: &Vec<Demand>| {
            let is_full = |one: &Demand| taken.get(&one.key) >= Some(&one.bucket.capacity);
            if group.iter().any(is_full) {
                return LIMITED;
            }
            for one in group {
                *taken.entry(one.key.clone()).or_default() += 1;
            }
            Verdict::Allowed
        };
        demands.iter().map(verdict).collect()
    }

    async fn peek(&self, demand: &Demand) -> Verdict {
        let taken = self.0.lock().unwrap();
        if taken.get(&demand.key) >= Some(&demand.bucket.capacity) {
            LIMITED
        } else {
            Verdict::Allowed
        }
    }
}

/// Who is online, as a test says.
#[derive(Debug, Default)]
pub(crate) struct Here(pub(crate) Mutex<HashMap<UserId, PresenceState>>);

#[async_trait]
impl Presence for Here {
    async fn renew(&self, _: &[UserId]) -> Result<Vec<UserId>, BrokerError> {
        Ok(Vec::new())
    }
    async fn release(&self, _: &[UserId], _: Timestamp) -> Result<Vec<UserId>, BrokerError> {
        Ok(Vec::new())
    }
    async fn let_go(&self, _: &[UserId], _: Duration) -> Result<(), BrokerError> {
        Ok(())
    }
    async fn states(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, PresenceState>, BrokerError> {
        let states = self.0.lock().unwrap();
        let known = |user: &UserId| states.get(user).map(|state| (*user, *state));
        Ok(users.iter().filter_map(known).collect())
    }
}

/// Tokens are signed by the crypto that the process chose; the binary does this at its start.
fn install_crypto() {
    // Where another test of the same process was first there is one already.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .ok();
}

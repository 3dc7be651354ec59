//! What an api node can be told. The binary reads the configuration and fills this in from its sections.

use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::sweeper::SweeperConfig;
use crate::domain::writer::WriterConfig;
use crate::http::internal::InternalConfig;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Who may sign in and for how long.
    pub sessions: SessionsConfig,
    /// What a password hash costs and how many are computed at once.
    pub passwords: PasswordsConfig,
    /// What stands before the node.
    pub http: HttpConfig,
    /// Uploads.
    pub files: FilesConfig,
    /// Background removal of what has ended.
    pub upkeep: UpkeepConfig,
    /// How sends become transactions.
    pub writer: WriterConfig,
    /// Announcing what a node failed to publish.
    pub sweeper: SweeperConfig,
    /// The listener for gateways.
    pub internal: InternalConfig,
    /// The older systems' protocols.
    pub dialects: DialectsConfig,
}

/// Sessions and their tokens.
#[derive(Clone, Debug)]
pub struct SessionsConfig {
    /// How long an access token lives; `15m`. Longer: a stolen one is of use longer to services that verify
    /// tokens by themselves (Chapar's own nodes also check the session). Shorter: more refreshing.
    pub access_ttl: Duration,
    /// How long a session lives without a refresh; `30d`.
    pub refresh_ttl: Duration,
    /// How long the predecessor of a refresh token not yet used is still taken, for answers that were lost and
    /// for two tabs at once; `10s`. Longer: a thief has more time. Zero: a lost answer signs the user out.
    pub refresh_grace: Duration,
    /// How long a session found live is taken for live without asking the store; `1s`, at most `1s`.
    pub cache_ttl: Duration,
    /// Sessions kept in that cache; 100,000, about 100 bytes each.
    pub max_cached: u64,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            refresh_grace: Duration::from_secs(10),
            cache_ttl: Duration::from_secs(1),
            max_cached: 100_000,
        }
    }
}

/// Section `api.dialects`: what the older systems' protocols need and the native one does not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DialectsConfig {
    /// How long an access token of a dialect's login is good; `24h`. Their clients never renew one while they
    /// are connected: shorter, and people are signed out during the day. It is checked against its session all
    /// the same.
    #[serde(with = "chapar_shared::duration")]
    pub token_lifetime: Duration,
    /// How long a browser that signed in to the web pages stays so; `14d`.
    #[serde(with = "chapar_shared::duration")]
    pub cookie_lifetime: Duration,
    /// Whether browsers send the cookie over https alone: `auto` (where it was given over https), `always` or
    /// `never`; `auto`.
    pub cookie_secure: CookieSecure,
}

impl Default for DialectsConfig {
    fn default() -> Self {
        Self {
            token_lifetime: Duration::from_hours(24),
            cookie_lifetime: Duration::from_hours(14 * 24),
            cookie_secure: CookieSecure::Auto,
        }
    }
}

/// Whether the session cookie has the attribute `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieSecure {
    /// Where the request came over https.
    Auto,
    /// Also where a proxy does not say that it did.
    Always,
    /// Not even then.
    Never,
}

/// Section `api.passwords`: argon2id. Existing hashes are renewed at the next login.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordsConfig {
    /// Memory of one hash in KiB; 19,456 (OWASP). The pool takes `permits` times as much.
    pub memory_kib: u32,
    /// Passes; 2 (OWASP).
    pub iterations: u32,
    /// Lanes; 1 (OWASP).
    pub lanes: u32,
    /// Hashes computed at once; 0 means as many as there are cores. More than cores only delays everything else.
    pub permits: usize,
    /// Hashes that may wait; 64. The next one is answered 503: at 30 ms a hash a longer queue would time out.
    pub max_waiting: usize,
}

impl Default for PasswordsConfig {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            lanes: 1,
            permits: 0,
            max_waiting: 64,
        }
    }
}

/// Requests.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Ranges (`10.0.0.0/8`) of the proxies whose `X-Forwarded-For` is believed; none. Too wide: clients choose
    /// the address that they are limited by. Too narrow: all clients share the proxy's limits.
    pub trusted_proxies: Vec<IpNet>,
    /// The address that clients use, without a path; `None`: what each request names as its host.
    pub public_url: Option<String>,
    /// Origins (`https://chat.example`) of web pages elsewhere that may call; none, so only pages of the same origin.
    pub allowed_origins: Vec<String>,
    /// How long a request may take; `30s`. Uploads and downloads are not counted.
    pub request_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            public_url: None,
            allowed_origins: Vec::new(),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// Uploads.
#[derive(Clone, Debug)]
pub struct FilesConfig {
    /// Where the bytes lie: `local` (a folder of this machine, or one that all api nodes mount) or `s3`; `local`.
    pub kind: StorageKind,
    /// The folder for `local`, made if it is not there; `data/files`.
    pub path: String,
    /// For `s3`.
    pub s3: S3Config,
    /// An upload that stands in no message is removed after this time; `24h`.
    pub unused_ttl: Duration,
    /// How long an upload may take; `10m`.
    pub upload_timeout: Duration,
    /// Uploads received at once by the node; 64. Each holds up to two parts in memory: 256 KiB each with
    /// `local`, 5 MiB with `s3`, which takes no smaller ones.
    pub max_uploads: usize,
    /// Uploads received at once from one user; 4, so that nobody's slow line takes all the places.
    pub max_user_uploads: u32,
    /// Images of more pixels get neither size nor thumbnail; 50,000,000. One decode takes four bytes a pixel.
    pub max_pixels: u64,
    /// Images decoded at once; 2.
    pub max_decoding: usize,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            kind: StorageKind::Local,
            path: "data/files".to_owned(),
            s3: S3Config::default(),
            unused_ttl: Duration::from_hours(24),
            upload_timeout: Duration::from_mins(10),
            max_uploads: 64,
            max_user_uploads: 4,
            max_pixels: 50_000_000,
            max_decoding: 2,
        }
    }
}

/// Where the bytes of files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// A folder.
    Local,
    /// S3 or what speaks like it.
    S3,
}

/// A bucket.
#[derive(Clone, Debug, Default)]
pub struct S3Config {
    /// The bucket. Let a rule of its own end multipart uploads that were never completed: a node that dies
    /// midway leaves one behind.
    pub bucket: String,
    /// Its region; `us-east-1` where none is named.
    pub region: Option<String>,
    /// Another endpoint than Amazon's: `https://minio.example`. One of `http://` is taken as it is.
    pub endpoint: Option<String>,
    /// Key id; without one the machine's role is asked.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<SecretString>,
    /// Before every object's name; nothing.
    pub prefix: String,
}

/// Section `api.upkeep`: what ended is removed in steps, so that no statement holds locks for long.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpkeepConfig {
    /// Between two rounds, give or take a quarter; `1m`.
    #[serde(with = "chapar_shared::duration")]
    pub interval: Duration,
    /// Rows of one step; 500.
    pub step: u32,
    /// Sessions that ended are kept so long, for whoever looks into a theft; `7d`.
    #[serde(with = "chapar_shared::duration")]
    pub sessions_ttl: Duration,
    /// Notifications are kept so long after they were read; `30d`.
    #[serde(with = "chapar_shared::duration")]
    pub notifications_ttl: Duration,
}

impl Default for UpkeepConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(1),
            step: 500,
            sessions_ttl: Duration::from_hours(7 * 24),
            notifications_ttl: Duration::from_hours(30 * 24),
        }
    }
}

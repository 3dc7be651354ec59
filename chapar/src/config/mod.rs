//! Configuration: read, checked and complete before anything binds or connects.
//!
//! Each value comes from the last of these that names it: the default in code, the TOML file, the `.env`
//! file, the environment (`CHAPAR_<SECTION>__<FIELD>`). An unknown key is an error, and an error names its
//! key and where that came from. Every secret `x` may be given as `x_file`, the path of a file that holds
//! it. The process environment is read in one place, [`Sources::of_process`].

use std::path::PathBuf;

use chapar_shared::Limits;
use serde::{Deserialize, Serialize};

mod api;
mod check;
mod coerce;
mod files;
mod generate;
mod http;
mod load;
mod services;
mod show;
mod source;
mod telemetry;
mod tokens;
mod tree;

pub use api::ApiConfig;
pub use check::Roles;
pub use files::{FilesConfig, FilesKind};
pub use http::{Cidr, HttpConfig, InternalConfig};
pub use load::{ConfigError, load};
pub use services::{BrokerConfig, StoreConfig, StoreKind};
pub use source::Sources;
pub use telemetry::{LogFormat, TelemetryConfig};
pub use tokens::TokensConfig;

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where one process keeps what it makes: its database, files and generated secrets. `./data`.
    pub data_dir: PathBuf,
    /// The public listener.
    pub http: HttpConfig,
    /// Between gateways and api nodes.
    pub internal: InternalConfig,
    /// The database.
    pub store: StoreConfig,
    /// What nodes share while they run.
    pub broker: BrokerConfig,
    /// Access and refresh tokens.
    pub tokens: TokensConfig,
    /// Uploaded files.
    pub files: FilesConfig,
    /// What a gateway node may choose for itself.
    pub gateway: chapar_gateway::Config,
    /// An api node's own.
    pub api: ApiConfig,
    /// The protocol's limits; the same on every node.
    pub limits: Limits,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "./data".into(),
            http: HttpConfig::default(),
            internal: InternalConfig::default(),
            store: StoreConfig::default(),
            broker: BrokerConfig::default(),
            tokens: TokensConfig::default(),
            files: FilesConfig::default(),
            gateway: chapar_gateway::Config::default(),
            api: ApiConfig::default(),
            limits: Limits::default(),
            telemetry: TelemetryConfig::default(),
        }
    }
}

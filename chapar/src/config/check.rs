//! Whether a configuration makes sense for what is about to run.

use std::time::Duration;

use chapar_shared::duration;
use chapar_shared::token::Keyring;
use secrecy::{ExposeSecret, SecretString};

use crate::telemetry;

use super::{Config, ConfigError, FilesKind, StoreKind};

/// Which roles a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Everything in one process.
    All,
    /// REST, and what gateways ask.
    Api,
    /// WebSockets.
    Gateway,
}

impl Roles {
    /// REST and the database.
    pub const fn has_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// WebSockets.
    pub const fn has_gateway(self) -> bool {
        matches!(self, Self::All | Self::Gateway)
    }

    /// Their names, for people.
    pub const fn names(self) -> &'static str {
        match self {
            Self::All => "api, gateway",
            Self::Api => "api",
            Self::Gateway => "gateway",
        }
    }
}

/// RFC 7518 §3.2 asks for as many bytes as the hash has.
const MIN_SECRET: usize = 32;

impl Config {
    /// Refuses what these roles cannot run with.
    ///
    /// # Errors
    /// [`ConfigError::Refused`], naming the key.
    pub fn check(&self, roles: Roles) -> Result<(), ConfigError> {
        self.check_http()?;
        self.check_limits()?;
        self.check_tokens()?;
        if !(0.0..=1.0).contains(&self.telemetry.sampling) {
            return refuse("telemetry.sampling", "expected a share from 0 to 1");
        }
        if let Err(error) = telemetry::check_filter(&self.telemetry.level) {
            return refuse("telemetry.level", &error.to_string());
        }
        if let Some(endpoint) = &self.telemetry.otlp_endpoint {
            require_origin("telemetry.otlp_endpoint", endpoint)?;
        }
        if roles.has_gateway()
            && let Err(error) = self.gateway.validate()
        {
            let key = format!("gateway.{}", error.field);
            return refuse(&key, &format!("must be at least {}", error.least));
        }
        if roles.has_api() {
            self.check_store()?;
            let dialects = &self.api.dialects;
            require_time("api.dialects.token_lifetime", dialects.token_lifetime)?;
            require_time("api.dialects.cookie_lifetime", dialects.cookie_lifetime)?;
            require_secret("tokens.refresh_secret", self.tokens.refresh_secret.as_ref())?;
            self.check_files()?;
        }
        if roles != Roles::All {
            self.check_cluster(roles)?;
        }
        Ok(())
    }

    fn check_http(&self) -> Result<(), ConfigError> {
        let http = &self.http;
        if let Some(url) = &http.public_url {
            require_origin("http.public_url", url)?;
        }
        for origin in &http.allowed_origins {
            if origin != "*" {
                require_origin("http.allowed_origins", origin)?;
            }
        }
        require_some("http.max_connections", http.max_connections)?;
        require_time("http.header_timeout", http.header_timeout)?;
        require_time("http.idle_timeout", http.idle_timeout)?;
        require_time("http.request_timeout", http.request_timeout)?;
        require_time("http.drain_timeout", http.drain_timeout)
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        if limits.min_password > limits.max_password {
            return refuse("limits.min_password", "is above limits.max_password");
        }
        if limits.default_page > limits.max_page {
            return refuse("limits.default_page", "is above limits.max_page");
        }
        require_some("limits.default_page", limits.default_page as usize)?;
        require_some("limits.max_username", limits.max_username)?;
        require_some("limits.max_content", limits.max_content)?;
        require_some("limits.max_frame_bytes", limits.max_frame_bytes)?;
        require_some("limits.max_body_bytes", limits.max_body_bytes)?;
        require_some("limits.max_sockets", limits.max_sockets)?;
        for (name, bucket) in [
            ("send_user", limits.send_user),
            ("send_room", limits.send_room),
            ("commands", limits.commands),
            ("login_account_address", limits.login_account_address),
            ("login_account", limits.login_account),
            ("registrations", limits.registrations),
        ] {
            require_some(&format!("limits.{name}.capacity"), bucket.capacity as usize)?;
            if !(bucket.refill_per_s.is_finite() && bucket.refill_per_s > 0.0) {
                let key = format!("limits.{name}.refill_per_s");
                return refuse(&key, "must be above 0, or nothing is ever allowed again");
            }
        }
        Ok(())
    }

    fn check_tokens(&self) -> Result<(), ConfigError> {
        let tokens = &self.tokens;
        require_time("tokens.access_ttl", tokens.access_ttl)?;
        if tokens.refresh_ttl <= tokens.access_ttl {
            return refuse(
                "tokens.refresh_ttl",
                "must be longer than tokens.access_ttl",
            );
        }
        if tokens.keys.is_empty() {
            return refuse(
                "tokens.keys",
                "missing; give one (CHAPAR_TOKENS__KEYS__0__ALGORITHM=HS256, …__ID, …__SECRET or …__SECRET_FILE)",
            );
        }
        match Keyring::new(&tokens.keys, &tokens.issuer, &tokens.audience) {
            Ok(_) => Ok(()),
            Err(error) => refuse("tokens.keys", &error.to_string()),
        }
    }

    /// Refuses a `store` section that names no database.
    ///
    /// # Errors
    /// [`ConfigError::Refused`], naming the key.
    pub fn check_store(&self) -> Result<(), ConfigError> {
        require_some("store.max_connections", self.store.max_connections as usize)?;
        require_time("store.acquire_timeout", self.store.acquire_timeout)?;
        require_time("store.lock_timeout", self.store.lock_timeout)?;
        match self.store.kind() {
            Some(_) => Ok(()),
            None => refuse("store.url", "expected sqlite://PATH or postgres://…"),
        }
    }

    fn check_files(&self) -> Result<(), ConfigError> {
        require_secret("files.url_secret", self.files.url_secret.as_ref())?;
        if self.files.kind == FilesKind::S3 {
            let files = &self.files;
            for (key, is_missing) in [
                ("files.bucket", files.bucket.is_none()),
                ("files.access_key_id", files.access_key_id.is_none()),
                ("files.secret_access_key", files.secret_access_key.is_none()),
            ] {
                if is_missing {
                    return refuse(key, "missing; files.kind = s3 needs it");
                }
            }
        }
        Ok(())
    }

    /// What nodes must share cannot be made or kept by one of them.
    fn check_cluster(&self, roles: Roles) -> Result<(), ConfigError> {
        require_secret("internal.secret", self.internal.secret.as_ref())?;
        if self.broker.is_memory() {
            let reason = "memory reaches no other node; give a redis:// address";
            return refuse("broker.url", reason);
        }
        if let Err(error) = self.broker.redis().validate() {
            return refuse("broker.url", &error.to_string());
        }
        if roles == Roles::Gateway {
            if self.internal.api_urls.is_empty() {
                return refuse(
                    "internal.api_urls",
                    "missing; a gateway asks at least one api node",
                );
            }
            for url in &self.internal.api_urls {
                require_origin("internal.api_urls", url)?;
            }
        }
        if roles == Roles::Api && self.http.bind == self.internal.bind && self.http.bind.port() != 0
        {
            return refuse("internal.bind", "is the address of http.bind");
        }
        Ok(())
    }

    /// What is legal and still worth a warning, with its figures.
    pub fn warnings(&self, roles: Roles) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |is_risky: bool, text: String| {
            if is_risky {
                warnings.push(text);
            }
        };
        let (http, limits) = (&self.http, &self.limits);
        warn(
            !http.bind.ip().is_loopback() && http.public_url.is_none(),
            format!(
                "http.public_url is not set: links to files will begin with http://{}",
                http.bind
            ),
        );
        warn(
            roles.has_gateway() && self.gateway.max_connections >= http.max_connections,
            format!(
                "gateway.max_connections ({}) is not below http.max_connections ({}): a node full of sockets answers no probe",
                self.gateway.max_connections, http.max_connections
            ),
        );
        warn(
            http.allowed_origins.iter().any(|origin| origin == "*"),
            "http.allowed_origins holds *: every web page may use a visitor's token".to_owned(),
        );
        warn(
            http.trusted_proxies
                .iter()
                .any(|range| range.0.prefix_len() == 0),
            "http.trusted_proxies holds every address: clients choose the one they are counted by"
                .to_owned(),
        );
        warn(
            self.tokens.access_ttl > Duration::from_hours(1),
            format!(
                "tokens.access_ttl is {}: services that verify tokens by themselves accept one for as long after its session ended",
                duration::format(self.tokens.access_ttl)
            ),
        );
        let longest = limits.max_content.saturating_mul(6);
        warn(
            longest > limits.max_frame_bytes,
            format!(
                "limits.max_content is {} characters, up to {longest} bytes in JSON, but limits.max_frame_bytes is {}",
                limits.max_content, limits.max_frame_bytes
            ),
        );
        warn(
            limits.max_upload_bytes > limits.max_user_files_bytes,
            format!(
                "limits.max_upload_bytes ({}) is above limits.max_user_files_bytes ({}): the latter decides",
                limits.max_upload_bytes, limits.max_user_files_bytes
            ),
        );
        warn(
            roles == Roles::Api && self.store.kind() == Some(StoreKind::Sqlite),
            "store.url is SQLite: it serves one api node only".to_owned(),
        );
        warn(
            roles == Roles::Api && self.files.kind == FilesKind::Local,
            "files.kind is local: every api node must see the same folder".to_owned(),
        );
        warn(
            roles == Roles::Api && !self.internal.bind.ip().is_loopback(),
            format!(
                "internal.bind is {}: keep it from outside",
                self.internal.bind
            ),
        );
        warnings
    }
}

fn refuse(key: &str, reason: &str) -> Result<(), ConfigError> {
    Err(ConfigError::refused(key, reason))
}

fn require_some(key: &str, number: usize) -> Result<(), ConfigError> {
    match number {
        0 => refuse(key, "must be at least 1"),
        _ => Ok(()),
    }
}

fn require_time(key: &str, time: Duration) -> Result<(), ConfigError> {
    if time.is_zero() {
        return refuse(key, "must be longer than 0s");
    }
    Ok(())
}

fn require_origin(key: &str, url: &str) -> Result<(), ConfigError> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@']) => Ok(()),
        _ => refuse(key, "expected http://HOST or https://HOST, without a path"),
    }
}

fn require_secret(key: &str, secret: Option<&SecretString>) -> Result<(), ConfigError> {
    match secret.map(|secret| secret.expose_secret().len()) {
        None => refuse(
            key,
            &format!("missing; give {MIN_SECRET} random bytes or more, or {key}_file"),
        ),
        Some(length) if length < MIN_SECRET => refuse(
            key,
            &format!("is {length} bytes; at least {MIN_SECRET} are needed"),
        ),
        Some(_) => Ok(()),
    }
}

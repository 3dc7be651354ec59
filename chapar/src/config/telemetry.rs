//! Section `telemetry`.

use serde::{Deserialize, Serialize};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// Section `telemetry`: logs and traces. Metrics are always served.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Form of the log lines on standard error: `text` or `json`.
    pub format: LogFormat,
    /// What is logged: a level, or directives such as `info,chapar_gateway=debug`; `info`.
    pub level: String,
    /// Where traces go, by OTLP over HTTP, as `http://127.0.0.1:4318`. Unset: none are made.
    pub otlp_endpoint: Option<String>,
    /// The share of traces kept, 0 to 1; 0.05. Higher costs time and traffic for every message.
    pub sampling: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".into(),
            otlp_endpoint: None,
            sampling: 0.05,
        }
    }
}

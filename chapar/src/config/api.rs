//! Section `api`: what an api node may choose for itself.

use chapar_api::config::{DialectsConfig, PasswordsConfig, UpkeepConfig};
use chapar_api::domain::sweeper::SweeperConfig;
use chapar_api::domain::writer::WriterConfig;
use chapar_api::http::internal::InternalConfig;
use serde::{Deserialize, Serialize};

/// Section `api`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// What a password hash costs and how many are computed at once.
    pub passwords: PasswordsConfig,
    /// How sends become transactions.
    pub writer: WriterConfig,
    /// Announcing what a node failed to publish.
    pub sweeper: SweeperConfig,
    /// Background removal of what has ended.
    pub upkeep: UpkeepConfig,
    /// The listener for gateways.
    pub internal: InternalConfig,
    /// What the older systems' protocols need.
    pub dialects: DialectsConfig,
}

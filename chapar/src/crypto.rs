//! The one crypto backend of the process, for TLS and tokens alike.

/// Chooses it. Calling it again changes nothing.
pub(crate) fn install() {
    // An error means that it was chosen before.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .ok();
}

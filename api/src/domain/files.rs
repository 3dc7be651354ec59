//! Uploads.

use super::Context;

/// Uploaded files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    context: Context,
}

impl Files {
    /// Over this context.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

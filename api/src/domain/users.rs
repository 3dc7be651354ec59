//! People: oneself and others.

use super::Context;

/// Profiles, search, presence. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Users {
    context: Context,
}

impl Users {
    /// Over this context.
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

//! The one error of the domain and the store beneath it.

use chapar_shared::{Code, Problem};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule says no: told to the client as it is.
    #[error("refused: {0}")]
    Refused(#[from] Problem),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else of ours that failed: file storage, hashing.
    #[error("{what} failed")]
    Internal {
        /// What failed.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What the client is told. Failures of ours are logged here, once and with their causes; the client gets a
    /// fixed text.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Refused(problem) => problem,
            Self::Store(error @ (StoreError::Busy(_) | StoreError::Unavailable(_))) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "answered unavailable"
                );
                Code::Unavailable.into()
            }
            error => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "answered internal"
                );
                Code::Internal.into()
            }
        }
    }

    /// A failure of something besides the database.
    pub fn internal(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal {
            what,
            source: source.into(),
        }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

/// Why the database did not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A lock was not had in time, or transactions met: try again.
    #[error("the store is busy")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no connection, or none was free in time. Whether a commit went through is not known.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused the statement: a fault of ours or of the data.
    #[error("a statement failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

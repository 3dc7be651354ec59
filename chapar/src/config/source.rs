//! Where settings come from. Tests make [`Sources`] of maps and texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// The texts that a configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file: its path, for messages, and its text.
    pub toml: Option<(PathBuf, String)>,
    /// The variables of a `.env` file.
    pub dotenv: BTreeMap<String, String>,
    /// The variables of the environment.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// Of this process: the named TOML file, or `chapar.toml` in the working directory where there is one;
    /// `.env` there; the environment. Only variables that begin with `CHAPAR_` are looked at.
    ///
    /// # Errors
    /// [`ConfigError::File`] for a file that is there, or was named, and cannot be read.
    pub fn of_process(named: Option<&Path>) -> Result<Self, ConfigError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        let environment = ours(std::env::vars());
        let toml = match named {
            Some(path) => Some((path.to_owned(), read(path)?)),
            None => optional(Path::new("chapar.toml"))?,
        };
        let dotenv = match optional(Path::new(".env"))? {
            Some((path, text)) => dotenv(&path, &text)?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            toml,
            dotenv,
            environment,
        })
    }

    /// Of environment variables alone, as tests have them.
    pub fn of_environment<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(k, v)| (k.into(), v.into()));
        Self {
            environment: ours(variables),
            ..Self::default()
        }
    }
}

fn dotenv(path: &Path, text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let variables = dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            // dotenvy's own text quotes the line, which may hold a secret.
            reason: match error {
                dotenvy::Error::LineParse(_, column) => format!("not NAME=value, column {column}"),
                _ => "not NAME=value".to_owned(),
            },
        })?;
    Ok(ours(variables))
}

fn ours(variables: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    variables
        .into_iter()
        .filter(|(name, _)| name.starts_with("CHAPAR_") && !is_service_link(name))
        .collect()
}

/// Kubernetes and older Docker describe a service called `chapar-api` to every container as
/// `CHAPAR_API_SERVICE_HOST`, `CHAPAR_API_PORT_8000_TCP_ADDR` and so on: not settings of ours, none of which
/// has such a name. See <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_service_link(name: &str) -> bool {
    if name.contains("__") {
        return false;
    }
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_TCP")
        || name.contains("_UDP")
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })
}

fn optional(path: &Path) -> Result<Option<(PathBuf, String)>, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_service_links_are_not_settings() {
        let sources = Sources::of_environment([
            ("CHAPAR_SERVICE_HOST", "10.0.0.1"),
            ("CHAPAR_API_SERVICE_PORT_HTTP", "8000"),
            ("CHAPAR_PORT", "tcp://10.0.0.1:8000"),
            ("CHAPAR_PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("CHAPAR_HTTP__BIND", "127.0.0.1:1"),
            ("PATH", "/bin"),
        ]);
        let names: Vec<_> = sources.environment.keys().collect();
        assert_eq!(names, ["CHAPAR_HTTP__BIND"]);
    }

    #[test]
    fn a_bad_line_is_refused_without_quoting_it() {
        let error = dotenv(Path::new(".env"), "CHAPAR_A=1\nCHAPAR_SECRET 'hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

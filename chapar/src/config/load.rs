//! Sources into a [`Config`].

use std::io;
use std::path::PathBuf;

use super::tree::{FILE_VARIANTS, Node, Origin};
use super::{Config, Sources};

/// Why a configuration cannot be used. The process says so and exits with status 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named, or is there, cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what its name says.
    #[error("{path}: {reason}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why, without quoting values.
        reason: String,
    },
    /// A key that does not exist, or a value that does not fit its key.
    #[error("{key}: {reason} ({origin})")]
    Key {
        /// Dotted path.
        key: String,
        /// What was expected.
        reason: String,
        /// Which source named it.
        origin: String,
    },
    /// The value fits its type and still makes no sense here.
    #[error("{key}: {reason}")]
    Refused {
        /// Dotted path.
        key: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A secret's file cannot be read.
    #[error("{key}: cannot read {path}: {source}")]
    SecretFile {
        /// Dotted path.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `NAME_file` is not text.
    #[error("{0}_file: expected the path of a file")]
    FileVariant(String),
    /// Both a value and its file.
    #[error("{0}: given together with {0}_file; keep one")]
    Twice(String),
    /// A generated secret cannot be kept.
    #[error("data_dir: cannot keep {path}: {source}")]
    Keep {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ConfigError {
    pub(super) fn refused(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Refused {
            key: key.into(),
            reason: reason.into(),
        }
    }
}

/// Reads the configuration; whether it suits a role is for [`Config::check`].
///
/// # Errors
/// [`ConfigError`], naming the key.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    // The defaults are the lowest layer, so that half of a table can be given.
    let defaults = toml::Value::try_from(Config::default()).expect("what is shown is TOML");
    let mut tree = Node::of_toml(defaults, &Origin::Default);
    if let Some((path, text)) = &sources.toml {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text[..at.min(text.len())].lines().count().max(1);
            // Not the error's own text, which quotes the line.
            ConfigError::Syntax {
                path: path.clone(),
                reason: format!("line {line}: {}", error.message()),
            }
        })?;
        tree.merge(Node::of_toml(
            toml::Value::Table(table),
            &Origin::Toml(path.clone()),
        ));
    }
    for (name, value) in &sources.dotenv {
        tree.put(name, value.clone(), Origin::Dotenv(name.clone()));
    }
    for (name, value) in &sources.environment {
        tree.put(name, value.clone(), Origin::Environment(name.clone()));
    }
    tree.read_files("")?;
    let origins = tree.clone();
    serde_path_to_error::deserialize(tree).map_err(|error| {
        let key = error.path().to_string().replace('[', ".").replace(']', "");
        let parts: Vec<&str> = key.split('.').collect();
        // An error about a list's or table's shape is told of the part, so look upwards too.
        let origin = (1..=parts.len())
            .rev()
            .find_map(|length| origins.origin(&parts[..length]))
            .map(ToString::to_string);
        ConfigError::Key {
            reason: reason(&key, error.inner()),
            key,
            origin: origin.unwrap_or_else(|| "by default".to_owned()),
        }
    })
}

/// serde quotes the value it could not use, and a value put under the wrong key may be a secret.
fn reason(key: &str, error: &serde::de::value::Error) -> String {
    let text = error.to_string();
    match (is_secret(key), text.split_once("expected ")) {
        (true, Some((_, expected))) => format!("expected {expected}"),
        (true, None) => "cannot be read".to_owned(),
        (false, _) => text,
    }
}

fn is_secret(key: &str) -> bool {
    // A key of the list is read as a whole, so an error in one names no field.
    key.starts_with("tokens.keys")
        || key
            .rsplit('.')
            .next()
            .is_some_and(|name| FILE_VARIANTS.contains(&name))
}

//! How the configuration in force is shown: as TOML, without what is secret.

use chapar_shared::token::Key;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use super::Config;

/// Stands for a secret that is set.
const HIDDEN: &str = "(hidden)";

impl Config {
    /// As TOML; what is not set is left out.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("keys are texts and tables come from structs")
    }

    /// Every key with its value as the environment would give it, sorted; `None` for what is not set.
    pub fn entries(&self) -> Vec<(String, Option<String>)> {
        let value = serde_json::to_value(self).expect("keys are texts");
        let mut entries = Vec::new();
        flatten("", &value, &mut entries);
        entries
    }
}

fn flatten(path: &str, value: &serde_json::Value, entries: &mut Vec<(String, Option<String>)>) {
    use serde_json::Value;
    let text = match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                flatten(&path, value, entries);
            }
            return;
        }
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items = items.iter().map(|item| match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            Some(items.collect::<Vec<_>>().join(",")).filter(|list| !list.is_empty())
        }
        other => Some(other.to_string()),
    };
    entries.push((path.to_owned(), text));
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn hidden<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| HIDDEN).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn url<S: Serializer>(
    url: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    url.as_ref().map(without_password).serialize(serializer)
}

pub(super) fn required_url<S: Serializer>(
    url: &SecretString,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_password(url))
}

pub(super) fn keys<S: Serializer>(keys: &[Key], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        algorithm: &'static str,
        id: &'a str,
    }
    serializer.collect_seq(keys.iter().map(|key| match key {
        Key::HS256 { id, .. } => Shown {
            algorithm: "HS256",
            id,
        },
        Key::EdDSA { id, .. } => Shown {
            algorithm: "EdDSA",
            id,
        },
        Key::ES256 { id, .. } => Shown {
            algorithm: "ES256",
            id,
        },
    }))
}

/// A URL with what stands between `://` and the last `@`, and its query, replaced: both may hold a password.
fn without_password(url: &SecretString) -> String {
    let url = url.expose_secret();
    let (url, query) = match url.split_once('?') {
        Some((url, _)) => (url, "?(hidden)"),
        None => (url, ""),
    };
    match url.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{query}"),
            None => format!("{scheme}://{rest}{query}"),
        },
        None => format!("{url}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let mut config = Config::default();
        config.store.url = Some("postgres://chapar:p@ss@db/chapar?password=p@ss".into());
        config.internal.secret = Some("p@ss".into());
        config.tokens.keys = vec![Key::HS256 {
            id: "k1".into(),
            secret: "p@ss".into(),
        }];
        let shown = config.to_toml();
        assert!(!shown.contains("p@ss"), "{shown}");
        assert!(shown.contains("postgres://(hidden)@db/chapar"), "{shown}");
        assert!(shown.contains("k1"), "{shown}");
    }
}

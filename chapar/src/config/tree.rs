//! Settings as a tree whose leaves remember where they came from; later sources lie over earlier ones.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::path::PathBuf;

use super::ConfigError;

/// Settings that may also be given as `NAME_file`, the path of a file with the value.
pub(super) const FILE_VARIANTS: &[&str] = &[
    "secret",
    "url",
    "url_secret",
    "refresh_secret",
    "secret_access_key",
    "private_pem",
    "public_pem",
];

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The code.
    Default,
    /// A TOML file.
    Toml(PathBuf),
    /// A variable of the `.env` file.
    Dotenv(String),
    /// A variable of the environment.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Toml(path) => write!(f, "{}", path.display()),
            Self::Dotenv(name) => write!(f, "{name} in .env"),
            Self::Environment(name) => write!(f, "{name} in the environment"),
        }
    }
}

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Of a variable: its type is what the setting asks for.
    Text(String, Origin),
    /// Of TOML.
    Scalar(toml::Value, Origin),
    /// Of TOML.
    List(Vec<Node>),
    /// A section; or a list, if its names are 0, 1, ….
    Table(BTreeMap<String, Node>),
}

impl Node {
    pub(super) fn empty() -> Self {
        Self::Table(BTreeMap::new())
    }

    pub(super) fn of_toml(value: toml::Value, origin: &Origin) -> Self {
        match value {
            toml::Value::Table(table) => Self::Table(
                table
                    .into_iter()
                    .map(|(name, value)| (name, Self::of_toml(value, origin)))
                    .collect(),
            ),
            toml::Value::Array(items) => Self::List(
                items
                    .into_iter()
                    .map(|item| Self::of_toml(item, origin))
                    .collect(),
            ),
            scalar => Self::Scalar(scalar, origin.clone()),
        }
    }

    /// Lays a later source over the tree: what it does not name stays.
    pub(super) fn merge(&mut self, later: Self) {
        match (self, later) {
            (Self::Table(fields), Self::Table(later)) => {
                for (name, node) in later {
                    if let Some(origin) = node.origin(&[]) {
                        displace(fields, &name, origin);
                    }
                    match fields.get_mut(&name) {
                        Some(earlier) => earlier.merge(node),
                        None => drop(fields.insert(name, node)),
                    }
                }
            }
            (earlier, later) => *earlier = later,
        }
    }

    /// Lays a variable over the tree: `CHAPAR_HTTP__BIND` is `http.bind`.
    pub(super) fn put(&mut self, variable: &str, value: String, origin: Origin) {
        let name = variable.strip_prefix("CHAPAR_").unwrap_or(variable);
        let name = name.to_ascii_lowercase();
        let mut node = self;
        for part in name.split("__") {
            // A variable replaces a whole list or scalar of an earlier source.
            if !matches!(node, Self::Table(_)) {
                *node = Self::empty();
            }
            let Self::Table(fields) = node else {
                unreachable!("made a table above")
            };
            displace(fields, part, &origin);
            node = fields.entry(part.to_owned()).or_insert_with(Self::empty);
        }
        *node = Self::Text(value, origin);
    }

    fn is_of(&self, origin: &Origin) -> bool {
        let own = self.origin(&[]);
        own.is_some_and(|own| mem::discriminant(own) == mem::discriminant(origin))
    }

    /// Puts the contents of files in the places of `NAME_file`.
    pub(super) fn read_files(&mut self, path: &str) -> Result<(), ConfigError> {
        match self {
            Self::Table(fields) => {
                for stem in FILE_VARIANTS {
                    let Some(node) = fields.remove(&format!("{stem}_file")) else {
                        continue;
                    };
                    let (Self::Text(file, origin)
                    | Self::Scalar(toml::Value::String(file), origin)) = node
                    else {
                        return Err(ConfigError::FileVariant(join(path, stem)));
                    };
                    if file.is_empty() {
                        continue;
                    }
                    if fields.contains_key(*stem) {
                        return Err(ConfigError::Twice(join(path, stem)));
                    }
                    let text = std::fs::read_to_string(&file).map_err(|source| {
                        ConfigError::SecretFile {
                            key: format!("{}_file", join(path, stem)),
                            path: file.into(),
                            source,
                        }
                    })?;
                    let text = text.trim_end_matches(['\r', '\n']).to_owned();
                    fields.insert((*stem).to_owned(), Self::Text(text, origin));
                }
                for (name, node) in fields {
                    node.read_files(&join(path, name))?;
                }
            }
            Self::List(items) => {
                for (at, node) in items.iter_mut().enumerate() {
                    node.read_files(&join(path, &at.to_string()))?;
                }
            }
            Self::Text(..) | Self::Scalar(..) => {}
        }
        Ok(())
    }

    /// Where the setting of this path came from, or the first one below it.
    pub(super) fn origin(&self, path: &[&str]) -> Option<&Origin> {
        match self {
            Self::Text(_, origin) | Self::Scalar(_, origin) => Some(origin),
            Self::List(items) => match path.split_first() {
                Some((at, rest)) => items.get(at.parse::<usize>().ok()?)?.origin(rest),
                None => items.iter().find_map(|node| node.origin(&[])),
            },
            Self::Table(fields) => match path.split_first() {
                Some((name, rest)) => fields.get(*name)?.origin(rest),
                None => fields.values().find_map(|node| node.origin(&[])),
            },
        }
    }
}

/// Either form of a secret, `NAME` and `NAME_file`, replaces the other one of an earlier source. Both of one
/// source stay, and are refused when files are read.
fn displace(fields: &mut BTreeMap<String, Node>, name: &str, origin: &Origin) {
    let other = match name.strip_suffix("_file") {
        Some(stem) if FILE_VARIANTS.contains(&stem) => stem.to_owned(),
        _ => format!("{name}_file"),
    };
    if fields.get(&other).is_some_and(|node| !node.is_of(origin)) {
        fields.remove(&other);
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

//! `docs/configuration.md` is made of the structs that are the configuration: their fields' documentation, read from
//! the sources, and the defaults that the code gives. What a struct says and the document does not is a failure.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use chapar::config::Config;
use syn::{Attribute, Expr, Item, ItemStruct, Lit, Meta, Type, UseTree};

/// The files in which structs of the configuration stand, by crate.
const SOURCES: [(&str, &str); 14] = [
    ("chapar", "chapar/src/config/mod.rs"),
    ("chapar", "chapar/src/config/api.rs"),
    ("chapar", "chapar/src/config/files.rs"),
    ("chapar", "chapar/src/config/http.rs"),
    ("chapar", "chapar/src/config/services.rs"),
    ("chapar", "chapar/src/config/telemetry.rs"),
    ("chapar", "chapar/src/config/tokens.rs"),
    ("chapar_api", "api/src/config.rs"),
    ("chapar_api", "api/src/domain/sweeper.rs"),
    ("chapar_api", "api/src/domain/writer.rs"),
    ("chapar_api", "api/src/http/internal/mod.rs"),
    ("chapar_gateway", "gateway/src/config.rs"),
    ("chapar_shared", "shared/src/limits.rs"),
    ("chapar_shared", "shared/src/token.rs"),
];

const INTRODUCTION: &str = "\
# Configuration

Generated from the code: `CHAPAR_UPDATE_GOLDEN=1 cargo test -p chapar --test config`. How to run Chapar:
[operations.md](operations.md) ([فارسی](operations.fa.md)).

Each setting comes from the last of these that names it: the default, `chapar.toml` (`--config PATH` names another
file), `.env`, the environment. `http.bind` is `bind` in section `[http]` of the file and `CHAPAR_HTTP__BIND` in the
environment. An unknown name or a bad value is refused before anything starts, with exit status 2. Durations are a whole
number with `ms`, `s`, `m`, `h` or `d`; lists in the environment are separated by commas; empty is \"not set\".
`chapar config` prints what is in force, secrets hidden. The secrets `…secret`, `…url`, `…_pem` may be given as
`…_file`, the path of a file with the value.

Settings of `limits` must be the same on every node, and so must the secrets; everything else a node may choose for
itself.
";

#[test]
fn the_reference_is_what_the_structs_say() {
    let sources: Vec<Source> = SOURCES.iter().map(Source::read).collect();
    let mut book = Book {
        sources: &sources,
        settings: BTreeMap::new(),
        sections: BTreeMap::new(),
    };
    let root = &sources[0].structs["Config"];
    book.add(0, root, "");

    let defaults: BTreeMap<String, Option<String>> =
        Config::default().entries().into_iter().collect();
    let documented: Vec<_> = book.settings.keys().collect();
    assert_eq!(documented, defaults.keys().collect::<Vec<_>>());

    let text = book.render(&defaults);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    #[expect(
        clippy::disallowed_methods,
        reason = "how all generated files are written anew"
    )]
    let is_update = std::env::var("CHAPAR_UPDATE_GOLDEN").is_ok();
    if is_update {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == text,
        "docs/configuration.md is not what the structs say: CHAPAR_UPDATE_GOLDEN=1 cargo test -p chapar --test config"
    );
}

/// A source file, as far as it matters here.
struct Source {
    name: &'static str,
    structs: HashMap<String, ItemStruct>,
    /// Which crate a name was taken from.
    imports: HashMap<String, String>,
}

impl Source {
    fn read((name, path): &(&'static str, &str)) -> Self {
        let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut source = Self {
            name,
            structs: HashMap::new(),
            imports: HashMap::new(),
        };
        for item in file.items {
            match item {
                Item::Struct(item) => drop(source.structs.insert(item.ident.to_string(), item)),
                Item::Use(item) => {
                    if let UseTree::Path(path) = &item.tree {
                        imports(&path.ident.to_string(), &path.tree, &mut source.imports);
                    }
                }
                _ => {}
            }
        }
        source
    }
}

fn imports(from: &str, tree: &UseTree, found: &mut HashMap<String, String>) {
    match tree {
        UseTree::Path(path) => imports(from, &path.tree, found),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| imports(from, tree, found)),
        UseTree::Name(name) => drop(found.insert(name.ident.to_string(), from.to_owned())),
        UseTree::Rename(name) => drop(found.insert(name.rename.to_string(), from.to_owned())),
        UseTree::Glob(_) => {}
    }
}

/// What is known of the settings.
struct Book<'a> {
    sources: &'a [Source],
    /// What each is for, by its key.
    settings: BTreeMap<String, String>,
    /// What each section is for, by its key.
    sections: BTreeMap<String, String>,
}

impl<'a> Book<'a> {
    /// Adds the fields of a struct, and of the structs that they are.
    fn add(&mut self, at: usize, item: &ItemStruct, prefix: &str) {
        for field in &item.fields {
            if has_serde(&field.attrs, "skip") {
                continue;
            }
            let name = field.ident.as_ref().expect("sections have named fields");
            let doc = doc(&field.attrs);
            let key = match prefix {
                "" => name.to_string(),
                prefix => format!("{prefix}.{name}"),
            };
            match self.find(at, &field.ty) {
                Some((_, found)) if found.ident == "Bucket" => {
                    for part in &found.fields {
                        let name = part.ident.as_ref().expect("a bucket has named fields");
                        let part = self::doc(&part.attrs);
                        self.settings
                            .insert(format!("{key}.{name}"), format!("{doc} {part}"));
                    }
                }
                Some((at, found)) => {
                    self.sections.insert(key.clone(), doc);
                    let prefix = if has_serde(&field.attrs, "flatten") {
                        prefix.to_owned()
                    } else {
                        key
                    };
                    self.add(at, found, &prefix);
                }
                None => drop(self.settings.insert(key, doc)),
            }
        }
    }

    /// The struct that a field's type names, if it is one of the configuration's.
    fn find(&self, at: usize, kind: &Type) -> Option<(usize, &'a ItemStruct)> {
        let Type::Path(path) = kind else { return None };
        let segments: Vec<_> = path
            .path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        let (first, last) = (segments.first()?, segments.last()?);
        let source = &self.sources[at];
        let owner = match source.imports.get(first) {
            _ if segments.len() > 1 => first,
            Some(owner) if owner.starts_with("chapar_") => owner,
            _ => source.name,
        };
        self.sources.iter().enumerate().find_map(|(at, source)| {
            let found = source.structs.get(last).filter(|_| source.name == owner)?;
            Some((at, found))
        })
    }

    fn render(&self, defaults: &BTreeMap<String, Option<String>>) -> String {
        let mut text = INTRODUCTION.to_owned();
        let mut section = None;
        // What belongs to no section comes first, then one section after the other.
        let order = |key: &String| {
            let parent = key.rsplit_once('.').map(|(parent, _)| self.section(parent));
            (parent.unwrap_or_default(), key.clone())
        };
        let mut keys: Vec<_> = self.settings.keys().map(order).collect();
        keys.sort();
        for (parent, key) in keys {
            if section.as_ref() != Some(&parent) {
                let (title, about) = match self.sections.get(&parent) {
                    Some(about) => (format!("`{parent}`"), about.as_str()),
                    None => ("General".to_owned(), "Settings of no section."),
                };
                write!(text, "\n## {title}\n\n{about}\n\n").expect("a text takes it");
                text.push_str("| setting | default | what it does |\n|---|---|---|\n");
                section = Some(parent);
            }
            let default = defaults[&key].as_deref().filter(|value| !value.is_empty());
            let default = default.map_or_else(|| "–".to_owned(), |value| format!("`{value}`"));
            let about = self.settings[&key].replace('|', "\\|");
            writeln!(text, "| `{key}` | {default} | {about} |").expect("a text takes it");
        }
        text
    }

    /// The section that a key's beginning is, or is in: a bucket is none.
    fn section(&self, parent: &str) -> String {
        if self.sections.contains_key(parent) {
            return parent.to_owned();
        }
        let above = parent.rsplit_once('.').map(|(above, _)| above);
        above.unwrap_or_default().to_owned()
    }
}

fn has_serde(attributes: &[Attribute], word: &str) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else {
            return false;
        };
        let words = list.tokens.to_string();
        attribute.path().is_ident("serde") && words.split(',').any(|one| one.trim() == word)
    })
}

/// Documentation comments as one line of Markdown.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(literal) = &pair.value else {
            return None;
        };
        let Lit::Str(text) = &literal.lit else {
            return None;
        };
        attribute
            .path()
            .is_ident("doc")
            .then(|| text.value().trim().to_owned())
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    // Links into the code lead nowhere in a document.
    text.replace("[`", "`").replace("`]", "`").trim().to_owned()
}

//! The configuration's sources, their order, and what is refused.

#![expect(
    clippy::unwrap_used,
    reason = "helper functions of tests may panic too"
)]

#[path = "config/reference.rs"]
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chapar::config::{Config, ConfigError, LogFormat, Roles, Sources, load};
use secrecy::ExposeSecret;

fn of(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load(&Sources::of_environment(variables.iter().copied()))
}

fn of_toml(text: &str) -> Sources {
    Sources {
        toml: Some(("chapar.toml".into(), text.to_owned())),
        ..Sources::default()
    }
}

fn refusal(variables: &[(&str, &str)]) -> String {
    of(variables).unwrap_err().to_string()
}

#[test]
fn later_sources_win() {
    let mut sources = of_toml(
        "[http]\nheader_timeout = \"1s\"\nmax_connections = 1\n[limits]\nmax_content = 1\nmax_slug = 1",
    );
    let dotenv = [
        ("CHAPAR_HTTP__MAX_CONNECTIONS", "2"),
        ("CHAPAR_LIMITS__MAX_CONTENT", "2"),
    ];
    sources.dotenv = BTreeMap::from(dotenv.map(|(k, v)| (k.into(), v.into())));
    let variable = ("CHAPAR_LIMITS__MAX_CONTENT".into(), "3".into());
    sources.environment.extend([variable]);
    let config = load(&sources).unwrap();
    assert_eq!(config.http.header_timeout, Duration::from_secs(1));
    assert_eq!(config.http.max_connections, 2);
    assert_eq!(config.limits.max_content, 3);
    assert_eq!(config.limits.max_slug, 1);
    assert_eq!(config.limits.max_name, 100, "the default");
}

#[test]
fn variables_take_the_type_of_their_setting() {
    let config = of(&[
        ("CHAPAR_LIMITS__SEND_USER__CAPACITY", "7"),
        ("CHAPAR_LIMITS__SEND_USER__REFILL_PER_S", "0.5"),
        ("CHAPAR_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.1"),
        ("CHAPAR_HTTP__ALLOWED_ORIGINS", ""),
        ("CHAPAR_HTTP__PUBLIC_URL", ""),
        ("CHAPAR_INTERNAL__API_URLS", "http://a,http://b"),
        ("CHAPAR_TELEMETRY__FORMAT", "json"),
        ("CHAPAR_TELEMETRY__SAMPLING", "1"),
        // Digits alone stay text where text is asked for.
        ("CHAPAR_BROKER__PREFIX", "42"),
    ])
    .unwrap();
    assert_eq!(config.limits.send_user.capacity, 7);
    assert!((config.limits.send_user.refill_per_s - 0.5).abs() < f64::EPSILON);
    let proxies = config.http.trusted_proxies.iter();
    let proxies: Vec<_> = proxies.map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.168.1.1/32"]);
    assert!(config.http.allowed_origins.is_empty());
    assert_eq!(config.http.public_url, None);
    assert_eq!(config.internal.api_urls, ["http://a", "http://b"]);
    assert_eq!(config.telemetry.format, LogFormat::Json);
    assert_eq!(config.broker.prefix, "42");
}

#[test]
fn token_keys_are_a_list_of_tables() {
    let config = of(&[
        ("CHAPAR_TOKENS__KEYS__0__ALGORITHM", "HS256"),
        ("CHAPAR_TOKENS__KEYS__0__ID", "new"),
        ("CHAPAR_TOKENS__KEYS__0__SECRET", SECRET),
        ("CHAPAR_TOKENS__KEYS__1__ALGORITHM", "HS256"),
        ("CHAPAR_TOKENS__KEYS__1__ID", "old"),
        ("CHAPAR_TOKENS__KEYS__1__SECRET", SECRET),
    ])
    .unwrap();
    assert_eq!(config.tokens.keys.len(), 2);
    let hole = refusal(&[
        ("CHAPAR_TOKENS__KEYS__1__ALGORITHM", "HS256"),
        ("CHAPAR_TOKENS__KEYS__1__ID", "old"),
    ]);
    assert!(hole.starts_with("tokens.keys: "), "{hole}");
}

#[test]
fn refusals_name_key_and_source() {
    let cases = [
        ("CHAPAR_HTTP__BINDD", "x", "http.bindd"),
        ("CHAPAR_HTPP__BIND", "x", "htpp"),
        ("CHAPAR_NOTHING", "x", "nothing"),
        ("CHAPAR_HTTP__BIND", "localhost", "http.bind"),
        (
            "CHAPAR_HTTP__MAX_CONNECTIONS",
            "many",
            "http.max_connections",
        ),
        ("CHAPAR_HTTP__HEADER_TIMEOUT", "10", "http.header_timeout"),
        (
            "CHAPAR_HTTP__TRUSTED_PROXIES",
            "10.0.0.0/8,home",
            "http.trusted_proxies.1",
        ),
        ("CHAPAR_LIMITS__SEND_USER", "5", "limits.send_user"),
        (
            "CHAPAR_LIMITS__SEND_USER__CAPACITY",
            "-1",
            "limits.send_user.capacity",
        ),
        ("CHAPAR_TELEMETRY__FORMAT", "xml", "telemetry.format"),
    ];
    for (variable, value, key) in cases {
        let text = refusal(&[(variable, value)]);
        assert!(text.starts_with(&format!("{key}: ")), "{variable}: {text}");
        let source = format!("{variable} in the environment");
        assert!(text.contains(&source), "{variable}: {text}");
    }
    let error = load(&of_toml("[limits]\nmax_content = \"long\"")).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("limits.max_content: "), "{text}");
    assert!(text.contains("(chapar.toml)"), "{text}");
    let text = load(&of_toml("[limits\n")).unwrap_err().to_string();
    assert!(text.starts_with("chapar.toml: line 1"), "{text}");
}

#[test]
fn secrets_are_read_from_files_and_the_later_source_wins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "from the file\n").unwrap();
    let file = file.to_str().unwrap();
    let secret = |config: Config| config.internal.secret.unwrap().expose_secret().to_owned();

    let config = of(&[("CHAPAR_INTERNAL__SECRET_FILE", file)]).unwrap();
    assert_eq!(secret(config), "from the file");

    let mut sources = of_toml("[internal]\nsecret = \"from toml\"");
    let variable = ("CHAPAR_INTERNAL__SECRET_FILE".to_owned(), file.to_owned());
    sources.environment.extend([variable]);
    assert_eq!(secret(load(&sources).unwrap()), "from the file");

    let mut sources = of_toml(&format!("[internal]\nsecret_file = \"{file}\""));
    let variable = ("CHAPAR_INTERNAL__SECRET".to_owned(), "given".to_owned());
    sources.environment.extend([variable]);
    assert_eq!(secret(load(&sources).unwrap()), "given");

    let both = refusal(&[
        ("CHAPAR_INTERNAL__SECRET", "x"),
        ("CHAPAR_INTERNAL__SECRET_FILE", file),
    ]);
    assert!(
        both.starts_with("internal.secret: given together"),
        "{both}"
    );
    let missing = refusal(&[("CHAPAR_INTERNAL__SECRET_FILE", "/nowhere/at/all")]);
    assert!(missing.contains("internal.secret_file"), "{missing}");
    assert!(missing.contains("/nowhere/at/all"), "{missing}");
}

#[test]
fn refusals_do_not_quote_secrets() {
    let cases = [
        "[[tokens.keys]]\nalgorithm = \"HS256\"\nid = \"1\"\nsecret = 4242",
        "[internal]\nsecret = 4242",
        "[internal]\nsecret = [\"hunter4242\"]",
        "[internal]\nsecret = \"hunter4242\" oops",
    ];
    for text in cases {
        let refusal = load(&of_toml(text)).unwrap_err().to_string();
        assert!(!refusal.contains("4242"), "{refusal}");
    }
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What a role of a cluster needs, to be varied.
const CLUSTER: [(&str, &str); 8] = [
    ("CHAPAR_TOKENS__KEYS__0__ALGORITHM", "HS256"),
    ("CHAPAR_TOKENS__KEYS__0__ID", "1"),
    ("CHAPAR_TOKENS__KEYS__0__SECRET", SECRET),
    ("CHAPAR_TOKENS__REFRESH_SECRET", SECRET),
    ("CHAPAR_INTERNAL__SECRET", SECRET),
    ("CHAPAR_FILES__URL_SECRET", SECRET),
    ("CHAPAR_BROKER__URL", "redis://127.0.0.1"),
    ("CHAPAR_STORE__URL", "postgres://127.0.0.1/chapar"),
];

#[test]
fn roles_of_a_cluster_make_no_secrets_of_their_own() {
    let whole = of(&CLUSTER).unwrap();
    whole.check(Roles::Api).unwrap();
    whole.check(Roles::Gateway).unwrap();
    for (missing, key) in [
        ("CHAPAR_TOKENS__KEYS", "tokens.keys"),
        ("CHAPAR_TOKENS__REFRESH_SECRET", "tokens.refresh_secret"),
        ("CHAPAR_INTERNAL__SECRET", "internal.secret"),
        ("CHAPAR_FILES__URL_SECRET", "files.url_secret"),
        ("CHAPAR_BROKER__URL", "broker.url"),
    ] {
        let mut left = CLUSTER.to_vec();
        left.retain(|(name, _)| !name.starts_with(missing));
        let error = of(&left).unwrap().check(Roles::Api).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("{key}: ")), "{text}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused_by_key() {
    for (variable, value, key) in [
        ("CHAPAR_LIMITS__MIN_PASSWORD", "500", "limits.min_password"),
        (
            "CHAPAR_LIMITS__SEND_ROOM__REFILL_PER_S",
            "0",
            "limits.send_room.refill_per_s",
        ),
        ("CHAPAR_HTTP__PUBLIC_URL", "chat.example", "http.public_url"),
        (
            "CHAPAR_HTTP__ALLOWED_ORIGINS",
            "https://a.example/path",
            "http.allowed_origins",
        ),
        ("CHAPAR_TOKENS__REFRESH_TTL", "1m", "tokens.refresh_ttl"),
        ("CHAPAR_TOKENS__KEYS__0__SECRET", "short", "tokens.keys"),
        ("CHAPAR_INTERNAL__SECRET", "short", "internal.secret"),
        ("CHAPAR_STORE__URL", "mysql://x", "store.url"),
        ("CHAPAR_FILES__KIND", "s3", "files.bucket"),
        ("CHAPAR_TELEMETRY__LEVEL", "chapar=loud", "telemetry.level"),
        ("CHAPAR_TELEMETRY__SAMPLING", "2", "telemetry.sampling"),
        ("CHAPAR_HTTP__BIND", "127.0.0.1:8001", "internal.bind"),
    ] {
        let mut variables = BTreeMap::from(CLUSTER);
        variables.insert(variable, value);
        let config = load(&Sources::of_environment(variables)).unwrap();
        let text = config.check(Roles::Api).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{key}: ")), "{variable}: {text}");
    }
}

#[test]
fn risky_combinations_are_warned_about_with_their_figures() {
    let mut variables = BTreeMap::from(CLUSTER);
    variables.insert("CHAPAR_TOKENS__ACCESS_TTL", "12h");
    variables.insert("CHAPAR_LIMITS__MAX_CONTENT", "20000");
    variables.insert("CHAPAR_FILES__KIND", "local");
    let config = load(&Sources::of_environment(variables)).unwrap();
    config.check(Roles::Api).unwrap();
    let warnings = config.warnings(Roles::Api).join("\n");
    assert!(warnings.contains("tokens.access_ttl is 12h"), "{warnings}");
    assert!(warnings.contains("120000 bytes"), "{warnings}");
    assert!(of(&[]).unwrap().warnings(Roles::All).is_empty());
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = of(&[("CHAPAR_HTTP__DRAIN_DELAY", "3s")]).unwrap();
    let again = load(&of_toml(&config.to_toml())).unwrap();
    assert_eq!(again.to_toml(), config.to_toml());
}

#[test]
fn the_example_file_lists_every_key_once_with_its_default_and_a_comment() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../.env.example");
    let text = std::fs::read_to_string(path).unwrap();
    let mut listed = BTreeMap::new();
    let mut is_commented = false;
    for line in text.lines() {
        let assignment = line.trim_start_matches('#').split_once('=');
        match assignment.filter(|(name, _)| name.starts_with("CHAPAR_")) {
            Some((name, value)) => {
                assert!(line.starts_with('#'), "{line}: an example sets nothing");
                assert!(is_commented, "{name} has no comment above it");
                let earlier = listed.insert(name.to_owned(), value.to_owned());
                assert!(earlier.is_none(), "{name} stands twice");
                is_commented = false;
            }
            None => is_commented = line.starts_with("# "),
        }
    }
    let entries = Config::default().entries().into_iter();
    let defaults: BTreeMap<String, String> = entries
        .map(|(key, value)| {
            let name = key.replace('.', "__").to_uppercase();
            (format!("CHAPAR_{name}"), value.unwrap_or_default())
        })
        .collect();
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<BTreeSet<_>>();
    let (listed_names, names) = (names(&listed), names(&defaults));
    let missing: Vec<_> = names.difference(&listed_names).collect();
    let unknown: Vec<_> = listed_names.difference(&names).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing {missing:#?}, unknown {unknown:#?}"
    );
    assert_eq!(listed, defaults);
}

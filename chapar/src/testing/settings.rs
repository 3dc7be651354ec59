//! Settings of test nodes, as environment variables.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Environment variables by name.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// On free ports of 127.0.0.1, with data in `folder`, a prefix and secrets of its own, and rates that no
    /// test reaches by accident.
    pub fn for_tests(folder: &Path) -> Self {
        let mut settings = Self::default();
        settings.set_secrets();
        for (name, value) in [
            ("HTTP__BIND", "127.0.0.1:0"),
            ("HTTP__DRAIN_TIMEOUT", "5s"),
            ("HTTP__DRAIN_LINGER", "0s"),
            ("GATEWAY__ACCEPT_RATE", "1000000"),
            ("GATEWAY__ACCEPT_BURST", "1000000"),
            ("INTERNAL__BIND", "127.0.0.1:0"),
            ("TELEMETRY__FORMAT", "json"),
        ] {
            settings.set(name, value);
        }
        settings.set("DATA_DIR", &folder.display().to_string());
        for bucket in [
            "SEND_USER",
            "SEND_ROOM",
            "COMMANDS",
            "LOGIN_ACCOUNT_ADDRESS",
            "LOGIN_ACCOUNT",
            "REGISTRATIONS",
        ] {
            settings.set(&format!("LIMITS__{bucket}__CAPACITY"), "1000000");
            settings.set(&format!("LIMITS__{bucket}__REFILL_PER_S"), "1000000");
        }
        settings
    }

    /// A fresh prefix and secrets, for nodes that share them.
    pub fn set_secrets(&mut self) {
        self.set("BROKER__PREFIX", &format!("t{}", rand::random::<u32>()));
        self.set("TOKENS__KEYS__0__ALGORITHM", "HS256");
        self.set("TOKENS__KEYS__0__ID", "test");
        for name in [
            "TOKENS__KEYS__0__SECRET",
            "TOKENS__REFRESH_SECRET",
            "INTERNAL__SECRET",
            "FILES__URL_SECRET",
        ] {
            let secret = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
            self.set(name, &secret);
        }
    }

    /// Sets a variable; `CHAPAR_` in front may be left out.
    pub fn set(&mut self, name: &str, value: &str) {
        let name = name.strip_prefix("CHAPAR_").unwrap_or(name);
        self.0.insert(format!("CHAPAR_{name}"), value.to_owned());
    }

    /// A variable's value; `CHAPAR_` in front may be left out.
    pub fn get(&self, name: &str) -> Option<&str> {
        let name = name.strip_prefix("CHAPAR_").unwrap_or(name);
        self.0.get(&format!("CHAPAR_{name}")).map(String::as_str)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

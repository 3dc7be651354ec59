//! The secrets that one process makes for itself at its first start and keeps in `data_dir`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chapar_shared::token::Key;
use secrecy::SecretString;

use super::{Config, ConfigError};

impl Config {
    /// Fills in the secrets that are not configured: read from `data_dir`, or made and kept there, readable by
    /// this user only. For one process alone: nodes of a cluster would each make their own.
    ///
    /// # Errors
    /// [`ConfigError::Keep`] where the folder cannot be read or written.
    pub fn generate_secrets(&mut self) -> Result<(), ConfigError> {
        if self.tokens.keys.is_empty() {
            self.tokens.keys = vec![Key::HS256 {
                id: "generated".into(),
                secret: kept(&self.data_dir, "token.key")?,
            }];
        }
        if self.internal.secret.is_none() {
            self.internal.secret = Some(kept(&self.data_dir, "cluster.key")?);
        }
        if self.tokens.refresh_secret.is_none() {
            self.tokens.refresh_secret = Some(kept(&self.data_dir, "refresh.key")?);
        }
        if self.files.url_secret.is_none() {
            self.files.url_secret = Some(kept(&self.data_dir, "files.key")?);
        }
        Ok(())
    }
}

fn kept(folder: &Path, name: &str) -> Result<SecretString, ConfigError> {
    let path = folder.join(name);
    read_or_make(folder, &path)
        .map(SecretString::from)
        .map_err(|source| ConfigError::Keep { path, source })
}

fn read_or_make(folder: &Path, path: &Path) -> io::Result<String> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if let Some(secret) = read(path)? {
        return Ok(secret);
    }
    let secret = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    // Written whole under another name first: a crash leaves no half of a secret, and of two processes that
    // start at once both take the one that was linked first.
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| io::ErrorKind::NotFound.into())
        }
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(secret) => Ok(Some(secret.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let first = kept(&data_dir, "token.key").unwrap();
        let second = kept(&data_dir, "token.key").unwrap();
        assert_eq!(first.expose_secret(), second.expose_secret());
        assert!(first.expose_secret().len() >= 32);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data_dir.join("token.key")), 0o600);
        assert_eq!(mode(&data_dir), 0o700);
        assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 1);
    }

    #[test]
    fn configured_secrets_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        config.internal.secret = Some("mine".into());
        config.generate_secrets().unwrap();
        assert_eq!(config.internal.secret.unwrap().expose_secret(), "mine");
        assert!(!folder.path().join("cluster.key").exists());
    }
}

//! Password hashes: argon2id on a bounded pool, so that passwords never hold up anything else.
//!
//! At most `permits` hashes are computed at once and at most `max_waiting` wait; whoever comes then is told to
//! come again. A hash that was begun holds its place until it is done, even when nobody waits for it any more.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use chapar_shared::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::config::PasswordsConfig;
use crate::error::Error;
use crate::measures;

/// Makes and verifies password hashes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// A hash of nobody's password, with the parameters of everybody's.
    dummy: Arc<str>,
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    tracker: TaskTracker,
}

/// Leave to compute a hash now; given back when it is dropped or the hash is done.
#[derive(Debug)]
pub struct Turn {
    passwords: Passwords,
    permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// What verifying a password gave.
#[derive(Debug)]
pub struct Verdict {
    /// It is the password.
    pub is_good: bool,
    /// It is, and its hash is of older parameters: this one takes its place.
    pub renewed: Option<String>,
}

impl Passwords {
    /// With these costs; hashes are computed on blocking tasks of `tracker`.
    ///
    /// # Errors
    /// Costs that argon2 refuses.
    pub fn new(config: &PasswordsConfig, tracker: TaskTracker) -> Result<Self, Error> {
        let params = Params::new(config.memory_kib, config.iterations, config.lanes, None)
            .map_err(|error| Error::internal("reading the costs of passwords", error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon2, "nobody's")?.into();
        let permits = match config.permits {
            0 => available_parallelism().map_or(1, usize::from),
            permits => permits,
        };
        Ok(Self {
            argon2,
            dummy,
            places: Arc::new(Semaphore::new(permits + config.max_waiting)),
            running: Arc::new(Semaphore::new(permits)),
            tracker,
        })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// Refused `unavailable` at once where too many wait already.
    pub async fn turn(&self) -> Result<Turn, Error> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let permit = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| busy())?;
        Ok(Turn {
            passwords: self.clone(),
            permits: (place, permit),
        })
    }
}

fn busy() -> Problem {
    measures::hash_refused();
    Problem {
        retry_after_ms: Some(2000),
        ..Code::Unavailable.into()
    }
}

impl Turn {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// Only where the machine has no memory or no randomness.
    pub async fn hash(self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        self.run(move |passwords| hash(&passwords.argon2, &password))
            .await
    }

    /// Whether `password` is that of the PHC string `hash`. Without one (there is no such user) it takes as long
    /// and is not.
    ///
    /// # Errors
    /// A hash that cannot be read.
    pub async fn verify(self, password: &str, hash: Option<&str>) -> Result<Verdict, Error> {
        let password = password.to_owned();
        let hash = hash.filter(|hash| !hash.is_empty()).map(str::to_owned);
        self.run(move |passwords| match hash {
            Some(hash) => verify(&passwords.argon2, &password, &hash),
            None => verify(&passwords.argon2, &password, &passwords.dummy).map(|_| Verdict {
                is_good: false,
                renewed: None,
            }),
        })
        .await
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Passwords) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Self { passwords, permits } = self;
        let tracker = passwords.tracker.clone();
        let done = tracker.spawn_blocking(move || {
            let started = std::time::Instant::now();
            let done = work(&passwords);
            measures::hashed(started.elapsed());
            drop(permits);
            done
        });
        done.await
            .map_err(|error| Error::internal("hashing a password", error))?
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, Error> {
    let hash: PasswordHash = argon2.hash_password(password.as_bytes()).map_err(failed)?;
    Ok(hash.to_string())
}

fn verify(argon2: &Argon2<'_>, password: &str, hash_text: &str) -> Result<Verdict, Error> {
    let parsed = PasswordHash::new(hash_text).map_err(failed)?;
    let is_good = match argon2.verify_password(password.as_bytes(), &parsed) {
        Ok(()) => true,
        Err(argon2::password_hash::Error::PasswordInvalid) => false,
        Err(error) => return Err(failed(error)),
    };
    let ours = argon2.params();
    let is_current = parsed.algorithm.as_str() == "argon2id"
        && Params::try_from(&parsed).is_ok_and(|theirs| {
            (theirs.m_cost(), theirs.t_cost(), theirs.p_cost())
                == (ours.m_cost(), ours.t_cost(), ours.p_cost())
        });
    let renewed = if is_good && !is_current {
        Some(hash(argon2, password)?)
    } else {
        None
    };
    Ok(Verdict { is_good, renewed })
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("hashing a password", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(memory_kib: u32, permits: usize, max_waiting: usize) -> Passwords {
        let config = PasswordsConfig {
            memory_kib,
            iterations: 1,
            lanes: 1,
            permits,
            max_waiting,
        };
        Passwords::new(&config, TaskTracker::new()).unwrap()
    }

    #[tokio::test]
    async fn hashes_verify_and_are_renewed_when_the_costs_change() {
        let old = pool(64, 1, 0);
        let hash = old.turn().await.unwrap().hash("گذرواژه").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let turn = old.turn().await.unwrap();
        let verdict = turn.verify("گذرواژه", Some(&hash)).await.unwrap();
        assert!(verdict.is_good && verdict.renewed.is_none());

        let new = pool(128, 1, 0);
        let turn = new.turn().await.unwrap();
        let verdict = turn.verify("گذرواژه", Some(&hash)).await.unwrap();
        let renewed = verdict.renewed.unwrap();
        assert!(renewed.starts_with("$argon2id$v=19$m=128,t=1,p=1$"));
        let turn = new.turn().await.unwrap();
        assert!(
            turn.verify("گذرواژه", Some(&renewed))
                .await
                .unwrap()
                .is_good
        );
        let turn = new.turn().await.unwrap();
        let verdict = turn.verify("گذرواژهٔ دیگر", Some(&hash)).await.unwrap();
        assert!(!verdict.is_good && verdict.renewed.is_none());
        for nobody in [None, Some("")] {
            let turn = new.turn().await.unwrap();
            assert!(!turn.verify("nobody's", nobody).await.unwrap().is_good);
        }
    }

    #[tokio::test]
    async fn whoever_finds_the_queue_full_is_refused_at_once() {
        let passwords = pool(64, 1, 1);
        let running = passwords.turn().await.unwrap();
        let waiting = passwords.turn();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        match passwords.turn().await {
            Err(Error::Refused(problem)) => assert_eq!(problem.code, Code::Unavailable),
            other => panic!("{other:?}"),
        }
        drop(running);
        waiting.await.unwrap();
    }
}

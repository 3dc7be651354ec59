//! What every node answers about itself: `/healthz`, `/readyz`, `/metrics`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Map, Value, json};

use crate::compose::Sample;
use crate::telemetry::metrics;

/// How long a check may take: less than a probe usually waits.
const DEADLINE: Duration = Duration::from_secs(2);

/// Whether this node may take traffic: not draining, and every check passes.
#[derive(Clone, Default)]
pub struct Readiness {
    inner: Arc<Inner>,
}

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Default)]
struct Inner {
    is_draining: AtomicBool,
    checks: Vec<(&'static str, Check)>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("is_draining", &self.inner.is_draining)
            .field("checks", &self.names())
            .finish()
    }
}

impl Readiness {
    /// With these checks, run at every question, at once. A check's error is shown to whoever asks: a short
    /// phrase, without addresses or secrets.
    pub fn new(checks: Vec<(&'static str, Check)>) -> Self {
        let inner = Inner {
            is_draining: AtomicBool::new(false),
            checks,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Not ready from now on.
    pub fn drain(&self) {
        self.inner.is_draining.store(true, Ordering::Release);
    }

    /// The names of the checks.
    pub fn names(&self) -> Vec<&'static str> {
        self.inner.checks.iter().map(|(name, _)| *name).collect()
    }

    /// `ok`, or what each check says.
    pub async fn ask(&self) -> (bool, Value) {
        let results = self.check().await;
        let is_draining = self.is_draining();
        let is_ready = !is_draining && results.iter().all(|(_, result)| result.is_ok());
        let mut texts: Map<String, Value> = results
            .into_iter()
            .map(|(name, result)| {
                let text = result.err().unwrap_or_else(|| "ok".to_owned());
                (name.to_owned(), text.into())
            })
            .collect();
        if is_draining {
            texts.insert("draining".into(), true.into());
        }
        (is_ready, json!({"ready": is_ready, "checks": texts}))
    }

    fn is_draining(&self) -> bool {
        self.inner.is_draining.load(Ordering::Acquire)
    }

    async fn check(&self) -> Vec<(&'static str, Result<(), String>)> {
        let checks = self.inner.checks.iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(DEADLINE, check()).await;
            (
                *name,
                result.unwrap_or_else(|_| Err("no answer in time".to_owned())),
            )
        });
        join_all(checks).await
    }

    /// Measures what it would answer now.
    async fn sample(&self) {
        let results = self.check().await;
        let is_draining = self.is_draining();
        let checks = results.iter().map(|(name, result)| (*name, result.is_ok()));
        metrics::readiness(is_draining, checks);
    }

    /// The routes of every role and listener; `samples` are taken before each scrape.
    pub fn routes(&self, samples: &Arc<[Sample]>) -> Router {
        let (readiness, samples) = (self.clone(), Arc::clone(samples));
        let scrape = move || scrape(readiness.clone(), Arc::clone(&samples));
        let readiness = self.clone();
        let ready = move || async move {
            let (is_ready, body) = readiness.ask().await;
            let status = if is_ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, NO_STORE, Json(body))
        };
        Router::new()
            .route("/healthz", get(async || (NO_STORE, "ok\n")))
            .route("/readyz", get(ready))
            .route("/metrics", get(scrape))
    }
}

const NO_STORE: [(HeaderName, &str); 1] = [(axum::http::header::CACHE_CONTROL, "no-store")];

async fn scrape(readiness: Readiness, samples: Arc<[Sample]>) -> impl IntoResponse {
    readiness.sample().await;
    // They visit every connection, and this thread may serve some.
    let sampling = tokio::task::spawn_blocking(move || samples.iter().for_each(|sample| sample()));
    if let Err(error) = sampling.await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "metrics were not brought up to date"
        );
    }
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics::render(),
    )
}

//! Who may come in now. When a node goes, its clients come to the others, all at once if it was killed; so many
//! sessions to open would hold up those who are served already, here and at the api.
//!
//! Newcomers are let in `accept_rate` a second, `accept_burst` of them at once. Those beyond it wait for their
//! turn, in the order in which they came, before their upgrade is answered. Who would wait longer than
//! `accept_wait` is refused with 503 and told when to come back, as is everybody while the node holds
//! `max_connections` sockets. Probes, scrapes and REST go by the same listener and are never held up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::RngExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use chapar_shared::{Code, Problem};

use crate::config::Config;
use crate::connection::credentials;
use crate::dialects::SOCKET_IO_PATH;
use crate::measures;
use crate::node::Node;

/// When those should come back who found no place: places come free as clients go.
const WHEN_FULL: Duration = Duration::from_secs(5);

/// When those should come back who came to a node that goes: at once, to another one.
const WHEN_DRAINING: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    turns: Mutex<Turns>,
    patience: Duration,
    places: Arc<Semaphore>,
    draining: CancellationToken,
}

/// A newcomer's place among the node's sockets, given up when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Why a newcomer is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The turn that they would have is too far away.
    TooMany(Duration),
    Full,
    Draining,
}

impl Gate {
    pub(crate) fn new(config: &Config) -> Self {
        let places = config.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            turns: Mutex::new(Turns::new(config.accept_rate, config.accept_burst)),
            patience: config.accept_wait,
            places: Arc::new(Semaphore::new(places)),
            draining: CancellationToken::new(),
        }
    }

    /// Lets nobody in any more, those who wait included.
    pub(crate) fn close(&self) {
        self.draining.cancel();
    }

    /// Waits for a turn. Who goes away meanwhile leaves it unused.
    async fn enter(&self) -> Result<Place, Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let permit = Arc::new(place.map_err(|_| Refusal::Full)?);
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.take(Instant::now(), self.patience)
        };
        let wait = turn.map_err(Refusal::TooMany)?;
        let outcome = if wait.is_zero() {
            "at_once"
        } else {
            let waiting = tokio::time::sleep(wait);
            let waited = self.draining.run_until_cancelled(waiting).await;
            waited.ok_or(Refusal::Draining)?;
            "waited"
        };
        measures::newcomer(outcome);
        Ok(Place { _permit: permit })
    }
}

/// A token bucket, kept as the moment at which it will be full again (the generic cell rate algorithm): nothing
/// ticks, and a turn in the future is a number.
#[derive(Debug)]
struct Turns {
    /// Between two turns.
    pace: Duration,
    /// How far ahead of the clock turns may be given out at once.
    slack: Duration,
    full_at: Instant,
}

impl Turns {
    fn new(rate: u32, burst: u32) -> Self {
        let pace = Duration::from_secs(1) / rate.max(1);
        Self {
            pace,
            slack: pace.saturating_mul(burst.max(1)),
            full_at: Instant::now(),
        }
    }

    /// How long until the next turn, which is taken then; not taken if that is longer than `patience`.
    fn take(&mut self, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        let full_at = self.full_at.max(now) + self.pace;
        let wait = full_at.duration_since(now).saturating_sub(self.slack);
        if wait > patience {
            return Err(wait);
        }
        self.full_at = full_at;
        Ok(wait)
    }
}

/// Stands before the routes of all dialects: newcomers pass the gate, others pass by.
pub(crate) async fn admit(
    State(node): State<Arc<Node>>,
    mut request: Request,
    next: Next,
) -> Response {
    if !is_newcomer(&request) {
        return next.run(request).await;
    }
    match node.gate.enter().await {
        Ok(place) => {
            request.extensions_mut().insert(place);
            next.run(request).await
        }
        Err(refusal) => refuse(refusal, &request),
    }
}

/// A request that begins something: a WebSocket, or a session of Socket.IO; not one that goes on with a session.
fn is_newcomer(request: &Request) -> bool {
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    if !request.uri().path().starts_with(SOCKET_IO_PATH) {
        return is_upgrade;
    }
    let query = request.uri().query().unwrap_or_default();
    let goes_on = query.split('&').any(|pair| pair.starts_with("sid="));
    !goes_on && (is_upgrade || request.method() == Method::GET)
}

fn refuse(refusal: Refusal, request: &Request) -> Response {
    let (outcome, after) = match refusal {
        Refusal::TooMany(wait) => ("too_many", wait),
        Refusal::Full => ("full", WHEN_FULL),
        Refusal::Draining => ("draining", WHEN_DRAINING),
    };
    measures::newcomer(outcome);
    // Not all at the same moment.
    let seconds = after.as_secs().max(1);
    let seconds = rand::rng().random_range(seconds..=2 * seconds);
    let language = credentials::language(request.headers());
    let problem = Problem::from(Code::Unavailable).to_json(language);
    let kind = HeaderValue::from_static("application/problem+json");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::RETRY_AFTER, HeaderValue::from(seconds)),
    ];
    (
        StatusCode::SERVICE_UNAVAILABLE,
        headers,
        problem.to_string(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_at_once_and_the_rest_in_step() {
        let mut turns = Turns::new(10, 3);
        let now = Instant::now();
        let waits: Vec<u128> = (0..6)
            .map(|_| turns.take(now, SECOND).unwrap().as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
    }

    #[test]
    fn whoever_would_wait_too_long_takes_no_turn() {
        let mut turns = Turns::new(10, 1);
        let now = Instant::now();
        let patience = Duration::from_millis(150);
        assert_eq!(turns.take(now, patience), Ok(Duration::ZERO));
        assert_eq!(turns.take(now, patience), Ok(SECOND / 10));
        assert_eq!(turns.take(now, patience), Err(SECOND / 5));
        assert_eq!(turns.take(now, patience), Err(SECOND / 5));
        let later = now + SECOND / 10;
        assert_eq!(turns.take(later, patience), Ok(SECOND / 10));
    }

    #[test]
    fn what_was_not_used_is_not_saved_beyond_the_burst() {
        let mut turns = Turns::new(10, 2);
        let later = Instant::now() + 100 * SECOND;
        let waits: Vec<u128> = (0..3)
            .map(|_| turns.take(later, SECOND).unwrap().as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 100]);
    }

    #[test]
    fn newcomers_are_told_from_those_who_go_on() {
        let is_new = |method: &str, uri: &str, is_upgrade: bool| {
            let request = Request::builder().method(method).uri(uri);
            let request = if is_upgrade {
                request.header("upgrade", "websocket")
            } else {
                request
            };
            is_newcomer(&request.body(axum::body::Body::empty()).unwrap())
        };
        assert!(is_new("GET", "/v1/ws", true));
        assert!(is_new("GET", "/ws/chat/1/?sid=7", true));
        assert!(!is_new("GET", "/v1/ws", false));
        assert!(is_new("GET", "/socket.io/?EIO=4&transport=websocket", true));
        assert!(is_new("GET", "/socket.io/?EIO=4&transport=polling", false));
        assert!(!is_new(
            "GET",
            "/socket.io/?EIO=4&transport=polling&sid=a",
            false
        ));
        assert!(!is_new(
            "GET",
            "/socket.io/?EIO=4&transport=websocket&sid=a",
            true
        ));
        assert!(!is_new("OPTIONS", "/socket.io/?EIO=4", false));
    }
}

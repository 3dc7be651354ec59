//! A broker that keeps what is published, and can be made to refuse or to hang.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chapar_broker::{Broker, BrokerError, Delivery, Link};
use chapar_shared::Timestamp;
use chapar_shared::envelope::{Channel, Envelope};
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};

use super::Publisher;
use crate::clock::Clock;
use crate::media::Links;

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    published: Mutex<Vec<(Channel, Envelope)>>,
    pub(crate) is_down: AtomicBool,
    pub(crate) hangs: AtomicBool,
}

impl Recorder {
    pub(crate) fn taken(&self) -> Vec<(Channel, Envelope)> {
        std::mem::take(&mut self.published.lock().unwrap())
    }
}

#[async_trait]
impl Broker for Recorder {
    async fn publish(&self, batch: Vec<(Channel, Bytes)>) -> Result<(), BrokerError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.is_down.load(Ordering::SeqCst) {
            return Err(BrokerError::Unreachable("down".into()));
        }
        let batch = batch
            .into_iter()
            .map(|(channel, bytes)| (channel, Envelope::decode(&bytes).unwrap()));
        self.published.lock().unwrap().extend(batch);
        Ok(())
    }

    async fn subscribe(&self, _: &[Channel]) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn unsubscribe(&self, _: &[Channel]) {}

    fn deliveries(&self) -> mpsc::Receiver<Delivery> {
        mpsc::channel(1).1
    }

    fn link(&self) -> watch::Receiver<Link> {
        watch::channel(Link::Proven).1
    }

    async fn close(&self) {}
}

/// A clock that goes with Tokio's, so that pausing one pauses both.
pub(crate) fn clock() -> Clock {
    let begin = tokio::time::Instant::now();
    Clock::from_fn(move || Timestamp::from_micros(1_795_000_000_000_000).plus(begin.elapsed()))
}

pub(crate) fn publisher() -> (Publisher, Arc<Recorder>) {
    let broker = Arc::new(Recorder::default());
    let secret = SecretString::from("0123456789abcdef0123456789abcdef");
    let links = Links::new(&secret, "", Duration::from_hours(168), clock());
    (Publisher::new(broker.clone(), links), broker)
}

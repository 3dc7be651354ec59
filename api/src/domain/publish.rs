//! Telling the gateways after a commit. Tried once: what is lost here the sweeper announces.

use std::sync::Arc;

use bytes::Bytes;

use chapar_broker::Broker;
use chapar_shared::envelope::{Channel, Envelope};

use super::present;
use crate::media::Links;
use crate::store::Committed;

/// Publishes what was committed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Publisher {
    broker: Arc<dyn Broker>,
    links: Links,
}

impl Publisher {
    /// Over this broker, with file addresses signed by `links`.
    pub fn new(broker: Arc<dyn Broker>, links: Links) -> Self {
        Self { broker, links }
    }

    /// Publishes everything that one unit of work committed, in one round trip. `trace` is the command's
    /// W3C `traceparent`.
    pub async fn committed(&self, committed: &Committed, trace: Option<&str>) {
        let changes = committed.changes.iter().map(|change| {
            let envelope = Envelope::Change(present::change(change, trace, &self.links));
            (Channel::Room(change.room), Bytes::from(envelope.encode()))
        });
        let users = committed.users.iter().map(|bump| {
            let envelope = Envelope::User(present::user_change(bump, &self.links));
            (Channel::User(bump.user), Bytes::from(envelope.encode()))
        });
        self.envelopes(changes.chain(users).collect()).await;
    }

    /// Publishes envelopes that are not of a commit: read marks, the sweeper's heads.
    pub async fn envelopes(&self, batch: Vec<(Channel, Bytes)>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        if let Err(error) = self.broker.publish(batch).await {
            metrics::counter!("chapar_api_publish_failures_total").increment(count);
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                count,
                "not published; the sweeper will"
            );
        }
    }
}

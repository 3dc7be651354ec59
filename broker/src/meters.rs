//! The broker's metrics, resolved once.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::Link;

/// Handles on the metrics of one broker.
pub(crate) struct Meters {
    link: Gauge,
    pub(crate) relinks: Counter,
    pub(crate) gaps: Counter,
    pub(crate) published: Counter,
    pub(crate) publish_errors: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) probe: Histogram,
    pub(crate) publish: Histogram,
}

/// Rates that a node counted by itself; of every node, whatever limits its rates.
pub(crate) fn limiter_fallbacks() -> Counter {
    describe_counter!(
        "chapar_broker_limiter_fallbacks_total",
        "Rates counted by the node's own buckets because the broker did not answer"
    );
    counter!("chapar_broker_limiter_fallbacks_total")
}

impl Meters {
    pub(crate) fn new() -> Self {
        describe_gauge!(
            "chapar_broker_link",
            "2 proven, 1 connected but not proven, 0 not connected"
        );
        describe_counter!("chapar_broker_relinks_total", "Times the link was rebuilt");
        describe_counter!(
            "chapar_broker_gaps_total",
            "Times that messages may have been lost"
        );
        describe_counter!("chapar_broker_published_total", "Messages published");
        describe_counter!(
            "chapar_broker_publish_errors_total",
            "Messages that may not have been published"
        );
        describe_counter!(
            "chapar_broker_deliveries_total",
            "Messages received and handed to the node"
        );
        describe_histogram!(
            "chapar_broker_probe_seconds",
            Unit::Seconds,
            "Time for a probe to come back"
        );
        describe_histogram!(
            "chapar_broker_publish_seconds",
            Unit::Seconds,
            "Time for a pipeline of messages to be taken"
        );
        // Exposed whatever limits rates.
        limiter_fallbacks().increment(0);
        Self {
            link: gauge!("chapar_broker_link"),
            relinks: counter!("chapar_broker_relinks_total"),
            gaps: counter!("chapar_broker_gaps_total"),
            published: counter!("chapar_broker_published_total"),
            publish_errors: counter!("chapar_broker_publish_errors_total"),
            deliveries: counter!("chapar_broker_deliveries_total"),
            probe: histogram!("chapar_broker_probe_seconds"),
            publish: histogram!("chapar_broker_publish_seconds"),
        }
    }

    pub(crate) fn set_link(&self, link: Link) {
        self.link.set(match link {
            Link::Proven => 2.0,
            Link::Unproven => 1.0,
            Link::Down => 0.0,
        });
    }
}

//! What a span costs where no traces are exported: nothing.
//!
//! A binary of its own, since what is subscribed to is the process's, and one test, since allocations are counted.

use std::cell::Cell;

use allocation_counter::measure;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

#[test]
fn a_span_that_nobody_exports_is_one_branch() {
    // As `chapar` starts logging without an endpoint, and louder than anybody would.
    let filter = filter_fn(chapar_trace::is_log).and(EnvFilter::new("trace"));
    let lines = fmt::layer().with_writer(std::io::sink).with_filter(filter);
    tracing_subscriber::registry()
        .with(lines)
        .try_init()
        .unwrap();
    assert!(!tracing::info_span!("a span of a log").is_disabled());

    let evaluated = Cell::new(0);
    let evaluate = || evaluated.replace(evaluated.get() + 1);
    let pass = || {
        let span = chapar_trace::span!("send", otel.kind = "server", room.id = evaluate());
        assert!(span.is_disabled() && !chapar_trace::is_on());
        let child = chapar_trace::below(chapar_trace::span!("submit"), "not looked at");
        let traceparent = chapar_trace::traceparent(&child).or_else(chapar_trace::current);
        assert_eq!(traceparent, None);
        chapar_trace::drop_it(&span);
    };
    pass(); // Each place asks once whether it is wanted.
    let counted = measure(|| (0..1000).for_each(|_| pass()));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert_eq!(evaluated.get(), 0, "fields are evaluated");
}

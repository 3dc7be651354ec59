//! A trace's way from node to node: spans of our own, and where they stand as W3C `traceparent`.
//!
//! One message is one trace: its sender's frame, the batch in which it goes to the api, its commit, its publish,
//! and its fan-out on each node. What belongs to many messages at once (a batch, a commit, a round trip to the
//! broker) gets a span in the trace of each of them that is sampled, with the same beginning and end: so every
//! trace is whole. Only sampled traces travel; whoever gets no `traceparent` makes no span.
//!
//! Our spans have a target of their own, [`TARGET`], that no log shows and only an exporter's layer takes
//! ([`is_log`]). Where there is none, `tracing` knows at each [`span!`] that nobody wants it: one load and one
//! branch, nothing is allocated, no field is evaluated (`tests/off.rs`).
//!
//! Spans may hold ids. They never hold a token, a secret or a message's text.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

#[doc(hidden)]
pub use tracing as __tracing;

/// The target of our spans.
pub const TARGET: &str = "chapar_trace";

/// The header of HTTP, and of the internal protocol, that says where a trace stands.
pub const TRACEPARENT: &str = "traceparent";

/// No `traceparent` that we understand is longer (W3C Trace Context, §3.2.2: version 00 has 55 bytes).
const MAX_BYTES: usize = 128;

/// Makes a span without a parent: a name and fields, as `tracing::info_span!` takes them. `otel.kind` says what
/// it is to others (`server`, `client`, `producer`, `consumer`), `otel.name` gives it another name.
///
/// It is worth its place on the hot path: where nobody exports traces it is one branch, and a span that is
/// [`Span::none`].
#[macro_export]
macro_rules! span {
    ($name:literal $(, $($fields:tt)*)?) => {
        $crate::__tracing::info_span!(target: $crate::TARGET, parent: None, $name $(, $($fields)*)?)
    };
}

/// Whether a log shows what this belongs to: everything but our spans.
pub fn is_log(metadata: &Metadata<'_>) -> bool {
    metadata.target() != TARGET
}

/// Whether this process exports traces. One branch.
pub fn is_on() -> bool {
    tracing::enabled!(target: TARGET, Level::INFO)
}

/// Where a span stands, for whoever goes on with its trace. `None` unless the trace is sampled.
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() || !is_on() {
        return None;
    }
    let context = span.context();
    if !context.span().span_context().is_sampled() {
        return None;
    }
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut headers);
    headers.remove(TRACEPARENT)
}

/// Where the span stands that is being executed now.
pub fn current() -> Option<String> {
    // The current span is looked for only where somebody wants it.
    is_on().then(Span::current).as_ref().and_then(traceparent)
}

/// Gives a new span its parent. What is no `traceparent` gives none: the span then begins a trace.
#[must_use]
pub fn below(span: Span, parent: &str) -> Span {
    if !span.is_disabled()
        && let Some(parent) = read(parent)
    {
        attach(&span, parent);
    }
    span
}

/// Lets a span point to another one that has to do with it.
pub fn link(span: &Span, other: &str) {
    if !span.is_disabled()
        && let Some(other) = read(other)
    {
        span.add_link(other);
    }
}

/// Continues a caller's trace in a new span, if the caller samples it and `is_kept`. Otherwise the span is not
/// kept, and nothing below it.
pub fn accept(span: &Span, caller: &str, is_kept: bool) {
    if !is_on() {
        return;
    }
    let Some(caller) = read(caller) else {
        return;
    };
    if caller.is_sampled() && is_kept {
        attach(span, caller);
    } else {
        drop_it(span);
    }
}

/// Keeps nothing of a new span, whatever is sampled otherwise.
pub fn drop_it(span: &Span) {
    if !is_on() {
        return;
    }
    let ids = (
        TraceId::from(rand::random::<u128>()),
        SpanId::from(rand::random::<u64>()),
    );
    let nothing = SpanContext::new(
        ids.0,
        ids.1,
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    );
    attach(span, nothing);
}

fn attach(span: &Span, parent: SpanContext) {
    // Fails where no traces are made, or for a span that began: neither harms more than the trace.
    span.set_parent(Context::new().with_remote_span_context(parent))
        .ok();
}

fn read(traceparent: &str) -> Option<SpanContext> {
    if traceparent.len() > MAX_BYTES {
        return None;
    }
    let headers = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_a_traceparent_is_read() {
        assert!(read(GOOD).is_some_and(|span| span.is_sampled() && span.is_remote()));
        assert!(read(&GOOD.replace("-01", "-00")).is_some_and(|span| !span.is_sampled()));
        for bad in [
            "",
            "00",
            "سلام",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            &format!("01-{}{}", &GOOD[3..], "-x".repeat(100)),
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}

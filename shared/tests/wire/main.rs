//! The wire held still: golden files, the documents that describe it, and properties of its decoders.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of an integration binary are tests too, which clippy does not see"
)]

mod asyncapi;
mod documents;
mod golden;
mod properties;
mod samples;

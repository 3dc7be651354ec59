//! The api role: rules, store and REST.

pub mod error;
pub mod store;

pub use error::{Error, StoreError};

//! The api role: rules, store and REST.

pub mod clock;
pub mod domain;
pub mod error;
pub mod media;
pub mod store;

pub use error::{Error, StoreError};

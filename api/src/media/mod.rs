//! Files: signed addresses, recognition, thumbnails, object storage.

pub mod links;

pub use links::Links;

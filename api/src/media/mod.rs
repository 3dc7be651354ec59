//! Files: signed addresses, recognition, thumbnails, object storage.

pub mod kind;
pub mod links;
pub mod storage;
pub mod thumbnail;

pub use links::Links;
pub use storage::open_storage;

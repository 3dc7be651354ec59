//! What handlers take from a request. Every rejection is a [`Failure`], so that clients see problems only.
//!
//! Who calls is an extractor ([`Caller`]): a route without one is visibly public.

mod body;
mod caller;
mod client;
pub(crate) mod multipart;
mod origin;
mod paging;
mod site;

pub use body::{Json, Path, Query};
pub use caller::Caller;
pub(crate) use caller::SESSION_COOKIE;
pub use client::{ClientAddr, Device, Lang};
pub use origin::OwnOrigin;
pub use paging::{List, Paging, PagingParams};
pub use site::Site;

#[cfg(doc)]
use super::error::Failure;

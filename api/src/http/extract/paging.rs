//! Lists by pages: `limit` and an opaque cursor in, `{"items", "next"}` out.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use chapar_shared::problem::Violations;
use chapar_shared::{Problem, Violation};

use super::super::ApiState;
use super::super::error::Failure;
use super::body::Query;
use crate::store::Page;

/// Longest cursor in bytes; ours are shorter.
const MAX_CURSOR: usize = 200;

/// Which page of a list; `K` is the key after which it begins.
#[derive(Clone, Copy, Debug)]
pub struct Paging<K> {
    /// Items at most.
    pub limit: u32,
    /// The last key of the page before.
    pub after: Option<K>,
}

/// The parameters of [`Paging`], for the description of routes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PagingParams {
    /// Items of the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
    /// `next` of the page before.
    #[param(max_length = 200)]
    cursor: Option<String>,
}

impl<K: DeserializeOwned> FromRequestParts<ApiState> for Paging<K> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let Query(params) = Query::<PagingParams>::from_request_parts(parts, state).await?;
        let max = state.limits.max_page;
        let mut violations = Violations::default();
        let limit = match params.limit {
            None => state.limits.default_page,
            Some(limit) => match u32::try_from(limit) {
                Ok(limit) if (1..=max).contains(&limit) => limit,
                _ => {
                    let max = i64::from(max);
                    violations.add("limit", Violation::OutOfRange { min: 1, max });
                    0
                }
            },
        };
        violations.finish()?;
        let after = match params.cursor {
            None => None,
            Some(cursor) => Some(decode(&cursor).ok_or_else(unreadable)?),
        };
        Ok(Self { limit, after })
    }
}

fn unreadable() -> Problem {
    Problem::invalid("cursor", Violation::Format)
}

fn encode<K: Serialize>(key: &K) -> String {
    let json = serde_json::to_vec(key).expect("keys are numbers and tuples of numbers");
    URL_SAFE_NO_PAD.encode(json)
}

fn decode<K: DeserializeOwned>(cursor: &str) -> Option<K> {
    if cursor.len() > MAX_CURSOR {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    serde_json::from_slice(&json).ok()
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl<T> List<T> {
    /// The page of a list that the store gave, its items as `present` shows them.
    pub fn of<R, K: Serialize>(page: Page<R, K>, present: impl FnMut(R) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(present).collect(),
            next: page.next.as_ref().map(encode),
        }
    }
}

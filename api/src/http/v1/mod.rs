//! The native protocol's REST surface. A module for each resource, each with its `router()`.

use axum::middleware;
use utoipa_axum::router::OpenApiRouter;

use super::{ApiState, deadline};

mod well_known;

/// All routes of version 1.
pub(super) fn router(state: &ApiState) -> OpenApiRouter<ApiState> {
    let quick = OpenApiRouter::new()
        .merge(well_known::router())
        .layer(middleware::from_fn_with_state(state.clone(), deadline));
    OpenApiRouter::new().merge(quick)
}

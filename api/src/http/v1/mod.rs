//! The native protocol's REST surface. A module for each resource, each with its `router()`.

use axum::middleware;
use utoipa_axum::router::OpenApiRouter;

use super::{ApiState, deadline};

mod auth;
mod files;
mod members;
mod messages;
mod notifications;
mod presence;
mod reads;
pub(crate) mod rooms;
mod uploads;
mod users;
mod well_known;

/// All routes of version 1.
pub(super) fn router(state: &ApiState) -> OpenApiRouter<ApiState> {
    let quick = OpenApiRouter::new()
        .merge(auth::router())
        .merge(users::router())
        .merge(presence::router())
        .merge(rooms::router())
        .merge(members::router())
        .merge(messages::router())
        .merge(reads::router())
        .merge(notifications::router())
        .merge(files::router())
        .merge(well_known::router())
        .layer(middleware::from_fn_with_state(state.clone(), deadline));
    // Uploads have a deadline of their own.
    OpenApiRouter::new()
        .merge(quick)
        .merge(uploads::router(state))
}

//! *conversations*: rooms by their ids, as a Django REST framework project served them, with the token routes of
//! djoser.
//!
//! A conversation is any room that the caller is in, whatever it was made by. Two people have one conversation, the
//! direct room; more have a private room without a name. Everything of a conversation that the caller is not in is
//! answered 404, of public rooms too.

use axum::Router;
use axum::routing::{MethodRouter, get, patch, post};

use super::super::ApiState;
use super::{Dialect, Routes, both, django};

mod attachments;
mod messages;
mod objects;
mod rooms;
mod tokens;

/// See the module.
pub(super) static DIALECT: Dialect = Dialect {
    name: "conversations",
    prefixes: &[BASES[0], BASES[1], "/auth/jwt"],
    routes,
    refuse: django::refuse,
};

/// Where it is served.
const BASES: [&str; 2] = ["/api/conversations", "/api/chat/conversations"];

fn routes(_: &ApiState) -> Routes {
    let mut quick = Router::new();
    for (path, methods) in [
        ("/auth/jwt/create", post(tokens::create)),
        ("/auth/jwt/refresh", post(tokens::refresh)),
        ("/auth/jwt/verify", post(tokens::verify)),
    ] {
        quick = both(quick, path, methods);
    }
    quick = at_bases(quick, "", &get(rooms::list).post(rooms::create));
    quick = at_bases(quick, "/{room}", &get(rooms::one).delete(rooms::leave));
    let messages = get(messages::list).post(messages::send);
    quick = at_bases(quick, "/{room}/messages", &messages);
    let message = patch(messages::edit).delete(messages::delete);
    quick = at_bases(quick, "/{room}/messages/{message}", &message);
    let attachments = "/{room}/messages/{message}/attachments";
    quick = at_bases(quick, attachments, &get(attachments::list));
    Routes {
        quick,
        uploads: at_bases(Router::new(), attachments, &post(attachments::add)),
    }
}

fn at_bases(
    mut router: Router<ApiState>,
    path: &str,
    methods: &MethodRouter<ApiState>,
) -> Router<ApiState> {
    for base in BASES {
        router = both(router, &format!("{base}{path}"), methods.clone());
    }
    router
}

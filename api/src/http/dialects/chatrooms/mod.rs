//! *chatrooms*: rooms by their names, as a Django REST framework project served them, with the tokens of simplejwt.
//!
//! Rooms made here are public; every list tells the public ones and one's own. Direct rooms and rooms without a
//! name stand in no list of rooms. A body that names another author than its token's user is refused.

use axum::Router;
use axum::routing::{get, post};

use super::super::ApiState;
use super::{Dialect, Routes, both, django};

mod accounts;
mod author;
mod direct;
mod messages;
mod rooms;

/// See the module.
pub(super) static DIALECT: Dialect = Dialect {
    name: "chatrooms",
    prefixes: &["/api"],
    routes,
    refuse: django::refuse,
};

fn routes(_: &ApiState) -> Routes {
    let mut quick = Router::new();
    for (path, methods) in [
        ("/api/register", post(accounts::register)),
        ("/api/login", post(accounts::login)),
        ("/api/token/refresh", post(accounts::refresh)),
        ("/api/chatrooms", get(rooms::list).post(rooms::create)),
        ("/api/join/{room}", post(rooms::join)),
        ("/api/messages", get(messages::list).post(messages::send)),
        ("/api/directmessages", get(direct::list).post(direct::send)),
    ] {
        quick = both(quick, path, methods);
    }
    Routes {
        quick,
        uploads: Router::new(),
    }
}

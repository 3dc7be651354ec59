//! *service*: the REST side of a `FastAPI` program whose other side was Socket.IO.
//!
//! Ids are texts here, of decimal digits. A member is named by e-mail, or by username where there is none; both are
//! accepted. A chat room is any room that the caller is in, whatever it was made by; what is made here is private.
//! There is no word for a deleted message, so none is shown; a file is shown as its address, on a line of its own in
//! the text.

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::super::ApiState;
use super::{Dialect, Routes, both};

mod auth;
mod chat_rooms;
mod description;
mod media;
mod messages;
mod objects;
mod private_chats;
mod refuse;

pub use description::description;

/// See the module.
pub(super) static DIALECT: Dialect = Dialect {
    name: "service",
    prefixes: &[
        "/auth",
        "/chat/chat_rooms",
        "/chat/private_chats",
        "/chat/upload_media",
    ],
    routes,
    refuse: refuse::refuse,
};

fn routes(_: &ApiState) -> Routes {
    let mut quick = Router::new();
    for (path, methods) in [
        ("/auth/signup", post(auth::signup)),
        ("/auth/login", post(auth::login)),
        ("/auth/token", post(auth::token)),
        ("/auth/users/me", get(auth::me)),
        (
            "/chat/private_chats",
            get(private_chats::list).post(private_chats::begin),
        ),
        (
            "/chat/chat_rooms",
            get(chat_rooms::list).post(chat_rooms::create),
        ),
        ("/chat/chat_rooms/{room_id}", get(chat_rooms::one)),
        (
            "/chat/chat_rooms/{room_id}/messages",
            get(messages::list).post(messages::send),
        ),
    ] {
        quick = both(quick, path, methods);
    }
    let upload: MethodRouter<ApiState> = post(media::upload);
    Routes {
        quick,
        uploads: both(Router::new(), "/chat/upload_media", upload),
    }
}

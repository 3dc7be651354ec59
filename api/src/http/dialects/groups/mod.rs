//! *groups*: groups by their slugs and private chats by username, as a Django project with sessions and templates
//! served them.
//!
//! Each path answers in two ways: JSON to programs, and pages to people at a browser, whose forms are answered with a
//! redirect. Which of them, the request says (`Asked::wants_page`). A browser that runs scripts goes on from a page to
//! the same place of the web client. A login also sets the session cookie, which is
//! good for all routes of the node. Forms carry no token of their own: the cookie is `SameSite=Lax`, and what changes
//! something is taken from pages of this site alone.

use axum::Router;
use axum::routing::{get, post};

use super::super::ApiState;
use super::{Dialect, Routes, both};

mod accounts;
mod answer;
mod cookie;
mod dashboard;
mod group;
mod next;
mod objects;
mod pages;
mod private;
mod profile;
mod refuse;

/// See the module.
pub(super) static DIALECT: Dialect = Dialect {
    name: "groups",
    prefixes: &["/chat"],
    routes,
    refuse: refuse::refuse,
};

/// Where people begin.
const HOME: &str = "/chat/";
/// Where people sign in.
const LOGIN: &str = "/chat/login/";

fn routes(_: &ApiState) -> Routes {
    let mut quick = Router::new()
        .route("/chat/style.css", get(pages::style))
        .route("/chat/enter.js", get(pages::enter));
    for (path, methods) in [
        ("/chat", get(dashboard::show)),
        (
            "/chat/register",
            get(accounts::register_page).post(accounts::register),
        ),
        (
            "/chat/login",
            get(accounts::login_page).post(accounts::login),
        ),
        ("/chat/logout", post(accounts::logout)),
        ("/chat/create_group", post(dashboard::create)),
        ("/chat/group/{slug}", get(group::show).post(group::post)),
        (
            "/chat/delete_group/{slug}",
            post(group::delete).delete(group::delete),
        ),
        ("/chat/profile", get(profile::show)),
        ("/chat/chat/private", get(private::open)),
        (
            "/chat/chat/private/{username}",
            get(private::show).post(private::send),
        ),
    ] {
        quick = both(quick, path, methods);
    }
    Routes {
        quick,
        uploads: both(Router::new(), "/chat/profile", post(profile::update)),
    }
}

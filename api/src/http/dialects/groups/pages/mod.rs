//! What a person at a browser sees: pages in Persian that work by links and forms alone. Their one script leads who
//! can run it to the web client instead (`enter.js`); a page that says what went wrong has none, and stays.
//!
//! Texts of users go through `html!`, which escapes them; nothing here is marked as HTML already. The policy of
//! content forbids other scripts, connections, frames and everything from elsewhere, so that a hole in that would
//! still run nothing.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use chapar_shared::{Language, Timestamp};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::{Asked, Refusal};
use super::{HOME, LOGIN, refuse};
use crate::domain::Actor;
use crate::store::RoomSight;

mod account;
mod chat;
mod dashboard;
#[cfg(test)]
mod tests;

pub(super) use account::{login, profile, register};
pub(super) use chat::{group, private};
pub(super) use dashboard::dashboard;

const STYLE: &str = include_str!("style.css");
const ENTER: &str = include_str!("enter.js");

/// The one style sheet.
pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}

/// The one script.
pub(super) async fn enter() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, ENTER).into_response()
}

/// A page around its content. `viewer`: whose name it shows; `images`: an origin besides its own that files come from.
struct Page<'a> {
    title: &'a str,
    viewer: Option<&'a str>,
    images: Option<&'a str>,
}

impl Page<'_> {
    fn respond(&self, status: StatusCode, content: &Markup) -> Response {
        let has_place = status == StatusCode::OK;
        let html = html! {
            (DOCTYPE)
            html lang="fa" dir="rtl" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " – چاپار" }
                    @if has_place { script src="/chat/enter.js" data-viewer=[self.viewer] {} }
                    link rel="stylesheet" href="/chat/style.css";
                }
                body {
                    header {
                        a.brand href=(HOME) { "چاپار" }
                        @if let Some(viewer) = self.viewer {
                            nav {
                                a href="/chat/profile/" dir="auto" { (viewer) }
                                form method="post" action="/chat/logout/" {
                                    button.quiet type="submit" { "خروج" }
                                }
                            }
                        }
                    }
                    main { (content) }
                }
            }
        };
        let mut response = (status, Html(html.into_string())).into_response();
        let images = self.images.unwrap_or_default();
        let script = if has_place { "script-src 'self'; " } else { "" };
        let policy = format!(
            "default-src 'none'; {script}style-src 'self'; img-src 'self' {images}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        for (name, value) in [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // Not `no-referrer`: with it a browser says `Origin: null` of its own forms.
            (header::REFERRER_POLICY, "same-origin"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_LANGUAGE, "fa"),
            (header::VARY, "accept, cookie"),
            (HeaderName::from_static("x-frame-options"), "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The origin that files come from, where it is configured.
fn images(state: &ApiState) -> Option<&str> {
    let url = state.http.public_url.as_deref();
    url.map(|url| url.trim_end_matches('/'))
}

/// A page that says what went wrong.
pub(super) fn refusal(status: StatusCode, sentences: &[String]) -> Response {
    let page = Page {
        title: "خطا",
        viewer: None,
        images: None,
    };
    let content = html! {
        section.card {
            h1 { "انجام نشد" }
            (errors(sentences))
            p { a href=(HOME) { "بازگشت به صفحه‌ی اصلی" } " · " a href=(LOGIN) { "ورود" } }
        }
    };
    page.respond(status, &content)
}

/// What went wrong, in the pages' language, to stand beside the form that it went wrong with.
pub(super) fn sentences(failure: &Failure) -> Vec<String> {
    let asked = Asked::page(Language::Fa);
    refuse::told(&Refusal {
        problem: failure.problem(),
        names: failure.names(),
        asked: &asked,
    })
}

fn errors(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            ul.errors role="alert" {
                @for sentence in sentences { li dir="auto" { (sentence) } }
            }
        }
    }
}

/// What a field is called.
pub(super) fn label(field: &str) -> &str {
    match field {
        "username" => "نام کاربری",
        "password" | "password1" => "گذرواژه",
        "password2" => "تکرار گذرواژه",
        "email" => "رایانامه",
        "group_name" => "نام گروه",
        "slug" => "نامک",
        "type" => "نوع گروه",
        "message" => "پیام",
        "first_name" => "نام",
        "last_name" => "نام خانوادگی",
        "avatar" => "تصویر",
        other => other,
    }
}

/// A time as people read it, with the exact one for machines.
fn time(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let shown = exact.get(..16).unwrap_or_default().replace('T', " ");
    html! { time datetime=(exact) dir="ltr" { (shown) " UTC" } }
}

/// Whoever sees the newest page of a room has read it. What cannot be marked stays unread.
pub(super) async fn mark_read(state: &ApiState, caller: Actor, sight: &RoomSight) {
    if sight.me.is_none() {
        return;
    }
    let (room, number) = (sight.room.id, sight.room.last_number);
    if let Err(error) = state.rooms.mark_read(caller.user, room, number).await {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, room.id = room.0, "a read mark was not moved");
    }
}

//! A group, and the private chat with one other person.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use chapar_shared::protocol::objects::Role;

use super::super::super::super::ApiState;
use super::super::group::Whole;
use super::super::next;
use super::super::objects::{Message, PrivateChat, Profile};
use super::{Page, images, time};
use crate::store::RoomSight;

/// A group with its messages, and the forms for what the viewer may do in it.
pub(in super::super) fn group(
    state: &ApiState,
    user: &Profile,
    whole: &Whole,
    sight: &RoomSight,
    messages: &[Message],
    older: Option<&str>,
) -> Response {
    let group = &whole.group;
    let page = Page {
        title: &group.name,
        viewer: Some(&user.username),
        images: images(state),
    };
    let path = next::group(&group.slug);
    let role = sight.me.map(|me| me.role);
    let content = html! {
        section.card {
            h1 dir="auto" { (group.name) }
            p.faint {
                (group.members_count) " عضو"
                @if let Some(owner) = &group.created_by { " · مدیر: " bdi { (owner) } }
            }
            (history(messages, &user.username, &path, older))
            @if role.is_some() {
                (composer(&path))
            } @else {
                form method="post" action=(path) {
                    input type="hidden" name="join" value="1";
                    button type="submit" { "پیوستن به گروه" }
                }
            }
        }
        section.card {
            h2 { "اعضا" }
            ul.names { @for member in &whole.members { li { bdi { (member) } } } }
            @if role.is_some_and(|role| role >= Role::Admin) {
                form.row method="post" action=(path) {
                    input type="hidden" name="add_member" value="1";
                    input type="text" name="username" placeholder="نام کاربری" aria-label="نام کاربری" dir="auto" required;
                    button type="submit" { "افزودن عضو" }
                }
            }
            @if role == Some(Role::Owner) {
                form method="post" action=(next::delete_group(&group.slug)) {
                    button.danger type="submit" { "حذف گروه" }
                }
            }
        }
    };
    page.respond(StatusCode::OK, &content)
}

/// The chat with one other person.
pub(in super::super) fn private(
    state: &ApiState,
    user: &Profile,
    chat: &PrivateChat,
    messages: &[Message],
    older: Option<&str>,
) -> Response {
    let page = Page {
        title: &chat.username,
        viewer: Some(&user.username),
        images: images(state),
    };
    let path = next::private(&chat.username);
    let content = html! {
        section.card {
            h1 dir="auto" { (chat.username) }
            @if chat.is_online { p { span.online { "برخط" } } }
            (history(messages, &user.username, &path, older))
            (composer(&path))
        }
    };
    page.respond(StatusCode::OK, &content)
}

pub(super) fn history(messages: &[Message], own: &str, path: &str, older: Option<&str>) -> Markup {
    html! {
        @if let Some(older) = older { p { a href=(older) { "پیام‌های پیشین" } } }
        @if messages.is_empty() { p.faint { "پیامی نیست." } }
        ol.messages {
            @for message in messages {
                li.own[message.user == own] {
                    p.faint { bdi { (message.user) } " · " (time(message.timestamp)) }
                    @if !message.text.is_empty() { p.text dir="auto" { (message.text) } }
                    @if let Some(file) = &message.file {
                        p { a href=(file) rel="noreferrer" dir="auto" { (message.file_name) } }
                    }
                }
            }
        }
        p { a href=(path) { "تازه‌سازی" } }
    }
}

fn composer(path: &str) -> Markup {
    html! {
        form.row method="post" action=(path) {
            textarea name="message" rows="2" dir="auto" placeholder="پیام" aria-label="پیام" required autofocus {}
            button type="submit" { "فرستادن" }
        }
    }
}

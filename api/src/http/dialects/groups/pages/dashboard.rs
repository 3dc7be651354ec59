//! The beginning.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use chapar_shared::protocol::objects::RoomKind;

use super::super::super::super::ApiState;
use super::super::next;
use super::super::objects::{Group, PrivateChat, Profile};
use super::{Page, images, time};

/// Groups and private chats, those that hold `term`, newest first, and the forms that make more of them.
pub(in super::super) fn dashboard(
    state: &ApiState,
    user: &Profile,
    groups: &[Group],
    chats: &[PrivateChat],
    term: &str,
) -> Response {
    let page = Page {
        title: "گفت‌وگوها",
        viewer: Some(&user.username),
        images: images(state),
    };
    let content = html! {
        form.search method="get" action="/chat/" role="search" {
            input type="search" name="search_term" value=(term) placeholder="جست‌وجو" aria-label="جست‌وجو" dir="auto";
            button type="submit" { "جست‌وجو" }
        }
        section.card {
            h1 { "گفت‌وگوهای خصوصی" }
            @if chats.is_empty() { p.faint { "گفت‌وگویی نیست." } }
            ul.list { @for chat in chats { (chat_item(chat)) } }
            form.row method="get" action="/chat/chat/private/" {
                input type="text" name="username" placeholder="نام کاربری" aria-label="نام کاربری" dir="auto" required;
                button type="submit" { "شروع گفت‌وگو" }
            }
        }
        section.card {
            h1 { "گروه‌ها" }
            @if groups.is_empty() { p.faint { "گروهی نیست." } }
            ul.list { @for group in groups.iter().rev() { (group_item(group)) } }
        }
        section.card {
            h2 { "گروه تازه" }
            form method="post" action="/chat/create_group/" {
                label { "نام گروه" input type="text" name="group_name" dir="auto" required; }
                label { "نامک (اختیاری)" input type="text" name="slug" dir="auto"; }
                label {
                    "نوع"
                    select name="type" {
                        option value="public" { "عمومی" }
                        option value="private" { "خصوصی" }
                    }
                }
                button type="submit" { "ساختن" }
            }
        }
    };
    page.respond(StatusCode::OK, &content)
}

fn chat_item(chat: &PrivateChat) -> Markup {
    html! {
        li {
            a href=(next::private(&chat.username)) dir="auto" { (chat.username) }
            @if chat.is_online { span.online { "برخط" } }
            @if chat.unread > 0 { span.badge { (chat.unread) } }
            @if let Some(last) = &chat.last_message {
                p.faint dir="auto" {
                    @if last.text.is_empty() { (last.file_name) } @else { (last.text) }
                    " " (time(last.timestamp))
                }
            }
        }
    }
}

pub(super) fn group_item(group: &Group) -> Markup {
    html! {
        li {
            a href=(next::group(&group.slug)) dir="auto" { (group.name) }
            @if group.kind == RoomKind::Private { span.badge { "خصوصی" } }
            p.faint { (group.members_count) " عضو" }
        }
    }
}

//! Signing in, registering, and one's profile.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::super::super::super::ApiState;
use super::super::objects::Profile;
use super::{Page, errors, images};

/// The form for signing in, with what went wrong before.
pub(in super::super) fn login(
    status: StatusCode,
    username: &str,
    next: &str,
    sentences: &[String],
) -> Response {
    let content = html! {
        section.card {
            h1 { "ورود" }
            (errors(sentences))
            form method="post" action="/chat/login/" {
                input type="hidden" name="next" value=(next);
                (input("username", "نام کاربری", "text", username, "username"))
                (input("password", "گذرواژه", "password", "", "current-password"))
                button type="submit" { "ورود" }
            }
            p { "حساب ندارید؟ " a href="/chat/register/" { "ثبت‌نام کنید" } }
        }
    };
    plain("ورود").respond(status, &content)
}

/// The form for registering, with what went wrong before.
pub(in super::super) fn register(
    status: StatusCode,
    username: &str,
    email: &str,
    sentences: &[String],
) -> Response {
    let content = html! {
        section.card {
            h1 { "ثبت‌نام" }
            (errors(sentences))
            form method="post" action="/chat/register/" {
                (input("username", "نام کاربری", "text", username, "username"))
                (optional("email", "رایانامه (اختیاری)", "email", email, "email"))
                (input("password1", "گذرواژه", "password", "", "new-password"))
                (input("password2", "تکرار گذرواژه", "password", "", "new-password"))
                button type="submit" { "ثبت‌نام" }
            }
            p { "حساب دارید؟ " a href="/chat/login/" { "وارد شوید" } }
        }
    };
    plain("ثبت‌نام").respond(status, &content)
}

/// One's profile, to be seen and changed.
pub(in super::super) fn profile(state: &ApiState, user: &Profile) -> Response {
    let page = Page {
        title: "نمایه",
        viewer: Some(&user.username),
        images: images(state),
    };
    let content = html! {
        section.card {
            h1 dir="auto" { (user.username) }
            @if let Some(avatar) = &user.avatar_url {
                img.avatar src=(avatar) alt="تصویر شما";
            }
            @if let Some(email) = &user.email { p dir="ltr" { (email) } }
            form method="post" action="/chat/profile/" enctype="multipart/form-data" {
                (optional("first_name", "نام", "text", &user.first_name, "given-name"))
                (optional("last_name", "نام خانوادگی", "text", &user.last_name, "family-name"))
                label { "تصویر" input type="file" name="avatar" accept="image/*"; }
                @if user.avatar_url.is_some() {
                    label.check { input type="checkbox" name="avatar-clear" value="on"; " تصویر برداشته شود" }
                }
                button type="submit" { "ذخیره" }
            }
        }
    };
    page.respond(StatusCode::OK, &content)
}

fn plain(title: &str) -> Page<'_> {
    Page {
        title,
        viewer: None,
        images: None,
    }
}

fn input(name: &str, label: &str, kind: &str, value: &str, autocomplete: &str) -> Markup {
    html! {
        label {
            (label)
            input type=(kind) name=(name) value=(value) autocomplete=(autocomplete) dir="auto" required;
        }
    }
}

fn optional(name: &str, label: &str, kind: &str, value: &str, autocomplete: &str) -> Markup {
    html! {
        label {
            (label)
            input type=(kind) name=(name) value=(value) autocomplete=(autocomplete) dir="auto";
        }
    }
}

//! What users wrote stays text.

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::Response;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{MessageId, RoomId, Timestamp};

use super::super::objects::{Group, Message};
use super::{Page, account, chat, dashboard};

const EVIL: &str = r#"<script>alert(1)</script>"'><img src=x onerror=alert(1)>"#;

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn message() -> Message {
    Message {
        id: MessageId(1),
        user: EVIL.to_owned(),
        text: EVIL.to_owned(),
        timestamp: Timestamp::default(),
        file: Some(format!("/v1/files/1?{EVIL}")),
        file_name: EVIL.to_owned(),
    }
}

/// No tag of theirs begins, and no attribute that a text of theirs stands in ends in it.
fn is_escaped(html: &str) {
    let html = &html.replace(r#"<script src="/chat/enter.js""#, "");
    assert!(
        html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{html}"
    );
    for tag in ["<script", "<img src=x", "onerror=alert(1)>\""] {
        assert!(!html.contains(tag), "{tag}: {html}");
    }
    assert!(!html.contains(r#""'><"#), "{html}");
}

#[tokio::test]
async fn names_and_messages_are_escaped() {
    is_escaped(&chat::history(&[message()], "own", "/chat/", Some(EVIL)).into_string());
    let group = Group {
        id: RoomId(1),
        name: EVIL.to_owned(),
        slug: "slug".to_owned(),
        kind: RoomKind::Public,
        created_by: None,
        members_count: 1,
    };
    is_escaped(&dashboard::group_item(&group).into_string());
    let page = Page {
        title: EVIL,
        viewer: Some(EVIL),
        images: None,
    };
    is_escaped(&text(page.respond(StatusCode::OK, &maud::html! {})).await);
    let sentences = [EVIL.to_owned()];
    is_escaped(&text(account::login(StatusCode::OK, EVIL, EVIL, &sentences)).await);
    is_escaped(&text(account::register(StatusCode::OK, EVIL, EVIL, &sentences)).await);
    is_escaped(&text(super::refusal(StatusCode::NOT_FOUND, &sentences)).await);
}

#[tokio::test]
async fn pages_are_persian_and_run_nothing_but_the_way_to_the_client() {
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let response = account::login(status, "", "/chat/", &[]);
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        // A page that says what went wrong stays: it leads nowhere.
        let is_way = status == StatusCode::OK;
        assert_eq!(policy.contains("script-src 'self';"), is_way, "{policy}");
        for unsafe_word in ["unsafe", "connect-src", "*", "http:"] {
            assert!(!policy.contains(unsafe_word), "{policy}");
        }
        let html = text(response).await;
        assert!(html.contains(r#"<html lang="fa" dir="rtl">"#));
        let way = r#"<script src="/chat/enter.js"></script>"#;
        assert_eq!(html.contains(way), is_way);
        let html = html.replace(way, "");
        for inline in ["<script", "<style", " style=", "javascript:", " on"] {
            assert!(!html.contains(inline), "{inline}");
        }
    }
}

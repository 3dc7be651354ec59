//! Where to go on after signing in, and paths that hold names.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::HOME;

/// What a segment of a path does not hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What a header does not hold as it is; non-ASCII is encoded anyway.
const HEADER: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// The page of a group.
pub(super) fn group(slug: &str) -> String {
    format!("/chat/group/{}/", utf8_percent_encode(slug, SEGMENT))
}

/// Where a group is deleted.
pub(super) fn delete_group(slug: &str) -> String {
    format!("/chat/delete_group/{}/", utf8_percent_encode(slug, SEGMENT))
}

/// The private chat with somebody.
pub(super) fn private(username: &str) -> String {
    format!(
        "/chat/chat/private/{}/",
        utf8_percent_encode(username, SEGMENT)
    )
}

/// The page where one signs in, and comes back to this one.
pub(super) fn login(back: &str) -> String {
    if back == HOME {
        super::LOGIN.to_owned()
    } else {
        format!(
            "{}?next={}",
            super::LOGIN,
            utf8_percent_encode(back, SEGMENT)
        )
    }
}

/// Where `next` leads, if that is a page of ours: a path below `/chat/`, so that nothing that a browser reads as
/// another host comes through. Else the beginning.
pub(super) fn local(next: &str) -> String {
    if next.starts_with(HOME) && !next.contains('\\') {
        utf8_percent_encode(next, HEADER).to_string()
    } else {
        HOME.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_come_next() {
        assert_eq!(local("/chat/group/a/?x=1"), "/chat/group/a/?x=1");
        assert_eq!(
            local("/chat/group/دوستان/"),
            local("/chat/group/%D8%AF%D9%88%D8%B3%D8%AA%D8%A7%D9%86/")
        );
        for elsewhere in [
            "",
            "https://evil.example/chat/",
            "//evil.example/chat/",
            "/\\evil.example/chat/",
            "/chat/\\..\\evil",
            "/v1/users/me",
            "javascript:alert(1)",
            " /chat/",
        ] {
            assert_eq!(local(elsewhere), HOME, "{elsewhere}");
        }
        assert!(!local("/chat/\r\nSet-Cookie: x=1").contains(['\r', '\n']));
    }

    #[test]
    fn names_stand_in_one_segment() {
        assert_eq!(group("a/b c?d#e"), "/chat/group/a%2Fb%20c%3Fd%23e/");
        assert_eq!(
            login("/chat/group/a/?x=1&y"),
            "/chat/login/?next=%2Fchat%2Fgroup%2Fa%2F%3Fx%3D1%26y"
        );
        assert_eq!(login(HOME), "/chat/login/");
    }
}

//! What a file is, by its content alone.

/// How much of a file's beginning tells what it is.
pub const HEAD_BYTES: usize = 8192;

/// What is served where nothing was recognised, and for everything that is not shown inline.
pub const OPAQUE: &str = "application/octet-stream";

/// The content type that a file's beginning shows. Texts, HTML and XML (so SVG) are [`OPAQUE`]: a browser would
/// run what stands in them.
pub fn recognise(head: &[u8]) -> &'static str {
    match infer::get(head).map(|kind| kind.mime_type()) {
        Some(kind) if !kind.starts_with("text/") && !kind.contains("xml") => kind,
        _ => OPAQUE,
    }
}

/// Whether a recognised type is shown in place rather than downloaded.
pub fn is_inline(content_type: &str) -> bool {
    ["image/", "audio/", "video/"]
        .iter()
        .any(|kind| content_type.starts_with(kind))
        && !content_type.contains("svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_content_counts() {
        assert_eq!(recognise(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png");
        assert_eq!(recognise(b"%PDF-1.7"), "application/pdf");
        for opaque in [
            &b""[..],
            b"hello",
            b"<!DOCTYPE html><script>alert(1)</script>",
            b"<html>",
            b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"<svg onload=alert(1)>",
            b"#!/bin/sh\n",
        ] {
            assert_eq!(recognise(opaque), OPAQUE, "{opaque:?}");
        }
        assert!(is_inline("video/mp4") && !is_inline("application/pdf") && !is_inline(OPAQUE));
    }
}

//! Uploads from end to end.

use std::io::Cursor;

use chapar_shared::protocol::{Attachment, EventBody, Message, OwnUser};
use chapar_tests::{Answer, DEADLINE, Site, User, scenarios};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::json;

scenarios! {
    an_image_has_its_size_and_a_thumbnail,
    a_link_that_was_tampered_with_opens_nothing,
    html_is_never_served_as_html,
    the_content_decides_not_the_name_or_the_claimed_type,
    names_lose_their_paths,
    an_attachment_goes_with_its_message,
    files_over_the_limit_are_refused => [("limits.max_upload_bytes", "100000")],
    the_quota_of_a_user_is_kept => [("limits.max_user_files_bytes", "100000")],
    uploads_that_are_no_uploads_are_refused,
    an_avatar_is_an_image_of_ones_own,
    parts_of_a_file_can_be_asked_for,
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| {
        Rgb([
            u8::try_from(x % 256).unwrap(),
            u8::try_from(y % 256).unwrap(),
            128,
        ])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// What must hold of every file, whatever it is: nothing in it may run.
fn assert_harmless(answer: &Answer) {
    assert_eq!(
        answer.header("x-content-type-options"),
        "nosniff",
        "{answer:?}"
    );
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("sandbox"), "{policy}: {answer:?}");
    let kind = answer.header("content-type").to_owned();
    let is_media = ["image/", "audio/", "video/"]
        .iter()
        .any(|start| kind.starts_with(start));
    assert!(is_media || kind == "application/octet-stream", "{kind}");
    assert!(
        !kind.contains("svg") && !kind.contains("html") && !kind.contains("xml"),
        "{kind}"
    );
    if !is_media {
        let disposition = answer.header("content-disposition");
        assert!(disposition.starts_with("attachment"), "{disposition}");
    }
}

async fn an_image_has_its_size_and_a_thumbnail(site: Site) {
    let ali = User::register(&site, 0).await;
    let bytes = png(800, 600);
    let file = ali.upload("عکس.png", "image/png", bytes.clone()).await;
    assert_eq!((&*file.name, &*file.content_type), ("عکس.png", "image/png"));
    assert_eq!((file.width, file.height), (Some(800), Some(600)));
    assert_eq!(file.size, i64::try_from(bytes.len()).unwrap());
    // Links need no token and are good on every node.
    for node in 0..2 {
        let got = site.api(node).get(&file.url).await.expect(200);
        assert_eq!(got.body, bytes);
        assert_eq!(got.header("content-type"), "image/png");
        assert_harmless(&got);
        let small = site
            .api(node)
            .get(file.thumbnail_url.as_ref().unwrap())
            .await
            .expect(200);
        assert_harmless(&small);
        let small = image::load_from_memory(&small.body).unwrap();
        assert!(small.width() < 800 && small.height() < 600);
        assert_eq!(
            small.width() * 600,
            small.height() * 800,
            "its shape is kept"
        );
    }
}

async fn a_link_that_was_tampered_with_opens_nothing(site: Site) {
    let ali = User::register(&site, 0).await;
    let first = ali.upload("a.txt", "text/plain", b"first".to_vec()).await;
    let second = ali.upload("b.txt", "text/plain", b"second".to_vec()).await;
    let api = site.api(1);
    let (path, query) = first.url.split_once('?').unwrap();
    let other = second.url.split_once('?').unwrap().0;
    let later = query.replacen("expires=", "expires=9", 1);
    let past = query.replacen("expires=", "expires=0&was=", 1);
    for link in [
        path.to_owned(),
        format!("{other}?{query}"),
        format!("{path}?{later}"),
        format!("{path}?{past}"),
        format!("{}x", first.url),
        first.url.replace("/files/", "/thumbnails/"),
        format!("{path}?expires=1&signature="),
        format!("{path}?{}", query.replace("signature=", "signature=A")),
    ] {
        let answer = api.get(&link).await;
        assert!([400, 403].contains(&answer.status), "{answer:?}");
        assert!(
            !answer.text().contains("first") && !answer.code().is_empty(),
            "{answer:?}"
        );
    }
    // A token opens no file by its id.
    let by_token = ali.get(path).await;
    assert!([400, 403].contains(&by_token.status), "{by_token:?}");
    api.get(&first.url).await.expect(200);
}

async fn html_is_never_served_as_html(site: Site) {
    let ali = User::register(&site, 0).await;
    let html = b"<!doctype html><html><script>alert(1)</script></html>".to_vec();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let xml =
        b"<?xml version=\"1.0\"?><x:script xmlns:x=\"http://www.w3.org/1999/xhtml\">1</x:script>"
            .to_vec();
    let pdf = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let both = [&b"GIF89a"[..], b"/*<script>*/=1;alert(1)"].concat();
    for (name, kind, bytes) in [
        ("a.html", "text/html", html.clone()),
        ("a.png", "image/png", html.clone()),
        ("a.svg", "image/svg+xml", svg),
        ("a.xhtml", "application/xhtml+xml", xml),
        ("a.js", "text/javascript", b"alert(1)".to_vec()),
        ("a.pdf", "application/pdf", pdf),
        ("a.gif", "text/html", both),
    ] {
        let file = ali.upload(name, kind, bytes.clone()).await;
        for path in [
            file.url.clone(),
            format!("{}&content_type=text/html&download=0", file.url),
        ] {
            let got = site.api(1).get(&path).await.expect(200);
            assert_harmless(&got);
            assert_eq!(got.body, bytes);
        }
    }
}

async fn the_content_decides_not_the_name_or_the_claimed_type(site: Site) {
    let ali = User::register(&site, 0).await;
    let picture = ali.upload("note.txt", "text/plain", png(20, 10)).await;
    assert_eq!(
        (&*picture.content_type, picture.width),
        ("image/png", Some(20))
    );
    let text = ali
        .upload("photo.png", "image/png", b"not an image".to_vec())
        .await;
    assert_eq!(
        (&*text.content_type, text.width),
        ("application/octet-stream", None)
    );
    assert!(text.thumbnail_url.is_none());
    // Broken images are files like any other, without a thumbnail.
    let mut broken = png(50, 50);
    broken.truncate(60);
    let broken = ali.upload("broken.png", "image/png", broken).await;
    assert!(broken.thumbnail_url.is_none(), "{broken:?}");
}

async fn names_lose_their_paths(site: Site) {
    let ali = User::register(&site, 0).await;
    for (claimed, kept) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\عکس.txt", "عکس.txt"),
        ("..", "file"),
        ("a\u{202e}txt.exe", "atxt.exe"),
        (".htaccess", "htaccess"),
    ] {
        let file = ali.upload(claimed, "text/plain", b"x".to_vec()).await;
        assert_eq!(file.name, kept, "{claimed}");
        let got = site.api(1).get(&file.url).await.expect(200);
        let disposition = got.header("content-disposition").to_owned();
        assert!(
            !disposition.contains("..") && !disposition.contains('/'),
            "{disposition}"
        );
    }
    let long = ali
        .upload(&"ن".repeat(300), "text/plain", b"x".to_vec())
        .await;
    assert_eq!(long.name.chars().count(), 150);
}

async fn an_attachment_goes_with_its_message(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.private_room(&[&sara]).await.room.id;
    let socket = sara.connect().await;
    let file = ali.upload("a.png", "image/png", png(30, 30)).await;
    let messages = format!("/v1/rooms/{room}/messages");
    let body = json!({"content": "", "attachments": [file.id]});
    let message: Message = ali.post(&messages, body.clone()).await.expect(201).read();
    assert_eq!(message.attachments, std::slice::from_ref(&file));
    socket.expect_seq(room, message.seq, DEADLINE).await;
    let EventBody::MessageCreated(heard) = &socket.changes(room)[0].body else {
        panic!("{:?}", socket.changes(room))
    };
    assert_eq!(heard, &message);
    site.api(1).get(&heard.attachments[0].url).await.expect(200);
    // A file goes with one message.
    ali.post(&messages, body)
        .await
        .expect_problem(422, "invalid");
    let missing = json!({"content": "x", "attachments": [999_999_999]});
    ali.post(&messages, missing)
        .await
        .expect_problem(422, "invalid");
    ali.erase(room, message.id).await;
    socket.expect_seq(room, message.seq + 1, DEADLINE).await;
    assert!(sara.history(room).await[0].attachments.is_empty());
}

async fn files_over_the_limit_are_refused(site: Site) {
    let ali = User::register(&site, 0).await;
    let kind = "application/octet-stream";
    ali.upload("fits.bin", kind, vec![7; 100_000]).await;
    for size in [100_001, 400_000] {
        let answer = ali
            .rest_at(1)
            .upload("large.bin", kind, vec![7; size])
            .await;
        answer.expect_problem(413, "too_large");
    }
}

async fn the_quota_of_a_user_is_kept(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let kind = "application/octet-stream";
    let mut uploads = tokio::task::JoinSet::new();
    for node in 0..4 {
        let rest = ali.rest_at(node % 2);
        uploads.spawn(async move { rest.upload("a.bin", kind, vec![7; 30_000]).await });
    }
    let answers = uploads.join_all().await;
    let kept = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(kept, 3, "{answers:?}");
    let refused = answers
        .into_iter()
        .find(|answer| answer.status != 201)
        .unwrap();
    refused.expect_problem(422, "storage_full");
    sara.upload("a.bin", kind, vec![7; 30_000]).await;
}

async fn uploads_that_are_no_uploads_are_refused(site: Site) {
    let ali = User::register(&site, 0).await;
    let rest = ali.rest();
    let boundary = "multipart/form-data; boundary=x";
    for (kind, body) in [
        (boundary, ""),
        (boundary, "--x--\r\n"),
        (boundary, "--x\r\n"),
        (
            boundary,
            "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\na\r\n--x--\r\n",
        ),
        ("multipart/form-data", "a"),
        ("application/json", "{}"),
        ("image/png", "x"),
    ] {
        let answer = rest.post_raw("/v1/uploads", kind, body).await;
        assert!(
            [400, 415, 422].contains(&answer.status),
            "{kind} {body:?}: {answer:?}"
        );
        assert!(!answer.code().is_empty(), "{answer:?}");
    }
    let stranger = site.api(1).upload("a", "text/plain", b"x".to_vec()).await;
    stranger.expect_problem(401, "unauthenticated");
}

async fn an_avatar_is_an_image_of_ones_own(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let picture: Attachment = ali.upload("me.png", "image/png", png(200, 200)).await;
    let me: OwnUser = ali
        .patch("/v1/users/me", json!({"avatar": picture.id}))
        .await
        .expect(200)
        .read();
    let url = me.user.avatar_url.expect("there is one now");
    site.api(1).get(&url).await.expect(200);
    let text = ali.upload("a.txt", "text/plain", b"x".to_vec()).await;
    let theirs = sara.upload("me.png", "image/png", png(20, 20)).await;
    for id in [text.id, theirs.id] {
        ali.patch("/v1/users/me", json!({"avatar": id}))
            .await
            .expect_problem(422, "invalid");
    }
    let room = ali.private_room(&[&sara]).await.room.id;
    assert!(ali.send(room, "x").await.sender.avatar_url.is_some());
    let me: OwnUser = ali
        .patch("/v1/users/me", json!({"avatar": null}))
        .await
        .expect(200)
        .read();
    assert_eq!(me.user.avatar_url, None);
}

async fn parts_of_a_file_can_be_asked_for(site: Site) {
    let ali = User::register(&site, 0).await;
    let file = ali
        .upload("a.bin", "application/octet-stream", (0..=255).collect())
        .await;
    let api = site.api(1);
    for (range, statuses, expected) in [
        ("bytes=10-19", [206, 200], (10..=19).collect::<Vec<u8>>()),
        ("bytes=250-", [206, 200], (250..=255).collect()),
        ("bytes=9999-", [416, 200], Vec::new()),
        ("nonsense", [200, 400], (0..=255).collect()),
    ] {
        let request = api
            .request(reqwest::Method::GET, &file.url)
            .header("range", range);
        let answer = api.run(request).await;
        assert!(statuses.contains(&answer.status), "{range}: {answer:?}");
        if answer.status == 206 {
            assert_eq!(answer.body, expected, "{range}");
        }
    }
}

//! Uploads and what is made of them.

use std::io::Cursor;
use std::time::Duration;

use image::{DynamicImage, ImageFormat};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{Answer, Database, Options, User, World, answer};

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

async fn upload(world: &World, user: &User, name: &str, kind: &str, bytes: Vec<u8>) -> Answer {
    let part = Part::bytes(bytes).file_name(name.to_owned());
    let part = part.mime_str(kind).unwrap();
    let request = world.request(Method::POST, "/v1/uploads");
    let form = Form::new().text("before", "ignored").part("file", part);
    answer(request.bearer_auth(&user.access).multipart(form)).await
}

pub(crate) async fn an_image_is_kept_measured_and_shown(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let bytes = png(640, 320);
    let kept = upload(&world, &ali, "../../عکس من.png", "text/html", bytes.clone()).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{:?}", kept.body);
    assert_eq!(kept.body["name"], "عکس من.png");
    assert_eq!(kept.body["content_type"], "image/png");
    assert_eq!(kept.body["size"], bytes.len());
    assert_eq!(
        (&kept.body["width"], &kept.body["height"]),
        (&json!(640), &json!(320))
    );

    let url = kept.body["url"].as_str().unwrap();
    let shown = world.get(url).send().await.unwrap();
    assert_eq!(shown.status(), StatusCode::OK);
    let headers = shown.headers().clone();
    assert_eq!(headers["content-type"], "image/png");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        headers["content-security-policy"],
        "sandbox; default-src 'none'"
    );
    let disposition = headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("inline; filename=\"___ __.png\"; filename*=UTF-8''%D8%B9"));
    let caching = headers["cache-control"].to_str().unwrap();
    assert!(caching.starts_with("private, max-age=") && caching.ends_with(", immutable"));
    assert_eq!(shown.bytes().await.unwrap(), bytes);

    let part = world
        .get(url)
        .header("range", "bytes=8-15")
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        part.headers()["content-range"],
        format!("bytes 8-15/{}", bytes.len())
    );
    assert_eq!(part.headers()["content-length"], "8");
    assert_eq!(part.bytes().await.unwrap(), bytes[8..16]);
    let beyond = world
        .get(url)
        .header("range", "bytes=999999-")
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), StatusCode::OK);
    let same = world
        .get(url)
        .header("if-none-match", &headers["etag"])
        .send()
        .await
        .unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    let head = world.request(Method::HEAD, url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], bytes.len().to_string());

    let url = kept.body["thumbnail_url"].as_str().unwrap();
    let small = world.get(url).send().await.unwrap();
    assert_eq!(small.headers()["content-type"], "image/jpeg");
    let small = image::load_from_memory(&small.bytes().await.unwrap()).unwrap();
    assert_eq!((small.width(), small.height()), (320, 160));

    let request = world
        .request(Method::PATCH, "/v1/users/me")
        .bearer_auth(&ali.access);
    let me = answer(request.json(&json!({"avatar": kept.body["id"]}))).await;
    let avatar = me.body["avatar_url"].as_str().unwrap();
    assert_eq!(
        world.get(avatar).send().await.unwrap().status(),
        StatusCode::OK
    );
    let request = world
        .request(Method::PATCH, "/v1/users/me")
        .bearer_auth(&ali.access);
    let me = answer(request.json(&json!({"avatar": null}))).await;
    assert_eq!(me.body["avatar_url"], json!(null));
}

pub(crate) async fn content_counts_and_not_what_is_claimed(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let html = b"<!DOCTYPE html><script>alert(1)</script>".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let mut broken = png(50, 50);
    broken.truncate(40);
    for (name, claimed, bytes, kind) in [
        ("photo.png", "image/png", html, "application/octet-stream"),
        (
            "drawing.svg",
            "image/svg+xml",
            svg,
            "application/octet-stream",
        ),
        ("", "video/mp4", Vec::new(), "application/octet-stream"),
        (
            "..\\;b\".pdf",
            "image/png",
            b"%PDF-1.7 ...".to_vec(),
            "application/pdf",
        ),
    ] {
        let kept = upload(&world, &ali, name, claimed, bytes).await;
        assert_eq!(kept.status, StatusCode::CREATED, "{name}: {:?}", kept.body);
        assert_eq!(kept.body["content_type"], kind);
        assert_eq!(kept.body["thumbnail_url"], json!(null));
        let shown = world
            .get(kept.body["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(shown.headers()["content-type"], "application/octet-stream");
        let disposition = shown.headers()["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; "), "{disposition}");
    }
    let kept = upload(&world, &ali, "broken.png", "image/png", broken).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{:?}", kept.body);
    assert_eq!(kept.body["thumbnail_url"], json!(null));
}

pub(crate) async fn what_is_too_large_leaves_nothing(database: Database) {
    let mut options = Options::default();
    options.limits.max_upload_bytes = 600_000;
    options.limits.max_user_files_bytes = 1_000_000;
    let world = World::start_with(database, options).await;
    let ali = world.register("ali").await;
    for size in [600_001, 660_000, 5_000_000] {
        let part = Part::bytes(vec![7; size]).file_name("x");
        let request = world
            .request(Method::POST, "/v1/uploads")
            .bearer_auth(&ali.access);
        // A client that is still sending may see the connection end instead of the answer.
        if let Ok(refused) = request
            .multipart(Form::new().part("file", part))
            .send()
            .await
        {
            assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    let kept = upload(&world, &ali, "x", "text/plain", vec![7; 600_000]).await;
    assert_eq!(kept.status, StatusCode::CREATED);
    let full = upload(&world, &ali, "x", "text/plain", vec![7; 500_000]).await;
    full.is_problem(422, "storage_full");
    let emptied = async {
        while world.objects() != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), emptied)
        .await
        .unwrap();
}

pub(crate) async fn bad_uploads_are_refused(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let post = || {
        world
            .request(Method::POST, "/v1/uploads")
            .bearer_auth(&ali.access)
    };
    let json = answer(post().json(&json!({"file": "x"}))).await;
    json.is_problem(415, "unsupported_media_type");
    answer(post())
        .await
        .is_problem(415, "unsupported_media_type");
    let missing = answer(post().multipart(Form::new().text("other", "x"))).await;
    missing.is_problem(422, "invalid");
    assert!(missing.body["errors"]["file"].is_array());
    let kind = "multipart/form-data; boundary=x";
    let torn = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc";
    let torn = answer(post().header("content-type", kind).body(torn)).await;
    torn.is_problem(400, "malformed_request");
    let unbound = post()
        .header("content-type", "multipart/form-data")
        .body("x");
    answer(unbound).await.is_problem(400, "malformed_request");
    let anonymous = world.request(Method::POST, "/v1/uploads");
    answer(anonymous.multipart(Form::new()))
        .await
        .is_problem(401, "unauthenticated");
    let emptied = async {
        while world.objects() != 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), emptied)
        .await
        .unwrap();
}

pub(crate) async fn addresses_are_signed_and_expire(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let kept = upload(&world, &ali, "a.png", "image/png", png(5, 5)).await;
    let url = kept.body["url"].as_str().unwrap();
    let thumbnail = kept.body["thumbnail_url"].as_str().unwrap();
    for forged in [
        url.replace("expires=", "expires=9"),
        url.replace("/files/", "/thumbnails/"),
        thumbnail.replace("/thumbnails/", "/files/"),
        url.replacen("/1?", "/2?", 1),
        format!("{url}A"),
        "/v1/files/1?expires=9007199254740991&signature=".to_owned(),
        "/v1/files/1?expires=-9223372036854775808&signature=x".to_owned(),
        "/v1/files/1?expires=9223372036854775807&signature=%00".to_owned(),
    ] {
        let refused = answer(world.get(&forged)).await;
        refused.is_problem(403, "invalid_signature");
    }
    let unsigned = answer(world.get("/v1/files/1")).await;
    unsigned.is_problem(400, "malformed_request");
    world.pass(Duration::from_hours(7 * 24));
    assert_eq!(
        world.get(url).send().await.unwrap().status(),
        StatusCode::OK
    );
    world.pass(Duration::from_hours(25));
    answer(world.get(url))
        .await
        .is_problem(403, "invalid_signature");
}

pub(crate) async fn unused_uploads_are_removed(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let unused = upload(&world, &ali, "a.png", "image/png", png(5, 5)).await;
    let avatar = upload(&world, &ali, "b.png", "image/png", png(5, 5)).await;
    let request = world
        .request(Method::PATCH, "/v1/users/me")
        .bearer_auth(&ali.access);
    answer(request.json(&json!({"avatar": avatar.body["id"]}))).await;
    let files = &world.api.state().files;
    assert_eq!(files.remove_unused(10).await.unwrap(), 0);
    world.pass(Duration::from_hours(25));
    assert_eq!(files.remove_unused(10).await.unwrap(), 1);
    assert_eq!(world.objects(), 2);
    let gone = answer(world.get(unused.body["url"].as_str().unwrap())).await;
    gone.is_problem(404, "not_found");
    let stays = world
        .get(avatar.body["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(stays.status(), StatusCode::OK);
}

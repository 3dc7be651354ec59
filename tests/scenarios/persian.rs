//! Persian works everywhere: in names, slugs, content, search and the texts of errors.

use chapar_shared::protocol::{EventBody, RoomView, User as Person};
use chapar_tests::user::PASSWORD;
use chapar_tests::{DEADLINE, Rest, Site, User, scenarios};
use serde_json::json;

scenarios! {
    texts_come_back_as_they_were,
    slugs_are_made_of_persian_names,
    rooms_are_found_whatever_the_keyboard,
    people_are_found_whatever_the_keyboard,
    errors_are_told_in_persian,
    mentions_of_persian_names_notify,
}

async fn texts_come_back_as_they_were(site: Site) {
    let (ali, sara) = (
        User::register_as(&site, 0, "علی.رضا-۲").await,
        User::register(&site, 1).await,
    );
    let room = ali.room("private", "گروه «دوستان» ۱", &[&sara]).await.room;
    assert_eq!(room.name, "گروه «دوستان» ۱");
    let socket = sara.connect().await;
    let texts = [
        "می‌خواهم بروم",
        "كتاب عربي",
        "سَلامٌ عَلَیکُم",
        "👨‍👩‍👧‍👦 خانواده",
        "خط یک\nخط دو\tجدا",
        "English و فارسی ۱۲۳ 456",
        "\u{202b}جهت\u{202c}",
        "؟!،؛",
        "\u{10ffff}\u{fffd}",
        "\"\\/<b>&amp;",
    ];
    for text in texts {
        let message = ali.send(room.id, text).await;
        assert_eq!(message.content, text);
        let event = socket
            .expect_event(text, |event| {
                event.room == Some(room.id) && event.seq == Some(message.seq)
            })
            .await;
        assert_eq!(event.body, EventBody::MessageCreated(message));
    }
    let stored: Vec<String> = sara
        .history(room.id)
        .await
        .into_iter()
        .map(|m| m.content)
        .collect();
    assert_eq!(stored, texts);
    ali.react(room.id, sara.history(room.id).await[0].id, "❤️")
        .await;
    let reactions = sara.history(room.id).await.swap_remove(0).reactions;
    assert_eq!(reactions[0].emoji, "❤️");
}

async fn slugs_are_made_of_persian_names(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let slug = |room: RoomView| room.room.slug.unwrap();
    assert_eq!(
        slug(ali.room("public", "گروه  دوستان ۱", &[]).await),
        "گروه-دوستان-۱"
    );
    // The name may be another's too in private rooms; the slug goes on counting.
    assert_eq!(
        slug(sara.room("private", "گروه دوستان ۱", &[]).await),
        "گروه-دوستان-۱-2"
    );
    assert_eq!(
        slug(ali.room("private", "گروه دوستان ۱", &[]).await),
        "گروه-دوستان-۱-3"
    );
    let body = json!({"kind": "public", "name": "نام", "slug": "گروه-دوستان-۱"});
    ali.post("/v1/rooms", body)
        .await
        .expect_problem(409, "slug_taken");
    for slug in ["۱۲۳", "a b", "", "x/y"] {
        let body = json!({"kind": "public", "name": "نامی دیگر", "slug": slug});
        ali.post("/v1/rooms", body)
            .await
            .expect_problem(422, "invalid");
    }
    let body = json!({"kind": "public", "name": "۱۲۳"});
    ali.post("/v1/rooms", body)
        .await
        .expect_problem(422, "invalid");
}

async fn rooms_are_found_whatever_the_keyboard(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let room = ali.room("public", "کتاب‌های یک کتابخانه", &[]).await.room;
    ali.room("private", "کتاب پنهان", &[]).await;
    for query in ["کتاب", "كتاب", "کتابهای", "كتاب های", "يك", "کِتاب"]
    {
        let path = format!("/v1/rooms/discover?q={query}");
        let found: Vec<RoomView> = sara.get(&path).await.expect(200).items();
        let ids: Vec<_> = found.iter().map(|found| found.room.id).collect();
        // With a non-joiner left out altogether the words are one: that spelling need not be found.
        assert!(
            ids == [room.id] || (query == "کتابهای" && ids.is_empty()),
            "{query}: {found:?}"
        );
    }
    for wild in ["%25", "_", "%5C"] {
        let path = format!("/v1/rooms/discover?q={wild}");
        let found: Vec<RoomView> = sara.get(&path).await.expect(200).items();
        assert!(
            found.is_empty(),
            "{wild} is a letter, not a pattern: {found:?}"
        );
    }
}

async fn people_are_found_whatever_the_keyboard(site: Site) {
    let body =
        json!({"username": "کیوان۱۲", "password": PASSWORD, "display_name": "کیوان علی‌زاده"});
    let tokens = site
        .api(0)
        .post("/v1/auth/register", body)
        .await
        .expect(201)
        .read();
    let keyvan = User::of(&site, 0, tokens);
    let sara = User::register(&site, 1).await;
    for query in [
        "کیوان",
        "كيوان",
        "علی زاده",
        "علي‌زاده",
        "کیوان12",
        "کیوان٩".trim_end_matches('٩'),
    ] {
        let path = format!("/v1/users?q={query}");
        let found: Vec<Person> = sara.get(&path).await.expect(200).items();
        assert!(
            found.iter().any(|one| one.id == keyvan.id),
            "{query}: {found:?}"
        );
    }
    let found: Vec<Person> = sara.get("/v1/users?q=%25").await.expect(200).items();
    assert!(found.is_empty(), "{found:?}");
}

async fn errors_are_told_in_persian(site: Site) {
    let ali = User::register(&site, 0).await;
    let room = ali.private_room(&[]).await.room.id;
    let rest: Rest = ali.rest().in_language("fa-IR,fa;q=0.9,en;q=0.5");
    let problem = rest
        .get("/v1/rooms/999999")
        .await
        .expect_problem(404, "room_not_found");
    assert_eq!(problem["detail"], "چنین اتاقی یافت نشد.");
    let path = format!("/v1/rooms/{room}/messages");
    let problem = rest
        .post(&path, json!({"content": " "}))
        .await
        .expect_problem(422, "invalid");
    assert_eq!(problem["errors"]["content"][0], "لازم است");
    let english = ali.rest().in_language("en").get("/v1/rooms/999999").await;
    assert_eq!(english.value()["detail"], "There is no such room.");
    let anonymous = site.api(1).in_language("fa").get("/v1/users/me").await;
    assert_eq!(
        anonymous.expect_problem(401, "unauthenticated")["detail"],
        "ابتدا وارد شوید."
    );
    let absent = site.api(1).in_language("fa").get("/v1/nothing").await;
    assert_eq!(absent.value()["detail"], "چنین چیزی یافت نشد.");
}

async fn mentions_of_persian_names_notify(site: Site) {
    let ali = User::register(&site, 0).await;
    let sara = User::register_as(&site, 1, "سارا_م").await;
    let room = ali.private_room(&[&sara]).await.room.id;
    let socket = sara.connect().await;
    let message = ali.send(room, "سلام @سارا_م، خوبی؟").await;
    let event = socket
        .expect_event("mention", |event| {
            matches!(&event.body,
            EventBody::NotificationCreated(told) if told.message == Some(message.id))
        })
        .await;
    let EventBody::NotificationCreated(told) = event.body else {
        unreachable!()
    };
    assert!(told.text.starts_with("سلام @سارا_م"), "{told:?}");
    socket.expect_seq(room, message.seq, DEADLINE).await;
}

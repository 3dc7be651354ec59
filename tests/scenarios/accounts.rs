//! Registering, signing in, profiles: one name for one person.

use chapar_shared::protocol::{OwnUser, Tokens, User as Person};
use chapar_tests::user::{PASSWORD, unique_name};
use chapar_tests::{Site, User, scenarios};
use serde_json::json;

scenarios! {
    a_new_account_can_sign_in_by_name_and_by_email,
    usernames_are_one_without_regard_to_case_and_form,
    usernames_and_emails_share_one_namespace,
    registrations_at_once_make_one_account,
    names_and_passwords_that_are_not_acceptable_are_refused,
    a_wrong_password_tells_nothing_of_the_account,
    a_profile_is_changed_and_seen_by_others,
    a_password_is_changed_only_with_the_current_one,
    an_email_is_seen_by_its_owner_alone,
}

async fn register(site: &Site, node: usize, body: serde_json::Value) -> chapar_tests::Answer {
    site.api(node).post("/v1/auth/register", body).await
}

async fn a_new_account_can_sign_in_by_name_and_by_email(site: Site) {
    let body = json!({"username": "مریم.ک", "password": PASSWORD, "email": "Maryam@example.com",
        "display_name": "مریم کریمی"});
    let tokens: Tokens = register(&site, 0, body).await.expect(201).read();
    assert_eq!(tokens.token_type, "Bearer");
    assert_eq!(tokens.expires_in, 900);
    assert_eq!(tokens.user.user.display_name, "مریم کریمی");
    for login in ["مریم.ک", "Maryam@example.com", "mARYAM@EXAMPLE.com"] {
        let body = json!({"login": login, "password": PASSWORD});
        let again: Tokens = site
            .api(1)
            .post("/v1/auth/login", body)
            .await
            .expect(200)
            .read();
        assert_eq!(again.user.user.id, tokens.user.user.id);
        assert_ne!(again.refresh_token, tokens.refresh_token);
    }
    let maryam = User::of(&site, 1, tokens);
    let me: OwnUser = maryam.get("/v1/users/me").await.expect(200).read();
    assert_eq!(me.email.as_deref(), Some("Maryam@example.com"));
}

async fn usernames_are_one_without_regard_to_case_and_form(site: Site) {
    for (first, second) in [
        ("Straße", "STRASSE"),
        ("Ａｌｉ", "ali"),
        ("e\u{301}mile", "É\u{6d}ile"),
        ("سلام۱", "سلام۱"),
        ("ﺳﺎرا", "سارا"),
    ] {
        User::register_as(&site, 0, first).await;
        let body = json!({"username": second, "password": PASSWORD});
        register(&site, 1, body)
            .await
            .expect_problem(409, "username_taken");
        let body = json!({"login": second, "password": PASSWORD});
        site.api(1).post("/v1/auth/login", body).await.expect(200);
    }
}

async fn usernames_and_emails_share_one_namespace(site: Site) {
    let body = json!({"username": "neda", "password": PASSWORD, "email": "neda@example.com"});
    register(&site, 0, body).await.expect(201);
    let body = json!({"username": "NEDA@example.com", "password": PASSWORD});
    register(&site, 1, body)
        .await
        .expect_problem(409, "username_taken");
    let body = json!({"username": "other", "password": PASSWORD, "email": "Neda@Example.com"});
    register(&site, 1, body)
        .await
        .expect_problem(409, "email_taken");
    User::register_as(&site, 0, "zari@example.com").await;
    let body = json!({"username": "zari", "password": PASSWORD, "email": "zari@example.com"});
    register(&site, 1, body)
        .await
        .expect_problem(409, "email_taken");
    let other = User::register(&site, 1).await;
    let taken = other
        .patch("/v1/users/me", json!({"email": "neda@example.com"}))
        .await;
    taken.expect_problem(409, "email_taken");
}

async fn registrations_at_once_make_one_account(site: Site) {
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..10 {
        let api = site.api(number % 2);
        let name = if number % 3 == 0 {
            "همزمان"
        } else {
            "همزمان\u{640}"
        };
        // A tatweel is a letter of its own: two names, so two accounts at most.
        let body = json!({"username": name, "password": PASSWORD});
        calls.spawn(async move { api.post("/v1/auth/register", body).await });
    }
    let answers = calls.join_all().await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let taken = answers
        .iter()
        .filter(|answer| answer.code() == "username_taken")
        .count();
    assert!(made <= 2 && made + taken == 10, "{answers:?}");
}

async fn names_and_passwords_that_are_not_acceptable_are_refused(site: Site) {
    let long = "ا".repeat(65);
    for username in [
        "",
        "a b",
        "a\u{200b}b",
        "\u{202e}abc",
        "a/b",
        "a\0b",
        "<script>",
        &*long,
    ] {
        let body = json!({"username": username, "password": PASSWORD});
        let problem = register(&site, 0, body)
            .await
            .expect_problem(422, "invalid");
        assert!(
            problem["errors"]["username"].is_array(),
            "{username:?}: {problem}"
        );
    }
    let long = "پ".repeat(129);
    for password in ["", "1234567", "پسورد۱۲", &*long] {
        let body = json!({"username": unique_name(), "password": password});
        let problem = register(&site, 0, body)
            .await
            .expect_problem(422, "invalid");
        assert!(problem["errors"]["password"].is_array(), "{problem}");
    }
    for email in ["", "a", "@b", "a@", "a b@c"] {
        let body = json!({"username": unique_name(), "password": PASSWORD, "email": email});
        let answer = register(&site, 0, body).await;
        // An empty one is as good as none.
        assert!(
            answer.status == 422 || (email.is_empty() && answer.status == 201),
            "{answer:?}"
        );
    }
    let body = json!({"username": unique_name(), "password": "پ".repeat(128)});
    register(&site, 0, body).await.expect(201);
}

async fn a_wrong_password_tells_nothing_of_the_account(site: Site) {
    let ali = User::register(&site, 0).await;
    let api = site.api(1);
    let wrong = json!({"login": ali.username, "password": "نادرست-123"});
    let wrong = api
        .post("/v1/auth/login", wrong)
        .await
        .expect_problem(401, "invalid_credentials");
    let nobody = json!({"login": "هیچکس", "password": "نادرست-123"});
    let nobody = api
        .post("/v1/auth/login", nobody)
        .await
        .expect_problem(401, "invalid_credentials");
    assert_eq!(wrong, nobody);
    let hostile = json!({"login": "' or 1=1 --", "password": "\0\0\0\0\0\0\0\0"});
    let answer = api.post("/v1/auth/login", hostile).await;
    assert!([401, 422].contains(&answer.status), "{answer:?}");
}

async fn a_profile_is_changed_and_seen_by_others(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let body = json!({"display_name": "علی‌رضا", "email": "a@example.com"});
    let me: OwnUser = ali.patch("/v1/users/me", body).await.expect(200).read();
    assert_eq!(
        (&*me.user.display_name, me.email.as_deref()),
        ("علی‌رضا", Some("a@example.com"))
    );
    let seen: Person = sara
        .get(&format!("/v1/users/{}", ali.id))
        .await
        .expect(200)
        .read();
    assert_eq!(seen, me.user);
    let room = ali.private_room(&[&sara]).await.room.id;
    assert_eq!(ali.send(room, "x").await.sender, me.user);
    for body in [
        json!({"display_name": "x".repeat(101)}),
        json!({"display_name": "a\u{7}"}),
        json!({"email": "x"}),
    ] {
        ali.patch("/v1/users/me", body)
            .await
            .expect_problem(422, "invalid");
    }
    sara.get("/v1/users/999999999")
        .await
        .expect_problem(404, "user_not_found");
}

async fn a_password_is_changed_only_with_the_current_one(site: Site) {
    let ali = User::register(&site, 0).await;
    let new = "گذرواژه‌ی نو ۱۲۳";
    for body in [
        json!({"password": new}),
        json!({"password": new, "current_password": "نادرست-1"}),
    ] {
        ali.patch("/v1/users/me", body)
            .await
            .expect_problem(422, "invalid");
    }
    let body = json!({"password": new, "current_password": PASSWORD});
    ali.patch("/v1/users/me", body).await.expect(200);
    let login = |password: &str| json!({"login": ali.username, "password": password});
    let old = site.api(1).post("/v1/auth/login", login(PASSWORD)).await;
    old.expect_problem(401, "invalid_credentials");
    site.api(1)
        .post("/v1/auth/login", login(new))
        .await
        .expect(200);
}

async fn an_email_is_seen_by_its_owner_alone(site: Site) {
    let body = json!({"username": "shy", "password": PASSWORD, "email": "hidden@example.com"});
    let shy = User::of(&site, 0, register(&site, 0, body).await.expect(201).read());
    let sara = User::register(&site, 1).await;
    let room = shy.public_room(&[&sara]).await.room.id;
    let socket = sara.connect().await;
    shy.connect().await.say(room, "سلام").await;
    shy.react(room, shy.history(room).await[0].id, "x").await;
    socket.expect_seq(room, 4, chapar_tests::DEADLINE).await;
    for path in [
        format!("/v1/users/{}", shy.id),
        "/v1/users?q=shy".into(),
        format!("/v1/rooms/{room}/members"),
        format!("/v1/rooms/{room}/messages"),
        format!("/v1/rooms/{room}/changes?since=0"),
        "/v1/users?q=hidden@example.com".into(),
    ] {
        let text = sara.get(&path).await.expect(200).text();
        assert!(!text.contains("hidden@example"), "{path}: {text}");
    }
    assert!(!format!("{:?}", socket.events()).contains("hidden@example"));
}

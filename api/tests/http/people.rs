//! Oneself and others.

use chapar_broker::PresenceState;
use chapar_shared::{Timestamp, UserId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Database, World, answer};

pub(crate) async fn one_changes_oneself(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let sara = world.register("sara").await;
    let change = async |token: &str, body: Value| {
        let request = world.request(Method::PATCH, "/v1/users/me");
        answer(request.bearer_auth(token).json(&body)).await
    };
    let changed = change(
        &ali.access,
        json!({"display_name": " علی ", "email": "a@b.c"}),
    )
    .await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.body["display_name"], "علی");
    assert_eq!(changed.body["email"], "a@b.c");
    for taken in ["A@B.C", "a@b.c"] {
        let taken = change(&sara.access, json!({ "email": taken })).await;
        taken.is_problem(409, "email_taken");
    }
    let same = change(&ali.access, json!({"email": "A@b.c"})).await;
    assert_eq!(same.body["email"], "A@b.c");
    let kept = change(&ali.access, json!({})).await;
    assert_eq!(kept.body, same.body);
    let removed = change(&ali.access, json!({"email": null, "display_name": ""})).await;
    assert_eq!(removed.body["email"], json!(null));
    assert_eq!(removed.body["display_name"], "ali");
    let free = change(&sara.access, json!({"email": "a@b.c"})).await;
    assert_eq!(free.status, StatusCode::OK);
    let bad = json!({"email": "no", "display_name": "a\nb", "password": "short"});
    let bad = change(&ali.access, bad).await;
    bad.is_problem(422, "invalid");
    assert_eq!(bad.body["errors"].as_object().unwrap().len(), 4);
    let unknown = change(&ali.access, json!({"avatar": 99})).await;
    unknown.is_problem(422, "invalid");

    let seen = answer(
        world
            .get(&format!("/v1/users/{}", ali.id))
            .bearer_auth(&sara.access),
    )
    .await;
    assert_eq!(seen.body["username"], "ali");
    assert_eq!(seen.body.get("email"), None);
    let nobody = answer(world.get("/v1/users/999").bearer_auth(&sara.access)).await;
    nobody.is_problem(404, "user_not_found");
}

pub(crate) async fn users_are_searched_page_by_page(database: Database) {
    let world = World::start(database).await;
    let me = world.register("من").await;
    for username in ["كريم1", "کریم2", "کریم3", "other"] {
        world.register(username).await;
    }
    let search = async |query: &[(&str, &str)]| {
        let request = world.get_with("/v1/users", query);
        answer(request.bearer_auth(&me.access)).await
    };
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|user| user["username"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = search(&[("q", "کريم"), ("limit", "2")]).await;
    assert_eq!(names(&first.body), ["كريم1", "کریم2"]);
    let cursor = first.body["next"].as_str().unwrap();
    let second = search(&[("q", "کریم"), ("limit", "2"), ("cursor", cursor)]).await;
    assert_eq!(names(&second.body), ["کریم3"]);
    assert_eq!(second.body["next"], json!(null));
    assert_eq!(names(&search(&[]).await.body).len(), 5);
    assert_eq!(names(&search(&[("q", "%")]).await.body).len(), 0);
    assert_eq!(names(&search(&[("q", "\0OTHER")]).await.body), ["other"]);
    for limit in ["0", "101", "-1", "9223372036854775807"] {
        let refused = search(&[("limit", limit)]).await;
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"]["limit"].is_array());
    }
    search(&[("q", &"x".repeat(101))])
        .await
        .is_problem(422, "invalid");
    for (name, value) in [("limit", "99999999999999999999"), ("limit", "x")] {
        let refused = search(&[(name, value)]).await;
        refused.is_problem(400, "malformed_request");
    }
    for cursor in ["x", "IngI", &"x".repeat(201)] {
        let refused = search(&[("cursor", cursor)]).await;
        refused.is_problem(422, "invalid");
        assert!(refused.body["errors"]["cursor"].is_array());
    }
}

pub(crate) async fn presence_is_of_acquaintances(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let sara = world.register("sara").await;
    let stranger = world.register("stranger").await;
    let store = &world.store;
    let now = Timestamp::now();
    let direct = store
        .direct_room(UserId(ali.id), UserId(sara.id), 100, now)
        .await;
    direct.unwrap();
    let at = "2026-11-20T13:14:15.000001Z";
    let last_seen = serde_json::from_value(json!(at)).unwrap();
    let state = |is_online| PresenceState {
        is_online,
        last_seen: Some(last_seen),
    };
    let states = [(ali.id, true), (sara.id, false), (stranger.id, true)];
    let states = states.map(|(user, is_online)| (UserId(user), state(is_online)));
    world.presence.0.lock().unwrap().extend(states);
    let ask = async |users: &str| {
        let request = world.get_with("/v1/presence", &[("users", users)]);
        answer(request.bearer_auth(&ali.access)).await
    };
    let found = ask(&format!("{},{},{},999", ali.id, sara.id, stranger.id)).await;
    let expected = json!({"online": [ali.id], "last_seen": {sara.id.to_string(): at}});
    assert_eq!(found.body, expected);
    for bad in ["", "x", "1,,2", "99999999999999999999"] {
        ask(bad).await.is_problem(400, "malformed_request");
    }
    let many = vec!["1"; 201].join(",");
    ask(&many).await.is_problem(422, "invalid");
    let missing = answer(world.get("/v1/presence").bearer_auth(&ali.access)).await;
    missing.is_problem(400, "malformed_request");
}

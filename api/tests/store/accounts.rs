//! Users, their names and their sessions.

use std::time::Duration;

use chapar_api::store::UserFact;
use chapar_api::store::sessions::{NewSession, Revoke, Rotation, SessionRecord};
use chapar_api::store::users::{NewUser, UserPatch, UserRecord};
use chapar_shared::{Code, SessionId, Timestamp, UserId};

use crate::world::{World, refusal};

fn new_user(world: &World, username: &str, email: Option<&str>) -> NewUser {
    NewUser {
        username: username.to_owned(),
        email: email.map(str::to_owned),
        display_name: username.to_owned(),
        password_hash: "hash".to_owned(),
        at: world.now(),
    }
}

async fn made(world: &World, username: &str, email: Option<&str>) -> UserRecord {
    let user = new_user(world, username, email);
    world.store.create_user(user).await.unwrap()
}

async fn session(world: &World, user: UserId) -> SessionRecord {
    let at = world.now();
    let session = NewSession {
        user,
        device: "curl".to_owned(),
        address: "::1".to_owned(),
        salt: "salt".to_owned(),
        at,
        expires: at.plus(Duration::from_mins(1)),
    };
    world.store.create_session(session).await.unwrap()
}

async fn live(world: &World, user: UserId) -> Vec<SessionId> {
    let sessions = world.store.sessions(user, world.now()).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

pub(crate) async fn usernames_and_emails_share_one_namespace(world: World) {
    let ali = made(&world, "Ali", Some("ali@example.com")).await;
    for (username, email, code) in [
        ("ALI", None, Code::UsernameTaken),
        ("ali@Example.com", None, Code::UsernameTaken),
        ("sara", Some("ALI@example.com"), Code::EmailTaken),
        ("sara", Some("ali"), Code::EmailTaken),
    ] {
        let user = new_user(&world, username, email);
        let refused = world.store.create_user(user).await;
        assert_eq!(refusal(refused), code, "{username} {email:?}");
    }
    // Nothing of a refused one is left, and one's username may be one's e-mail.
    let sara = made(&world, "sara@example.com", Some("Sara@example.com")).await;
    for (name, expected) in [
        ("aLI", Some(&ali)),
        ("ALI@EXAMPLE.COM", Some(&ali)),
        ("SARA@example.com", Some(&sara)),
        ("sara", None),
        ("a\0b", None),
    ] {
        let found = world.other.user_by_name(name).await.unwrap();
        assert_eq!(found.as_ref(), expected, "{name}");
    }
}

pub(crate) async fn one_of_many_gets_a_name(world: World) {
    let ways = [("a", "b"), ("b", "a"), ("A", "c"), ("c", "B")];
    let made = ways.map(|(username, email)| {
        let user = new_user(&world, username, Some(email));
        world.store.create_user(user)
    });
    let [one, two, three, four] = made;
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    let all = [one, two, three, four];
    let good = all.iter().filter(|made| made.is_ok()).count();
    assert!((1..=2).contains(&good), "{all:?}");
    for refused in all.into_iter().filter(Result::is_err) {
        assert!(matches!(
            refusal(refused),
            Code::UsernameTaken | Code::EmailTaken
        ));
    }
}

pub(crate) async fn users_are_found_by_arabic_and_persian_letters(world: World) {
    let user = NewUser {
        display_name: "علي كريمي".to_owned(),
        ..new_user(&world, "ali", None)
    };
    let ali = world.store.create_user(user).await.unwrap().person;
    made(&world, "sara", None).await;
    let find = async |query: &str| {
        let key = chapar_shared::text::search_key(query);
        let page = world.store.search_users(&key, None, 10).await.unwrap();
        page.items
    };
    assert_eq!(find("علی کری").await, std::slice::from_ref(&ali));
    assert_eq!(find("LI").await, std::slice::from_ref(&ali));
    assert_eq!(find("%").await, []);
    let first = world.store.search_users("", None, 1).await.unwrap();
    assert_eq!(first.items, std::slice::from_ref(&ali));
    let second = world.store.search_users("", first.next, 1).await.unwrap();
    assert_eq!(second.items[0].username, "sara");
    assert_eq!(second.next, None);
    world
        .store
        .set_banned(ali.id, true, world.now())
        .await
        .unwrap();
    assert_eq!(find("ali").await, []);
}

pub(crate) async fn a_profile_is_changed_and_a_new_password_ends_other_sessions(world: World) {
    let ali = made(&world, "ali", Some("ali@example.com")).await.person.id;
    made(&world, "sara", Some("sara@example.com")).await;
    let (kept, other) = (session(&world, ali).await, session(&world, ali).await);
    let taken = UserPatch {
        email: Some(Some("SARA@example.com".to_owned())),
        ..UserPatch::default()
    };
    let refused = world.store.update_user(ali, taken, world.now()).await;
    assert_eq!(refusal(refused), Code::EmailTaken);
    let patch = UserPatch {
        display_name: Some("علی".to_owned()),
        email: Some(None),
        password_hash: Some("other".to_owned()),
        keep_session: Some(kept.id),
        ..UserPatch::default()
    };
    let before = world.version(ali).await;
    let changed = world.store.update_user(ali, patch, world.now()).await;
    let (user, committed) = changed.unwrap();
    assert_eq!(user.person.display_name, "علی");
    assert_eq!(user.person.email, None);
    assert_eq!(user.password_hash, "other");
    assert_eq!(
        committed.users[0].facts,
        [UserFact::Revoked(vec![other.id])]
    );
    assert_eq!(committed.users[0].version, before + 1);
    assert_eq!(user.version, before + 1);
    assert_eq!(live(&world, ali).await, [kept.id]);
    // The e-mail is free.
    made(&world, "new", Some("ali@example.com")).await;

    world
        .store
        .renew_password_hash(ali, "hash", "late")
        .await
        .unwrap();
    let user = world.store.user(ali).await.unwrap().unwrap();
    assert_eq!(user.password_hash, "other");
    world
        .store
        .renew_password_hash(ali, "other", "renewed")
        .await
        .unwrap();
    let user = world.store.user(ali).await.unwrap().unwrap();
    assert_eq!(user.password_hash, "renewed");
    assert_eq!(live(&world, ali).await, [kept.id]);
}

pub(crate) async fn an_avatar_is_an_image_of_ones_own(world: World) {
    let [ali, sara] = world.users(["ali", "sara"]).await;
    let (own, others) = (world.file(ali).await, world.file(sara).await);
    let set = async |avatar| {
        let patch = UserPatch {
            avatar: Some(avatar),
            ..UserPatch::default()
        };
        world.store.update_user(ali, patch, world.now()).await
    };
    assert_eq!(refusal(set(Some(others)).await), Code::Invalid);
    let (user, committed) = set(Some(own)).await.unwrap();
    assert_eq!(user.person.avatar, Some(own));
    assert!(committed.users.is_empty());
    let (user, _) = set(None).await.unwrap();
    assert_eq!(user.person.avatar, None);
}

pub(crate) async fn a_ban_ends_sessions_and_is_told_once(world: World) {
    let ali = world.user("ali").await;
    let open = session(&world, ali).await;
    let asked = [SessionId(999_999), open.id];
    let found = world.other.live_sessions(&asked, world.now()).await;
    assert_eq!(found.unwrap(), std::slice::from_ref(&open));
    let banned = world
        .store
        .set_banned(ali, true, world.now())
        .await
        .unwrap();
    assert_eq!(banned.users[0].facts, [UserFact::Shut]);
    let again = world
        .store
        .set_banned(ali, true, world.now())
        .await
        .unwrap();
    assert!(again.users.is_empty());
    let found = world.other.live_sessions(&[open.id], world.now()).await;
    assert_eq!(found.unwrap(), []);
    world
        .store
        .set_banned(ali, false, world.now())
        .await
        .unwrap();
    let found = world.other.live_sessions(&[open.id], world.now()).await;
    assert_eq!(found.unwrap(), []);
    let nobody = world.store.set_banned(UserId(999), true, world.now()).await;
    assert_eq!(refusal(nobody), Code::UserNotFound);
}

pub(crate) async fn a_deleted_user_leaves_a_name_and_nothing_else(world: World) {
    let ali = made(&world, "ali", Some("ali@example.com")).await.person.id;
    session(&world, ali).await;
    let deleted = world.store.delete_user(ali, world.now()).await.unwrap();
    assert_eq!(deleted.users[0].facts, [UserFact::Shut]);
    let user = world.store.user(ali).await.unwrap().unwrap();
    assert!(user.is_deleted && user.password_hash.is_empty());
    assert_eq!(user.person.username, format!("deleted-{ali}"));
    assert_eq!(user.person.email, None);
    assert_eq!(world.store.user_by_name("ali").await.unwrap(), None);
    let again = world.store.delete_user(ali, world.now()).await;
    assert_eq!(refusal(again), Code::UserNotFound);
    let page = world.store.list_users(None, 10).await.unwrap();
    assert_eq!(page.items, [user]);
    made(&world, "ALI", Some("ali@example.com")).await;
}

pub(crate) async fn a_session_is_renewed_kept_or_revoked_under_lock(world: World) {
    let ali = world.user("ali").await;
    let open = session(&world, ali).await;
    let rotate = async |rotation: Rotation, at: Timestamp| {
        let decide = |_: &SessionRecord| Ok(rotation);
        world.store.rotate_session(open.id, at, &decide).await
    };
    let at = world.now();
    let expires = at.plus(Duration::from_secs(90));
    let (renewed, _) = rotate(Rotation::Next { expires }, at).await.unwrap();
    let renewed = renewed.unwrap();
    assert_eq!((renewed.generation, renewed.rotated_at), (1, at));
    assert_eq!((renewed.expires, renewed.last_used_at), (expires, at));
    let (same, committed) = rotate(Rotation::Same, world.now()).await.unwrap();
    assert_eq!(same, Some(renewed));
    assert!(committed.users.is_empty());
    let (gone, committed) = rotate(Rotation::Revoke, world.now()).await.unwrap();
    assert_eq!(gone, None);
    assert_eq!(committed.users[0].facts, [UserFact::Revoked(vec![open.id])]);
    let over = rotate(Rotation::Same, world.now()).await;
    assert_eq!(refusal(over), Code::InvalidRefreshToken);
}

pub(crate) async fn two_renewals_at_once_see_each_other(world: World) {
    let ali = world.user("ali").await;
    let open = session(&world, ali).await;
    let at = world.now();
    let decide = |session: &SessionRecord| {
        Ok(if session.generation == 0 {
            Rotation::Next {
                expires: at.plus(Duration::from_mins(1)),
            }
        } else {
            Rotation::Same
        })
    };
    let (one, two) = tokio::join!(
        world.store.rotate_session(open.id, at, &decide),
        world.other.rotate_session(open.id, at, &decide),
    );
    assert_eq!(one.unwrap().0.unwrap().generation, 1);
    assert_eq!(two.unwrap().0.unwrap().generation, 1);
}

pub(crate) async fn sessions_end_one_all_or_all_but_one(world: World) {
    let [ali, sara] = world.users(["ali", "sara"]).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(session(&world, ali).await.id);
    }
    let others = session(&world, sara).await.id;
    let end = async |user, which| {
        let at = world.now();
        let committed = world.store.revoke_sessions(user, which, at).await.unwrap();
        let mut users = committed.users.into_iter();
        users.next().map(|bump| bump.facts)
    };
    assert_eq!(end(ali, Revoke::One(others)).await, None);
    let ended = UserFact::Revoked(vec![open[0]]);
    assert_eq!(end(ali, Revoke::One(open[0])).await, Some(vec![ended]));
    assert_eq!(end(ali, Revoke::One(open[0])).await, None);
    let ended = UserFact::Revoked(vec![open[1], open[3]]);
    assert_eq!(end(ali, Revoke::AllBut(open[2])).await, Some(vec![ended]));
    assert_eq!(live(&world, ali).await, [open[2]]);
    let ended = UserFact::Revoked(vec![open[2]]);
    assert_eq!(end(ali, Revoke::All).await, Some(vec![ended]));
    assert_eq!(live(&world, sara).await, [others]);

    let later = world.now().plus(Duration::from_hours(1));
    assert_eq!(world.store.purge_sessions(later, 3).await.unwrap(), 3);
    assert_eq!(world.store.purge_sessions(later, 3).await.unwrap(), 2);
}

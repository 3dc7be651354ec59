//! The administrator's commands.

use chapar_api::Error;
use chapar_api::domain::accounts::Registration;
use chapar_api::store::rooms::NewRoom;
use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{Code, Timestamp, UserId};
use reqwest::StatusCode;

use crate::world::{Database, User, World};

pub(crate) async fn the_administrator_keeps_accounts(database: Database) {
    let world = World::start(database).await;
    let admin = world.api.admin();
    let registration = Registration {
        username: "مدیر".to_owned(),
        password: "correct horse".to_owned(),
        email: None,
        display_name: None,
    };
    let made = admin.create_user(registration).await.unwrap();
    let user = User::of(&world.login("مدیر", "correct horse").await.body);
    admin
        .reset_password("مدیر", "battery staple")
        .await
        .unwrap();
    world
        .me(&user.access)
        .await
        .is_problem(401, "session_revoked");
    let by_id = format!("#{}", made.person.id);
    let user = User::of(&world.login("مدیر", "battery staple").await.body);
    assert!(admin.revoke_sessions(&by_id).await.unwrap());
    assert!(!admin.revoke_sessions(&by_id).await.unwrap());
    world
        .me(&user.access)
        .await
        .is_problem(401, "session_revoked");
    admin.set_banned(&by_id, true).await.unwrap();
    assert_eq!(
        world.login("مدیر", "battery staple").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(
        world
            .broker
            .take(user.id)
            .last()
            .unwrap()
            .to_string()
            .contains("shut")
    );
    admin.set_banned(&by_id, false).await.unwrap();
    assert_eq!(
        world.login("مدیر", "battery staple").await.status,
        StatusCode::OK
    );
    assert_eq!(admin.list_users(None, 10).await.unwrap().items.len(), 1);
    let short = admin.reset_password("مدیر", "x").await;
    assert!(matches!(short, Err(Error::Refused(problem)) if problem.code == Code::Invalid));
    let nobody = admin.set_banned("nobody", true).await;
    assert!(matches!(nobody, Err(Error::Refused(problem)) if problem.code == Code::UserNotFound));
    let (one, two) = (
        admin.new_epoch().await.unwrap(),
        admin.new_epoch().await.unwrap(),
    );
    assert_ne!(one, two);
}

pub(crate) async fn a_deleted_user_leaves_their_rooms(database: Database) {
    let world = World::start(database).await;
    let ali = world.register("ali").await;
    let sara = world.register("sara").await;
    let (ali_id, sara_id) = (UserId(ali.id), UserId(sara.id));
    let room = async |name: &str, members: &[UserId]| {
        let room = NewRoom {
            kind: RoomKind::Private,
            name: name.to_owned(),
            slug: name.to_owned(),
            is_slug_chosen: true,
            description: String::new(),
            owner: ali_id,
            members: members.to_vec(),
            max_rooms: 100,
            at: Timestamp::now(),
        };
        world.store.create_room(room).await.unwrap().0.id
    };
    let (shared, alone) = (room("shared", &[sara_id]).await, room("alone", &[]).await);
    let direct = world
        .store
        .direct_room(ali_id, sara_id, 100, Timestamp::now());
    let direct = direct.await.unwrap().0.id;

    world.api.admin().delete_user("ali").await.unwrap();
    world
        .me(&ali.access)
        .await
        .is_problem(401, "session_revoked");
    let unknown = world.login("ali", "correct horse").await;
    unknown.is_problem(401, "invalid_credentials");
    let sight = world.store.room(shared, sara_id).await.unwrap().unwrap();
    assert_eq!(sight.me.unwrap().role, Role::Owner);
    assert_eq!(sight.room.member_count, 1);
    assert!(world.store.room(alone, sara_id).await.unwrap().is_none());
    let sight = world.store.room(direct, sara_id).await.unwrap().unwrap();
    assert_eq!(sight.peer.unwrap().username, format!("deleted-{}", ali.id));
    let page = world.store.rooms_of(ali_id, None, 10).await.unwrap();
    assert!(page.items.is_empty());
    world.register("ali").await;
}

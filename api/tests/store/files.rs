//! Uploaded files.

use std::time::Duration;

use chapar_api::store::files::NewFile;
use chapar_api::store::users::UserPatch;
use chapar_shared::{AttachmentId, Code, UserId};

use crate::world::{World, refusal};

fn new_file(world: &World, owner: UserId, size: i64) -> NewFile {
    NewFile {
        owner,
        name: "گزارش.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        size,
        width: None,
        height: None,
        has_thumbnail: false,
        object: "ab/cd".to_owned(),
        at: world.now(),
        shown_until: None,
    }
}

pub(crate) async fn a_user_keeps_within_their_space(world: World) {
    let [ali, sara] = world.users(["ali", "sara"]).await;
    let keep = |owner, size| world.store.create_file(new_file(&world, owner, size), 100);
    let file = keep(ali, 60).await.unwrap();
    assert_eq!((file.name.as_str(), file.size), ("گزارش.pdf", 60));
    assert_eq!(world.other.file(file.id).await.unwrap(), Some(file));
    assert_eq!(refusal(keep(ali, 41).await), Code::StorageFull);
    keep(sara, 100).await.unwrap();
    // Of two that fit alone and not together one is kept.
    let (one, two) = tokio::join!(keep(ali, 30), keep(ali, 30));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    assert_eq!(world.store.files_size(ali).await.unwrap(), 90);
    assert_eq!(world.store.file(AttachmentId(999)).await.unwrap(), None);
}

pub(crate) async fn unused_files_are_removed_and_avatars_and_attachments_stay(world: World) {
    let ali = world.user("ali").await;
    let room = world.room("room", ali, &[]).await.id;
    let (unused, avatar, sent) = (
        world.file(ali).await,
        world.file(ali).await,
        world.file(ali).await,
    );
    let patch = |avatar| UserPatch {
        avatar: Some(avatar),
        ..UserPatch::default()
    };
    let choose = |avatar| world.store.update_user(ali, patch(avatar), world.now());
    choose(Some(avatar)).await.unwrap();
    let mut message = world.message(room, ali, "");
    message.attachments = vec![sent];
    world.commit(&[message]).await.results.remove(0).unwrap();

    let orphans = async |before| {
        let files = world.store.orphans(before, 10).await.unwrap();
        files.into_iter().map(|file| file.id).collect::<Vec<_>>()
    };
    let past = world.now().minus(Duration::from_hours(1));
    assert_eq!(orphans(past).await, []);
    let later = world.now().plus(Duration::from_hours(1));
    assert_eq!(orphans(later).await, [unused]);
    // Nobody takes it any more, and it no longer counts.
    assert_eq!(refusal(choose(Some(unused)).await), Code::Invalid);
    assert_eq!(world.store.files_size(ali).await.unwrap(), 20);
    world
        .store
        .remove_files(&[unused, avatar, sent])
        .await
        .unwrap();
    assert_eq!(world.store.file(unused).await.unwrap(), None);
    assert!(world.store.file(avatar).await.unwrap().is_some());
    assert!(world.store.file(sent).await.unwrap().is_some());

    choose(None).await.unwrap();
    assert_eq!(orphans(later).await, [avatar]);
}

pub(crate) async fn files_promised_at_their_address_stay_as_long(world: World) {
    let ali = world.user("ali").await;
    let now = world.now();
    let promised = NewFile {
        shown_until: Some(now.plus(Duration::from_hours(10))),
        ..new_file(&world, ali, 1)
    };
    let promised = world.store.create_file(promised, 100).await.unwrap().id;
    let hours = async |hours| {
        let before = now.plus(Duration::from_hours(hours));
        let files = world.store.orphans(before, 10).await.unwrap();
        files.into_iter().map(|file| file.id).collect::<Vec<_>>()
    };
    assert_eq!(hours(9).await, []);
    assert_eq!(hours(11).await, [promised]);
}

//! A fresh database with two handles on it, as two nodes have, and short ways to do things in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chapar_api::store::config::StoreConfig;
use chapar_api::store::files::NewFile;
use chapar_api::store::messages::{MessageChange, MessageOutcome, NewMessage, SendOutcome};
use chapar_api::store::rooms::{NewRoom, RoomChange, RoomOutcome};
use chapar_api::store::users::NewUser;
use chapar_api::store::{Committed, MessageRecord, RoomRecord, Store, open};
use chapar_api::{Error, StoreError};
use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{AttachmentId, Code, MessageId, RoomId, Timestamp, UserId, text};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    /// Another node's.
    pub(crate) other: Arc<dyn Store>,
    clock: AtomicI64,
    _folder: Option<TempDir>,
}

fn config(url: String) -> StoreConfig {
    StoreConfig {
        url: url.into(),
        max_connections: 8,
        acquire_timeout: Duration::from_mins(1),
        lock_timeout: Duration::from_mins(1),
        ..StoreConfig::default()
    }
}

/// A handle on a database, as a node that starts has one.
pub(crate) fn open_store(url: &str) -> Arc<dyn Store> {
    open(&config(url.to_owned())).unwrap()
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made").join("chapar.db");
        let url = format!("sqlite:{}", file.display());
        Self::open(url, Some(folder)).await
    }

    pub(crate) async fn postgres() -> Self {
        let server = chapar_testkit::shared_postgres().await.unwrap();
        let url = server.create_database("store").await.unwrap();
        Self::open(url, None).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let (store, other) = (open_store(&url), open_store(&url));
        let (one, two) = tokio::join!(store.migrate(), other.migrate());
        one.unwrap();
        two.unwrap();
        Self {
            store,
            other,
            clock: AtomicI64::new(1_795_000_000_000_000),
            _folder: folder,
        }
    }

    /// A time after all before.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.fetch_add(1000, Ordering::Relaxed))
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        let user = NewUser {
            username: name.to_owned(),
            email: None,
            display_name: name.to_owned(),
            password_hash: "-".to_owned(),
            at: self.now(),
        };
        self.store.create_user(user).await.unwrap().person.id
    }

    pub(crate) async fn users<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        let mut users = [UserId(0); N];
        for (user, name) in users.iter_mut().zip(names) {
            *user = self.user(name).await;
        }
        users
    }

    pub(crate) fn new_room(&self, name: &str, owner: UserId, members: &[UserId]) -> NewRoom {
        NewRoom {
            kind: RoomKind::Public,
            name: name.to_owned(),
            slug: text::slug_from(name, 100),
            is_slug_chosen: false,
            description: String::new(),
            owner,
            members: members.to_vec(),
            max_rooms: 1000,
            at: self.now(),
        }
    }

    pub(crate) async fn room(&self, name: &str, owner: UserId, members: &[UserId]) -> RoomRecord {
        let room = self.new_room(name, owner, members);
        self.store.create_room(room).await.unwrap().0
    }

    pub(crate) async fn direct(&self, one: UserId, two: UserId) -> RoomRecord {
        let at = self.now();
        self.store.direct_room(one, two, 1000, at).await.unwrap().0
    }

    pub(crate) fn message(&self, room: RoomId, sender: UserId, content: &str) -> NewMessage {
        NewMessage {
            room,
            sender,
            content: content.to_owned(),
            body_hash: format!("hash of {content}"),
            nonce: None,
            is_nonce_hidden: false,
            reply_to: None,
            attachments: Vec::new(),
            mentions: text::mentions(content),
            at: self.now(),
        }
    }

    /// Commits a batch of which every message may be sent.
    pub(crate) async fn commit(&self, batch: &[NewMessage]) -> SendOutcome {
        self.store
            .commit_sends(batch, &|_, _| Ok(()))
            .await
            .unwrap()
    }

    pub(crate) async fn send(&self, room: RoomId, sender: UserId, content: &str) -> MessageRecord {
        self.sent(room, sender, content).await.0
    }

    pub(crate) async fn sent(
        &self,
        room: RoomId,
        sender: UserId,
        content: &str,
    ) -> (MessageRecord, Committed) {
        let mut outcome = self.commit(&[self.message(room, sender, content)]).await;
        let (message, is_repeat) = outcome.results.remove(0).unwrap();
        assert!(!is_repeat);
        (Arc::unwrap_or_clone(message), outcome.committed)
    }

    pub(crate) async fn change(
        &self,
        room: RoomId,
        actor: UserId,
        target: Option<UserId>,
        change: RoomChange,
    ) -> RoomOutcome {
        let at = self.now();
        let decide = |_: &_| Ok(change.clone());
        self.store
            .change_room(room, actor, target, at, &decide)
            .await
            .unwrap()
    }

    pub(crate) async fn add(&self, room: RoomId, actor: UserId, target: UserId) -> RoomOutcome {
        let change = RoomChange::Add {
            role: Role::Member,
            is_invitation: actor != target,
        };
        self.change(room, actor, Some(target), change).await
    }

    pub(crate) async fn change_message(
        &self,
        room: RoomId,
        message: MessageId,
        actor: UserId,
        change: MessageChange,
    ) -> MessageOutcome {
        let at = self.now();
        let decide = |_: &_| Ok(change.clone());
        self.store
            .change_message(room, message, actor, at, &decide)
            .await
            .unwrap()
    }

    pub(crate) async fn file(&self, owner: UserId) -> AttachmentId {
        let file = NewFile {
            owner,
            name: "عکس.png".to_owned(),
            content_type: "image/png".to_owned(),
            size: 10,
            width: Some(3),
            height: Some(4),
            has_thumbnail: true,
            object: "object".to_owned(),
            at: self.now(),
            shown_until: None,
        };
        self.store.create_file(file, 1 << 30).await.unwrap().id
    }

    pub(crate) async fn head(&self, room: RoomId) -> i64 {
        self.store.heads(&[room], &[]).await.unwrap().0[0].seq
    }

    pub(crate) async fn version(&self, user: UserId) -> i64 {
        self.store.heads(&[], &[user]).await.unwrap().1[0].1
    }

    pub(crate) async fn members(&self, room: RoomId) -> Vec<(UserId, Role)> {
        let page = self.store.members(room, None, 100).await.unwrap();
        let members = page.items.into_iter();
        members.map(|(person, role)| (person.id, role)).collect()
    }
}

/// The code of a refusal.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result {
        Err(Error::Refused(problem)) => problem.code,
        other => panic!("not refused: {other:?}"),
    }
}

/// Whether it is worth trying again.
pub(crate) fn is_busy<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Busy(_)))
}

//! Somebody who uses the deployment: an account, its tokens, the nodes they talk to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chapar_shared::protocol::{Attachment, Message, RoomView, Tokens};
use chapar_shared::{MessageId, RoomId, Seq, UserId};
use serde_json::{Value, json};

use crate::{Answer, Hello, Rest, Site, Socket};

/// The password of everybody.
pub const PASSWORD: &str = "گذرواژه-1234";

/// A registered user, at home on one api node and one gateway.
#[derive(Debug)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their username.
    pub username: String,
    /// Which api node and gateway they use.
    pub home: usize,
    site: Site,
    tokens: Mutex<Tokens>,
}

impl User {
    /// Registers somebody with a name of their own on api node `home`; every other name is Persian.
    pub async fn register(site: &Site, home: usize) -> Self {
        Self::register_as(site, home, &unique_name()).await
    }

    /// Registers somebody with this name.
    pub async fn register_as(site: &Site, home: usize, username: &str) -> Self {
        let body = json!({"username": username, "password": PASSWORD});
        let answer = site.api(home).post("/v1/auth/register", body).await;
        Self::of(site, home, answer.expect(201).read())
    }

    /// Signs in once more, as another device does, on api node `home`.
    pub async fn sign_in(&self, home: usize) -> Self {
        let body = json!({"login": self.username, "password": PASSWORD});
        let answer = self.site.api(home).post("/v1/auth/login", body).await;
        Self::of(&self.site, home, answer.expect(200).read())
    }

    /// Whoever these tokens are of.
    pub fn of(site: &Site, home: usize, tokens: Tokens) -> Self {
        Self {
            id: tokens.user.user.id,
            username: tokens.user.user.username.clone(),
            home,
            site: site.clone(),
            tokens: Mutex::new(tokens),
        }
    }

    /// The place they are at.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The newest tokens.
    pub fn tokens(&self) -> Tokens {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The access token.
    pub fn token(&self) -> String {
        self.tokens().access_token
    }

    /// Exchanges the refresh token.
    pub async fn refresh(&self) {
        let body = json!({"refresh_token": self.tokens().refresh_token});
        let answer = self
            .site
            .api(self.home)
            .post("/v1/auth/refresh", body)
            .await;
        let tokens: Tokens = answer.expect(200).read();
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// Their REST client, on the api node at home.
    pub fn rest(&self) -> Rest {
        self.rest_at(self.home)
    }

    /// Their REST client on an api node.
    pub fn rest_at(&self, node: usize) -> Rest {
        self.site.api(node).with_token(&self.token())
    }

    /// `GET` at home.
    pub async fn get(&self, path: &str) -> Answer {
        self.rest().get(path).await
    }

    /// `POST` at home.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.rest().post(path, body).await
    }

    /// `PUT` at home.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.rest().put(path, body).await
    }

    /// `PATCH` at home.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.rest().patch(path, body).await
    }

    /// `DELETE` at home.
    pub async fn delete(&self, path: &str) -> Answer {
        self.rest().delete(path).await
    }

    /// Connects to the gateway at home.
    pub async fn connect(&self) -> Socket {
        self.connect_to(self.home, []).await
    }

    /// Connects to a gateway, going on from these positions.
    pub async fn connect_to(
        &self,
        node: usize,
        since: impl IntoIterator<Item = (RoomId, Seq)>,
    ) -> Socket {
        let hello = Hello {
            token: Some(self.token()),
            since: since.into_iter().collect::<BTreeMap<_, _>>(),
            epoch: None,
        };
        Socket::connect(&self.site.ws_url(node), &hello).await
    }

    /// Makes a private room with these members.
    pub async fn private_room(&self, members: &[&Self]) -> RoomView {
        self.room("private", &unique_name(), members).await
    }

    /// Makes a public room with these members.
    pub async fn public_room(&self, members: &[&Self]) -> RoomView {
        self.room("public", &unique_name(), members).await
    }

    /// Makes a room.
    pub async fn room(&self, kind: &str, name: &str, members: &[&Self]) -> RoomView {
        let members: Vec<UserId> = members.iter().map(|user| user.id).collect();
        let body = json!({"kind": kind, "name": name, "members": members});
        self.post("/v1/rooms", body).await.expect(201).read()
    }

    /// Opens the direct room with somebody.
    pub async fn direct_room(&self, peer: &Self) -> RoomView {
        let answer = self
            .put(&format!("/v1/direct/{}", peer.id), json!({}))
            .await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        answer.read()
    }

    /// A room as they see it.
    pub async fn see(&self, room: RoomId) -> RoomView {
        self.get(&format!("/v1/rooms/{room}"))
            .await
            .expect(200)
            .read()
    }

    /// Sends by REST.
    pub async fn send(&self, room: RoomId, content: &str) -> Message {
        let body = json!({"content": content});
        self.post(&format!("/v1/rooms/{room}/messages"), body)
            .await
            .expect(201)
            .read()
    }

    /// Edits by REST.
    pub async fn edit(&self, room: RoomId, message: MessageId, content: &str) -> Message {
        let path = format!("/v1/rooms/{room}/messages/{message}");
        self.patch(&path, json!({"content": content}))
            .await
            .expect(200)
            .read()
    }

    /// Deletes a message by REST.
    pub async fn erase(&self, room: RoomId, message: MessageId) {
        let path = format!("/v1/rooms/{room}/messages/{message}");
        self.delete(&path).await.expect(204);
    }

    /// Reacts by REST.
    pub async fn react(&self, room: RoomId, message: MessageId, emoji: &str) {
        let path = format!("/v1/rooms/{room}/messages/{message}/reactions/{emoji}");
        self.put(&path, json!({})).await.expect(204);
    }

    /// Brings somebody into a room.
    pub async fn add(&self, room: RoomId, user: &Self) {
        let path = format!("/v1/rooms/{room}/members/{}", user.id);
        let answer = self.put(&path, json!({})).await;
        assert!(answer.status < 300, "{answer:?}");
    }

    /// Gives somebody a role.
    pub async fn promote(&self, room: RoomId, user: &Self, role: &str) {
        let path = format!("/v1/rooms/{room}/members/{}", user.id);
        let answer = self.put(&path, json!({"role": role})).await;
        assert!(answer.status < 300, "{answer:?}");
    }

    /// Removes somebody from a room.
    pub async fn remove(&self, room: RoomId, user: &Self) {
        let path = format!("/v1/rooms/{room}/members/{}", user.id);
        self.delete(&path).await.expect(204);
    }

    /// Leaves a room, or hides a direct one.
    pub async fn leave(&self, room: RoomId) {
        self.delete(&format!("/v1/rooms/{room}/members/me"))
            .await
            .expect(204);
    }

    /// Bans somebody from a room.
    pub async fn ban(&self, room: RoomId, user: &Self) {
        let path = format!("/v1/rooms/{room}/bans/{}", user.id);
        self.put(&path, json!({})).await.expect(204);
    }

    /// Uploads a file.
    pub async fn upload(&self, name: &str, content_type: &str, bytes: Vec<u8>) -> Attachment {
        let answer = self.rest().upload(name, content_type, bytes).await;
        answer.expect(201).read()
    }

    /// The whole history of a room by REST, oldest first, tombstones included.
    pub async fn history(&self, room: RoomId) -> Vec<Message> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let after = all.last().map_or(0, |message| message.number);
            let path = format!("/v1/rooms/{room}/messages?after={after}&limit=100");
            let mut page: Vec<Message> = self.get(&path).await.expect(200).items();
            if page.is_empty() {
                return all;
            }
            page.reverse();
            all.extend(page);
        }
    }
}

/// A name that nobody else has at this place; every other one is Persian.
pub fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    const NAMES: [&str; 6] = ["آرش", "user", "سارا", "Navid", "مهدی_ک", "o.k"];
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let at = usize::try_from(count).unwrap_or_default() % NAMES.len();
    format!("{}-{count}", NAMES[at])
}

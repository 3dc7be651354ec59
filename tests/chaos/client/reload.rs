//! Reading a room by REST, from nodes that may be away.

use std::sync::Arc;
use std::time::Duration;

use chapar_shared::protocol::Message;
use chapar_shared::{RoomId, Seq};
use chapar_tests::User;
use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

/// A room as REST tells it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) room: RoomId,
    /// The head at which the first page was read; later ones may be newer.
    pub(crate) seq: Seq,
    /// Oldest first, tombstones included.
    pub(crate) messages: Vec<Message>,
}

/// Asks one api node after the other until one tells all of it.
pub(super) async fn reload(user: Arc<User>, room: RoomId) -> Loaded {
    for node in (0..2).cycle() {
        if let Some(loaded) = read(&user, node, room).await {
            return loaded;
        }
        sleep(Duration::from_millis(300)).await;
    }
    unreachable!("the nodes go round for ever")
}

/// A room as one node tells it; `None` if it does not.
pub(crate) async fn read(user: &User, node: usize, room: RoomId) -> Option<Loaded> {
    let rest = user.rest_at(node);
    let mut messages: Vec<Message> = Vec::new();
    let mut head = None;
    loop {
        let mut path = format!("/v1/rooms/{room}/messages?limit=100");
        if let Some(oldest) = messages.last() {
            path = format!("{path}&before={}", oldest.number);
        }
        let answer = rest.attempt(rest.request(Method::GET, &path)).await.ok()?;
        if answer.status != 200 {
            return None;
        }
        let mut page: Value = serde_json::from_slice(&answer.body).ok()?;
        let seq = page["seq"].as_i64()?;
        let items: Vec<Message> = serde_json::from_value(page["items"].take()).ok()?;
        let head = *head.get_or_insert(seq);
        if items.is_empty() {
            messages.reverse();
            return Some(Loaded {
                room,
                seq: Seq::from(head),
                messages: messages.into_iter().map(impersonal).collect(),
            });
        }
        messages.extend(items);
    }
}

/// Events are the same for everybody and mark nobody's own reactions.
fn impersonal(mut message: Message) -> Message {
    for reaction in &mut message.reactions {
        reaction.me = None;
    }
    message
}

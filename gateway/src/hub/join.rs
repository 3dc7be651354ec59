//! A user's coming into a room and leaving it, on the sockets they have open.

use std::sync::Arc;

use chapar_shared::envelope::Channel;
use chapar_shared::internal::{RoomHead, RoomRequest};
use chapar_shared::protocol::{Event, EventBody, LeftRoom, RoomKind};
use chapar_shared::{RoomId, Seq};

use super::room::Room;
use super::user::{Membership, State, User};
use crate::dialects::{Encodings, Outgoing};
use crate::node::Node;
use crate::retry::Backoff;

/// Subscribes the room, tells `room.joined`, and starts the stream where that says; nothing of it if the user
/// is not in the room any more. Called with the user's turn held; tries until the api answers or the user
/// is gone.
///
/// `room.joined` says where a client finds what came before; one whose dialect has no such word hears of what
/// came since `after`, if that is known (not 0).
pub(super) async fn join(node: &Arc<Node>, user: &Arc<User>, id: RoomId, after: Seq) {
    if user.room(id).is_some() {
        return;
    }
    let channel = Channel::Room(id);
    let hold = node.subscriptions.hold_one(channel);
    let room = node.room(id);
    node.subscriptions.confirm(&[channel]).await;
    let mut backoff = Backoff::default();
    let (view, before) = loop {
        let before = room.known();
        match node
            .backend
            .room(RoomRequest {
                user: user.id,
                room: id,
            })
            .await
        {
            Ok(answer) if node.is_current(&answer.epoch) => match answer.room {
                Some(view) => break (view, before),
                None => return,
            },
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(
                    room.id = id.0,
                    error = &error as &dyn std::error::Error,
                    "joined room is not readable yet"
                );
            }
        }
        if user.is_gone() {
            return;
        }
        backoff.wait().await;
    };
    let head = RoomHead {
        room: id,
        seq: view.room.seq,
        number: view.room.number,
        members: view.room.member_count,
    };
    node.mend(&room, room.learn(head, before));
    let mut state = user.lock();
    if state.is_gone() {
        return;
    }
    state.rooms.insert(
        id,
        Membership {
            room: Arc::clone(&room),
            kind: view.room.kind,
            name: view.room.name.clone(),
        },
    );
    hold.keep();
    let frame = Event::user(EventBody::RoomJoined(view)).encode().into();
    let frames = Encodings::new(Outgoing::event(&frame));
    for connection in &state.connections {
        let is_heard = connection.scope.covers(id);
        if is_heard {
            let is_told = connection.dialect.get().resumes();
            let begins = if is_told || after == 0 {
                head.seq
            } else {
                after.min(head.seq)
            };
            room.attach_at(connection, begins);
        }
        if connection.scope.hears_user() {
            connection.queue.push(&frames.get(connection));
        }
        if is_heard {
            node.mend(&room, room.activate(connection));
        }
    }
}

/// Ends the room's stream, closes the sockets that were opened for it alone, and tells `room.left`; the channel to release, if it was the user's room.
pub(super) fn leave(state: &mut State, id: RoomId, kind: RoomKind, name: &str) -> Option<Channel> {
    let membership = state.rooms.remove(&id)?;
    state.cut_room(id, &membership);
    let left = LeftRoom {
        id,
        kind,
        name: name.to_owned(),
    };
    state.tell(&Event::user(EventBody::RoomLeft(left)).encode().into());
    Some(Channel::Room(id))
}

impl Node {
    /// A room's entry. Its channel must be held, which is what keeps the entry.
    pub(crate) fn room(&self, id: RoomId) -> Arc<Room> {
        self.rooms.get_or_insert(id, || Room::new(id, &self.config))
    }
}

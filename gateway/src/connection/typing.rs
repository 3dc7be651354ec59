//! Typing on its way out: gathered and published by one task, dropped when that cannot keep up.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use chapar_shared::envelope::{Actor, Channel, Envelope, Ephemeral};
use chapar_shared::protocol::{Event, EventBody, Typing};
use chapar_shared::{RoomId, UserId};

use crate::measures;
use crate::node::Node;

/// Events that wait to be published; beyond it they are dropped.
const QUEUE: usize = 1024;

/// Events published in one call.
const BATCH: usize = 256;

/// The way to the publishing task.
#[derive(Debug)]
pub(crate) struct Typists {
    sender: mpsc::Sender<(Channel, Bytes)>,
    receiver: Mutex<Option<mpsc::Receiver<(Channel, Bytes)>>>,
}

impl Default for Typists {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }
}

impl Typists {
    /// Tells a room that a user types or stopped, if the task keeps up.
    pub(super) fn tell(&self, room: RoomId, user: UserId, actor: Option<Actor>, typing: bool) {
        let event = Event::ephemeral(room, EventBody::Typing(Typing { user, typing }));
        let frame = serde_json::value::to_raw_value(&event)
            .expect("events hold no map keys or floats that JSON lacks");
        let envelope = Envelope::Ephemeral(Ephemeral {
            room,
            except: Some(user),
            actor,
            frame,
        });
        if self
            .sender
            .try_send((Channel::Room(room), envelope.encode().into()))
            .is_err()
        {
            measures::dropped_ephemerals(1);
        }
    }
}

/// Publishes until shutdown.
pub(crate) async fn publish_typing(node: Arc<Node>) {
    let receiver = node
        .typists
        .receiver
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let mut receiver = receiver.expect("the task is started once");
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = node.shutdown.cancelled() => return,
            _ = receiver.recv_many(&mut batch, BATCH) => {}
        }
        let count = batch.len() as u64;
        if node
            .broker
            .publish(std::mem::take(&mut batch))
            .await
            .is_err()
        {
            measures::dropped_ephemerals(count);
        }
    }
}

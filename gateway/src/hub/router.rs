//! The one task that reads the broker. It decodes each envelope once and hands it on; it waits for nobody.

use std::sync::Arc;

use tokio::sync::mpsc;

use chapar_broker::Delivery;
use chapar_shared::envelope::{Channel, Envelope};

use super::change::{Change, text};
use crate::dialects::{Encodings, Outgoing};
use crate::measures::{self, Missing};
use crate::node::Node;

/// Deliveries handed on before connections are written to. The more of them there are, the more frames a write
/// carries; it takes a few milliseconds at most.
const TURN: usize = 512;

/// Runs until shutdown or the end of the stream.
pub(crate) async fn route(node: Arc<Node>, mut deliveries: mpsc::Receiver<Delivery>) {
    let mut turn = Vec::with_capacity(TURN);
    loop {
        let count = tokio::select! {
            () = node.shutdown.cancelled() => return,
            count = deliveries.recv_many(&mut turn, TURN) => count,
        };
        if count == 0 {
            return;
        }
        for delivery in turn.drain(..) {
            match delivery {
                Delivery::Message(channel, bytes) => match Envelope::decode(&bytes) {
                    Ok(envelope) => hand_on(&node, channel, envelope),
                    Err(_) => measures::undecodable(),
                },
                Delivery::Gap => {
                    measures::gap(Missing::Link);
                    node.subscriptions.renewed();
                    node.check_soon.notify_one();
                }
            }
        }
        if count == TURN {
            // Else more turns might follow before anybody is written to.
            tokio::task::yield_now().await;
        }
    }
}

fn hand_on(node: &Arc<Node>, channel: Channel, envelope: Envelope) {
    match envelope {
        Envelope::Change(change) => {
            if let Some(room) = node.rooms.get(change.room) {
                let gap = room.offer(Change::live(change));
                node.mend(&room, gap);
            }
        }
        Envelope::Ephemeral(ephemeral) => {
            let frame = text(ephemeral.frame);
            let frames = Encodings::new(Outgoing::Event {
                frame: &frame,
                actor: ephemeral.actor.as_ref(),
            });
            if let Channel::User(user) = channel {
                if let Some(user) = node.users.get(user) {
                    user.relay(&frames, ephemeral.except);
                }
            } else if let Some(room) = node.rooms.get(ephemeral.room) {
                room.relay(&frames, ephemeral.except);
            }
        }
        Envelope::User(change) => {
            if let Some(user) = node.users.get(change.user) {
                user.take(node, change);
            }
        }
        Envelope::Head { room, seq } => {
            if let Some(room) = node.rooms.get(room) {
                let gap = room.raise(seq);
                node.mend(&room, gap);
            }
        }
        Envelope::Version { user, version } => {
            if let Some(user) = node.users.get(user) {
                user.raise(node, version);
            }
        }
        Envelope::Presence(presence) => node.watchers.relay(presence),
    }
}

//! The comparison of every room's head and every user's version with the api's: after a gap, at a slow steady
//! pace, and every second while the broker cannot be relied on, when it is what delivery lives from.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval};

use chapar_broker::Link;
use chapar_shared::internal::HeadsRequest;
use chapar_shared::protocol::CloseCode;
use chapar_shared::{RoomId, UserId};

use super::room::Room;
use super::user::User;
use crate::backend::BackendError;
use crate::connection::End;
use crate::node::Node;

/// Runs until shutdown: checks when asked and when due, unsubscribes what lingers.
pub(crate) async fn watch_over(node: Arc<Node>) {
    let pace = node
        .config
        .unproven_check_interval
        .min(node.config.linger)
        .max(std::time::Duration::from_millis(5));
    let mut tick = interval(pace);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut checked, mut source_seen) = (Instant::now(), Instant::now());
    loop {
        let is_asked = tokio::select! {
            () = node.shutdown.cancelled() => return,
            () = node.check_soon.notified() => true,
            _ = tick.tick() => false,
        };
        node.subscriptions
            .sweep(|channels| {
                for channel in channels {
                    if let chapar_shared::envelope::Channel::Room(room) = channel {
                        node.rooms.remove(*room);
                    }
                }
            })
            .await;
        let is_reliable =
            *node.link.borrow() == Link::Proven && !node.subscriptions.is_unconfirmed();
        if is_reliable {
            source_seen = Instant::now();
        }
        let pause = if is_reliable {
            node.config.check_interval
        } else {
            node.config.unproven_check_interval
        };
        if !is_asked && checked.elapsed() < pause {
            continue;
        }
        match compare_all(&node).await {
            Ok(()) => source_seen = Instant::now(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "heads could not be compared"
                );
                if is_asked && is_reliable {
                    // The gap is still there: not at the slow pace, but not at once either.
                    node.ask_again_later();
                }
            }
        }
        checked = Instant::now();
        if source_seen.elapsed() > node.config.source_timeout {
            tracing::warn!("neither broker nor api for too long: clients are sent elsewhere");
            node.connections
                .each(|connection| connection.queue.end(End::Close(CloseCode::NoEventSource)));
            source_seen = Instant::now();
        }
    }
}

async fn compare_all(node: &Arc<Node>) -> Result<(), BackendError> {
    let rooms = node.rooms.all();
    let users = node.users.all();
    let batch = node.config.check_batch.clamp(1, 10_000);
    for rooms in rooms.chunks(batch) {
        compare_rooms(node, rooms).await?;
    }
    for users in users.chunks(batch) {
        compare_users(node, users).await?;
    }
    Ok(())
}

/// Compares these rooms' heads and repairs what differs.
async fn compare_rooms(node: &Arc<Node>, rooms: &[Arc<Room>]) -> Result<(), BackendError> {
    let known: std::collections::HashMap<RoomId, _> = rooms
        .iter()
        .map(|room| (room.id, (room, room.known())))
        .filter(|(_, (_, known))| known.is_comparable())
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    let request = HeadsRequest {
        rooms: known.keys().copied().collect(),
        users: Vec::new(),
    };
    let answer = node.backend.heads(request).await?;
    if node.is_current(&answer.epoch) {
        for head in answer.rooms {
            if let Some((room, before)) = known.get(&head.room) {
                node.mend(room, room.learn(head, *before));
            }
        }
    }
    Ok(())
}

async fn compare_users(node: &Arc<Node>, users: &[Arc<User>]) -> Result<(), BackendError> {
    let known: std::collections::HashMap<UserId, i64> = users
        .iter()
        .filter_map(|user| Some((user.id, user.lock().version?)))
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    let request = HeadsRequest {
        rooms: Vec::new(),
        users: known.keys().copied().collect(),
    };
    let answer = node.backend.heads(request).await?;
    if !node.is_current(&answer.epoch) {
        return Ok(());
    }
    let versions: std::collections::HashMap<UserId, i64> = answer.users.into_iter().collect();
    for user in users {
        match (known.get(&user.id), versions.get(&user.id)) {
            (Some(known), Some(&version)) if version > *known => user.raise(node, version),
            // Gone from the store, or gone back.
            (Some(known), version) if version != Some(known) => user.reload_soon(node),
            _ => {}
        }
    }
    Ok(())
}

//! Loading a user again after a gap in their versions, and telling the difference.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use chapar_shared::internal::{UserRequest, UserState};
use chapar_shared::protocol::{Event, EventBody, NotificationsRead};
use chapar_shared::{Code, NotificationId, RoomId};

use super::join;
use super::user::User;
use crate::backend::BackendError;
use crate::node::Node;
use crate::retry::Backoff;

/// Notifications in one answer of [`crate::backend::Backend::user`].
const PAGE: usize = 100;

/// Loads the user, tells the difference on every socket, and gives the state that was loaded; `None` once
/// they are gone. Called with the user's turn held; tries until the api answers. May be dropped midway: what
/// was told is not told again.
pub(crate) async fn reload(node: &Arc<Node>, user: &Arc<User>) -> Option<UserState> {
    let mut backoff = Backoff::default();
    loop {
        let after = user.begin_reload()?;
        match node
            .backend
            .user(UserRequest {
                user: user.id,
                after,
            })
            .await
        {
            Ok(state) if node.is_current(&state.epoch) => {
                let is_full = state.notifications.len() >= PAGE;
                tell_difference(node, user, &state).await;
                if !is_full {
                    let mut known = user.lock();
                    known.last_notification = state.last_notification;
                    known.read_up_to = state.read_up_to;
                    drop(known);
                    user.set_version(state.version);
                    return Some(state);
                }
            }
            Ok(_) => backoff.wait().await,
            Err(BackendError::Refused(problem)) if problem.code == Code::UserNotFound => {
                user.lock().close(|_| true);
                user.set_version(i64::MAX - 1);
                return None;
            }
            Err(error) => {
                tracing::debug!(
                    user.id = user.id.0,
                    error = &error as &dyn std::error::Error,
                    "user is not readable yet"
                );
                backoff.wait().await;
            }
        }
    }
}

async fn tell_difference(node: &Arc<Node>, user: &Arc<User>, loaded: &UserState) {
    let joined: Vec<RoomId> = {
        let mut known = user.lock();
        known.know(&loaded.user);
        known.close(|connection| !loaded.sessions.contains(&connection.session));
        let is_loaded = |id: &RoomId| loaded.rooms.iter().any(|room| room.id == *id);
        let left: Vec<RoomId> = known
            .rooms
            .keys()
            .filter(|id| !is_loaded(id))
            .copied()
            .collect();
        for id in left {
            if let Some((kind, name)) = known.rooms.get(&id).map(|it| (it.kind, it.name.clone()))
                && let Some(channel) = join::leave(&mut known, id, kind, &name)
            {
                node.subscriptions.release([channel]);
            }
        }
        let is_new = |id: &RoomId| !known.rooms.contains_key(id);
        loaded
            .rooms
            .iter()
            .map(|room| room.id)
            .filter(is_new)
            .collect()
    };
    for room in joined {
        join::join(node, user, room, 0).await;
    }
    let mut known = user.lock();
    for notification in &loaded.notifications {
        if notification.id > known.last_notification {
            known.last_notification = notification.id;
            let event = Event::user(EventBody::NotificationCreated(notification.clone()));
            known.tell(&event.encode().into());
        }
    }
    if loaded.read_up_to > known.read_up_to {
        known.read_up_to = loaded.read_up_to;
        let read = NotificationsRead {
            up_to: loaded.read_up_to,
            room: None,
        };
        known.tell(
            &Event::user(EventBody::NotificationRead(read))
                .encode()
                .into(),
        );
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    r#type: &'a str,
}

#[derive(Deserialize)]
struct Read {
    data: NotificationsRead,
}

/// Whether a notification's frame tells of a new one, rather than of old ones read.
pub(super) fn is_created(frame: &RawValue) -> bool {
    serde_json::from_str(frame.get())
        .is_ok_and(|kind: Kind<'_>| kind.r#type == "notification.created")
}

/// Up to where a frame tells that everything was read; 0 where it tells of one room alone.
pub(super) fn read_up_to(frame: &RawValue) -> NotificationId {
    match serde_json::from_str(frame.get()) {
        Ok(Read {
            data: NotificationsRead { up_to, room: None },
        }) => up_to,
        _ => NotificationId(0),
    }
}

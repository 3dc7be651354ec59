//! The unread notifications of a user, told to a socket before those that come while it is open.

use std::collections::VecDeque;
use std::sync::Arc;

use chapar_shared::internal::UserRequest;
use chapar_shared::protocol::{Event, EventBody, Notification};

use super::open::Opened;
use crate::backend::BackendError;
use crate::dialects::{Frames, Outgoing};
use crate::node::Node;

/// The newest that are told; nobody reads more.
const MAX: usize = 1000;

/// Pages that are looked through; each has up to 100.
const PAGES: usize = 50;

/// Queues them, oldest first, before whatever came since the connection was opened. Those that came since are
/// left out: they are in the queue already.
///
/// # Errors
/// The api did not answer.
pub(super) async fn tell(node: &Arc<Node>, opened: &Opened) -> Result<(), BackendError> {
    let mut unread: VecDeque<Notification> = VecDeque::new();
    let (mut after, told) = (opened.read_up_to, opened.told_up_to);
    for _ in 0..PAGES {
        if after >= told {
            break;
        }
        let user = opened.connection.user;
        let state = node.backend.user(UserRequest { user, after }).await?;
        let Some(last) = state.notifications.last() else {
            break;
        };
        after = last.id;
        for notification in state.notifications {
            if notification.read_at.is_none() && notification.id <= told {
                unread.push_back(notification);
            }
        }
        while unread.len() > MAX {
            unread.pop_front();
        }
    }
    let frames: Vec<Frames> = unread
        .into_iter()
        .map(|notification| {
            let event = Event::user(EventBody::NotificationCreated(notification));
            let frame = event.encode().into();
            opened.connection.encode(&Outgoing::event(&frame))
        })
        .collect();
    opened.connection.queue.push_first(&frames);
    Ok(())
}

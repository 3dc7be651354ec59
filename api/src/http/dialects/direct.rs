//! Messages to one other person.

use chapar_shared::internal::SendCommand;
use chapar_shared::{RoomId, UserId};

use super::super::ApiState;
use crate::error::Error;
use crate::store::MessageRecord;

/// A message as these systems send one: text alone.
pub fn text_message(room: RoomId, content: &str) -> SendCommand {
    SendCommand {
        room,
        content: content.to_owned(),
        nonce: None,
        is_nonce_hidden: false,
        reply_to: None,
        attachments: Vec::new(),
    }
}

/// Sends a message into the direct room of two, which is made if there is none.
///
/// # Errors
/// What [`Messages::send`](crate::domain::Messages::send) and [`Rooms::direct`](crate::domain::Rooms::direct)
/// refuse; failures of the store.
pub async fn send_direct(
    state: &ApiState,
    user: UserId,
    peer: UserId,
    content: &str,
) -> Result<MessageRecord, Error> {
    // No room is made for what may not be sent.
    state
        .messages
        .check(user, text_message(RoomId(0), content))?;
    let (sight, _) = state.rooms.direct(user, peer).await?;
    let command = text_message(sight.room.id, content);
    Ok(state.messages.send(user, command).await?.into_message())
}

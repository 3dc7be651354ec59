//! Lists that are answered as bare arrays: at most 1,000 items, the newest, oldest first.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use chapar_shared::{Code, MessageId, Problem, RoomId, UserId, Violation};

use super::super::ApiState;
use super::super::error::Failure;
use super::Params;
use crate::error::Error;
use crate::store::messages::Around;
use crate::store::{MessageRecord, RoomSight};

/// Items of one answer, at most.
const MAX: u32 = 1000;

/// The newest `limit` items before the one with the id `before`. Both may be left out; more than 1,000 items are
/// never given, however many are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// At least 1, at most 1,000.
    pub limit: u32,
    /// An id of the list's items.
    pub before: Option<i64>,
}

impl FromRequestParts<ApiState> for Window {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let Ok(params) = Params::from_request_parts(parts, state).await;
        Ok(Self::of(&params)?)
    }
}

impl Window {
    fn of(params: &Params) -> Result<Self, Problem> {
        let mut fields = params.fields();
        let limit = fields.maybe_id("limit").unwrap_or(i64::from(MAX));
        let before = fields.maybe_id("before");
        if limit < 1 {
            let max = i64::from(MAX);
            fields.refuse_as("limit", Violation::OutOfRange { min: 1, max });
        }
        fields.finish()?;
        let limit = u32::try_from(limit).unwrap_or(MAX).clamp(1, MAX);
        Ok(Self { limit, before })
    }

    /// The part of a whole list: its items with the largest ids, ascending.
    pub fn cut<T>(&self, mut items: Vec<T>, id: impl Fn(&T) -> i64) -> Vec<T> {
        if let Some(before) = self.before {
            items.retain(|item| id(item) < before);
        }
        items.sort_unstable_by_key(&id);
        let surplus = items.len().saturating_sub(self.limit as usize);
        items.split_off(surplus)
    }
}

/// The user's rooms that `is_wanted`, within the window; hidden direct ones left out.
///
/// # Errors
/// Failures of the store.
pub async fn own_rooms(
    state: &ApiState,
    user: UserId,
    window: Window,
    is_wanted: impl Fn(&RoomSight) -> bool,
) -> Result<Vec<RoomSight>, Failure> {
    let page = state.rooms.list(user, None, state.limits.max_rooms).await?;
    let wanted = page.items.into_iter().filter(is_wanted).collect();
    Ok(window.cut(wanted, |sight| sight.room.id.0))
}

/// The messages of a room within the window, tombstones included.
///
/// # Errors
/// What [`Messages::history`](crate::domain::Messages::history) refuses; `invalid` with `before: unknown` for a
/// message that the room does not have.
pub async fn history(
    state: &ApiState,
    user: UserId,
    room: RoomId,
    window: Window,
) -> Result<Vec<MessageRecord>, Failure> {
    let around = match window.before {
        None => Around::Latest,
        Some(before) => match state.messages.get(user, room, MessageId(before)).await {
            Ok(message) => Around::Before(message.number),
            Err(Error::Refused(problem)) if problem.code == Code::MessageNotFound => {
                return Err(Problem::invalid("before", Violation::Unknown).into());
            }
            Err(error) => return Err(error.into()),
        },
    };
    let page = state.messages.history(user, room, around, window.limit);
    let mut messages = page.await?.items;
    messages.reverse();
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_before_an_id_are_given_oldest_first() {
        let cut = |limit, before| Window { limit, before }.cut(vec![5, 1, 9, 7], |id| *id);
        assert_eq!(cut(1000, None), [1, 5, 7, 9]);
        assert_eq!(cut(2, None), [7, 9]);
        assert_eq!(cut(2, Some(9)), [5, 7]);
        assert_eq!(cut(2, Some(1)), Vec::<i64>::new());
    }
}

//! One group.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use chapar_shared::{Code, Problem, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Path, Site};
use super::super::{Payload, Window, history, naming, text_message};
use super::answer::{Browser, see_other};
use super::objects::{self, Group, Message};
use super::{HOME, next, pages};
use crate::error::Error;
use crate::store::RoomSight;

/// Messages on one page; a list for programs has as many as they ask for.
const PAGE_MESSAGES: u32 = 100;

/// A group with who is in it.
pub(super) struct Whole {
    pub(super) group: Group,
    /// Usernames, in the order in which they came.
    pub(super) members: Vec<String>,
    is_truncated: bool,
}

impl Whole {
    async fn of(state: &ApiState, sight: &RoomSight) -> Result<Self, Failure> {
        let sights = std::slice::from_ref(sight);
        let group = objects::groups(state, sights).await?.pop();
        // What has no slug is no group, however it was found.
        let group = group.ok_or(Code::RoomNotFound)?;
        let mut people = state.rooms.rosters(sights).await?;
        let people = people.remove(&group.id).unwrap_or_default();
        let members: Vec<_> = people.into_iter().map(|person| person.username).collect();
        Ok(Self {
            is_truncated: i64::try_from(members.len()).is_ok_and(|told| told < group.members_count),
            group,
            members,
        })
    }

    fn json(&self) -> Value {
        let mut json = json!({ "group": self.group, "members": self.members });
        if self.is_truncated {
            json["users_truncated"] = true.into();
        }
        json
    }
}

/// The newest messages, oldest first.
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
    Path(slug): Path<String>,
    mut window: Window,
) -> Result<Response, Failure> {
    let sight = state.rooms.find(caller.user, &slug).await?;
    let whole = Whole::of(&state, &sight).await?;
    if is_browser {
        window.limit = window.limit.min(PAGE_MESSAGES);
    }
    let records = history(&state, caller.user, sight.room.id, window).await?;
    let older = records
        .first()
        .filter(|first| first.number > 1)
        .map(|first| first.id);
    let messages: Vec<Message> = records
        .into_iter()
        .flat_map(|record| objects::message(&state, &site, &record))
        .collect();
    if !is_browser {
        let mut json = whole.json();
        json["messages"] = json!(messages);
        return Ok(Json(json).into_response());
    }
    if window.before.is_none() {
        pages::mark_read(&state, caller.0, &sight).await;
    }
    let own = state.users.own(caller.0).await?;
    let own = objects::profile(&state, &site, own);
    let older = older.map(|id| format!("{}?before={id}", next::group(&whole.group.slug)));
    Ok(pages::group(
        &state,
        &own,
        &whole,
        &sight,
        &messages,
        older.as_deref(),
    ))
}

/// Sends a message (which lets one into a public group), adds somebody, or comes in.
pub(super) async fn post(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
    Path(slug): Path<String>,
    payload: Payload,
) -> Result<Response, Failure> {
    let sight = state.rooms.find(caller.user, &slug).await?;
    let path = next::group(sight.room.slug.as_deref().unwrap_or_default());
    let mut fields = payload.fields();
    if fields.has("add_member") {
        let added = match fields.maybe_text("username") {
            Some(username) if !username.trim().is_empty() => username,
            _ => fields.text("add_member"),
        };
        fields.finish()?;
        let whole = add(&state, &caller, &sight, &added).await?;
        return Ok(if is_browser {
            see_other(&path)
        } else {
            Json(whole.json()).into_response()
        });
    }
    let is_joining = fields.has("join") && !fields.has("message");
    let text = if is_joining {
        String::new()
    } else {
        fields.text("message")
    };
    fields.finish()?;
    if is_joining {
        let sight = state.rooms.enter(caller.user, &slug).await?;
        return Ok(if is_browser {
            see_other(&path)
        } else {
            Json(Whole::of(&state, &sight).await?.json()).into_response()
        });
    }
    let named = naming(&[("content", "message")]);
    let command = text_message(sight.room.id, &text);
    state
        .messages
        .check(caller.user, command.clone())
        .map_err(|problem| named(problem.into()))?;
    if sight.me.is_none() {
        state.rooms.enter(caller.user, &slug).await?;
    }
    let sent = state
        .messages
        .send(caller.user, command)
        .await
        .map_err(named)?;
    if is_browser {
        return Ok(see_other(&path));
    }
    let message = objects::message(&state, &site, &sent.message)
        .into_iter()
        .next();
    Ok((StatusCode::CREATED, Json(message)).into_response())
}

async fn add(
    state: &ApiState,
    caller: &Caller,
    sight: &RoomSight,
    username: &str,
) -> Result<Whole, Failure> {
    let unknown = |error| match error {
        // A field of the body names them, and no part of the path.
        Error::Refused(problem) if problem.code == Code::UserNotFound => {
            Problem::invalid("username", Violation::Unknown).into()
        }
        other => other,
    };
    let added = state.users.by_username(username).await.map_err(unknown)?;
    let room = sight.room.id;
    state
        .rooms
        .put_member(caller.user, room, added.id, None)
        .await?;
    let sight = state.rooms.get(caller.user, room).await?;
    Whole::of(state, &sight).await
}

/// Ends a group of the caller's.
pub(super) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    Path(slug): Path<String>,
) -> Result<Response, Failure> {
    let sight = state.rooms.find(caller.user, &slug).await?;
    state.rooms.delete(caller.user, sight.room.id).await?;
    Ok(if is_browser {
        see_other(HOME)
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

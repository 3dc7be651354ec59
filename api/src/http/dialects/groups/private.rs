//! The private chat with one other person.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use chapar_shared::{Code, Problem, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Path, Site};
use super::super::{Params, Payload, Window, history, naming, send_direct};
use super::answer::{Browser, see_other};
use super::objects::{self, PrivateChat};
use super::{next, pages};
use crate::store::Person;

/// Messages on one page; a list for programs has as many as they ask for.
const PAGE_MESSAGES: u32 = 100;

/// Where a form without a script leads: the chat with `username`.
pub(super) async fn open(caller: Caller, params: Params) -> Result<Response, Failure> {
    let _: Caller = caller;
    let mut fields = params.fields();
    let username = fields.text("username");
    fields.finish()?;
    Ok(see_other(&next::private(username.trim())))
}

async fn peer(state: &ApiState, caller: &Caller, username: &str) -> Result<Person, Failure> {
    let peer = state.users.by_username(username).await?;
    if peer.id == caller.user {
        return Err(Problem::invalid("username", Violation::Oneself).into());
    }
    Ok(peer)
}

/// The newest messages, oldest first. Looking makes no room.
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
    Path(username): Path<String>,
    mut window: Window,
) -> Result<Response, Failure> {
    let peer = peer(&state, &caller, &username).await?;
    if is_browser {
        window.limit = window.limit.min(PAGE_MESSAGES);
    }
    let sight = state.rooms.direct_of(caller.user, peer.id).await?;
    let records = match &sight {
        Some(sight) => history(&state, caller.user, sight.room.id, window).await?,
        None => Vec::new(),
    };
    let older = records
        .first()
        .filter(|first| first.number > 1)
        .map(|first| first.id);
    let messages = records
        .into_iter()
        .flat_map(|record| objects::message(&state, &site, &record))
        .collect();
    let own = state.users.own(caller.0).await?;
    let own = objects::profile(&state, &site, own);
    let online = objects::online(&state, caller.0, &[peer.id]).await?;
    let is_online = online.contains(&peer.id);
    let messages: Vec<_> = objects::private(messages, &own.username, &peer.username).collect();
    if !is_browser {
        let body = json!({
            "username": peer.username,
            "is_online": is_online,
            "messages": messages,
        });
        return Ok(Json(body).into_response());
    }
    if let Some(sight) = sight.filter(|_| window.before.is_none()) {
        pages::mark_read(&state, caller.0, &sight).await;
    }
    let older = older.map(|id| format!("{}?before={id}", next::private(&peer.username)));
    let chat = PrivateChat {
        username: peer.username,
        is_online,
        last_message: None,
        unread: 0,
    };
    let messages: Vec<_> = messages.into_iter().map(|one| one.message).collect();
    Ok(pages::private(
        &state,
        &own,
        &chat,
        &messages,
        older.as_deref(),
    ))
}

/// Sends a message; the first makes the direct room.
pub(super) async fn send(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
    Path(username): Path<String>,
    payload: Payload,
) -> Result<Response, Failure> {
    let peer = peer(&state, &caller, &username).await?;
    let mut fields = payload.fields();
    let text = fields.text("message");
    fields.finish()?;
    let sent = send_direct(&state, caller.user, peer.id, &text).await;
    let record = sent.map_err(naming(&[("content", "message")]))?;
    if is_browser {
        return Ok(see_other(&next::private(&peer.username)));
    }
    let own = record.sender.username.clone();
    let message = objects::message(&state, &site, &record);
    let message = objects::private(message, &own, &peer.username).next();
    let message = message.ok_or(Code::MessageNotFound)?;
    Ok((StatusCode::CREATED, Json(message)).into_response())
}

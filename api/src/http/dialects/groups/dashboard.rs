//! The beginning: groups that one may know of, one's private chats, and the making of groups.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{RoomId, UserId, Violation, text};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Site};
use super::super::{Params, Payload, Window, naming};
use super::answer::{Browser, see_other};
use super::objects::{self, PrivateChat};
use super::{next, pages};
use crate::domain::rooms::RoomDraft;
use crate::store::{Person, RoomSight};

/// Groups on one page; a list for programs has as many as they ask for.
const PAGE_GROUPS: u32 = 200;

/// Groups that hold `search_term`, and private chats with people who do.
pub(super) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    site: Site,
    params: Params,
    window: Window,
) -> Result<Response, Failure> {
    let mut fields = params.fields();
    let term = fields.maybe_text("search_term").unwrap_or_default();
    fields.finish()?;
    let limit = if is_browser {
        PAGE_GROUPS
    } else {
        window.limit
    };
    let before = window.before.map(RoomId);
    let mut sights = state
        .rooms
        .listed(caller.user, &term, before, limit)
        .await?;
    sights.reverse();
    let groups = objects::groups(&state, &sights).await?;
    let chats = private_chats(&state, &caller, &site, &term).await?;
    let user = state.users.own(caller.0).await?;
    let user = objects::profile(&state, &site, user);
    Ok(if is_browser {
        pages::dashboard(&state, &user, &groups, &chats, &term)
    } else {
        Json(json!({ "groups": groups, "private_chats": chats, "user": user })).into_response()
    })
}

/// The caller's own, latest activity first.
async fn private_chats(
    state: &ApiState,
    caller: &Caller,
    site: &Site,
    term: &str,
) -> Result<Vec<PrivateChat>, Failure> {
    let key = text::search_key(term);
    let is_wanted = |peer: &Person| {
        text::search_key(&peer.username).contains(&key)
            || text::search_key(&peer.display_name).contains(&key)
    };
    let own = state.rooms.list(caller.user, None, state.limits.max_rooms);
    let mut sights = own.await?.items;
    sights.retain(|sight| sight.peer.as_ref().is_some_and(is_wanted));
    let peer = |sight: &RoomSight| sight.peer.as_ref().map(|peer| peer.id);
    let people: Vec<UserId> = sights.iter().filter_map(peer).collect();
    let online = objects::online(state, caller.0, &people).await?;
    let mut latest = state.messages.latest(caller.user, &sights).await?;
    let chat = |sight: RoomSight| {
        let peer = sight.peer?;
        let last = latest.remove(&sight.room.id);
        let read = sight.me.map_or(sight.room.last_number, |me| me.read_number);
        Some(PrivateChat {
            is_online: online.contains(&peer.id),
            username: peer.username,
            last_message: last
                .and_then(|last| objects::message(state, site, &last).into_iter().next()),
            unread: (sight.room.last_number - read).max(0),
        })
    };
    Ok(sights.into_iter().filter_map(chat).collect())
}

/// Makes a group.
pub(super) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Browser(is_browser): Browser,
    payload: Payload,
) -> Result<Response, Failure> {
    let mut fields = payload.fields();
    let name = fields.text("group_name");
    // A form sends an empty one where none was chosen.
    let slug = fields
        .maybe_text("slug")
        .filter(|slug| !slug.trim().is_empty());
    let kind = match fields.text("type").as_str() {
        "private" => RoomKind::Private,
        "public" | "" => RoomKind::Public,
        _ => {
            fields.refuse_as("type", Violation::Format);
            RoomKind::Public
        }
    };
    fields.finish()?;
    let draft = RoomDraft {
        kind,
        name: Some(name),
        slug,
        description: None,
        members: Vec::new(),
    };
    let made = state.rooms.create(caller.user, draft).await;
    let sight = made.map_err(naming(&[("name", "group_name"), ("kind", "type")]))?;
    let mut groups = objects::groups(&state, &[sight]).await?;
    let group = groups.pop().expect("a room that was just made has a slug");
    Ok(if is_browser {
        see_other(&next::group(&group.slug))
    } else {
        (StatusCode::CREATED, Json(group)).into_response()
    })
}

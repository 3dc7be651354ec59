//! Conversations.

use axum::extract::State;
use axum::http::StatusCode;

use chapar_shared::protocol::objects::RoomKind;
use chapar_shared::{Code, Problem, RoomId, UserId, Violation};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::super::extract::{Caller, Json, Path, Site};
use super::super::{Fields, Payload, Window, naming, own_rooms};
use super::objects::{Conversation, conversations};
use crate::domain::rooms::RoomDraft;
use crate::domain::users::Naming;
use crate::error::Error;
use crate::store::RoomSight;

/// One's conversations.
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    window: Window,
) -> Result<Json<Vec<Conversation>>, Failure> {
    let sights = own_rooms(&state, caller.user, window, |_| true).await?;
    let list = conversations(&state, &site, caller.user, sights).await?;
    Ok(Json(list))
}

/// Begins one, or finds the one of two people: 200 then.
pub(super) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    payload: Payload,
) -> Result<(StatusCode, Json<Conversation>), Failure> {
    let mut fields = payload.fields();
    let participants = participants(&mut fields);
    fields.finish()?;
    let told = naming(&[("members", "participants"), ("user_id", "participants")]);
    let named = state.users.named(&participants).await;
    let mut others = named.map_err(&told)?;
    others.retain(|id| *id != caller.user);
    let begun = begin(&state, caller.user, others).await;
    let (sight, is_new) = begun.map_err(told)?;
    let conversation = one_of(&state, &site, caller.user, sight).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(conversation)))
}

/// Texts of digits are ids: usernames stand among them in forms, where everything is a text.
fn participants(fields: &mut Fields<'_>) -> Vec<Naming> {
    let texts = fields.texts("participants");
    let texts: Vec<_> = texts.iter().map(|text| text.trim()).collect();
    if texts.iter().all(|text| text.is_empty()) && !fields.is_refused("participants") {
        fields.refuse_as("participants", Violation::Required);
    }
    let named = texts.into_iter().filter(|text| !text.is_empty());
    named
        .map(|text| match text.parse() {
            Ok(id) => Naming::Id(UserId(id)),
            Err(_) => Naming::Username(text.to_owned()),
        })
        .collect()
}

async fn begin(
    state: &ApiState,
    caller: UserId,
    others: Vec<UserId>,
) -> Result<(RoomSight, bool), Error> {
    let [peer] = others[..] else {
        let draft = RoomDraft {
            kind: RoomKind::Private,
            name: None,
            slug: None,
            description: None,
            members: others,
        };
        return Ok((state.rooms.create(caller, draft).await?, true));
    };
    match state.rooms.direct(caller, peer).await {
        // Here it is a field that names nobody, as it is with more of them.
        Err(Error::Refused(problem)) if problem.code == Code::UserNotFound => {
            Err(Problem::invalid("members", Violation::Unknown).into())
        }
        other => other,
    }
}

async fn one_of(
    state: &ApiState,
    site: &Site,
    caller: UserId,
    sight: RoomSight,
) -> Result<Conversation, Failure> {
    let one = conversations(state, site, caller, vec![sight]).await?.pop();
    Ok(one.ok_or(Code::RoomNotFound)?)
}

/// One of them.
pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    site: Site,
    Path(room): Path<RoomId>,
) -> Result<Json<Conversation>, Failure> {
    let sight = state.rooms.own(caller.user, room).await?;
    let conversation = one_of(&state, &site, caller.user, sight).await?;
    Ok(Json(conversation))
}

/// Leaves one; that of two people is hidden until its next message.
pub(super) async fn leave(
    State(state): State<ApiState>,
    caller: Caller,
    Path(room): Path<RoomId>,
) -> Result<StatusCode, Failure> {
    state.rooms.own(caller.user, room).await?;
    let left = state.rooms.remove_member(caller.user, room, caller.user);
    left.await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Who a body says that its author is.

use chapar_shared::{Code, text};

use super::super::super::ApiState;
use super::super::super::error::Failure;
use super::super::Payload;
use crate::domain::Actor;

/// Refuses a body whose `user` or `sender` is, by id or username, somebody else than the caller.
///
/// # Errors
/// `forbidden`; failures of the store.
pub(super) async fn check(
    state: &ApiState,
    caller: Actor,
    payload: &Payload,
) -> Result<(), Failure> {
    let mut fields = payload.fields();
    let claimed = ["user", "sender"].map(|name| fields.maybe_text(name));
    // What is neither number nor text names nobody that the caller could be.
    fields.finish().map_err(|_| Code::Forbidden)?;
    let own_id = caller.user.to_string();
    for claimed in claimed.into_iter().flatten() {
        let claimed = claimed.trim();
        if claimed.is_empty() || claimed == own_id {
            continue;
        }
        let own = state.users.own(caller).await?;
        if text::identity(claimed) != text::identity(&own.person.username) {
            return Err(Code::Forbidden.into());
        }
    }
    Ok(())
}

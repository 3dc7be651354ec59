//! The people around one socket's user: those of the rooms that are no crowds, by their names, and whether they
//! are online as far as the socket was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use chapar_shared::internal::{CompanionsRequest, CompanionsResponse, Person};
use chapar_shared::protocol::Presence;
use chapar_shared::{Code, Problem, RoomId, UserId};

use super::packets;
use crate::backend::BackendError;
use crate::connection::Connection;
use crate::dialects::Frames;
use crate::node::Node;

/// Members of the largest room whose members are companions. Kept by the api; here it spares questions.
const MAX_COMPANY: i64 = 200;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Company {
    people: Mutex<HashMap<UserId, Companion>>,
    changed: Notify,
}

#[derive(Debug)]
struct Companion {
    person: Person,
    /// What the socket was told, or found at its beginning.
    is_online: bool,
}

impl Company {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Companion>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that somebody came into a room of so many members or left it.
    pub(super) fn note_change(&self, members: i64) {
        // One that came into a full room makes a crowd of it.
        if members <= MAX_COMPANY + 1 {
            self.changed.notify_one();
        }
    }

    /// Waits for what [`Company::note_change`] notes, or noted since the last wait.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What the client is told of a companion's coming or going, unless it knows.
    pub(super) fn tell(&self, presence: &Presence) -> Option<String> {
        self.turn(presence.user, presence.online)
    }

    fn turn(&self, user: UserId, is_online: bool) -> Option<String> {
        #[derive(Serialize)]
        struct Told<'a> {
            email: Option<&'a str>,
            username: &'a str,
        }
        let mut people = self.lock();
        let companion = people.get_mut(&user)?;
        if std::mem::replace(&mut companion.is_online, is_online) == is_online {
            return None;
        }
        let told = Told {
            email: companion.person.email.as_deref(),
            username: &companion.person.username,
        };
        let name = if is_online {
            "user_online"
        } else {
            "user_offline"
        };
        Some(packets::event(name, &told))
    }

    /// Asks who the companions are, and has the node watch them. Those who are new and online are told, but not
    /// at the beginning (`is_first`): then a client asks.
    ///
    /// # Errors
    /// Of the backend; the companions stay those that are known.
    pub(super) async fn refresh(
        &self,
        node: &Arc<Node>,
        connection: &Arc<Connection>,
        is_first: bool,
    ) -> Result<(), BackendError> {
        let answer = ask(node, connection.user, None).await?;
        let others = answer
            .people
            .into_iter()
            .filter(|person| person.id != connection.user);
        let mut users = Vec::new();
        {
            let mut people = self.lock();
            let mut before = std::mem::take(&mut *people);
            for person in others {
                let was_online = before.remove(&person.id).is_some_and(|it| it.is_online);
                users.push(person.id);
                let companion = Companion {
                    person,
                    is_online: was_online,
                };
                people.insert(companion.person.id, companion);
            }
        }
        users.sort_unstable();
        if *connection.watched() == users {
            return Ok(());
        }
        for user in node.watch(connection, users).await {
            if let Some(packet) = self.turn(user, true)
                && !is_first
            {
                connection.queue.push(&Frames::One(packet.into()));
            }
        }
        Ok(())
    }
}

/// Who is online in a room of the user's, or among all companions, the user included: by e-mail, or by username
/// where there is none.
///
/// # Errors
/// `room_not_found`; `unavailable`.
pub(super) async fn online(
    node: &Arc<Node>,
    user: UserId,
    room: Option<RoomId>,
) -> Result<Vec<String>, Problem> {
    let people = match ask(node, user, room).await {
        Ok(answer) => answer.people,
        Err(BackendError::Refused(problem)) => return Err(problem),
        Err(BackendError::Unavailable(_)) => return Err(Code::Unavailable.into()),
    };
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let states = node.presence.states(&ids).await.map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "presence could not be read"
        );
        Code::Unavailable
    })?;
    // The asker's lease may be as new as the question.
    let is_online = |person: &Person| {
        person.id == user || states.get(&person.id).is_some_and(|state| state.is_online)
    };
    let mut names: Vec<String> = people
        .into_iter()
        .filter(is_online)
        .map(|person| person.email.unwrap_or(person.username))
        .collect();
    names.sort_unstable();
    Ok(names)
}

async fn ask(
    node: &Arc<Node>,
    user: UserId,
    room: Option<RoomId>,
) -> Result<CompanionsResponse, BackendError> {
    let asking = node.backend.companions(CompanionsRequest { user, room });
    let answer = tokio::time::timeout(node.config.open_timeout, asking)
        .await
        .map_err(|late| BackendError::Unavailable(late.into()))??;
    // Of another store than before: the connection is closed for it.
    let _is_known = node.is_current(&answer.epoch);
    Ok(answer)
}

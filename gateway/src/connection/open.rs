//! Opening a connection after its token was found good: what must be subscribed before what is read. It needs
//! no socket: whoever opens one serves its queue ([`super::Queue::poll_work`]) and runs its commands
//! ([`super::Commands`]).
//!
//! The order is: the user's channel, the session and its rooms, the rooms' channels, heads, then under the
//! user's lock listeners, `ready` and what follows it. What arrives meanwhile waits: changes of rooms in the
//! rooms, changes of the user for the turn that is held here.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU8};

use tracing::Instrument;

use chapar_shared::envelope::Channel;
use chapar_shared::internal::{HeadsRequest, OpenRequest, RoomHead, UserState};
use chapar_shared::protocol::command::Hello;
use chapar_shared::protocol::reply::{ReadyLimits, Reset};
use chapar_shared::protocol::{
    CloseCode, Event, EventBody, LeftRoom, Ready, ReadyRoom, RoomKind, ServerFrame,
};
use chapar_shared::token::Claims;
use chapar_shared::{Code, Language, NotificationId, RoomId};

use super::{Connection, End, Lane, Queue, Scope};
use crate::backend::BackendError;
use crate::dialects::{DialectId, Frames, Outgoing, View};
use crate::hub::{self, Membership, Room, Seat, Start, User};
use crate::measures;
use crate::node::Node;

/// Tries to read everything within one epoch.
const TRIES: usize = 3;

/// What a connection is opened for.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Of a token that was found good.
    pub(crate) claims: Claims,
    pub(crate) dialect: DialectId,
    pub(crate) scope: Scope,
    pub(crate) view: View,
    pub(crate) language: Language,
    /// The native greeting, answered with `ready` and a replay. Without one the connection begins at the heads
    /// of its rooms and is told nothing first.
    pub(crate) hello: Option<Hello>,
}

/// A connection in the hub, to be served until its queue ends it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: Arc<Connection>,
    pub(crate) user: Arc<User>,
    /// Nothing is sent to the connection once this is dropped.
    pub(crate) guard: Guard,
    /// Notifications above this one are told to the connection as they come.
    pub(crate) told_up_to: NotificationId,
    /// Those up to this one are read.
    pub(crate) read_up_to: NotificationId,
}

/// Takes a connection out of the hub however its task ends.
#[derive(Debug)]
pub(crate) struct Guard {
    node: Arc<Node>,
    connection: Arc<Connection>,
    seat: Seat,
}

impl Guard {
    fn new(node: &Arc<Node>, connection: &Arc<Connection>, seat: Seat) -> Self {
        measures::connected(connection.dialect);
        Self {
            node: Arc::clone(node),
            connection: Arc::clone(connection),
            seat,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.connection.queue.end(End::Gone);
        self.node.connections.remove(&self.connection);
        self.seat.user.detach(&self.connection);
        let watched = std::mem::take(&mut *self.connection.watched());
        self.node.unwatch(&self.connection, &watched);
        measures::disconnected(self.connection.dialect);
    }
}

/// Opens a connection, or says how to close it: a room of its scope that is not the user's is
/// [`CloseCode::Revoked`]. May be dropped midway.
pub(crate) async fn open(node: &Arc<Node>, opening: Opening) -> Result<Opened, CloseCode> {
    let Opening {
        claims,
        dialect,
        scope,
        view,
        language,
        hello,
    } = opening;
    let opening = async {
        let seat = Seat::take(node, claims.user).ok_or(CloseCode::TooManyConnections)?;
        let user = Arc::clone(&seat.user);
        node.subscriptions.confirm(&[Channel::User(user.id)]).await;
        let _turn = user.turn.lock().await;
        for _ in 0..TRIES {
            let state = load(node, &seat, &claims).await?;
            let rooms = hold_rooms(node, &seat, &state).await;
            learn_heads(node, &state, &rooms, hello.as_ref()).await?;
            if node.epoch.is(&state.epoch) {
                let connection = Arc::new(Connection {
                    id: node.connections.next_id(),
                    user: claims.user,
                    session: claims.session,
                    dialect,
                    scope,
                    view,
                    language,
                    queue: Queue::new(node.config.max_queue_bytes),
                    lane: Lane::default(),
                    silent: AtomicU8::new(0),
                    expires: AtomicI64::new(claims.expires.as_micros()),
                    watched: Mutex::default(),
                });
                let guard = Guard::new(node, &connection, seat);
                let (told_up_to, read_up_to) =
                    begin(node, &user, &connection, state, &rooms, hello.as_ref())?;
                return Ok(Opened {
                    connection,
                    user: Arc::clone(&user),
                    guard,
                    told_up_to,
                    read_up_to,
                });
            }
        }
        Err(CloseCode::GoingAway)
    };
    let since = std::time::Instant::now();
    let span = chapar_trace::span!("open", otel.kind = "server", dialect = dialect.get().name());
    let opened = tokio::time::timeout(node.config.open_timeout, opening.instrument(span))
        .await
        .unwrap_or(Err(CloseCode::GoingAway));
    if opened.is_ok() {
        measures::opened(since);
    }
    opened
}

/// The user's state at the version at which the node knows them.
async fn load(node: &Arc<Node>, seat: &Seat, claims: &Claims) -> Result<UserState, CloseCode> {
    let request = OpenRequest {
        user: claims.user,
        session: claims.session,
    };
    let state = match node.backend.open(request).await {
        Ok(state) => state,
        Err(BackendError::Refused(problem)) => {
            return Err(match problem.code {
                Code::SessionRevoked | Code::UserNotFound => CloseCode::Revoked,
                code => {
                    tracing::error!(%code, "the api refused to open a session");
                    CloseCode::GoingAway
                }
            });
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a session could not be opened"
            );
            return Err(CloseCode::GoingAway);
        }
    };
    if !node.is_current(&state.epoch) {
        return Err(CloseCode::GoingAway);
    }
    let version = seat.user.lock().version;
    if version.is_none_or(|version| version == state.version) {
        return Ok(state);
    }
    // Another socket of the user's is behind: it is told the difference first, so that both go on from one
    // version.
    let state = hub::reload(node, &seat.user)
        .await
        .ok_or(CloseCode::Revoked)?;
    if state.sessions.contains(&claims.session) {
        Ok(state)
    } else {
        Err(CloseCode::Revoked)
    }
}

/// The user's rooms, subscribed; once for all their sockets.
async fn hold_rooms(node: &Arc<Node>, seat: &Seat, state: &UserState) -> Vec<Arc<Room>> {
    let mut channels = Vec::new();
    let rooms = {
        let mut known = seat.user.lock();
        known.know(&state.user);
        if known.version.is_none() {
            known.last_notification = state.last_notification;
            known.read_up_to = state.read_up_to;
        }
        let mut rooms = Vec::with_capacity(state.rooms.len());
        for room in &state.rooms {
            let channel = Channel::Room(room.id);
            channels.push(channel);
            let membership = known.rooms.entry(room.id).or_insert_with(|| {
                node.subscriptions.hold(&[channel]);
                Membership {
                    room: node.room(room.id),
                    kind: room.kind,
                    name: room.name.clone(),
                }
            });
            rooms.push(Arc::clone(&membership.room));
        }
        known.version = Some(state.version);
        rooms
    };
    node.subscriptions.confirm(&channels).await;
    rooms
}

/// Reads the heads that are not known, and those that a client claims to be beyond.
async fn learn_heads(
    node: &Arc<Node>,
    state: &UserState,
    rooms: &[Arc<Room>],
    hello: Option<&Hello>,
) -> Result<(), CloseCode> {
    let is_beyond = |room: &Room, head| {
        hello.is_some_and(|hello| {
            let since = hello.since.get(&room.id).copied().unwrap_or(0);
            since > head && is_same_epoch(hello, state)
        })
    };
    let asked: Vec<_> = rooms
        .iter()
        .map(|room| (room, room.known()))
        .filter(|(room, known)| known.head.is_none_or(|head| is_beyond(room, head)))
        .collect();
    for asked in asked.chunks(node.config.check_batch.clamp(1, 10_000)) {
        let request = HeadsRequest {
            rooms: asked.iter().map(|(room, _)| room.id).collect(),
            users: Vec::new(),
        };
        let answer = node.backend.heads(request).await.map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "heads could not be read"
            );
            CloseCode::GoingAway
        })?;
        if !node.is_current(&answer.epoch) {
            return Err(CloseCode::GoingAway);
        }
        let heads: std::collections::HashMap<RoomId, RoomHead> = answer
            .rooms
            .into_iter()
            .map(|head| (head.room, head))
            .collect();
        for (room, before) in asked {
            // A room that ended since the snapshot: its end comes on the user's channel.
            if let Some(head) = heads.get(&room.id) {
                node.mend(room, room.learn(*head, *before));
            }
        }
    }
    Ok(())
}

fn is_same_epoch(hello: &Hello, state: &UserState) -> bool {
    hello
        .epoch
        .as_ref()
        .is_none_or(|epoch| *epoch == state.epoch)
}

/// Attaches the listeners, queues `ready` and what follows it, and lets the rooms' streams begin. Under the
/// user's lock and without waiting, so that nothing comes between. Gives the newest notification of those told
/// before, and up to which they are read.
fn begin(
    node: &Arc<Node>,
    user: &Arc<User>,
    connection: &Arc<Connection>,
    mut state: UserState,
    rooms: &[Arc<Room>],
    hello: Option<&Hello>,
) -> Result<(NotificationId, NotificationId), CloseCode> {
    let mut known = user.lock();
    let heard: Vec<&Arc<Room>> = rooms
        .iter()
        .filter(|room| connection.scope.covers(room.id))
        .collect();
    if matches!(connection.scope, Scope::Room(_)) && heard.is_empty() {
        return Err(CloseCode::Revoked);
    }
    if let Some(hello) = hello {
        let first = answer(node, connection, &mut state, &heard, hello);
        connection.queue.push_first(&first);
    } else {
        for (room, read) in rooms.iter().zip(&state.rooms) {
            if connection.scope.covers(room.id) {
                room.attach(connection, Start::Snapshot, 0, read.seq);
            }
        }
    }
    known.connections.push(Arc::clone(connection));
    for room in heard {
        node.mend(room, room.activate(connection));
    }
    let marks = (known.last_notification, known.read_up_to);
    drop(known);
    node.connections.insert(connection);
    node.lives.arrive(connection.user);
    Ok(marks)
}

/// Attaches the listeners where `hello` says, and gives `ready` with what follows it.
fn answer(
    node: &Arc<Node>,
    connection: &Arc<Connection>,
    state: &mut UserState,
    rooms: &[&Arc<Room>],
    hello: &Hello,
) -> Vec<Frames> {
    let is_same_epoch = is_same_epoch(hello, state);
    let mut resets = Vec::new();
    for (room, ready) in rooms.iter().zip(&mut state.rooms) {
        let start = match hello.since.get(&ready.id) {
            None => Start::Snapshot,
            Some(&since) if is_same_epoch => Start::Since(since.max(0)),
            Some(_) => Start::Reset,
        };
        let attached = room.attach(connection, start, node.limits.max_replay, ready.seq);
        ready.seq = attached.seq;
        if attached.is_reset {
            resets.push(ServerFrame::Reset(Reset {
                room: ready.id,
                seq: attached.seq,
            }));
        }
    }
    let left = foreign(hello, &state.rooms);
    let ready = ServerFrame::Ready(Box::new(Ready {
        session: connection.session.to_string(),
        epoch: state.epoch.clone(),
        user: state.user.clone(),
        rooms: std::mem::take(&mut state.rooms),
        heartbeat_s: node.config.heartbeat.as_secs().max(1),
        limits: ReadyLimits::from(&*node.limits),
    }));
    let mut first = vec![connection.encode(&Outgoing::Server(&ready))];
    for left in left {
        let frame = Event::user(EventBody::RoomLeft(left)).encode().into();
        first.push(connection.encode(&Outgoing::event(&frame)));
    }
    first.extend(
        resets
            .iter()
            .map(|reset| connection.encode(&Outgoing::Server(reset))),
    );
    first
}

/// Rooms that the client names and that are not the user's. Their names are not this user's to know.
fn foreign(hello: &Hello, rooms: &[ReadyRoom]) -> Vec<LeftRoom> {
    let own: std::collections::HashSet<RoomId> = rooms.iter().map(|room| room.id).collect();
    hello
        .since
        .keys()
        .filter(|id| !own.contains(id))
        .map(|id| LeftRoom {
            id: *id,
            kind: RoomKind::Private,
            name: String::new(),
        })
        .collect()
}

//! One connected user on this node: version, sockets, rooms, and the order in which changes reach them.
//!
//! Whoever holds [`User::turn`] changes what is known of the user: an opening connection, or the user's one
//! worker. What arrives meanwhile waits in a bounded inbox; when that overflows, the user is loaded again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::time::Instant;

use chapar_shared::envelope::{Actor, Channel, UserChange, UserEvent};
use chapar_shared::protocol::{CloseCode, OwnUser, RoomKind};
use chapar_shared::{NotificationId, RoomId, UserId};

use super::join;
use super::room::Room;
use super::sync;
use crate::connection::{Connection, End, Scope};
use crate::dialects::{Encodings, Outgoing, Utf8Bytes};
use crate::measures;
use crate::node::Node;

/// Changes that wait for their turn; more than that is loaded again.
const MAX_INBOX: usize = 128;

/// See the module.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: UserId,
    /// Held by who changes what is known of the user.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// One file in a frame at a time.
    pub(crate) files: Arc<Semaphore>,
    state: Mutex<State>,
}

/// What is known of a user. Locked before any room.
#[derive(Debug)]
pub(crate) struct State {
    /// Sockets, those that are still opening included; 0 once the user is gone from this node.
    sockets: usize,
    /// `None` until the first socket opened.
    pub(crate) version: Option<i64>,
    /// The highest version known to exist.
    target: i64,
    must_reload: bool,
    pub(crate) connections: Vec<Arc<Connection>>,
    /// Who it is, as of the last time that was read.
    pub(crate) actor: Option<Actor>,
    pub(crate) rooms: HashMap<RoomId, Membership>,
    pub(crate) last_notification: NotificationId,
    pub(crate) read_up_to: NotificationId,
    /// By version.
    inbox: VecDeque<UserChange>,
    has_worker: bool,
    typing: HashMap<RoomId, (bool, Instant)>,
}

/// A room of the user's.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) room: Arc<Room>,
    pub(crate) kind: RoomKind,
    pub(crate) name: String,
}

enum Task {
    /// The next change may still be on its way: api nodes publish in any order.
    Wait,
    Reload,
    Apply(UserChange),
}

impl User {
    fn new(id: UserId) -> Self {
        Self {
            id,
            turn: tokio::sync::Mutex::default(),
            files: Arc::new(Semaphore::new(1)),
            state: Mutex::new(State {
                sockets: 0,
                version: None,
                target: 0,
                must_reload: false,
                connections: Vec::new(),
                actor: None,
                rooms: HashMap::new(),
                last_notification: NotificationId(0),
                read_up_to: NotificationId(0),
                inbox: VecDeque::new(),
                has_worker: false,
                typing: HashMap::new(),
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no socket is left.
    pub(crate) fn is_gone(&self) -> bool {
        self.lock().is_gone()
    }

    /// Takes a change from the user's channel. What cuts is done at once, the rest in order: right here if it
    /// is the next one and needs nobody's answer, else by the worker.
    pub(crate) fn take(self: &Arc<Self>, node: &Arc<Node>, change: UserChange) {
        let turn = self.turn.try_lock();
        let mut state = self.lock();
        if state
            .version
            .is_some_and(|version| change.version <= version)
        {
            return;
        }
        let is_simple = !change
            .changes
            .iter()
            .any(|event| matches!(event, UserEvent::Joined { .. }));
        if turn.is_ok()
            && !state.has_worker
            && is_simple
            && state.version == Some(change.version - 1)
        {
            for event in change.changes {
                state.apply(node, event);
            }
            state.version = Some(change.version);
            return;
        }
        drop(turn);
        for event in &change.changes {
            state.cut(event);
        }
        if state.inbox.len() < MAX_INBOX {
            let at = state
                .inbox
                .partition_point(|it| it.version <= change.version);
            state.inbox.insert(at, change);
        } else {
            state.inbox.clear();
            state.must_reload = true;
        }
        self.start_worker(node, state);
    }

    /// Takes word that the user is at least at `version`.
    pub(crate) fn raise(self: &Arc<Self>, node: &Arc<Node>, version: i64) {
        let mut state = self.lock();
        if state.version.is_some_and(|known| known < version) {
            state.target = state.target.max(version);
            self.start_worker(node, state);
        }
    }

    /// Loads the user again, whatever their version.
    pub(crate) fn reload_soon(self: &Arc<Self>, node: &Arc<Node>) {
        let mut state = self.lock();
        state.must_reload = true;
        self.start_worker(node, state);
    }

    /// What a reload asks for; it counts as done from now on. `None` once the user is gone.
    pub(crate) fn begin_reload(&self) -> Option<NotificationId> {
        let mut state = self.lock();
        state.must_reload = false;
        (state.sockets > 0).then_some(state.last_notification)
    }

    /// Sets what was loaded.
    pub(crate) fn set_version(&self, version: i64) {
        let mut state = self.lock();
        state.version = Some(version);
        state.target = version;
    }

    /// Whether typing in a room is to be relayed: not if the same was, a moment ago.
    pub(crate) fn may_type(
        &self,
        room: RoomId,
        is_typing: bool,
        interval: std::time::Duration,
    ) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        match state.typing.get(&room) {
            Some(&(before, at)) if before == is_typing && now - at < interval => false,
            _ => {
                state.typing.insert(room, (is_typing, now));
                true
            }
        }
    }

    /// Who it is, as dialects show it beside what the user does.
    pub(crate) fn actor(&self) -> Option<Actor> {
        self.lock().actor.clone()
    }

    /// A room of the user's.
    pub(crate) fn room(&self, room: RoomId) -> Option<Arc<Room>> {
        self.lock()
            .rooms
            .get(&room)
            .map(|membership| Arc::clone(&membership.room))
    }

    /// Queues what may be dropped for every socket.
    pub(crate) fn relay(&self, frames: &Encodings<'_>, except: Option<UserId>) {
        if except == Some(self.id) {
            return;
        }
        let state = self.lock();
        let is_dropped = |it: &&Arc<Connection>| !it.queue.push_ephemeral(&frames.get(it));
        let hearers = state.connections.iter().filter(|it| it.scope.hears_user());
        let dropped = hearers.filter(is_dropped).count();
        if dropped > 0 {
            measures::dropped_ephemerals(dropped as u64);
        }
    }

    /// Removes a closed connection.
    pub(crate) fn detach(&self, connection: &Connection) {
        let mut state = self.lock();
        state.connections.retain(|it| it.id != connection.id);
        for membership in state.rooms.values() {
            membership.room.detach(connection.id);
        }
    }

    fn start_worker(self: &Arc<Self>, node: &Arc<Node>, mut state: MutexGuard<'_, State>) {
        if !state.has_worker {
            state.has_worker = true;
            let (node, user) = (Arc::clone(node), Arc::clone(self));
            node.clone().spawn(async move { work(&node, &user).await });
        }
    }

    fn next_task(&self, has_waited: bool) -> Option<Task> {
        let mut state = self.lock();
        let version = match state.version {
            Some(version) if state.sockets > 0 => version,
            // Nobody to tell, or the first socket is still to read it all.
            _ => {
                state.inbox.clear();
                state.must_reload = false;
                state.has_worker = false;
                return None;
            }
        };
        if !state.must_reload {
            while let Some(change) = state.inbox.pop_front() {
                if change.version == version + 1 {
                    return Some(Task::Apply(change));
                }
                if change.version > version {
                    state.inbox.push_front(change);
                    if !has_waited {
                        return Some(Task::Wait);
                    }
                    measures::gap(measures::Missing::User);
                    return Some(Task::Reload);
                }
            }
        }
        if state.must_reload || state.target > version {
            return Some(Task::Reload);
        }
        state.has_worker = false;
        None
    }
}

async fn work(node: &Arc<Node>, user: &Arc<User>) {
    let _turn = user.turn.lock().await;
    let mut has_waited = false;
    while let Some(task) = user.next_task(has_waited) {
        has_waited = matches!(task, Task::Wait);
        match task {
            Task::Wait => tokio::time::sleep(node.config.repair_delay).await,
            Task::Reload => {
                sync::reload(node, user).await;
            }
            Task::Apply(change) => {
                for event in change.changes {
                    if let UserEvent::Joined { room, after } = event {
                        join::join(node, user, room, after).await;
                    } else {
                        user.lock().apply(node, event);
                    }
                }
                user.lock().version = Some(change.version);
            }
        }
    }
}

impl State {
    /// Whether no socket is left.
    pub(crate) fn is_gone(&self) -> bool {
        self.sockets == 0
    }

    /// Applies everything but `Joined`, which needs the api's answer.
    fn apply(&mut self, node: &Node, event: UserEvent) {
        self.cut(&event);
        match event {
            UserEvent::Left { room, kind, name } => {
                if let Some(channel) = join::leave(self, room, kind, &name) {
                    node.subscriptions.release([channel]);
                }
            }
            UserEvent::Notification { id, frame } => {
                if sync::is_created(&frame) {
                    self.last_notification = self.last_notification.max(id);
                } else {
                    self.read_up_to = self.read_up_to.max(sync::read_up_to(&frame));
                }
                self.tell(&super::text(frame));
            }
            UserEvent::Joined { .. } | UserEvent::Revoked { .. } | UserEvent::Shut => {}
        }
    }

    /// Does at once what takes something away.
    fn cut(&mut self, event: &UserEvent) {
        match event {
            UserEvent::Left { room, .. } => {
                if let Some(membership) = self.rooms.get(room) {
                    self.cut_room(*room, membership);
                }
            }
            UserEvent::Revoked { sessions } => {
                self.close(|connection| sessions.contains(&connection.session));
            }
            UserEvent::Shut => self.close(|_| true),
            UserEvent::Joined { .. } | UserEvent::Notification { .. } => {}
        }
    }

    /// Takes who it is from what was read.
    pub(crate) fn know(&mut self, own: &OwnUser) {
        self.actor = Some(Actor {
            id: own.user.id,
            username: own.user.username.clone(),
            avatar_url: own.user.avatar_url.clone(),
            email: own.email.clone(),
        });
    }

    /// Closes those sockets whose session ended.
    pub(crate) fn close(&self, is_over: impl Fn(&Connection) -> bool) {
        for connection in self.connections.iter().filter(|it| is_over(it)) {
            connection.queue.end(End::Close(CloseCode::Revoked));
        }
    }

    /// Ends a room's stream for every socket; those that were opened for it alone are closed.
    pub(super) fn cut_room(&self, id: RoomId, membership: &Membership) {
        for connection in &self.connections {
            membership.room.detach(connection.id);
            if connection.scope == Scope::Room(id) {
                connection.queue.end(End::Close(CloseCode::Revoked));
            }
        }
    }

    /// Queues a native event for every socket that hears what is addressed to its user.
    pub(crate) fn tell(&self, frame: &Utf8Bytes) {
        let frames = Encodings::new(Outgoing::event(frame));
        for connection in self.connections.iter().filter(|it| it.scope.hears_user()) {
            connection.queue.push(&frames.get(connection));
        }
    }
}

/// One socket's place among its user's; given up when dropped, and with the last one what the node keeps of
/// the user.
#[derive(Debug)]
pub(crate) struct Seat {
    node: Arc<Node>,
    pub(crate) user: Arc<User>,
}

impl Seat {
    /// Takes a place, or none if the user has as many sockets as allowed.
    pub(crate) fn take(node: &Arc<Node>, id: UserId) -> Option<Self> {
        let mut shard = node.users.shard(id);
        let user = Arc::clone(shard.entry(id).or_insert_with(|| Arc::new(User::new(id))));
        {
            let mut state = user.lock();
            if state.sockets >= node.limits.max_sockets {
                return None;
            }
            state.sockets += 1;
        }
        node.subscriptions.hold(&[Channel::User(id)]);
        Some(Self {
            node: Arc::clone(node),
            user,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut channels = vec![Channel::User(self.user.id)];
        {
            let mut shard = self.node.users.shard(self.user.id);
            let mut state = self.user.lock();
            state.sockets -= 1;
            if state.sockets == 0 {
                shard.remove(&self.user.id);
                channels.extend(state.rooms.drain().map(|(room, _)| Channel::Room(room)));
                self.node
                    .lives
                    .depart(self.user.id, self.node.config.offline_delay);
            }
        }
        self.node.subscriptions.release(channels);
    }
}

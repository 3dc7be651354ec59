//! A simulated store: rooms with dense positions and compacted changes, users with versions, nonces. What tests do
//! to it is here, what gateways ask of it in [`backend`].

mod backend;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use chapar_shared::envelope::{Channel, Envelope, RoomChange, UserChange, UserEvent};
use chapar_shared::internal::*;
use chapar_shared::protocol::{
    EventType, Notification, NotificationKind, OwnUser, ReadyRoom, Role, RoomKind, User,
};
use chapar_shared::{MessageId, NotificationId, RoomId, Seq, SessionId, Timestamp, UserId};

use super::bus::Bus;

pub use backend::{Calls, Faults};

#[derive(Debug)]
pub struct Store {
    pub bus: Arc<Bus>,
    state: Mutex<State>,
    batches: Semaphore,
    uploads: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    epoch: String,
    rooms: BTreeMap<i64, RoomRow>,
    users: BTreeMap<i64, UserRow>,
    nonces: HashMap<(i64, i64, String), Value>,
    next_message: i64,
    faults: Faults,
    calls: Calls,
}

#[derive(Clone, Debug, Default)]
struct RoomRow {
    seq: Seq,
    number: i64,
    members: BTreeSet<i64>,
    messages: BTreeMap<i64, MessageRow>,
    others: BTreeMap<Seq, (EventType, Value)>,
}

struct Draft {
    room: i64,
    sender: i64,
    content: String,
    files: Vec<String>,
    nonce: Option<String>,
}

#[derive(Clone, Debug)]
struct MessageRow {
    seq: Seq,
    changed: Seq,
    kind: EventType,
    content: String,
    nonce: Option<String>,
    sender: i64,
    files: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct UserRow {
    version: i64,
    sessions: BTreeSet<i64>,
    notifications: Vec<i64>,
    read_up_to: i64,
}

fn user(id: i64) -> User {
    User {
        id: UserId(id),
        username: format!("کاربر{id}"),
        display_name: String::new(),
        avatar_url: None,
    }
}

fn notification(id: i64) -> Notification {
    Notification {
        id: NotificationId(id),
        kind: NotificationKind::Mention,
        room: Some(RoomId(1)),
        message: None,
        sender: user(1),
        text: "متن".into(),
        created_at: Timestamp::default(),
        read_at: None,
    }
}

impl Store {
    pub fn new(bus: Arc<Bus>) -> Arc<Self> {
        Arc::new(Self {
            bus,
            state: Mutex::new(State {
                epoch: "e1".into(),
                ..State::default()
            }),
            batches: Semaphore::new(0),
            uploads: Semaphore::new(0),
        })
    }

    /// Users 1 to `users`, session = user × 10 and + 1, all in rooms 1 to `rooms`.
    pub fn populate(&self, users: i64, rooms: i64) {
        let mut state = self.state.lock().unwrap();
        for id in 1..=users {
            state.users.insert(
                id,
                UserRow {
                    version: 1,
                    sessions: [id * 10, id * 10 + 1].into(),
                    ..UserRow::default()
                },
            );
        }
        for id in 1..=rooms {
            state.rooms.entry(id).or_default().members = (1..=users).collect();
        }
    }

    /// Answers so many batches that are held.
    pub fn let_batches_pass(&self, count: usize) {
        self.batches.add_permits(count);
    }

    /// Answers so many uploads.
    pub fn let_uploads_pass(&self, count: usize) {
        self.uploads.add_permits(count);
    }

    pub fn fault(&self, set: impl FnOnce(&mut Faults)) {
        set(&mut self.state.lock().unwrap().faults);
    }

    pub fn calls(&self) -> Calls {
        self.state.lock().unwrap().calls.clone()
    }

    pub fn head(&self, room: i64) -> Seq {
        self.state.lock().unwrap().rooms[&room].seq
    }

    /// A message of user 1's.
    pub fn send(&self, room: i64, content: &str) -> i64 {
        self.send_files(room, 1, content, &[])
    }

    pub fn send_files(&self, room: i64, sender: i64, content: &str, files: &[&str]) -> i64 {
        let draft = Draft {
            room,
            sender,
            content: content.to_owned(),
            files: files.iter().copied().map(str::to_owned).collect(),
            nonce: None,
        };
        let (id, change) = self.state.lock().unwrap().send(draft);
        self.publish(change);
        id
    }

    pub fn edit(&self, room: i64, message: i64, content: &str) {
        let change =
            self.state
                .lock()
                .unwrap()
                .change(room, message, EventType::MessageEdited, content);
        self.publish(change);
    }

    pub fn delete(&self, room: i64, message: i64) {
        let change =
            self.state
                .lock()
                .unwrap()
                .change(room, message, EventType::MessageDeleted, "");
        self.publish(change);
    }

    pub fn end_room(&self, room: i64) {
        let change =
            self.state
                .lock()
                .unwrap()
                .other(room, EventType::RoomDeleted, &json!({ "id": room }));
        self.publish(change);
    }

    /// The state of every message of a room: content, `None` if deleted.
    pub fn texts(&self, room: i64) -> BTreeMap<i64, Option<String>> {
        let state = self.state.lock().unwrap();
        let text =
            |row: &MessageRow| (row.kind != EventType::MessageDeleted).then(|| row.content.clone());
        state.rooms[&room]
            .messages
            .iter()
            .map(|(id, row)| (*id, text(row)))
            .collect()
    }

    pub fn join(&self, id: i64, room: i64) {
        let (change, to_user) = {
            let mut state = self.state.lock().unwrap();
            state.rooms.entry(room).or_default().members.insert(id);
            let change = state.other(
                room,
                EventType::MemberJoined,
                &json!({ "user": user(id), "role": "member" }),
            );
            let joined = UserEvent::Joined {
                room: RoomId(room),
                after: change.seq,
            };
            (change, state.tell(id, vec![joined]))
        };
        self.publish(change);
        self.publish_user(to_user);
    }

    pub fn remove(&self, id: i64, room: i64) {
        let (change, to_user) = {
            let mut state = self.state.lock().unwrap();
            state.rooms.entry(room).or_default().members.remove(&id);
            let change = state.other(
                room,
                EventType::MemberLeft,
                &json!({ "user": user(id), "role": "member" }),
            );
            let left = UserEvent::Left {
                room: RoomId(room),
                kind: RoomKind::Private,
                name: format!("اتاق {room}"),
            };
            (change, state.tell(id, vec![left]))
        };
        self.publish(change);
        self.publish_user(to_user);
    }

    pub fn notify(&self, id: i64) -> i64 {
        let (number, to_user) = {
            let mut state = self.state.lock().unwrap();
            let number = state.users[&id].notifications.len() as i64 + 1;
            state.users.get_mut(&id).unwrap().notifications.push(number);
            let event = json!({"op": "event", "type": "notification.created", "data": notification(number)});
            let event = UserEvent::Notification {
                id: NotificationId(number),
                frame: serde_json::value::to_raw_value(&event).unwrap(),
            };
            (number, state.tell(id, vec![event]))
        };
        self.publish_user(to_user);
        number
    }

    pub fn read_notifications(&self, id: i64, up_to: i64) {
        let to_user = {
            let mut state = self.state.lock().unwrap();
            state.users.get_mut(&id).unwrap().read_up_to = up_to;
            let event =
                json!({"op": "event", "type": "notification.read", "data": {"up_to": up_to}});
            let event = UserEvent::Notification {
                id: NotificationId(up_to),
                frame: serde_json::value::to_raw_value(&event).unwrap(),
            };
            state.tell(id, vec![event])
        };
        self.publish_user(to_user);
    }

    pub fn revoke(&self, id: i64, session: i64) {
        let to_user = {
            let mut state = self.state.lock().unwrap();
            state.users.get_mut(&id).unwrap().sessions.remove(&session);
            let sessions = vec![SessionId(session)];
            state.tell(id, vec![UserEvent::Revoked { sessions }])
        };
        self.publish_user(to_user);
    }

    /// The user is banned from the whole system.
    pub fn shut(&self, id: i64) {
        let to_user = {
            let mut state = self.state.lock().unwrap();
            state.users.get_mut(&id).unwrap().sessions.clear();
            state.tell(id, vec![UserEvent::Shut])
        };
        self.publish_user(to_user);
    }

    /// Another epoch, with a shorter history.
    pub fn restore(&self, epoch: &str, room: i64, seq: Seq) {
        let mut state = self.state.lock().unwrap();
        epoch.clone_into(&mut state.epoch);
        let row = state.rooms.get_mut(&room).unwrap();
        row.seq = seq;
        row.messages.retain(|_, message| message.changed <= seq);
    }

    fn publish(&self, change: RoomChange) {
        self.bus
            .publish(Channel::Room(change.room), &Envelope::Change(change));
    }

    fn publish_user(&self, change: UserChange) {
        self.bus
            .publish(Channel::User(change.user), &Envelope::User(change));
    }
}

impl State {
    fn send(&mut self, draft: Draft) -> (i64, RoomChange) {
        let room = draft.room;
        self.next_message += 1;
        let id = self.next_message;
        let row = self.rooms.get_mut(&room).unwrap();
        row.seq += 1;
        row.number += 1;
        let message = MessageRow {
            seq: row.seq,
            changed: row.seq,
            kind: EventType::MessageCreated,
            content: draft.content,
            nonce: draft.nonce,
            sender: draft.sender,
            files: draft.files,
        };
        row.messages.insert(id, message);
        (id, self.message(room, id, 0))
    }

    fn change(&mut self, room: i64, id: i64, kind: EventType, content: &str) -> RoomChange {
        let row = self.rooms.get_mut(&room).unwrap();
        row.seq += 1;
        let message = row.messages.get_mut(&id).unwrap();
        message.changed = row.seq;
        message.kind = kind;
        content.clone_into(&mut message.content);
        let live = row.seq - 1;
        self.message(room, id, live)
    }

    /// A message's change as a reader at `since` gets it.
    fn message(&self, room: i64, id: i64, since: Seq) -> RoomChange {
        let row = &self.rooms[&room].messages[&id];
        let kind = match row.kind {
            EventType::MessageDeleted => EventType::MessageDeleted,
            _ if row.seq > since => EventType::MessageCreated,
            kind => kind,
        };
        let attachment = |name: &String| {
            json!({
                "id": 7, "name": name, "content_type": "text/plain", "size": 5, "url": format!("/files/{name}"),
                "width": null, "height": null, "thumbnail_url": null,
            })
        };
        let data = json!({
            "id": id, "room": room, "seq": row.seq, "changed_seq": row.changed, "number": 1,
            "sender": user(row.sender), "content": row.content, "nonce": row.nonce, "reply_to": null,
            "attachments": row.files.iter().map(attachment).collect::<Vec<_>>(), "reactions": [],
            "created_at": Timestamp::default(), "edited_at": null, "deleted_at": null,
        });
        frame(room, row.changed, kind, Some(id), &data)
    }

    fn other(&mut self, room: i64, kind: EventType, data: &Value) -> RoomChange {
        let row = self.rooms.get_mut(&room).unwrap();
        row.seq += 1;
        row.others.insert(row.seq, (kind, data.clone()));
        frame(room, row.seq, kind, None, data)
    }

    fn tell(&mut self, id: i64, changes: Vec<UserEvent>) -> UserChange {
        let row = self.users.get_mut(&id).unwrap();
        row.version += 1;
        UserChange {
            user: UserId(id),
            version: row.version,
            changes,
        }
    }

    fn ready_rooms(&self, id: i64) -> Vec<ReadyRoom> {
        let own = self
            .rooms
            .iter()
            .filter(|(_, row)| row.members.contains(&id));
        own.map(|(room, row)| ReadyRoom {
            id: RoomId(*room),
            kind: RoomKind::Private,
            name: format!("اتاق {room}"),
            slug: None,
            seq: row.seq,
            number: row.number,
            read_number: 0,
            role: Role::Member,
        })
        .collect()
    }

    fn user_state(&self, id: i64, after: Option<i64>) -> UserState {
        let row = &self.users[&id];
        let new = |number: &&i64| after.is_some_and(|after| **number > after);
        UserState {
            epoch: self.epoch.clone(),
            version: row.version,
            user: OwnUser {
                user: user(id),
                email: None,
            },
            rooms: self.ready_rooms(id),
            sessions: row.sessions.iter().map(|id| SessionId(*id)).collect(),
            notifications: row
                .notifications
                .iter()
                .filter(new)
                .take(100)
                .map(|n| notification(*n))
                .collect(),
            last_notification: NotificationId(row.notifications.last().copied().unwrap_or(0)),
            read_up_to: NotificationId(row.read_up_to),
        }
    }
}

fn frame(room: i64, seq: Seq, kind: EventType, message: Option<i64>, data: &Value) -> RoomChange {
    let event = json!({"op": "event", "room": room, "seq": seq, "type": kind, "data": data});
    RoomChange {
        room: RoomId(room),
        seq,
        kind,
        message: message.map(MessageId),
        actor: None,
        at: Timestamp::now(),
        trace: None,
        frame: serde_json::value::to_raw_value(&event).unwrap(),
    }
}

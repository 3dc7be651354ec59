//! A simulated api: rooms with dense positions and compacted changes, users with versions, nonces, faults.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use chapar_gateway::backend::{Backend, BackendError};
use chapar_shared::envelope::{Channel, Envelope, RoomChange, UserChange, UserEvent};
use chapar_shared::internal::*;
use chapar_shared::protocol::{
    EventType, Notification, NotificationKind, OwnUser, ReadyRoom, Role, Room, RoomKind, RoomMe,
    RoomView, User,
};
use chapar_shared::{
    AttachmentId, Code, MessageId, NotificationId, RoomId, Seq, SessionId, Timestamp, UserId,
};

use super::bus::Bus;

#[derive(Debug)]
pub struct Store {
    pub bus: Arc<Bus>,
    state: Mutex<State>,
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

/// What goes wrong, each so many times.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub is_away: bool,
    pub lost_replies: usize,
    pub failing_pages: usize,
    /// Published as soon as a session was opened, before the answer arrives.
    pub sends_while_opening: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Calls {
    pub changes: usize,
    pub users: usize,
    pub submitted: Vec<Submission>,
    /// Uploads that were begun, by the length of what they hold.
    pub uploads: Vec<usize>,
    /// Uploads that are not answered yet.
    pub uploading: usize,
    pub largest_batch: usize,
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

    fn read<T>(
        &self,
        read: impl FnOnce(&mut State) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let mut state = self.state.lock().unwrap();
        if state.faults.is_away {
            return Err(BackendError::Unavailable("away".into()));
        }
        read(&mut state)
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

#[async_trait]
impl Backend for Store {
    async fn open(&self, request: OpenRequest) -> Result<UserState, BackendError> {
        let (answer, sends) = self.read(|state| {
            let id = request.user.0;
            let lives = state
                .users
                .get(&id)
                .is_some_and(|row| row.sessions.contains(&request.session.0));
            if !lives {
                return Err(BackendError::Refused(Code::SessionRevoked.into()));
            }
            Ok((
                state.user_state(id, None),
                std::mem::take(&mut state.faults.sends_while_opening),
            ))
        })?;
        for number in 0..sends {
            self.send(1, &format!("هنگام گشودن {number}"));
        }
        Ok(answer)
    }

    async fn submit(&self, request: SubmitRequest) -> Result<SubmitResponse, BackendError> {
        let (answer, changes, is_lost) = self.read(|state| {
            state.calls.largest_batch = state.calls.largest_batch.max(request.submissions.len());
            let (mut outcomes, mut changes) = (Vec::new(), Vec::new());
            for submission in request.submissions {
                state.calls.submitted.push(submission.clone());
                let Command::Send(send) = submission.command else {
                    outcomes.push(Outcome::Ok(
                        serde_json::value::to_raw_value(&json!({"seq": 0})).unwrap(),
                    ));
                    continue;
                };
                if send.content.is_empty() && send.attachments.is_empty() {
                    outcomes.push(Outcome::Error(Code::Invalid.into()));
                    continue;
                }
                let key = (
                    submission.user.0,
                    send.room.0,
                    send.nonce.clone().unwrap_or_default(),
                );
                let ok = if let Some(first) = state.nonces.get(&key) {
                    first.clone()
                } else {
                    let shown = send.nonce.filter(|_| !send.is_nonce_hidden);
                    let (id, change) = state.send(Draft {
                        room: send.room.0,
                        sender: submission.user.0,
                        content: send.content.clone(),
                        files: send
                            .attachments
                            .iter()
                            .map(|_| "پرونده".to_owned())
                            .collect(),
                        nonce: shown,
                    });
                    changes.push(change);
                    let ok = json!({"message": {"id": id, "content": send.content}});
                    state.nonces.insert(key, ok.clone());
                    ok
                };
                outcomes.push(Outcome::Ok(serde_json::value::to_raw_value(&ok).unwrap()));
            }
            let is_lost = state.faults.lost_replies > 0;
            state.faults.lost_replies = state.faults.lost_replies.saturating_sub(1);
            let epoch = state.epoch.clone();
            Ok((SubmitResponse { epoch, outcomes }, changes, is_lost))
        })?;
        for change in changes {
            self.publish(change);
        }
        if is_lost {
            return Err(BackendError::Unavailable("the reply was lost".into()));
        }
        Ok(answer)
    }

    async fn heads(&self, request: HeadsRequest) -> Result<HeadsResponse, BackendError> {
        self.read(|state| {
            let head = |room: &RoomId| {
                state.rooms.get(&room.0).map(|row| RoomHead {
                    room: *room,
                    seq: row.seq,
                    number: row.number,
                    members: row.members.len() as i64,
                })
            };
            Ok(HeadsResponse {
                epoch: state.epoch.clone(),
                rooms: request.rooms.iter().filter_map(head).collect(),
                users: request
                    .users
                    .iter()
                    .filter_map(|id| Some((*id, state.users.get(&id.0)?.version)))
                    .collect(),
            })
        })
    }

    async fn changes(&self, request: ChangesRequest) -> Result<ChangesPage, BackendError> {
        self.read(|state| {
            if state.faults.failing_pages > 0 {
                state.faults.failing_pages -= 1;
                return Err(BackendError::Unavailable("no page".into()));
            }
            state.calls.changes += 1;
            let id = request.room.0;
            let row = state
                .rooms
                .get(&id)
                .ok_or(BackendError::Refused(Code::RoomNotFound.into()))?;
            let changed = row
                .messages
                .iter()
                .filter(|(_, it)| it.changed > request.since);
            let mut items: Vec<RoomChange> = changed
                .map(|(at, _)| state.message(id, *at, request.origin.unwrap_or(request.since)))
                .collect();
            let others = row.others.range(request.since + 1..);
            items.extend(others.map(|(seq, (kind, data))| frame(id, *seq, *kind, None, data)));
            items.sort_by_key(|item| item.seq);
            let more = items.len() > request.limit as usize;
            items.truncate(request.limit as usize);
            let next = if more {
                items.last().unwrap().seq
            } else {
                row.seq.max(request.since)
            };
            Ok(ChangesPage {
                epoch: state.epoch.clone(),
                items,
                next,
                seq: row.seq,
                more,
            })
        })
    }

    async fn user(&self, request: UserRequest) -> Result<UserState, BackendError> {
        self.read(|state| {
            state.calls.users += 1;
            Ok(state.user_state(request.user.0, Some(request.after.0)))
        })
    }

    async fn room(&self, request: RoomRequest) -> Result<RoomResponse, BackendError> {
        self.read(|state| {
            let row = state
                .rooms
                .get(&request.room.0)
                .filter(|row| row.members.contains(&request.user.0));
            let view = row.map(|row| RoomView {
                room: Room {
                    id: request.room,
                    kind: RoomKind::Private,
                    name: format!("اتاق {}", request.room),
                    slug: None,
                    description: String::new(),
                    seq: row.seq,
                    number: row.number,
                    member_count: row.members.len() as i64,
                    created_at: Timestamp::default(),
                },
                peer: None,
                me: Some(RoomMe {
                    role: Role::Member,
                    read_number: 0,
                    muted: false,
                }),
            });
            Ok(RoomResponse {
                epoch: state.epoch.clone(),
                room: view,
            })
        })
    }

    async fn companions(
        &self,
        request: CompanionsRequest,
    ) -> Result<CompanionsResponse, BackendError> {
        self.read(|state| {
            let asked = |id: &i64| request.room.is_none_or(|room| room.0 == *id);
            let mut people: Vec<i64> = state
                .rooms
                .iter()
                .filter(|(id, row)| asked(id) && row.members.contains(&request.user.0))
                .flat_map(|(_, row)| row.members.iter().copied())
                .collect();
            if request.room.is_some() && people.is_empty() {
                return Err(BackendError::Refused(Code::RoomNotFound.into()));
            }
            people.push(request.user.0);
            people.sort_unstable();
            people.dedup();
            let person = |id| Person {
                id: UserId(id),
                username: format!("کاربر{id}"),
                email: None,
            };
            Ok(CompanionsResponse {
                epoch: state.epoch.clone(),
                people: people.into_iter().map(person).collect(),
            })
        })
    }

    async fn acquainted(
        &self,
        request: AcquaintedRequest,
    ) -> Result<AcquaintedResponse, BackendError> {
        self.read(|state| {
            let knows = |other: &UserId| {
                state.rooms.values().any(|row| {
                    row.members.contains(&request.user.0) && row.members.contains(&other.0)
                })
            };
            Ok(AcquaintedResponse {
                users: request.users.iter().copied().filter(knows).collect(),
            })
        })
    }

    /// Rooms by their id, users by theirs in `کاربر<id>`; a room 100 and above is public.
    async fn resolve(&self, request: ResolveRequest) -> Result<ResolveResponse, BackendError> {
        let own = user(request.user.0).username;
        let id = match &request.target {
            Target::Chat(name) => name.parse().ok(),
            Target::Direct(_) | Target::PrivateChat(_) => Some(1),
            Target::Notifications(name) if *name == own => {
                return Ok(ResolveResponse {
                    room: None,
                    username: own,
                    peer: None,
                });
            }
            Target::Notifications(_) => return refused(Code::Forbidden),
        };
        let is_member = self.read(|state| {
            let member = |id| Some(state.rooms.get(&id)?.members.contains(&request.user.0));
            Ok(id.and_then(member))
        })?;
        match (id, is_member) {
            (Some(_), Some(true)) => {}
            (Some(id), Some(false)) if id >= 100 => self.join(request.user.0, id),
            _ => return refused(Code::RoomNotFound),
        }
        Ok(ResolveResponse {
            room: id.map(RoomId),
            username: own,
            peer: match request.target {
                Target::Direct(name) | Target::PrivateChat(name) => Some(name),
                Target::Chat(_) | Target::Notifications(_) => None,
            },
        })
    }

    /// To oneself, or to the one of a name.
    async fn notify(&self, request: NotifyRequest) -> Result<NotifyResponse, BackendError> {
        let recipient = match &request.recipient {
            None => request.user.0,
            Some(name) => match name.strip_prefix("کاربر").and_then(|id| id.parse().ok()) {
                Some(id) => id,
                None => return refused(Code::UserNotFound),
            },
        };
        self.notify(recipient);
        self.read(|state| {
            Ok(NotifyResponse {
                epoch: state.epoch.clone(),
            })
        })
    }

    /// Waits for [`Store::let_uploads_pass`].
    async fn upload(&self, request: UploadRequest) -> Result<UploadResponse, BackendError> {
        self.read(|state| {
            state.calls.uploading += 1;
            state.calls.uploads.push(request.data.len());
            Ok(())
        })?;
        if let Ok(pass) = self.uploads.acquire().await {
            pass.forget();
        }
        self.read(|state| {
            state.calls.uploading -= 1;
            Ok(UploadResponse {
                attachment: AttachmentId(7),
            })
        })
    }
}

fn refused<T>(code: Code) -> Result<T, BackendError> {
    Err(BackendError::Refused(code.into()))
}

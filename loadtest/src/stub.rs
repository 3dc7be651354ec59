//! An api for a gateway that is measured alone: it knows the users, rooms and positions of a [`Layout`] and
//! answers as the real one would. What it says of a room agrees with what is published: the same place numbers
//! the messages.
//!
//! It takes no commands: a submission is answered `unavailable`.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use chapar_shared::envelope::{Envelope, RoomChange};
use chapar_shared::internal::{
    AcquaintedRequest, AcquaintedResponse, ChangesPage, ChangesRequest, HeadsRequest,
    HeadsResponse, OpenRequest, Opened, Outcome, RoomHead, RoomRequest, RoomResponse,
    SubmitRequest, SubmitResponse, UserRequest, UserState,
};
use chapar_shared::protocol::objects::{Message, OwnUser, Role, RoomKind, User};
use chapar_shared::protocol::{Event, EventBody, EventType, ReadyRoom};
use chapar_shared::{
    Code, MessageId, NotificationId, Problem, RoomId, Seq, SessionId, Timestamp, UserId,
};

use crate::layout::Layout;
use crate::mark::Mark;

/// The store's epoch that it tells.
const EPOCH: &str = "load";

/// No gateway asks for more at once.
const MAX_BODY: usize = 16 << 20;

/// A running stub; ends when dropped.
pub struct Stub {
    state: Arc<Rooms>,
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

struct Rooms {
    layout: Layout,
    members: Vec<u32>,
    payload_bytes: usize,
    began: Timestamp,
    /// When each message of each room was meant to be sent; its place is its position less one.
    sent: Mutex<Vec<Vec<u64>>>,
}

impl Stub {
    /// Serves on a free port.
    ///
    /// # Errors
    /// The system's.
    pub async fn start(layout: Layout, payload_bytes: usize) -> anyhow::Result<Self> {
        let state = Arc::new(Rooms {
            members: layout.listeners_by_room(),
            sent: Mutex::new(vec![Vec::new(); layout.rooms]),
            layout,
            payload_bytes,
            began: Timestamp::now(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = router(Arc::clone(&state));
        let mut server = JoinSet::new();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the stub of the api ended: {error}");
            }
        });
        Ok(Self {
            state,
            address,
            _server: server,
        })
    }

    /// Where gateways reach it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next message of a room, as an api publishes it after the commit.
    pub fn commit(&self, mark: Mark) -> (RoomId, Vec<u8>) {
        let room = self.state.layout.room_of(mark.stream as usize);
        self.state.sent()[room - 1].push(mark.at);
        let change = self.state.change(room, mark.number, mark.at);
        (change.room, Envelope::Change(change).encode())
    }
}

impl Rooms {
    fn sent(&self) -> MutexGuard<'_, Vec<Vec<u64>>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A room's change at a position. Every change is a message, so position, number and mark agree.
    fn change(&self, room: usize, number: u64, at: u64) -> RoomChange {
        let (id, seq) = (room_id(room), position(number));
        let mark = Mark {
            stream: u32::try_from(room - 1).expect("fewer rooms"),
            number,
            at,
        };
        let at = self.began.plus(std::time::Duration::from_micros(at));
        let message = MessageId(id.0 << 32 | seq);
        let body = EventBody::MessageCreated(Message {
            id: message,
            room: id,
            seq,
            changed_seq: seq,
            number: seq,
            sender: user(1),
            content: mark.text(self.payload_bytes),
            nonce: None,
            reply_to: None,
            attachments: Vec::new(),
            reactions: Vec::new(),
            created_at: at,
            edited_at: None,
            deleted_at: None,
        });
        let frame = Event::change(id, seq, body).encode();
        RoomChange {
            room: id,
            seq,
            kind: EventType::MessageCreated,
            message: Some(message),
            actor: None,
            at,
            trace: None,
            frame: RawValue::from_string(frame).expect("an event is JSON"),
        }
    }

    fn state(&self, id: UserId) -> Option<UserState> {
        let number = usize::try_from(id.0).ok()?;
        if !(1..=self.layout.users()).contains(&number) {
            return None;
        }
        let sent = self.sent();
        let room = |room: usize| {
            let seq = position(sent[room - 1].len() as u64);
            ReadyRoom {
                id: room_id(room),
                kind: RoomKind::Private,
                name: format!("room {room}"),
                slug: Some(format!("room-{room}")),
                seq,
                number: seq,
                read_number: 0,
                role: Role::Member,
            }
        };
        let rooms = self.layout.rooms_of_user(number).into_iter().map(room);
        Some(UserState {
            epoch: EPOCH.to_owned(),
            version: 1,
            user: OwnUser {
                user: user(number),
                email: None,
            },
            rooms: rooms.collect(),
            sessions: vec![SessionId(id.0)],
            notifications: Vec::new(),
            last_notification: NotificationId(0),
            read_up_to: NotificationId(0),
        })
    }

    fn heads(&self, request: &HeadsRequest) -> HeadsResponse {
        let sent = self.sent();
        let head = |&room: &RoomId| {
            let place = usize::try_from(room.0).ok()?.checked_sub(1)?;
            let seq = position(sent.get(place)?.len() as u64);
            Some(RoomHead {
                room,
                seq,
                number: seq,
                members: i64::from(self.members[place]),
            })
        };
        HeadsResponse {
            epoch: EPOCH.to_owned(),
            rooms: request.rooms.iter().filter_map(head).collect(),
            users: request.users.iter().map(|&user| (user, 1)).collect(),
        }
    }

    fn changes(&self, request: ChangesRequest) -> Option<ChangesPage> {
        let room = usize::try_from(request.room.0).ok()?;
        let sent = self.sent();
        let sent = sent.get(room.checked_sub(1)?)?;
        let head = sent.len();
        let since = usize::try_from(request.since).unwrap_or(0).min(head);
        let next = head.min(since + request.limit as usize);
        let change = |place: usize| self.change(room, place as u64 + 1, sent[place]);
        Some(ChangesPage {
            epoch: EPOCH.to_owned(),
            items: (since..next).map(change).collect(),
            next: position(next as u64),
            seq: position(head as u64),
            more: next < head,
        })
    }
}

/// Bytes of the frame of a message whose text has `payload_bytes`.
pub fn native_frame_bytes(payload_bytes: usize) -> usize {
    let rooms = Rooms {
        layout: Layout::rooms_of(1, 1),
        members: vec![1],
        payload_bytes,
        began: Timestamp::now(),
        sent: Mutex::default(),
    };
    // A position and a time of the usual length.
    rooms.change(1, 1_000, 10_000_000).frame.get().len()
}

fn room_id(room: usize) -> RoomId {
    RoomId(i64::try_from(room).expect("fewer rooms"))
}

fn position(number: u64) -> Seq {
    Seq::try_from(number).expect("fewer messages")
}

fn user(number: usize) -> User {
    User {
        id: UserId(i64::try_from(number).expect("fewer users")),
        username: format!("load-{number}"),
        display_name: format!("Load {number}"),
        avatar_url: None,
    }
}

type Shared = State<Arc<Rooms>>;

fn router(state: Arc<Rooms>) -> Router {
    Router::new()
        .route("/internal/v1/open_all", post(open_all))
        .route("/internal/v1/user", post(load_user))
        .route("/internal/v1/heads", post(heads))
        .route("/internal/v1/changes", post(changes))
        .route("/internal/v1/room", post(room))
        .route("/internal/v1/acquainted", post(acquainted))
        .route("/internal/v1/submit", post(submit))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}

type Answer<T> = Result<Json<T>, (axum::http::StatusCode, Json<Problem>)>;

fn refused(code: Code) -> (axum::http::StatusCode, Json<Problem>) {
    (axum::http::StatusCode::NOT_FOUND, Json(Problem::from(code)))
}

async fn open_all(
    State(rooms): Shared,
    Json(requests): Json<Vec<OpenRequest>>,
) -> Json<Vec<Opened>> {
    let open = |request: &OpenRequest| match rooms.state(request.user) {
        Some(state) => Opened::Ok(Box::new(state)),
        None => Opened::Error(Problem::from(Code::SessionRevoked)),
    };
    Json(requests.iter().map(open).collect())
}

async fn load_user(State(rooms): Shared, Json(request): Json<UserRequest>) -> Answer<UserState> {
    let state = rooms.state(request.user);
    state.map(Json).ok_or_else(|| refused(Code::UserNotFound))
}

async fn heads(State(rooms): Shared, Json(request): Json<HeadsRequest>) -> Json<HeadsResponse> {
    Json(rooms.heads(&request))
}

async fn changes(State(rooms): Shared, Json(request): Json<ChangesRequest>) -> Answer<ChangesPage> {
    let page = rooms.changes(request);
    page.map(Json).ok_or_else(|| refused(Code::RoomNotFound))
}

/// Nobody comes into a room after the start.
async fn room(Json(_): Json<RoomRequest>) -> Json<RoomResponse> {
    Json(RoomResponse {
        epoch: EPOCH.to_owned(),
        room: None,
    })
}

async fn acquainted(Json(request): Json<AcquaintedRequest>) -> Json<AcquaintedResponse> {
    Json(AcquaintedResponse {
        users: request.users,
    })
}

async fn submit(Json(request): Json<SubmitRequest>) -> Json<SubmitResponse> {
    let outcome = |_| Outcome::Error(Problem::from(Code::Unavailable));
    Json(SubmitResponse {
        epoch: EPOCH.to_owned(),
        outcomes: request.submissions.iter().map(outcome).collect(),
    })
}

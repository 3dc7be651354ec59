//! The simulated store as the api that gateways ask, and what goes wrong with its answers.

use async_trait::async_trait;
use serde_json::json;

use chapar_gateway::backend::{Backend, BackendError};
use chapar_shared::envelope::RoomChange;
use chapar_shared::internal::*;
use chapar_shared::protocol::{Role, Room, RoomKind, RoomMe, RoomView};
use chapar_shared::{AttachmentId, Code, RoomId, Timestamp, UserId};

use super::{Draft, State, Store, frame, user};

/// What goes wrong, each so many times.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub is_away: bool,
    /// Batches wait for [`Store::let_batches_pass`], in the order of their arrival.
    pub are_batches_held: bool,
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
    /// Batches that arrived, by their commands.
    pub batches: Vec<usize>,
    /// Uploads that were begun, by the length of what they hold.
    pub uploads: Vec<usize>,
    /// Uploads that are not answered yet.
    pub uploading: usize,
}

impl Store {
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
        let is_held = self.read(|state| {
            state.calls.batches.push(request.submissions.len());
            Ok(state.faults.are_batches_held)
        })?;
        if is_held && let Ok(pass) = self.batches.acquire().await {
            pass.forget();
        }
        let (answer, changes, is_lost) = self.read(|state| {
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

//! A client's commands: what it sent and has no answer to, what its plan says next.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;

use chapar_shared::protocol::reply::ReplyError;
use chapar_shared::{MessageId, RoomId, Seq};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::plan::{Action, Plan, Step};
use crate::record::{ClientId, What};

/// Commands without an answer at most: fewer than the gateway lets wait.
const WINDOW: usize = 16;

/// Messages remembered for edits, deletes, reactions and replies.
const REMEMBERED: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Desk {
    client: ClientId,
    rooms: Vec<RoomId>,
    plan: Option<Plan>,
    step: Option<(Instant, Step)>,
    next_id: i64,
    /// By id, which is the order of sending.
    pending: BTreeMap<i64, Pending>,
    own: VecDeque<(RoomId, MessageId)>,
    seen: VecDeque<(RoomId, MessageId)>,
}

#[derive(Debug)]
struct Pending {
    frame: Value,
    /// Of a send.
    send: Option<(RoomId, String)>,
    /// When it goes again, after it was put off.
    due: Option<Instant>,
}

impl Desk {
    pub(super) fn new(client: ClientId, rooms: Vec<RoomId>, plan: Option<Plan>) -> Self {
        Self {
            client,
            rooms,
            plan,
            step: None,
            next_id: 1,
            pending: BTreeMap::new(),
            own: VecDeque::new(),
            seen: VecDeque::new(),
        }
    }

    pub(super) fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// When the plan's next step is due; `None` while too much is unanswered or there is no plan.
    pub(super) fn next_step(&mut self) -> Option<Instant> {
        if self.pending.len() >= WINDOW {
            return None;
        }
        if self.step.is_none() {
            let step = self.plan.as_mut()?.next()?;
            self.step = Some((Instant::now() + step.pause, step));
        }
        self.step.as_ref().map(|(at, _)| *at)
    }

    /// When something that was put off is due again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.pending.values().filter_map(|one| one.due).min()
    }

    /// Takes the plan's next step: the frame to send, if there is anything to do it to.
    pub(super) fn act(&mut self) -> Option<(Value, Option<What>)> {
        let (_, step) = self.step.take()?;
        let room = *self.rooms.get(step.room % self.rooms.len())?;
        let id = self.next_id;
        let mut send = None;
        let mut frame = match step.action {
            Action::Send { content, reply } => {
                let nonce = format!("{}/{id}", self.client);
                let mut frame =
                    json!({"op": "send", "room": room, "content": content, "nonce": nonce});
                if let Some(message) = reply.and_then(|which| pick(&self.seen, room, which)) {
                    frame["reply_to"] = json!(message);
                }
                send = Some((room, nonce));
                frame
            }
            Action::Edit { which, content } => {
                let message = pick(&self.own, room, which)?;
                json!({"op": "edit", "room": room, "message": message, "content": content})
            }
            Action::Delete { which } => {
                let message = pick(&self.own, room, which)?;
                self.own.retain(|(_, own)| *own != message);
                json!({"op": "delete", "room": room, "message": message})
            }
            Action::React {
                which,
                emoji,
                added,
            } => {
                let message = pick(&self.seen, room, which)?;
                let op = if added { "react" } else { "unreact" };
                json!({"op": op, "room": room, "message": message, "emoji": emoji})
            }
        };
        frame["id"] = json!(id);
        self.next_id += 1;
        let what = send.as_ref().map(sent);
        let pending = Pending {
            frame: frame.clone(),
            send,
            due: None,
        };
        self.pending.insert(id, pending);
        Some((frame, what))
    }

    /// Everything without an answer, in the order of sending, for a new socket.
    pub(super) fn all_again(&mut self) -> Vec<(Value, Option<What>)> {
        self.again(|_| true)
    }

    /// What was put off and is due.
    pub(super) fn due_again(&mut self) -> Vec<(Value, Option<What>)> {
        let now = Instant::now();
        self.again(|one| one.due.is_some_and(|due| due <= now))
    }

    fn again(&mut self, is_it: impl Fn(&Pending) -> bool) -> Vec<(Value, Option<What>)> {
        let again = self.pending.values_mut().filter(|one| is_it(one));
        again
            .map(|one| {
                one.due = None;
                (one.frame.clone(), one.send.as_ref().map(sent))
            })
            .collect()
    }

    /// Takes the answer to a command; what it means for the record.
    pub(super) fn answered(&mut self, id: i64, reply: Result<Value, ReplyError>) -> Option<What> {
        let Some(pending) = self.pending.get_mut(&id) else {
            return Some(What::Broke(format!("a second reply to command {id}")));
        };
        match reply {
            Ok(ok) => {
                let (room, nonce) = self.pending.remove(&id)?.send?;
                let message = &ok["message"];
                let (Some(message), Some(seq)) = (message["id"].as_i64(), message["seq"].as_i64())
                else {
                    return Some(What::Broke(format!("no message in the reply to {nonce}")));
                };
                remember(&mut self.own, (room, MessageId(message)));
                Some(What::Acked {
                    room,
                    nonce,
                    message: MessageId(message),
                    seq: Seq::from(seq),
                })
            }
            Err(error) if matches!(&*error.code, "unavailable" | "rate_limited") => {
                let after = error.retry_after_ms.unwrap_or(300);
                pending.due = Some(Instant::now() + Duration::from_millis(after));
                let nonce = pending.send.as_ref()?.1.clone();
                Some(What::Deferred { nonce })
            }
            Err(error) => {
                let Pending { frame, send, .. } = self.pending.remove(&id)?;
                // What others did meanwhile may be in the way of an edit, a reaction or a reply, of nothing else.
                let (_, nonce) = send?;
                if error.errors.contains_key("reply_to") && frame.get("reply_to").is_some() {
                    return Some(What::Refused { nonce });
                }
                Some(What::Broke(format!("send {nonce} was refused: {error:?}")))
            }
        }
    }

    /// Remembers a message that came, to react and reply to.
    pub(super) fn saw(&mut self, room: RoomId, message: MessageId) {
        remember(&mut self.seen, (room, message));
    }
}

fn sent((room, nonce): &(RoomId, String)) -> What {
    What::Sent {
        room: *room,
        nonce: nonce.clone(),
    }
}

fn remember(list: &mut VecDeque<(RoomId, MessageId)>, one: (RoomId, MessageId)) {
    if list.len() == REMEMBERED {
        list.pop_front();
    }
    list.push_back(one);
}

fn pick(list: &VecDeque<(RoomId, MessageId)>, room: RoomId, which: usize) -> Option<MessageId> {
    let of_room: Vec<MessageId> = list
        .iter()
        .rev()
        .filter(|(of, _)| *of == room)
        .map(|(_, message)| *message)
        .collect();
    let at = which.checked_rem(of_room.len())?;
    of_room.get(at).copied()
}

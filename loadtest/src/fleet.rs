//! All clients of one run: opened, listening, and sending where users send.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::check::{Checker, Verdict};
use crate::frame::Opcode;
use crate::layout::Layout;
use crate::mark::{Clock, Mark};
use crate::meter::Meter;
use crate::socket::{Chunk, Greeting, Outbox, Socket};
use crate::target::Wire;

/// One user's place: what they have got, over all the sockets they had.
#[derive(Debug)]
pub struct Seat {
    user: usize,
    is_listener: bool,
    streams: RefCell<Vec<(u32, Checker)>>,
    outbox: RefCell<Option<Rc<Outbox>>>,
    /// Whether an answer calls for the next message.
    is_steady: Cell<bool>,
}

/// What all sockets of a fleet share.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    wire: Wire,
    meter: RefCell<Meter>,
    /// The last number published of each stream, and its listeners.
    published: RefCell<Vec<u64>>,
    listeners: Vec<u32>,
    layout: Layout,
    payload_bytes: usize,
    /// Told of each opened socket.
    opened: Notify,
}

/// See the module.
#[derive(Debug)]
pub struct Fleet {
    seats: Vec<Rc<Seat>>,
    shared: Rc<Shared>,
    chunk: Chunk,
    sockets: JoinSet<()>,
}

/// How an opening of many sockets went.
#[derive(Debug)]
pub struct Opening {
    /// From the first attempt to the last success.
    pub took: Duration,
    /// Of each, from its attempt to joined; microseconds.
    pub latency: Histogram<u64>,
}

impl Fleet {
    /// Nobody connected yet.
    pub fn new(layout: Layout, wire: Wire, clock: Clock, payload_bytes: usize) -> Self {
        let seat = |user| {
            let is_listener = layout.is_listener(user);
            let rooms = if is_listener {
                layout.rooms_of_user(user)
            } else {
                Vec::new()
            };
            let streams = rooms.into_iter().flat_map(|room| layout.streams_of(room));
            let stream = |it| (u32::try_from(it).expect("fewer streams"), Checker::from(1));
            Rc::new(Seat {
                user,
                is_listener,
                streams: RefCell::new(streams.map(stream).collect()),
                outbox: RefCell::default(),
                is_steady: Cell::new(false),
            })
        };
        Self {
            seats: (1..=layout.users()).map(seat).collect(),
            shared: Rc::new(Shared {
                clock,
                wire,
                meter: RefCell::new(Meter::new(layout.streams())),
                published: RefCell::new(vec![0; layout.streams()]),
                listeners: layout.listeners_by_room(),
                layout,
                payload_bytes,
                opened: Notify::new(),
            }),
            chunk: Chunk::default(),
            sockets: JoinSet::new(),
        }
    }

    /// The counts.
    pub fn meter(&self) -> std::cell::RefMut<'_, Meter> {
        self.shared.meter.borrow_mut()
    }

    /// The clock of its marks.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Who is where.
    pub fn layout(&self) -> Layout {
        self.shared.layout
    }

    /// Opens a socket for each of `users`, so many at a time, and waits until all have joined.
    ///
    /// # Errors
    /// When one cannot, or not all within `patience`.
    pub async fn open(
        &mut self,
        users: impl IntoIterator<Item = usize>,
        at_once: usize,
        patience: Duration,
        greeting: impl Fn(usize) -> Greeting,
    ) -> anyhow::Result<Opening> {
        let gate = Rc::new(Semaphore::new(at_once));
        let result = Rc::new(RefCell::new(Ok(0_usize)));
        let latency = Histogram::new_with_bounds(1, 120_000_000, 3)?;
        let latency = Rc::new(RefCell::new(latency));
        // Signing tokens is not part of the storm.
        let greetings: Vec<_> = users.into_iter().map(|it| (it, greeting(it))).collect();
        let (start, wanted) = (Instant::now(), greetings.len());
        for (user, greeting) in greetings {
            let (seat, shared) = (Rc::clone(&self.seats[user - 1]), Rc::clone(&self.shared));
            let (gate, chunk) = (Rc::clone(&gate), self.chunk.clone());
            let (result, latency) = (Rc::clone(&result), Rc::clone(&latency));
            self.sockets.spawn_local(async move {
                let mut reply = |outbox: &Outbox, opcode, payload: &[u8]| {
                    seat.take(&shared, outbox, opcode, payload);
                };
                let permit = gate.acquire().await;
                let before = Instant::now();
                let opened = Socket::open(&greeting, chunk, &mut reply).await;
                drop(permit);
                let socket = match opened {
                    Ok(socket) => {
                        *seat.outbox.borrow_mut() = Some(socket.outbox());
                        let micros = before.elapsed().as_micros();
                        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
                        latency.borrow_mut().saturating_record(micros);
                        if let Ok(opened) = &mut *result.borrow_mut() {
                            *opened += 1;
                        }
                        shared.opened.notify_one();
                        socket
                    }
                    Err(error) => {
                        *result.borrow_mut() = Err(error.context(format!("user {}", seat.user)));
                        shared.opened.notify_one();
                        return;
                    }
                };
                let reason = socket.run(&mut reply).await;
                let mut meter = shared.meter.borrow_mut();
                Meter::note(&mut meter.ended, || reason);
            });
        }
        let deadline = start + patience;
        loop {
            match &*result.borrow() {
                Ok(opened) if *opened == wanted => break,
                Ok(_) => {}
                Err(error) => bail!("a socket cannot be opened: {error:#}"),
            }
            let told = tokio::time::timeout_at(deadline, self.shared.opened.notified()).await;
            told.with_context(|| format!("not all sockets were open within {patience:?}"))?;
        }
        let latency = latency.borrow().clone();
        Ok(Opening {
            took: start.elapsed(),
            latency,
        })
    }

    /// Cuts every socket. What each has got stays known.
    pub async fn cut(&mut self) {
        self.sockets.shutdown().await;
        for seat in &self.seats {
            *seat.outbox.borrow_mut() = None;
        }
    }

    /// Makes everybody expect each stream from its next number on: what was published before is given up.
    pub fn start_over(&mut self) {
        let published = self.shared.published.borrow();
        for seat in &self.seats {
            for (stream, checker) in seat.streams.borrow_mut().iter_mut() {
                *checker = Checker::from(published[*stream as usize] + 1);
            }
        }
        let mut meter = Meter::new(published.len());
        meter.skip(&published);
        *self.shared.meter.borrow_mut() = meter;
    }

    /// The last number that a listener has of each room's one stream.
    pub fn positions(&self, user: usize) -> BTreeMap<usize, u64> {
        let streams = self.seats[user - 1].streams.borrow();
        let layout = &self.shared.layout;
        let position =
            |(stream, checker): &(u32, Checker)| (layout.room_of(*stream as usize), checker.last());
        streams.iter().map(position).collect()
    }

    /// Numbers the next message of a stream, and expects it.
    pub fn next_mark(&self, stream: usize, at: u64) -> Mark {
        self.shared.next_mark(stream, at)
    }

    /// Lets the stream's sender say its next message.
    ///
    /// # Errors
    /// When the sender is not connected.
    pub fn say(&self, stream: usize, at: u64) -> anyhow::Result<()> {
        let sender = &self.seats[self.shared.layout.sender(stream) - 1];
        let outbox = sender.outbox.borrow();
        let outbox = outbox.as_ref().context("the sender is not connected")?;
        self.shared.say(stream, at, outbox);
        Ok(())
    }

    /// From now on, or no longer, every answer calls for the sender's next message.
    pub fn set_steady(&self, is_steady: bool) {
        for seat in &self.seats {
            seat.is_steady.set(is_steady && !seat.is_listener);
        }
    }

    /// How many messages listeners lack that were published since the last [`Fleet::start_over`].
    pub fn lost(&self) -> u64 {
        let published = self.shared.published.borrow();
        let of_seat = |seat: &Rc<Seat>| -> u64 {
            let streams = seat.streams.borrow();
            let lost =
                |(stream, checker): &(u32, Checker)| checker.lost(published[*stream as usize]);
            streams.iter().map(lost).sum()
        };
        self.seats.iter().map(of_seat).sum()
    }

    /// Messages published so far.
    pub fn said(&self) -> u64 {
        self.shared.published.borrow().iter().sum()
    }

    /// Waits until so many sends are answered, well or not.
    ///
    /// # Errors
    /// When that takes longer than `patience`.
    pub async fn await_answers(&self, count: u64, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let answered = {
                let meter = self.shared.meter.borrow();
                meter.acked + meter.refused.0
            };
            if answered >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{answered} of {count} sends were answered within {patience:?}");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until everybody has everything; false after `patience` without any arrival.
    pub async fn settle(&self, patience: Duration) -> bool {
        let mut seen = (u64::MAX, Instant::now());
        loop {
            let (is_complete, delivered) = {
                let meter = self.shared.meter.borrow();
                (meter.is_complete(), meter.delivered)
            };
            if is_complete {
                return true;
            }
            if delivered != seen.0 {
                seen = (delivered, Instant::now());
            } else if seen.1.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Shared {
    fn next_mark(&self, stream: usize, at: u64) -> Mark {
        let mut published = self.published.borrow_mut();
        published[stream] += 1;
        let mark = Mark {
            stream: u32::try_from(stream).expect("fewer streams"),
            number: published[stream],
            at,
        };
        let listeners = self.listeners[self.layout.room_of(stream) - 1];
        self.meter.borrow_mut().published(mark, listeners);
        mark
    }

    fn say(&self, stream: usize, at: u64, outbox: &Outbox) {
        let mark = self.next_mark(stream, at);
        let room = self.layout.room_of(stream);
        outbox.say(
            &self
                .wire
                .say(room, mark.number, &mark.text(self.payload_bytes)),
        );
    }
}

impl Seat {
    fn take(&self, shared: &Shared, outbox: &Outbox, opcode: Opcode, payload: &[u8]) {
        match opcode {
            Opcode::Message => {
                if payload.starts_with(shared.wire.delivery) {
                    if self.is_listener {
                        self.deliver(shared, payload);
                    }
                } else if shared.wire.is_answer(payload) {
                    self.answer(shared, outbox, payload);
                } else if payload == b"2" {
                    // A Socket.IO server's ping.
                    outbox.say("3");
                }
            }
            Opcode::Ping => outbox.send(Opcode::Pong, payload),
            Opcode::Pong => {}
            Opcode::Close => {
                let code = payload
                    .get(..2)
                    .map_or(0, |it| u16::from_be_bytes([it[0], it[1]]));
                let mut meter = shared.meter.borrow_mut();
                // The socket's end, which follows, is what is counted.
                meter
                    .ended
                    .1
                    .get_or_insert_with(|| format!("closed with code {code}"));
            }
        }
    }

    fn deliver(&self, shared: &Shared, payload: &[u8]) {
        let Some(mark) = Mark::find(payload) else {
            return;
        };
        let mut streams = self.streams.borrow_mut();
        let Some((_, checker)) = streams
            .iter_mut()
            .find(|(stream, _)| *stream == mark.stream)
        else {
            return;
        };
        let mut meter = shared.meter.borrow_mut();
        meter.delivered_bytes += payload.len() as u64;
        match checker.see(mark.number) {
            Verdict::Doubled => {
                meter.doubled += 1;
                return;
            }
            Verdict::Disordered => meter.disordered += 1,
            Verdict::Fresh => {}
        }
        meter.delivered(mark, shared.clock.micros());
    }

    fn answer(&self, shared: &Shared, outbox: &Outbox, payload: &[u8]) {
        let now = shared.clock.micros();
        let Some(mark) = Mark::find(payload) else {
            let mut meter = shared.meter.borrow_mut();
            let reason = || String::from_utf8_lossy(payload).into_owned();
            Meter::note(&mut meter.refused, reason);
            return;
        };
        shared.meter.borrow_mut().answered(mark, now);
        if self.is_steady.get() {
            shared.say(mark.stream as usize, now, outbox);
        }
    }
}

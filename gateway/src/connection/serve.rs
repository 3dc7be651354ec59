//! The task that serves one client: reads and runs its commands, and writes what its queue holds.
//!
//! It sleeps until the client or the queue wakes it. It has no timer but while the client does not take what is
//! written. A command that needs somebody's answer holds reading up, never writing; a replay's page is got
//! beside both.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use chapar_shared::protocol::CloseCode;

use super::commands::Commands;
use super::open::{Guard, Opened};
use super::pull::pull;
use super::queue::Work;
use super::socket::{Socket, Unreadable};
use super::{Connection, End};
use crate::dialects::{DialectId, Utf8Bytes};
use crate::measures;
use crate::node::Node;
use crate::wire::{Incoming, Malformed};

/// How long a client that is being closed may take for what is still to be written.
const LAST_WRITE: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves an opened connection to its end, and takes it out of the hub.
pub(super) async fn serve(node: Arc<Node>, opened: Opened, socket: Socket) {
    let Opened {
        connection,
        user,
        guard,
        ..
    } = opened;
    let dialect = connection.dialect;
    let mut serving = Serving {
        commands: Some(Box::new(Commands::new(&node, &connection, &user))),
        running: None,
        pulling: None,
        frames: VecDeque::new(),
        stalled: None,
        guard: Some(guard),
        node,
        connection,
        socket,
    };
    let ended = poll_fn(|context| serving.poll(context)).await;
    serving.guard = None;
    let Serving { node, socket, .. } = serving;
    // Closing takes much room, and for a short time.
    match ended {
        Ended::Gone => measures::left(dialect),
        Ended::Cut(code) => measures::closed(dialect, code),
        Ended::Broken(code, reason) => {
            measures::broken(dialect);
            Box::pin(socket.close(code, reason, LAST_WRITE)).await;
        }
        Ended::Close(code) => Box::pin(close(&node, socket, dialect, code)).await,
    }
}

/// Closes with a code, in the words of a dialect.
pub(super) async fn close(node: &Node, socket: Socket, dialect: DialectId, code: CloseCode) {
    measures::closed(dialect, code);
    let (number, reason) = dialect.get().close(code);
    socket.close(number, reason, patience(node, code)).await;
}

/// A slow client is given the time in which any other must take a write: it is to learn that it may resume.
fn patience(node: &Node, code: CloseCode) -> std::time::Duration {
    match code {
        CloseCode::TooSlow => node.config.write_timeout,
        _ => LAST_WRITE,
    }
}

struct Serving {
    node: Arc<Node>,
    connection: Arc<Connection>,
    socket: Socket,
    /// Away while a command is running.
    commands: Option<Box<Commands>>,
    running: Option<Running>,
    pulling: Option<BoxFuture<'static, ()>>,
    /// Taken from the queue and not yet written.
    frames: VecDeque<Utf8Bytes>,
    /// Runs while the client does not take what is written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Dropped as soon as the connection is to end: nothing more is sent to it then.
    guard: Option<Guard>,
}

/// Gives the commands back, and the code to close with.
type Running = BoxFuture<'static, (Box<Commands>, Result<(), CloseCode>)>;

enum Ended {
    Gone,
    /// It takes nothing more, a close frame least of all.
    Cut(CloseCode),
    Close(CloseCode),
    /// What it sent is not the protocol: RFC 6455 says the code.
    Broken(u16, &'static str),
}

impl Serving {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        if self.guard.is_some()
            && let Poll::Ready(ended) = self.poll_input(context)
        {
            return Poll::Ready(ended);
        }
        self.poll_output(context)
    }

    /// Reads and runs commands. Ready only where nothing is to be written any more.
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        loop {
            if let Some(running) = &mut self.running {
                let Poll::Ready((commands, result)) = running.as_mut().poll(context) else {
                    return Poll::Pending;
                };
                (self.commands, self.running) = (Some(commands), None);
                if let Err(code) = result {
                    self.connection.queue.end(End::Close(code));
                    return Poll::Pending;
                }
            }
            let Self {
                node,
                connection,
                socket,
                commands,
                running,
                ..
            } = self;
            let mut end = None;
            let mut tell = |context: &mut Context<'_>, message: Incoming<'_>| {
                let Some(mut taking) = commands.take() else {
                    return ControlFlow::Break(());
                };
                let mut command: Running = match message {
                    Incoming::Text(text) if text.len() <= node.limits.max_frame_bytes => {
                        let frame = taking.read(&text);
                        async move {
                            let result = taking.take(frame).await;
                            (taking, result)
                        }
                        .boxed()
                    }
                    Incoming::Text(text) => {
                        let text = text.into_owned();
                        async move {
                            let result = taking.take_long(text).await;
                            (taking, result)
                        }
                        .boxed()
                    }
                    Incoming::Binary(length) => {
                        let result = taking.take_binary(length);
                        std::future::ready((taking, result)).boxed()
                    }
                    Incoming::Ping(_) | Incoming::Pong => {
                        *commands = Some(taking);
                        return ControlFlow::Continue(());
                    }
                    Incoming::Close => {
                        end = Some(End::Gone);
                        return ControlFlow::Break(());
                    }
                };
                // Nearly every command is done at once, or handed on.
                match command.as_mut().poll(context) {
                    Poll::Ready((taken, result)) => {
                        *commands = Some(taken);
                        if let Err(code) = result {
                            end = Some(End::Close(code));
                            return ControlFlow::Break(());
                        }
                        ControlFlow::Continue(())
                    }
                    Poll::Pending => {
                        *running = Some(command);
                        ControlFlow::Break(())
                    }
                }
            };
            let read = socket.poll_read(context, &mut tell);
            if socket.take_heard() > 0 {
                connection.heard();
            }
            match (end, read) {
                (Some(End::Gone), _) | (None, Poll::Ready(Err(Unreadable::Gone))) => {
                    return Poll::Ready(Ended::Gone);
                }
                (Some(end), _) => self.connection.queue.end(end),
                (None, Poll::Ready(Err(Unreadable::Malformed(malformed)))) => match malformed {
                    Malformed::TooLarge => {
                        self.connection
                            .queue
                            .end(End::Close(CloseCode::FrameTooLarge));
                    }
                    Malformed::Protocol => {
                        return Poll::Ready(Ended::Broken(1002, "protocol error"));
                    }
                    Malformed::NotUtf8 => return Poll::Ready(Ended::Broken(1007, "not UTF-8")),
                },
                (None, Poll::Ready(Ok(()))) => continue,
                (None, Poll::Pending) => {}
            }
            return Poll::Pending;
        }
    }

    /// Writes what is queued, and ends when the queue does.
    fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        loop {
            if let Some(pulling) = &mut self.pulling
                && pulling.as_mut().poll(context).is_ready()
            {
                self.pulling = None;
            }
            let before = (self.frames.len(), self.socket.backlog());
            match self.socket.poll_write(context, &mut self.frames) {
                Poll::Ready(Ok(())) => self.stalled = None,
                Poll::Ready(Err(_)) => return Poll::Ready(self.cut(Ended::Gone)),
                Poll::Pending => {
                    let now = (self.frames.len(), self.socket.backlog());
                    return self.poll_stalled(context, before != now);
                }
            }
            let queue = &self.connection.queue;
            match queue.poll_work(context, self.pulling.is_none(), &mut self.frames) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Work::Frames(is_ping_due)) => {
                    if is_ping_due {
                        self.socket.ping();
                    }
                }
                Poll::Ready(Work::Pull(room)) => {
                    let (node, connection) = (Arc::clone(&self.node), Arc::clone(&self.connection));
                    self.pulling = Some(pull(node, connection, room).boxed());
                }
                Poll::Ready(Work::End(End::Gone)) => return Poll::Ready(Ended::Gone),
                Poll::Ready(Work::End(End::Close(code))) => return Poll::Ready(Ended::Close(code)),
            }
            if self.guard.is_some() && queue.ending().is_some() {
                self.guard = None;
            }
        }
    }

    /// The client does not take what is written: until its time is over, which is short once the connection is
    /// to end.
    fn poll_stalled(&mut self, context: &mut Context<'_>, has_moved: bool) -> Poll<Ended> {
        let mut limit = self.node.config.write_timeout;
        match self.connection.queue.poll_end(context) {
            Poll::Ready(End::Gone) => return Poll::Ready(Ended::Gone),
            Poll::Ready(End::Close(code)) if self.guard.take().is_some() => {
                if matches!(code, CloseCode::TooSlow | CloseCode::Revoked) {
                    // Too much for it, or no longer for it.
                    self.frames.clear();
                }
                limit = patience(&self.node, code);
                self.stalled = None;
            }
            Poll::Ready(End::Close(_)) | Poll::Pending => {}
        }
        let deadline = Instant::now() + limit;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if has_moved && self.guard.is_some() {
            stalled.as_mut().reset(deadline);
        }
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(self.cut(Ended::Cut(CloseCode::TooSlow))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The client takes nothing more: the end that it was to be told, if there was one.
    fn cut(&self, otherwise: Ended) -> Ended {
        match self.connection.queue.ending() {
            Some(End::Close(code)) => Ended::Cut(code),
            _ => otherwise,
        }
    }
}

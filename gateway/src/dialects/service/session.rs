//! One session, from its transport's beginning to its end: CONNECT, then events, in order.
//!
//! Three ways lead out: the client goes, the connection's queue ends (revocation, expiry, drain, slowness), or no
//! CONNECT came in time. All of them leave the hub, then close the transport, and cut it where it does not close.

use std::sync::Arc;
use std::time::Duration;

use engineioxide::socket::{DisconnectReason, Sid};
use engineioxide::{Str, TransportType};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, OptionFuture};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use chapar_shared::protocol::{ClientFrame, CloseCode};
use chapar_shared::token::{Claims, TokenError};
use chapar_shared::{Code, Language, Problem, RoomId, Timestamp};

use super::company::{self, Company};
use super::events::{self, Asked};
use super::handler::{Incoming, Session};
use super::outlet::{Outlet, emit};
use super::own::{Nonces, Own};
use super::stream::Lifeline;
use super::{answers, packets, writer};
use crate::connection::{self, Commands, Connection, End, Opened, Opening, Scope};
use crate::dialects::{DialectId, View};
use crate::measures;
use crate::node::Node;

/// How long after a change the companions are asked for, so that many changes are one question.
const REFRESH_AFTER: Duration = Duration::from_secs(1);

/// Between two such questions at least.
const REFRESH_EVERY: Duration = Duration::from_secs(2);

/// How long a transport may take to close.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// What came with the request that began the session.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) node: Arc<Node>,
    pub(super) dialect: DialectId,
    pub(super) lifeline: Arc<Lifeline>,
    /// Of the header, the query or the cookie.
    pub(super) token: Option<SecretString>,
    pub(super) language: Language,
    /// Makes addresses of files absolute.
    pub(super) base: Option<Arc<str>>,
}

/// Serves one session.
pub(super) async fn serve(
    session: Arc<Session>,
    greeting: Arc<Greeting>,
    mut inbox: mpsc::Receiver<Incoming>,
) {
    let node = &greeting.node;
    measures::accepted(greeting.dialect);
    let connecting = connect(&session, &greeting, &mut inbox);
    let connected = tokio::select! {
        () = node.shutdown.cancelled() => None,
        connected = tokio::time::timeout(node.config.socketio.connect_timeout, connecting) => {
            connected.ok().flatten()
        }
    };
    if let Some(connected) = connected {
        attend(&session, &greeting, connected, &mut inbox).await;
    }
    // What waits in the buffer is still sent, the end of the namespace included.
    session.close(DisconnectReason::ClosingServer);
    if tokio::time::timeout(LAST_WRITE, session.closed())
        .await
        .is_err()
    {
        tracing::debug!("a transport did not close");
    }
    greeting.lifeline.cut();
}

/// A session in the hub.
struct Connected {
    opened: Opened,
    company: Arc<Company>,
    nonces: Nonces,
}

/// Waits for a CONNECT that is good; one that is not is answered, and the next one waited for. `None` where the
/// client went or did not keep to the protocol.
async fn connect(
    session: &Arc<Session>,
    greeting: &Greeting,
    inbox: &mut mpsc::Receiver<Incoming>,
) -> Option<Connected> {
    loop {
        let Some(Incoming::Connect(auth)) = inbox.recv().await else {
            return None;
        };
        match admit(greeting, auth.as_deref()).await {
            Ok(connected) => {
                // The transport's own id would let who learns it speak for the session.
                let socket = Sid::new().to_string();
                let packet = packets::connected(&socket);
                emit(session, &greeting.lifeline, packet).await.ok()?;
                return Some(connected);
            }
            Err(refused) => {
                let packet = packets::connect_error(&refused.message, refused.code);
                emit(session, &greeting.lifeline, packet).await.ok()?;
            }
        }
    }
}

/// Why a CONNECT is refused.
struct Refused {
    message: String,
    code: Option<Code>,
}

/// Opens a connection for a client whose token is good. Its companions are watched before it is told, so that
/// nobody comes online unseen in between.
async fn admit(greeting: &Greeting, auth: Option<&str>) -> Result<Connected, Refused> {
    let node = &greeting.node;
    let refused = |code: Code| Refused {
        message: code.text(greeting.language).to_owned(),
        code: Some(code),
    };
    let claims = verify(greeting, auth).map_err(refused)?;
    let opening = Opening {
        claims,
        dialect: greeting.dialect,
        scope: Scope::Whole,
        view: View {
            base: greeting.base.clone(),
            ..View::default()
        },
        language: greeting.language,
        hello: None,
    };
    let opened = connection::open(node, opening)
        .await
        .map_err(|close| match close {
            CloseCode::Revoked => refused(Code::SessionRevoked),
            CloseCode::GoingAway => refused(Code::Unavailable),
            close => Refused {
                message: close.reason().to_owned(),
                code: None,
            },
        })?;
    let company = Arc::new(Company::default());
    let learned = company.refresh(node, &opened.connection, true).await;
    if let Err(error) = learned {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "companions could not be read"
        );
        company.note_change(0);
    }
    Ok(Connected {
        opened,
        company,
        nonces: Nonces::new(),
    })
}

/// The claims of the handshake's token, else of the CONNECT's.
fn verify(greeting: &Greeting, auth: Option<&str>) -> Result<Claims, Code> {
    #[derive(Deserialize)]
    struct Auth {
        token: Option<SecretString>,
    }
    let auth = || serde_json::from_str::<Auth>(auth?).ok()?.token;
    let named = auth();
    let token = named
        .as_ref()
        .or(greeting.token.as_ref())
        .map(ExposeSecret::expose_secret)
        .ok_or(Code::Unauthenticated)?;
    // Some clients give what they would write into the header.
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let keyring = &greeting.node.keyring;
    keyring
        .verify(token, Timestamp::now())
        .map_err(|error| match error {
            TokenError::Expired => Code::TokenExpired,
            TokenError::Invalid => Code::Unauthenticated,
        })
}

/// Runs a connection's events until its end, and takes it out of the hub.
async fn attend(
    session: &Arc<Session>,
    greeting: &Greeting,
    connected: Connected,
    inbox: &mut mpsc::Receiver<Incoming>,
) {
    let node = &greeting.node;
    let Connected {
        opened,
        company,
        nonces,
    } = connected;
    let Opened {
        connection,
        user,
        guard,
        ..
    } = opened;
    let outlet = Outlet {
        session: Arc::clone(session),
        lifeline: Arc::clone(&greeting.lifeline),
        user: Arc::clone(&user),
        company: Arc::clone(&company),
        own: Own::new(connection.user, nonces.prefix()),
    };
    let writing = writer::write(Arc::clone(node), Arc::clone(&connection), outlet);
    let mut writing = node.tracker.spawn(writing);
    let mut client = Client {
        commands: Commands::new(node, &connection, &user),
        node: Arc::clone(node),
        connection: Arc::clone(&connection),
        nonces,
    };
    let mut refresh = Refresh::new(node, &connection, &company);
    tracing::debug!(
        user.id = connection.user.0,
        is_polling = session.transport_type() == TransportType::Polling,
        "a Socket.IO client connected"
    );
    loop {
        let end = tokio::select! {
            biased;
            _ = &mut writing => break,
            incoming = inbox.recv() => match incoming {
                Some(Incoming::Event { text, ack }) => client.take(text, ack).await.err().map(End::Close),
                // It is connected already.
                Some(Incoming::Connect(_)) => None,
                Some(Incoming::Disconnect) | None => Some(End::Gone),
            },
            () = company.changed() => {
                refresh.soon();
                None
            }
            () = refresh.run() => None,
        };
        if let Some(end) = end {
            connection.queue.end(end);
            break;
        }
    }
    // Nothing more is sent to it from here on, even while its last packets are written.
    drop(guard);
    if !writing.is_finished()
        && let Err(error) = writing.await
    {
        tracing::error!(error = &error as &dyn std::error::Error, "a writer failed");
    }
}

/// One client's events.
struct Client {
    commands: Commands,
    node: Arc<Node>,
    connection: Arc<Connection>,
    nonces: Nonces,
}

impl Client {
    async fn take(&mut self, text: Str, ack: Option<i64>) -> Result<(), CloseCode> {
        self.connection.heard();
        let max = self.node.limits.max_frame_bytes;
        let (name, asked) = if text.len() > max {
            let problem = Problem::limit(Code::TooLarge, max as u64);
            (None, Err(problem))
        } else {
            events::read(&text)
        };
        let id = Some(answers::command_id(name, ack));
        match asked {
            Ok(Asked::Command(mut frame)) => {
                if let ClientFrame::Send(send) = &mut frame {
                    send.nonce = Some(self.nonces.next());
                }
                self.commands.run_frame(id, frame).await
            }
            Ok(Asked::Online(room)) => {
                if self.commands.is_within_rate(id.as_ref())? {
                    self.tell_online(room, ack).await;
                }
                Ok(())
            }
            Err(problem) => self.commands.refuse(id, problem),
        }
    }

    async fn tell_online(&self, room: Option<RoomId>, ack: Option<i64>) {
        let packets = match company::online(&self.node, self.connection.user, room).await {
            Ok(names) => answers::online_users(ack, &names),
            Err(problem) => answers::refusal(ack, &problem.to_reply(self.connection.language)),
        };
        self.connection.queue.push(&super::frames(packets));
    }
}

/// Asking again who the companions are.
struct Refresh {
    node: Arc<Node>,
    connection: Arc<Connection>,
    company: Arc<Company>,
    due: Option<Instant>,
    last: Instant,
    running: OptionFuture<BoxFuture<'static, bool>>,
}

impl Refresh {
    fn new(node: &Arc<Node>, connection: &Arc<Connection>, company: &Arc<Company>) -> Self {
        Self {
            node: Arc::clone(node),
            connection: Arc::clone(connection),
            company: Arc::clone(company),
            due: None,
            last: Instant::now(),
            running: None.into(),
        }
    }

    fn soon(&mut self) {
        let soon = (Instant::now() + REFRESH_AFTER).max(self.last + REFRESH_EVERY);
        self.due.get_or_insert(soon);
    }

    /// Waits until it is time and asks; pending while nothing is due. May be dropped midway: the question goes
    /// on where it was.
    async fn run(&mut self) {
        if let Some(is_known) = (&mut self.running).await {
            self.running = None.into();
            self.last = Instant::now();
            if !is_known {
                self.soon();
            }
            return;
        }
        match self.due {
            None => std::future::pending().await,
            Some(due) => tokio::time::sleep_until(due).await,
        }
        self.due = None;
        let node = Arc::clone(&self.node);
        let (connection, company) = (Arc::clone(&self.connection), Arc::clone(&self.company));
        let asking = async move { company.refresh(&node, &connection, false).await.is_ok() };
        self.running = Some(asking.boxed()).into();
    }
}

//! The upper bound that this server is compared with: a broadcast channel for each room behind axum's own
//! WebSocket, with small buffers and nothing else. No users, order, history, bounds or other nodes.
//!
//! `join ROOM` answers `joined` and makes the socket a listener; `say ROOM TEXT` sends the text to the room.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender, channel};

/// Read and write buffer of a connection (axum's default is 128 KiB each).
const BUFFER: usize = 4096;

/// Connections that wait to be accepted, as with this project's server.
const BACKLOG: u32 = 4096;

/// Messages that a room's slowest listener may be behind.
const BEHIND: usize = 8192;

type Rooms = Arc<Mutex<HashMap<String, Sender<Utf8Bytes>>>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let router = Router::new()
        .route("/", get(upgrade))
        .with_state(Rooms::default());
    let listener = tokio::net::TcpSocket::new_v4()?;
    listener.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = listener.listen(BACKLOG)?;
    println!("ready {}", listener.local_addr()?.port());
    axum::serve(listener, router).await?;
    Ok(())
}

async fn upgrade(State(rooms): State<Rooms>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .on_upgrade(|socket| async move {
            // It ends with its client.
            drop(serve(rooms, socket).await);
        })
}

async fn serve(rooms: Rooms, socket: WebSocket) -> Result<(), axum::Error> {
    let (mut sink, mut stream) = socket.split();
    let mut listening: Option<Receiver<Utf8Bytes>> = None;
    loop {
        tokio::select! {
            frame = stream.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let Some((verb, rest)) = text.split_once(' ') else { continue };
                    if verb == "join" {
                        listening = Some(room(&rooms, rest).subscribe());
                        sink.send(Message::text("joined")).await?;
                    } else if let Some((name, text)) = rest.split_once(' ') {
                        // A room without listeners is no failure.
                        room(&rooms, name).send(text.into()).ok();
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            received = next(&mut listening) => {
                let Ok(text) = received else { return Ok(()) };
                sink.feed(Message::Text(text)).await?;
                while let Some(listening) = &mut listening {
                    match listening.try_recv() {
                        Ok(text) => sink.feed(Message::Text(text)).await?,
                        Err(TryRecvError::Empty) => break,
                        Err(_) => return Ok(()),
                    }
                }
                sink.flush().await?;
            }
        }
    }
}

async fn next(listening: &mut Option<Receiver<Utf8Bytes>>) -> Result<Utf8Bytes, RecvError> {
    match listening {
        Some(listening) => listening.recv().await,
        None => std::future::pending().await,
    }
}

fn room(rooms: &Rooms, name: &str) -> Sender<Utf8Bytes> {
    let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
    let sender = rooms.entry(name.to_owned());
    sender.or_insert_with(|| channel(BEHIND).0).clone()
}

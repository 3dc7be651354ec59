//! A client that reads slowly and has missed a lot: its replay waits for it, and nothing is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use chapar_api::store::messages::NewMessage;
use chapar_api::store::{StoreConfig, open};
use chapar_shared::{RoomId, Seq, Timestamp, UserId};
use chapar_tests::{DEADLINE, Site, User, scenarios};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

scenarios! {
    a_long_replay_waits_for_a_slow_reader,
}

const ROOMS: usize = 50;
/// In each room: nearly as many as are replayed at all.
const MESSAGES: usize = 900;
/// Written while the replay goes on, in each room.
const LIVE: usize = 5;

/// What is needed of an event. The socket is read by hand: tens of thousands of long frames are too many to
/// keep and to record.
#[derive(Debug, Deserialize)]
struct Glance {
    op: String,
    room: RoomId,
    seq: Seq,
}

type Stream = WebSocketStream<TcpStream>;

async fn a_long_replay_waits_for_a_slow_reader(site: Site) {
    let (ali, sara) = (
        User::register(&site, 0).await,
        User::register(&site, 1).await,
    );
    let mut since = BTreeMap::new();
    for _ in 0..ROOMS {
        let room = ali.private_room(&[&sara]).await.room;
        since.insert(room.id, room.seq);
    }
    write_many(&site, ali.id, since.keys().copied()).await;
    let mut reader = connect(&sara, 1, &since).await;
    // What was missed is many times the queue of 1 MiB, and the reader does not read while its rooms go on.
    let author = ali.connect().await;
    for room in since.keys() {
        author
            .say_all(*room, (0..LIVE).map(|number| number.to_string()))
            .await;
    }
    let mut positions = since.clone();
    for number in 0..(MESSAGES + LIVE) * ROOMS {
        let text = next(&mut reader).await;
        let event: Glance = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(event.op, "event", "{text}");
        // Nothing changed after it was sent: the replay is as dense as what is live.
        let before = positions.insert(event.room, event.seq);
        assert_eq!(before, Some(event.seq - 1), "{text}");
        if number % 5000 == 0 {
            sleep(Duration::from_millis(100)).await;
        }
    }
    for (room, seq) in since {
        let behind = positions[&room] - seq;
        assert_eq!(usize::try_from(behind), Ok(MESSAGES + LIVE), "room {room}");
    }
    reader.close(None).await.unwrap();
}

/// Brings long messages into the store, as an api node's writer does, but without a client and a gateway for
/// each: a room's in two batches.
async fn write_many(site: &Site, sender: UserId, rooms: impl Iterator<Item = RoomId>) {
    let config = StoreConfig {
        url: site.store_url().await.into(),
        ..StoreConfig::default()
    };
    let store = open(&config).unwrap();
    let text = "چاپار نامه را از ایستگاهی به ایستگاهی می‌برد. ".repeat(8);
    for room in rooms {
        let message = |number| NewMessage {
            room,
            sender,
            content: format!("{number} {text}"),
            body_hash: String::new(),
            nonce: None,
            is_nonce_hidden: false,
            reply_to: None,
            attachments: Vec::new(),
            mentions: Vec::new(),
            at: Timestamp::now(),
        };
        let all: Vec<NewMessage> = (0..MESSAGES).map(message).collect();
        for batch in all.chunks(MESSAGES / 2) {
            let outcome = store.commit_sends(batch, &|_, _| Ok(())).await.unwrap();
            assert!(outcome.results.iter().all(Result::is_ok));
        }
    }
    store.close().await;
}

/// A socket for which the system keeps little.
async fn connect(user: &User, node: usize, since: &BTreeMap<RoomId, Seq>) -> Stream {
    let url = user.site().ws_url(node);
    let address = url.trim_start_matches("ws://").trim_end_matches("/v1/ws");
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 << 10).unwrap();
    let stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let upgrade = tokio_tungstenite::client_async(url.as_str(), stream);
    let (mut stream, _) = upgrade.await.unwrap();
    let hello = json!({"op": "hello", "token": user.token(), "since": since});
    stream.send(Frame::text(hello.to_string())).await.unwrap();
    let ready = next(&mut stream).await;
    assert!(ready.starts_with(r#"{"op":"ready""#), "{ready}");
    stream
}

async fn next(stream: &mut Stream) -> String {
    loop {
        let frame = timeout(DEADLINE, stream.next()).await;
        match frame.expect("something comes") {
            Some(Ok(Frame::Text(text))) => return text.to_string(),
            Some(Ok(Frame::Ping(_))) => {}
            other => panic!("in place of a frame: {other:?}"),
        }
    }
}

//! Files in frames: as large as an upload, and only so many at once.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use chapar_shared::Limits;

use super::world::{Client, World, config, until};

const PATH: &str = "/ws/chat/1/?dialect=groups";

async fn door(world: &World, user: i64) -> Client {
    world.door(0, user, PATH).await.ok().unwrap()
}

/// A frame with a file of about so many bytes.
fn file(bytes: usize) -> String {
    let data = "A".repeat(bytes / 3 * 4);
    json!({"file": format!("data:text/plain;base64,{data}"), "filename": "نامه.txt"}).to_string()
}

#[tokio::test]
async fn a_file_is_kept_and_sent_like_any_message() {
    let world = World::new().await;
    world.store.let_uploads_pass(2);
    let mut socket = door(&world, 1).await;
    let mut other = door(&world, 2).await;
    for bytes in [5, 10 << 20] {
        socket.send_text(&file(bytes)).await;
        for socket in [&mut socket, &mut other] {
            let told = socket.next().await;
            assert_eq!(
                (&told["filename"], &told["username"]),
                (&json!("پرونده"), &json!("کاربر1"))
            );
        }
    }
    socket.send(&json!({"message": "پس از آن"})).await;
    assert_eq!(other.next().await["message"], "پس از آن");
}

#[tokio::test]
async fn a_long_frame_without_a_file_closes_1009() {
    let world = World::new().await;
    // One longer than any file is refused by its head, and the rest of it is not read.
    let mut socket = door(&world, 1).await;
    let sent = socket.socket.send(Message::text(file(20 << 20))).await;
    until("it is cut off", || {
        world.nodes[0].gateway.connections() == 0
    })
    .await;
    assert_eq!(
        (sent.is_err(), world.store.calls().uploads.len()),
        (true, 0)
    );
    // In one piece or in several.
    let mut socket = door(&world, 1).await;
    socket.send(&json!({"message": "x".repeat(1 << 20)})).await;
    assert_eq!(socket.closed().await, 1009);
    let mut socket = door(&world, 1).await;
    let piece = |opcode, is_last| {
        Message::Frame(Frame::message(
            vec![b'x'; 60_000],
            OpCode::Data(opcode),
            is_last,
        ))
    };
    for (opcode, is_last) in [
        (Data::Text, false),
        (Data::Continue, false),
        (Data::Continue, true),
    ] {
        socket.socket.send(piece(opcode, is_last)).await.unwrap();
    }
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn a_second_file_of_the_same_user_waits_for_the_first() {
    let world = World::new().await;
    let (mut first, mut second) = (door(&world, 1).await, door(&world, 1).await);
    let mut other = door(&world, 2).await;
    first.send_text(&file(1 << 20)).await;
    until("the first is begun", || world.store.calls().uploading == 1).await;
    let tasks = tokio_util::task::TaskTracker::new();
    let sending = tasks.spawn(async move {
        second.send_text(&file(1 << 20)).await;
        second
    });
    // Somebody else's passes, and so does a small one of the same user.
    other.send_text(&file(1 << 20)).await;
    let mut third = door(&world, 1).await;
    third.send_text(&file(100)).await;
    until("three are begun", || world.store.calls().uploading == 3).await;
    assert_eq!(world.store.calls().uploads.len(), 3);
    world.store.let_uploads_pass(4);
    let mut second = sending.await.unwrap();
    for _ in 0..4 {
        assert_eq!(second.next().await["filename"], "پرونده");
    }
    assert_eq!(world.store.calls().uploads.len(), 4);
}

#[tokio::test]
async fn two_files_of_one_socket_are_dealt_with_one_by_one() {
    let world = World::new().await;
    let mut socket = door(&world, 1).await;
    let tasks = tokio_util::task::TaskTracker::new();
    let sending = tasks.spawn(async move {
        // Small ones among them, all in one go.
        for bytes in [100, 1 << 20, 1 << 20, 100] {
            socket
                .socket
                .feed(Message::text(file(bytes)))
                .await
                .unwrap();
        }
        socket.socket.flush().await.unwrap();
        socket
    });
    world.store.let_uploads_pass(4);
    let mut socket = sending.await.unwrap();
    for _ in 0..4 {
        assert_eq!(socket.next().await["filename"], "پرونده");
    }
}

#[tokio::test]
async fn the_node_reads_only_so_many_at_once() {
    let few = chapar_gateway::Config {
        max_file_frames: 2,
        ..config()
    };
    let world = World::with(few, Limits::default()).await;
    let tasks = tokio_util::task::TaskTracker::new();
    let mut sending = Vec::new();
    for user in 1..=3 {
        let mut socket = door(&world, user).await;
        sending.push(tasks.spawn(async move {
            socket.send_text(&file(1 << 20)).await;
            socket
        }));
    }
    until("two are begun", || world.store.calls().uploading == 2).await;
    let mut small = door(&world, 4).await;
    small.send(&json!({"message": "سلام"})).await;
    assert_eq!(small.next().await["message"], "سلام");
    assert_eq!(world.store.calls().uploads.len(), 2);
    world.store.let_uploads_pass(3);
    let mut sockets = Vec::new();
    for sent in sending {
        sockets.push(sent.await.unwrap());
    }
    until("all are done", || {
        let calls = world.store.calls();
        (calls.uploads.len(), calls.uploading) == (3, 0)
    })
    .await;
}

#[tokio::test]
async fn a_file_that_does_not_come_loses_its_place() {
    let short = chapar_gateway::Config {
        max_file_frames: 1,
        file_timeout: Duration::from_millis(50),
        ..config()
    };
    let world = World::with(short, Limits::default()).await;
    world.store.let_uploads_pass(1);
    let mut slow = door(&world, 1).await;
    let begin = Frame::message(vec![b'x'; 200_000], OpCode::Data(Data::Text), false);
    slow.socket.send(Message::Frame(begin)).await.unwrap();
    until("the slow one is cut off", || {
        world.nodes[0].gateway.connections() == 0
    })
    .await;
    let mut socket = door(&world, 2).await;
    socket.send_text(&file(1 << 20)).await;
    assert_eq!(socket.next().await["filename"], "پرونده");
}

#[tokio::test]
async fn what_the_api_refuses_is_told() {
    let world = World::new().await;
    let mut socket = door(&world, 1).await;
    socket.send_text("{\"file\":7}").await;
    assert_eq!(socket.next().await["code"], "malformed_frame");
    world.store.fault(|faults| faults.is_away = true);
    socket.send_text(&file(100)).await;
    assert_eq!(socket.next().await["code"], "unavailable");
}

//! The proxy's faults, each before a server that echoes.

#![expect(clippy::unwrap_used, reason = "these helpers serve tests only")]

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chapar_testkit::{Proxy, Verdict, eat_publishes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// A server that echoes, and counts the bytes that reached it.
async fn echo() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let tasks = TaskTracker::new();
    tasks.clone().spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let counter = Arc::clone(&counter);
            tasks.spawn(async move {
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    counter.fetch_add(length, Ordering::SeqCst);
                    if stream.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, count)
}

async fn say(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).await?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

#[tokio::test]
async fn cut_resets_and_refuses_until_restored() {
    let (server, _) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, "one").await.unwrap(), "one");

    proxy.cut().await;
    let error = timeout(Duration::from_secs(5), stream.read_u8())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);

    proxy.restore().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, "two").await.unwrap(), "two");
}

#[tokio::test]
async fn black_hole_swallows_old_and_new_connections() {
    let (server, count) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut old, "one").await.unwrap(), "one");

    proxy.black_hole().await;
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    for stream in [&mut old, &mut new] {
        timeout(Duration::from_millis(200), say(stream, "lost"))
            .await
            .unwrap_err();
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);

    proxy.restore().await;
    for stream in [&mut old, &mut new] {
        timeout(Duration::from_secs(5), stream.read_u8())
            .await
            .unwrap()
            .unwrap_err();
    }
}

#[tokio::test]
async fn latency_delays_both_directions() {
    let (server, _) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.latency(Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(say(&mut stream, "one").await.unwrap(), "one");
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn dropped_replies_reach_the_server_and_not_the_client() {
    let (server, count) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    proxy.drop_replies(2);
    for round in 1..=2 {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        say(&mut stream, "x").await.unwrap_err();
        assert_eq!(count.load(Ordering::SeqCst), round);
    }
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, "x").await.unwrap(), "x");
}

#[tokio::test]
async fn filters_replace_drop_answer_and_cut() {
    let (server, _) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    proxy.filter(|piece| match piece {
        b"replace" => Verdict::Replace(b"other".to_vec()),
        b"answer" => Verdict::Answer(b"mine".to_vec()),
        b"drop" => Verdict::Drop,
        b"cut" => Verdict::Cut,
        _ => Verdict::Forward,
    });
    proxy.filter_replies(|piece| match piece {
        b"quiet" => Verdict::Replace(b"loud".to_vec()),
        _ => Verdict::Forward,
    });
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, "replace").await.unwrap(), "other");
    assert_eq!(say(&mut stream, "answer").await.unwrap(), "mine");
    assert_eq!(say(&mut stream, "quiet").await.unwrap(), "loud");
    timeout(Duration::from_millis(100), say(&mut stream, "drop"))
        .await
        .unwrap_err();
    say(&mut stream, "cut").await.unwrap_err();
    proxy.clear_filters();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, "cut").await.unwrap(), "cut");
}

#[tokio::test]
async fn a_client_that_ends_its_half_still_gets_the_rest() {
    let (server, _) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    timeout(Duration::from_secs(5), stream.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(text, "last words");
}

#[test]
fn only_whole_publishes_are_eaten() {
    let publish: &[u8] = b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$2\r\n\r\n\r\n";
    assert_eq!(eat_publishes(publish), Verdict::Answer(b":0\r\n".to_vec()));
    assert_eq!(
        eat_publishes(&publish.repeat(3)),
        Verdict::Answer(b":0\r\n".repeat(3))
    );
    assert_eq!(
        eat_publishes(&publish[..publish.len() - 1]),
        Verdict::Forward
    );
    assert_eq!(eat_publishes(b"*1\r\n$4\r\nPING\r\n"), Verdict::Forward);
    assert_eq!(eat_publishes(b"*0\r\n"), Verdict::Forward);
    let script = b"*5\r\n$7\r\nEVALSHA\r\n$1\r\nh\r\n$1\r\n0\r\n$1\r\nc\r\n$1\r\nm\r\n";
    assert_eq!(eat_publishes(script), Verdict::Answer(b":0\r\n".to_vec()));
    let with_key = b"*4\r\n$7\r\nEVALSHA\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\nk\r\n";
    assert_eq!(eat_publishes(with_key), Verdict::Forward);
}

//! Listeners and connections: what every node answers, slow clients, the drain.

#![expect(
    clippy::unwrap_used,
    reason = "helper functions of tests may panic too"
)]

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::{get, post};
use chapar::Node;
use chapar::config::{Config, Roles, Sources, load};
use chapar::health::Readiness;
use chapar::serve::{Server, Terms, bind};
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(10);

fn listen(server: &Server, router: Router, header_timeout: Duration, max: usize) -> String {
    let listener = bind("127.0.0.1:0".parse().unwrap(), "test").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let terms = Terms {
        header_timeout,
        idle_timeout: PATIENCE,
        max_connections: max,
    };
    server.listen("test", listener, router, terms);
    address
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("in time").ok();
    String::from_utf8(answer).unwrap()
}

async fn node(folder: &tempfile::TempDir) -> Node {
    let data_dir = folder.path().to_str().unwrap();
    let sources = Sources::of_environment([
        ("CHAPAR_HTTP__BIND", "127.0.0.1:0"),
        ("CHAPAR_DATA_DIR", data_dir),
    ]);
    let config: Config = load(&sources).unwrap();
    Node::start(config, Roles::All).await.unwrap()
}

#[tokio::test]
async fn every_node_tells_its_health_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder).await;
    let base = format!("http://{}", node.public_address());
    let get = async |path: &str| reqwest::get(format!("{base}{path}")).await.unwrap();

    assert_eq!(get("/healthz").await.status(), 200);
    let ready = get("/readyz").await;
    assert_eq!(ready.status(), 200);
    let ready = ready.text().await.unwrap();
    assert_eq!(
        ready,
        r#"{"checks":{"broker":"ok","store":"ok"},"ready":true}"#
    );

    let nothing = get("/nothing/here").await;
    assert_eq!(nothing.status(), 404);
    assert_eq!(
        nothing.headers()["content-type"],
        "application/problem+json"
    );

    let metrics = get("/metrics").await.text().await.unwrap();
    let counted = r#"chapar_http_requests_total{method="GET",path="/readyz",status="200"}"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(
        metrics.contains("chapar_http_request_seconds_bucket"),
        "{metrics}"
    );
    assert!(metrics.contains("process_open_fds"), "{metrics}");

    node.readiness().drain();
    assert_eq!(get("/readyz").await.status(), 503);
    assert_eq!(get("/healthz").await.status(), 200);
    node.stop(CancellationToken::new()).await;
    assert!(reqwest::get(format!("{base}/healthz")).await.is_err());
}

#[tokio::test]
async fn the_web_client_is_served_compressed_and_kept_by_browsers() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder).await;
    let base = format!("http://{}", node.public_address());
    // It does not unpack by itself.
    let client = reqwest::Client::new();
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = client.get(format!("{base}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };

    let page = get("/", &[]).await;
    assert_eq!(page.status(), 200);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("cache-control"), "no-cache");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    let etag = header("etag");
    assert_eq!(get("/", &[("if-none-match", &etag)]).await.status(), 304);

    let html = page.text().await.unwrap();
    let (_, script) = html.split_once(" src=\"").unwrap();
    let script = script.split('"').next().unwrap();
    let plain = get(script, &[]).await;
    assert_eq!(
        plain.headers()["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(plain.headers()["vary"], "accept-encoding");
    let plain = plain.bytes().await.unwrap();
    for (asked, got) in [("gzip, br", "br"), ("gzip", "gzip")] {
        let packed = get(script, &[("accept-encoding", asked)]).await;
        assert_eq!(packed.headers()["content-encoding"], got);
        assert!(packed.bytes().await.unwrap().len() * 2 < plain.len());
    }

    let missing = get("/assets/missing.js", &[]).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(
        missing.headers()["content-type"],
        "application/problem+json"
    );
    node.stop(CancellationToken::new()).await;
}

#[tokio::test]
async fn request_ids_are_echoed_if_sane_and_made_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder).await;
    let url = format!("http://{}/healthz", node.public_address());
    let id_for = async |id: &str| {
        let request = reqwest::Client::new().get(&url).header("x-request-id", id);
        let response = request.send().await.unwrap();
        response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(id_for("abc-1.2_3").await, "abc-1.2_3");
    for odd in ["a b", "", "<script>", &"x".repeat(65)] {
        let made = id_for(odd).await;
        assert_ne!(made, odd);
        assert_eq!(made.len(), 32);
    }
    node.stop(CancellationToken::new()).await;
}

#[tokio::test]
async fn a_failing_check_is_named_and_a_hanging_one_fails_in_time() {
    let readiness = Readiness::new(vec![
        ("store", Box::new(|| async { Ok(()) }.boxed())),
        (
            "broker",
            Box::new(|| async { Err("link is down".into()) }.boxed()),
        ),
        ("slow", Box::new(|| std::future::pending().boxed())),
    ]);
    let (is_ready, body) = timeout(PATIENCE, readiness.ask()).await.unwrap();
    assert!(!is_ready);
    assert_eq!(body["checks"]["store"], "ok");
    assert_eq!(body["checks"]["broker"], "link is down");
    assert_eq!(body["checks"]["slow"], "no answer in time");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut() {
    let server = Server::default();
    let address = listen(&server, Router::new(), Duration::from_millis(100), 10);
    let mut slow = TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    read_to_end(&mut slow).await;
    assert!(server.drain(Duration::ZERO, PATIENCE).await);
}

/// Reads an answer whose body is `served` and leaves the connection open.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"served") {
        let read = timeout(PATIENCE, stream.read_buf(&mut answer)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "closed after {answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

fn served() -> Router {
    Router::new().route("/", get(async || "served"))
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A proxy that sends its next request late must find the connection open.
#[tokio::test]
async fn a_connection_is_kept_for_longer_than_a_head_may_take() {
    let server = Server::default();
    let head = Duration::from_millis(200);
    let address = listen(&server, served(), head, 10);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    read_answer(&mut stream).await;
    let mut byte = [0];
    let early = timeout(3 * head, stream.read(&mut byte)).await;
    assert!(early.is_err(), "an idle connection was closed");
    stream.write_all(REQUEST).await.unwrap();
    read_answer(&mut stream).await;
    // Once it has begun, a later head has its time too.
    stream.write_all(&REQUEST[..10]).await.unwrap();
    let begin = Instant::now();
    read_to_end(&mut stream).await;
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    assert!(server.drain(Duration::ZERO, PATIENCE).await);
}

/// Answers without a look at the body, and tells that it did.
fn refusing() -> (Router, mpsc::Receiver<()>) {
    let (sender, receiver) = mpsc::channel(4);
    let refuse = async move || {
        sender.send(()).await.unwrap();
        "served"
    };
    (Router::new().route("/", post(refuse)), receiver)
}

/// A proxy sends head and body one after the other, and the next request on the same connection.
#[tokio::test]
async fn a_refusal_reads_the_body_that_is_on_its_way_and_keeps_the_connection() {
    let server = Server::default();
    let (router, mut refused) = refusing();
    let address = listen(&server, router, PATIENCE, 10);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    for _ in 0..2 {
        let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        timeout(PATIENCE, refused.recv()).await.unwrap();
        stream.write_all(&[b'x'; 10_000]).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    drop(stream);
    assert!(server.drain(Duration::ZERO, PATIENCE).await);
}

/// What is sent meanwhile must not reset the connection, which could take the answer with it.
#[tokio::test]
async fn a_long_body_or_one_that_asks_first_is_not_waited_for_and_the_answer_arrives() {
    let server = Server::default();
    let (router, _refused) = refusing();
    let address = listen(&server, router, PATIENCE, 10);
    for head in [
        "Content-Length: 100000000",
        "Content-Length: 10\r\nExpect: 100-continue",
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        stream.write_all(&vec![b'x'; 8 << 20]).await.unwrap();
        stream.shutdown().await.unwrap();
        let end = timeout(PATIENCE, stream.read(&mut [0])).await.unwrap();
        assert_eq!(end.unwrap(), 0, "closed, not reset");
    }
    assert!(server.drain(Duration::ZERO, PATIENCE).await);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = Server::default();
    let listener = bind("127.0.0.1:0".parse().unwrap(), "test").unwrap();
    let address = listener.local_addr().unwrap();
    let short = Duration::from_millis(200);
    let terms = Terms {
        header_timeout: short,
        idle_timeout: short,
        max_connections: 10,
    };
    server.listen("test", listener, served(), terms);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    assert!(read_to_end(&mut stream).await.contains("served"));
    assert!(server.drain(Duration::ZERO, PATIENCE).await);
}

/// A request that was on its way when the drain began is answered, and the answer says that it was the last.
#[tokio::test]
async fn a_drain_answers_once_more_on_connections_that_are_kept() {
    let server = Server::default();
    let address = listen(&server, served(), PATIENCE, 10);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    assert!(!read_answer(&mut stream).await.contains("connection: close"));
    let mut drain = Box::pin(server.drain(PATIENCE, PATIENCE));
    assert!(drain.as_mut().now_or_never().is_none(), "did not wait");
    let last = async {
        stream.write_all(REQUEST).await.unwrap();
        read_to_end(&mut stream).await
    };
    let (is_clean, last) = tokio::join!(drain, last);
    assert!(is_clean && last.contains("connection: close") && last.ends_with("served"));
}

/// Whom the system let in before the listener closed may have sent a request already.
#[tokio::test]
async fn connections_in_the_systems_queue_are_served_at_the_end() {
    let server = Server::default();
    let address = listen(&server, served(), PATIENCE, 100);
    // Nothing else runs on this thread meanwhile, so nobody accepts them.
    let early: Vec<std::net::TcpStream> = (0..20)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(&address).unwrap();
            std::io::Write::write_all(&mut stream, REQUEST).unwrap();
            stream
        })
        .collect();
    let drain = server.drain(PATIENCE, PATIENCE);
    let all = async {
        for stream in early {
            stream.set_nonblocking(true).unwrap();
            let mut stream = TcpStream::from_std(stream).unwrap();
            assert!(read_to_end(&mut stream).await.ends_with("served"));
        }
    };
    let (is_clean, ()) = tokio::join!(drain, all);
    assert!(is_clean);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let server = Server::default();
    let router = Router::new().route("/", get(async || "served"));
    let address = listen(&server, router, PATIENCE, 1);
    let first = TcpStream::connect(&address).await.unwrap();
    let mut second = TcpStream::connect(&address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    second.write_all(request).await.unwrap();
    let early = timeout(Duration::from_millis(200), second.readable()).await;
    assert!(early.is_err(), "served beyond the limit");
    drop(first);
    assert!(read_to_end(&mut second).await.ends_with("served"));
}

#[tokio::test]
async fn a_drain_lets_a_request_finish_and_takes_no_new_ones() {
    let server = Server::default();
    let (started, mut is_started) = mpsc::channel(1);
    let finish = CancellationToken::new();
    let wait = finish.clone();
    let handler = async move || {
        started.send(()).await.unwrap();
        wait.cancelled().await;
        "finished"
    };
    let router = Router::new().route("/", get(handler));
    let address = listen(&server, router, PATIENCE, 10);
    let mut idle = TcpStream::connect(&address).await.unwrap();
    let request = TaskTracker::new().spawn(reqwest::get(format!("http://{address}/")));
    is_started.recv().await.unwrap();

    let mut drain = Box::pin(server.drain(Duration::ZERO, PATIENCE));
    assert!(drain.as_mut().now_or_never().is_none(), "did not wait");
    // Idle connections are closed at once, while the request goes on.
    tokio::select! {
        _ = read_to_end(&mut idle) => {}
        _ = drain.as_mut() => panic!("did not wait"),
    }
    // Those that the system lets in until the listener is closed are still served.
    let closed = async { while TcpStream::connect(&address).await.is_ok() {} };
    tokio::select! {
        closed = timeout(PATIENCE, closed) => closed.unwrap(),
        _ = drain.as_mut() => panic!("did not wait"),
    }
    finish.cancel();
    assert!(timeout(PATIENCE, drain).await.unwrap());
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "finished");
}

#[tokio::test]
async fn a_drain_waits_for_upgraded_sockets_until_its_deadline() {
    let server = Server::default();
    let (opened, mut is_opened) = mpsc::channel(1);
    let handler = async move |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async move |mut socket| {
            opened.send(()).await.unwrap();
            while let Some(Ok(Message::Text(_))) = socket.recv().await {}
        })
    };
    let router = Router::new().route("/ws", get(handler));
    let address = listen(&server, router, PATIENCE, 10);
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let request = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    timeout(PATIENCE, is_opened.recv()).await.unwrap();
    assert!(
        !server
            .drain(Duration::ZERO, Duration::from_millis(100))
            .await,
        "did not wait"
    );
    drop(socket);
    assert!(server.drain(Duration::ZERO, PATIENCE).await);
}

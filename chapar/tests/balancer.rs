//! The load balancer's configuration before gateways that come and go.

#![cfg(feature = "testing")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chapar::testing::dev;
use chapar_testkit::Nginx;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const UPGRADE: &str =
    "GET /v1/ws HTTP/1.1\r\nHost: chat.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Enough for each of nginx's processes to have its share.
const MANY: usize = 24;

/// What stands for a gateway: it takes every socket and keeps it. Dropping it ends them.
struct Gateway {
    address: SocketAddr,
    _sockets: JoinSet<()>,
}

impl Gateway {
    async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut sockets = JoinSet::new();
        sockets.spawn(async move {
            let mut kept = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                kept.spawn(keep(socket));
            }
        });
        Self {
            address,
            _sockets: sockets,
        }
    }
}

/// Answers the upgrade and stays until the other side goes.
async fn keep(socket: TcpStream) {
    let mut lines = BufReader::new(socket);
    let mut line = String::new();
    while lines.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if line == "\r\n" {
            let answered = lines.write_all(SWITCHED.as_bytes()).await;
            answered.expect("nginx waits for the answer");
        }
        line.clear();
    }
}

/// Opens a socket through the balancer; its answer's status line.
async fn open(port: u16) -> (String, TcpStream) {
    let opening = async {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        socket.write_all(UPGRADE.as_bytes()).await?;
        let mut reader = BufReader::new(socket);
        let mut status = String::new();
        reader.read_line(&mut status).await?;
        std::io::Result::Ok((status, reader.into_inner()))
    };
    let opened = tokio::time::timeout(Duration::from_secs(20), opening).await;
    opened
        .expect("an answer within 20 s")
        .expect("nginx keeps the connection")
}

async fn open_many(port: u16) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for number in 0..MANY {
        let (status, socket) = open(port).await;
        assert!(status.starts_with("HTTP/1.1 101"), "{number}: {status}");
        sockets.push(socket);
    }
    sockets
}

/// As in a rolling upgrade, where the next node goes as soon as the one before is back.
#[tokio::test]
async fn a_gateway_that_came_back_takes_all_sockets_of_the_next_one_that_goes() {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (Gateway::start(free).await, Gateway::start(free).await);
    let gateways = [&first, &second].map(|gateway| gateway.address.to_string());
    let api = ["127.0.0.1:9".to_owned()];
    let configuration = dev::configuration("127.0.0.1:{port}", &api, &gateways);
    let nginx = Nginx::start(&configuration).await.unwrap();

    let address = first.address;
    drop(first);
    let on_the_second = open_many(nginx.port()).await;

    let _first = Gateway::start(address).await;
    drop(second);
    open_many(nginx.port()).await;
    drop(on_the_second);
}

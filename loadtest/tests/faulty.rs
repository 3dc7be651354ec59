//! Clients of a server that loses, doubles and shuffles: the generator must find each of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers outside of its functions"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use chapar_loadtest::fleet::Fleet;
use chapar_loadtest::layout::Layout;
use chapar_loadtest::mark::{Clock, Mark};
use chapar_loadtest::socket::{Greeting, Step};
use chapar_loadtest::target::{Kind, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Never waited for in full, unless something is lost.
const SILENCE: Duration = Duration::from_millis(300);

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![0x81, 126];
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Upgrades one client, lets it join, and sends it these numbers of stream 0, whatever it says.
async fn serve(mut client: TcpStream, numbers: &[u64], is_closed: bool) {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        assert!(client.read_buf(&mut heard).await.unwrap() > 0);
    }
    let mut said = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
    // The join and its answer may cross: the answer comes with the head.
    said.extend(frame(b"joined"));
    for &number in numbers {
        let mark = Mark {
            stream: 0,
            number,
            at: 1,
        };
        said.extend(frame(mark.text(150).as_bytes()));
    }
    client.write_all(&said).await.unwrap();
    if is_closed {
        return;
    }
    // Until the client goes.
    while client.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {}
}

/// What a fleet of one says of a server that sends `numbers` of 8: lost, doubled, disordered, ended.
fn judge(numbers: &'static [u64], is_closed: bool) -> (u64, u64, u64, u64) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            serve(client, numbers, is_closed).await;
        });
        let wire = Wire::of(Kind::Bare);
        let mut fleet = Fleet::new(Layout::rooms_of(1, 1), wire, Clock::start(), 150);
        for _ in 1..=8 {
            fleet.next_mark(0, 1);
        }
        let greeting = |_| Greeting {
            address,
            path: "/".to_owned(),
            steps: vec![Step::Say("join 1".to_owned()), Step::Hear("joined")],
        };
        fleet
            .open([1], 1, Duration::from_secs(20), greeting)
            .await
            .unwrap();
        let is_whole = fleet.settle(SILENCE).await;
        if is_closed {
            server.join_next().await.unwrap().unwrap();
        }
        let lost = fleet.lost();
        assert_eq!(is_whole, lost == 0, "{numbers:?}");
        let newest = numbers.iter().max().copied().unwrap_or_default();
        assert_eq!(fleet.positions(1), BTreeMap::from([(1, newest)]));
        let meter = fleet.meter();
        (lost, meter.doubled, meter.disordered, meter.ended.0)
    })
}

#[test]
fn a_whole_stream_is_clean() {
    assert_eq!(judge(&[1, 2, 3, 4, 5, 6, 7, 8], false), (0, 0, 0, 0));
}

#[test]
fn what_is_lost_doubled_or_late_is_found() {
    assert_eq!(judge(&[1, 2, 4, 5, 6, 7], false), (2, 0, 0, 0));
    assert_eq!(judge(&[1, 2, 3, 3, 4, 5, 6, 1, 7, 8], false), (0, 2, 0, 0));
    assert_eq!(judge(&[1, 2, 4, 3, 5, 6, 8, 7], false), (0, 0, 2, 0));
}

#[test]
fn a_socket_that_the_server_ends_is_counted() {
    assert_eq!(judge(&[1, 2, 3], true), (5, 0, 0, 1));
}

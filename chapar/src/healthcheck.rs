//! `chapar healthcheck`: asks the node of this configuration whether it is ready. For containers, which have
//! no curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

/// More than the node's own checks may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Blocks for a few seconds at most.
///
/// # Errors
/// When there is no node, or it is not ready; with what it answered.
pub fn ask(bind: SocketAddr) -> anyhow::Result<()> {
    let address = SocketAddr::new(reachable(bind.ip()), bind.port());
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("no node at {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    ensure!(
        answer.starts_with("HTTP/1.1 200"),
        "not ready: {}",
        body.trim()
    );
    Ok(())
}

/// A node that listens on every address listens on this one.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

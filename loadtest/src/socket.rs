//! One client socket: the upgrade, the way to "joined", and then whatever comes, read in large pieces into a
//! buffer that all sockets share.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use crate::frame::{FrameReader, Opcode, write_frame};

/// Bytes taken from a socket at once.
const CHUNK: usize = 256 << 10;

/// An answer to an upgrade is shorter.
const MAX_HEAD: usize = 16 << 10;

/// The buffer of all sockets of a thread: between two reads nobody needs it.
#[derive(Clone, Debug)]
pub struct Chunk(Rc<RefCell<Box<[u8]>>>);

impl Default for Chunk {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; CHUNK].into_boxed_slice())))
    }
}

/// How a client gets from nothing to "joined".
#[derive(Clone, Debug)]
pub struct Greeting {
    /// The node.
    pub address: SocketAddr,
    /// Path and query of the upgrade.
    pub path: String,
    /// What is said and heard after it, in order.
    pub steps: Vec<Step>,
}

/// One step of a [`Greeting`].
#[derive(Clone, Debug)]
pub enum Step {
    /// The client says this text.
    Say(String),
    /// The server says a text that begins so; another one ends the attempt.
    Hear(&'static str),
}

/// What a socket sends. Nothing waits: what the system does not take at once is kept until it does.
#[derive(Debug)]
pub struct Outbox {
    half: OwnedWriteHalf,
    left: RefCell<Vec<u8>>,
    wake: Notify,
}

impl Outbox {
    /// Writes to this half. Somebody must poll [`Outbox::run`].
    pub fn new(half: OwnedWriteHalf) -> Self {
        Self {
            half,
            left: RefCell::default(),
            wake: Notify::new(),
        }
    }

    /// Sends a text.
    pub fn say(&self, text: &str) {
        self.send(Opcode::Message, text.as_bytes());
    }

    /// Sends a frame.
    pub fn send(&self, opcode: Opcode, payload: &[u8]) {
        self.put(|out| write_frame(out, opcode, payload));
    }

    /// Sends what `write` appends.
    pub fn put(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut left = self.left.borrow_mut();
        let is_waiting = !left.is_empty();
        write(&mut left);
        if is_waiting {
            return;
        }
        // An end is noticed by the reader.
        if let Ok(written) = self.half.try_write(&left) {
            left.drain(..written);
        }
        if !left.is_empty() {
            self.wake.notify_one();
        }
    }

    /// Writes what [`Outbox::send`] left; ends with the socket only.
    pub async fn run(&self) -> io::Error {
        loop {
            self.wake.notified().await;
            while !self.left.borrow().is_empty() {
                if let Err(error) = self.half.writable().await {
                    return error;
                }
                let mut left = self.left.borrow_mut();
                match self.half.try_write(&left) {
                    Ok(written) => drop(left.drain(..written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return error,
                }
            }
        }
    }
}

/// A socket that has joined.
#[derive(Debug)]
pub struct Socket {
    half: OwnedReadHalf,
    reader: FrameReader,
    outbox: Rc<Outbox>,
    chunk: Chunk,
}

impl Socket {
    /// Connects and goes through the greeting. Frames that come with or after its last step go to `each`.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn open(
        greeting: &Greeting,
        chunk: Chunk,
        mut each: impl FnMut(&Outbox, Opcode, &[u8]),
    ) -> anyhow::Result<Self> {
        let (stream, rest) = upgrade(greeting).await?;
        stream.set_nodelay(true)?;
        let (half, writing) = stream.into_split();
        let outbox = Rc::new(Outbox::new(writing));
        let mut socket = Self {
            half,
            reader: FrameReader::default(),
            outbox,
            chunk,
        };
        let outbox = Rc::clone(&socket.outbox);
        let mut steps = Steps {
            steps: &greeting.steps,
            failure: None,
        };
        steps.talk(&outbox);
        socket.reader.feed(&rest, |opcode, payload| {
            steps.take(&outbox, opcode, payload, &mut each);
        })?;
        loop {
            if let Some(failure) = steps.failure {
                bail!(failure);
            }
            if steps.steps.is_empty() {
                return Ok(socket);
            }
            let mut take = |opcode, payload: &[u8]| {
                steps.take(&outbox, opcode, payload, &mut each);
            };
            let read = socket.read(&mut take).await?;
            ensure!(read > 0, "the server ended the connection before it joined");
        }
    }

    /// Where to send.
    pub fn outbox(&self) -> Rc<Outbox> {
        Rc::clone(&self.outbox)
    }

    /// Reads until the socket ends, and says why it did.
    pub async fn run(mut self, mut each: impl FnMut(&Outbox, Opcode, &[u8])) -> String {
        let outbox = Rc::clone(&self.outbox);
        let mut writing = std::pin::pin!(outbox.run());
        let mut take = |opcode, payload: &[u8]| each(&outbox, opcode, payload);
        loop {
            tokio::select! {
                biased;
                read = self.read(&mut take) => match read {
                    Ok(0) => return "the server ended the connection".to_owned(),
                    Ok(_) => {}
                    Err(error) => return error.to_string(),
                },
                error = &mut writing => return error.to_string(),
            }
        }
    }

    /// One read; 0 at the end of the stream.
    async fn read(&mut self, each: &mut impl FnMut(Opcode, &[u8])) -> anyhow::Result<usize> {
        poll_fn(|context| self.poll_read(context, each)).await
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        each: &mut impl FnMut(Opcode, &[u8]),
    ) -> Poll<anyhow::Result<usize>> {
        let mut chunk = self.chunk.0.borrow_mut();
        let mut read = ReadBuf::new(&mut chunk);
        // Through the trait, because it knows from a short read that there is no more.
        ready!(Pin::new(&mut self.half).poll_read(context, &mut read))?;
        let read = read.filled();
        self.reader.feed(read, each)?;
        Poll::Ready(Ok(read.len()))
    }
}

/// The steps still to be taken.
struct Steps<'a> {
    steps: &'a [Step],
    failure: Option<String>,
}

impl Steps<'_> {
    fn take(
        &mut self,
        outbox: &Outbox,
        opcode: Opcode,
        payload: &[u8],
        each: &mut impl FnMut(&Outbox, Opcode, &[u8]),
    ) {
        match opcode {
            Opcode::Message if !self.steps.is_empty() => self.hear(outbox, payload),
            Opcode::Close if !self.steps.is_empty() => self.fail("joined", payload),
            _ => each(outbox, opcode, payload),
        }
    }

    fn talk(&mut self, outbox: &Outbox) {
        while let [Step::Say(text), rest @ ..] = self.steps {
            outbox.say(text);
            self.steps = rest;
        }
    }

    fn hear(&mut self, outbox: &Outbox, payload: &[u8]) {
        let [Step::Hear(wanted), rest @ ..] = self.steps else {
            return;
        };
        if payload.starts_with(wanted.as_bytes()) {
            self.steps = rest;
            self.talk(outbox);
        } else {
            self.fail(wanted, payload);
        }
    }

    fn fail(&mut self, wanted: &str, payload: &[u8]) {
        let start = &payload[..payload.len().min(200)];
        let heard = String::from_utf8_lossy(start);
        self.failure
            .get_or_insert_with(|| format!("instead of {wanted:?}: {heard:?}"));
    }
}

/// Asks for the upgrade; gives the stream and what came after the answer's head.
async fn upgrade(greeting: &Greeting) -> anyhow::Result<(TcpStream, Vec<u8>)> {
    let Greeting { address, path, .. } = greeting;
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::with_capacity(512);
    loop {
        ensure!(
            stream.read_buf(&mut head).await? > 0,
            "no answer to the upgrade"
        );
        if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
            let status = head.get(9..12).context("a status")?;
            if status != b"101" {
                let text = String::from_utf8_lossy(&head[..end]);
                bail!("the upgrade was refused: {text}");
            }
            return Ok((stream, head.split_off(end + 4)));
        }
        ensure!(head.len() < MAX_HEAD, "an endless answer to the upgrade");
    }
}

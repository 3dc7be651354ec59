//! Publishing to Redis as fast as bytes can be written: PUBLISH commands in a pipeline, answers only looked
//! through for errors. Broker clients that do more would be measured themselves.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::rc::Rc;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::socket::Outbox;

/// A connection that publishes.
pub struct Publisher {
    outbox: Rc<Outbox>,
    batch: RefCell<Vec<u8>>,
    has_failed: Rc<Cell<bool>>,
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl Publisher {
    /// Connects to a Redis of this machine.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        let (mut answers, half) = stream.into_split();
        let outbox = Rc::new(Outbox::new(half));
        let has_failed = Rc::new(Cell::new(false));
        let mut tasks = JoinSet::new();
        let (writing, failed) = (Rc::clone(&outbox), Rc::clone(&has_failed));
        tasks.spawn_local(async move {
            writing.run().await;
        });
        tasks.spawn_local(async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read @ 1..) = answers.read(&mut buffer).await {
                // Good answers are counts, `:3`; only errors begin with a minus sign.
                if memchr::memchr(b'-', &buffer[..read]).is_some() {
                    break;
                }
            }
            failed.set(true);
        });
        Ok(Self {
            outbox,
            batch: RefCell::default(),
            has_failed,
            _tasks: tasks,
        })
    }

    /// Adds a message to the batch.
    pub fn publish(&self, channel: &str, message: &[u8]) {
        let mut batch = self.batch.borrow_mut();
        let (name, length) = (channel.len(), message.len());
        write!(
            batch,
            "*3\r\n$7\r\nPUBLISH\r\n${name}\r\n{channel}\r\n${length}\r\n"
        )
        .expect("a vector takes any write");
        batch.extend_from_slice(message);
        batch.extend_from_slice(b"\r\n");
    }

    /// Sends the batch.
    pub fn flush(&self) {
        let mut batch = self.batch.borrow_mut();
        if !batch.is_empty() {
            self.outbox.put(|out| out.append(&mut batch));
        }
    }

    /// Whether the connection ended or Redis refused something.
    pub fn has_failed(&self) -> bool {
        self.has_failed.get()
    }
}

//! WebSocket frames (RFC 6455) as a client reads and writes them, without a library between the bytes and the
//! count: one core must take in more than two million deliveries a second.
//!
//! Reading is not general: extensions are never offered, and no server here sends a message in fragments, so
//! both are errors.

/// What a frame is (RFC 6455, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A whole text or binary message.
    Message,
    /// The server closes.
    Close,
    /// To be answered with a pong.
    Ping,
    /// An answer that nobody asked for.
    Pong,
}

/// A frame that no server should send to this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(
    /// What is wrong.
    pub &'static str,
);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed frame: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// Finds frames in what is read, however it is cut. Allocates only for a frame that a read cut in two.
#[derive(Debug, Default)]
pub struct FrameReader {
    held: Vec<u8>,
}

impl FrameReader {
    /// Calls `each` with every frame that `chunk` completes.
    ///
    /// # Errors
    /// [`Malformed`]: the stream cannot be read any further.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Opcode, &[u8]),
    ) -> Result<(), Malformed> {
        if self.held.is_empty() {
            let used = frames(chunk, &mut each)?;
            self.held.extend_from_slice(&chunk[used..]);
            return Ok(());
        }
        self.held.extend_from_slice(chunk);
        let used = frames(&self.held, &mut each)?;
        self.held.drain(..used);
        if self.held.is_empty() && self.held.capacity() > 1024 {
            self.held = Vec::new();
        }
        Ok(())
    }
}

/// How many bytes whole frames took.
fn frames(bytes: &[u8], each: &mut impl FnMut(Opcode, &[u8])) -> Result<usize, Malformed> {
    let mut used = 0;
    while let Some((opcode, from, to)) = head(&bytes[used..])? {
        let (from, to) = (used + from, used.saturating_add(to));
        let Some(payload) = bytes.get(from..to) else {
            break;
        };
        each(opcode, payload);
        used = to;
    }
    Ok(used)
}

/// A frame's opcode and where its payload begins and ends; `None` while its head is not whole.
fn head(bytes: &[u8]) -> Result<Option<(Opcode, usize, usize)>, Malformed> {
    let &[first, second, ..] = bytes else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(Malformed("an extension that was not offered"));
    }
    if second & 0x80 != 0 {
        return Err(Malformed("a server's frame is masked"));
    }
    let opcode = match first {
        0x81 | 0x82 => Opcode::Message,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        0x00..=0x02 | 0x80 => return Err(Malformed("a fragment")),
        _ => return Err(Malformed("an unknown opcode")),
    };
    let (start, length) = match second {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (4, usize::from(u16::from_be_bytes([a, b]))),
            _ => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|it| it.try_into().ok()) {
            Some(length) => {
                let length = usize::try_from(u64::from_be_bytes(length));
                (10, length.map_err(|_| Malformed("a length beyond memory"))?)
            }
            None => return Ok(None),
        },
        short => (2, usize::from(short)),
    };
    Ok(Some((opcode, start, start.saturating_add(length))))
}

/// Appends a client's frame. The mask is zero: it protects proxies from scripts in browsers (RFC 6455, 10.3),
/// of which there are none here, and costs the server the same.
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.push(match opcode {
        Opcode::Message => 0x81,
        Opcode::Close => 0x88,
        Opcode::Ping => 0x89,
        Opcode::Pong => 0x8a,
    });
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => out.push(0x80 | u8::try_from(length).expect("below 126")),
        Ok(length) => {
            out.push(0xfe);
            out.extend(length.to_be_bytes());
        }
        Err(_) => {
            out.push(0xff);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(u8::try_from(length).unwrap()),
            length @ 126..65_536 => {
                frame.push(126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        frame
    }

    fn stream() -> (Vec<u8>, Vec<(Opcode, Vec<u8>)>) {
        let frames = [
            (0x81, Opcode::Message, b"{}".to_vec()),
            (0x89, Opcode::Ping, Vec::new()),
            (0x82, Opcode::Message, vec![7; 125]),
            (0x81, Opcode::Message, vec![b'a'; 126]),
            (0x81, Opcode::Message, vec![b'b'; 70_000]),
            (0x8a, Opcode::Pong, b"x".to_vec()),
            (0x88, Opcode::Close, vec![0x0f, 0xaa]),
        ];
        let bytes = frames
            .iter()
            .flat_map(|(first, _, payload)| server_frame(*first, payload))
            .collect();
        let read = frames.into_iter().map(|(_, opcode, it)| (opcode, it));
        (bytes, read.collect())
    }

    #[test]
    fn frames_are_whole_wherever_a_read_cuts_them() {
        let (bytes, expected) = stream();
        // Every place but the inside of the long payload, of which a few do.
        let cuts =
            (0..bytes.len()).filter(|at| *at < 600 || bytes.len() - at < 40 || at % 997 == 0);
        for cut in cuts {
            let (mut reader, mut read) = (FrameReader::default(), Vec::new());
            for chunk in [&bytes[..cut], &bytes[cut..]] {
                let taken = reader.feed(chunk, |opcode, it| read.push((opcode, it.to_vec())));
                taken.unwrap();
            }
            assert_eq!(read, expected, "cut at {cut}");
        }
    }

    #[test]
    fn frames_are_whole_when_bytes_come_one_by_one() {
        let (bytes, expected) = stream();
        let (mut reader, mut read) = (FrameReader::default(), Vec::new());
        for byte in bytes {
            let taken = reader.feed(&[byte], |opcode, it| read.push((opcode, it.to_vec())));
            taken.unwrap();
        }
        assert_eq!(read, expected);
    }

    #[test]
    fn what_no_server_may_send_is_an_error() {
        for bytes in [[0xc1, 0], [0x81, 0x80], [0x01, 0], [0x80, 0], [0x83, 0]] {
            let result = FrameReader::default().feed(&bytes, |_, _| panic!("{bytes:?}"));
            assert!(result.is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_client_masks_its_frames() {
        let mut out = Vec::new();
        write_frame(&mut out, Opcode::Message, b"hi");
        write_frame(&mut out, Opcode::Pong, &[1; 200]);
        assert_eq!(out[..8], [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        assert_eq!(out[8..12], [0x8a, 0xfe, 0, 200]);
        assert_eq!(out.len(), 8 + 4 + 4 + 200);
    }
}

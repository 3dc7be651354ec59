//! WebSocket frames (RFC 6455), as a server reads and writes them, without a buffer that waits.
//!
//! What is sent to many is made once, header included ([`Frame`]), shared by reference and written many at a
//! time. What is read lies in the reader's own buffer: a connection keeps bytes only of a frame that is not
//! complete yet ([`Decoder`]). No extensions: a compressor costs each connection more than all else together.

mod decoder;

use bytes::{BufMut, Bytes, BytesMut};

pub(crate) use decoder::{Decoder, Found, Incoming, Malformed};

/// A frame ready to be written, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame(Bytes);

/// Payloads from here on take a length of two bytes, and from [`LONG`] on one of eight.
const MEDIUM: usize = 126;
const LONG: usize = 1 << 16;

/// Of a control frame's payload.
const MAX_CONTROL: usize = 125;

const FIN: u8 = 0x80;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

impl Frame {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// A ping without payload.
    pub(crate) fn ping() -> Self {
        const PING: [u8; 2] = [FIN | Opcode::Ping as u8, 0];
        Self(Bytes::from_static(&PING))
    }

    /// The answer to a ping, with its payload.
    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::new(Opcode::Pong, &payload[..payload.len().min(MAX_CONTROL)])
    }

    /// A close; the reason is cut to what fits.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        let mut payload = Vec::with_capacity(2 + reason.len());
        payload.put_u16(code);
        payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(MAX_CONTROL - 2)]);
        Self::new(Opcode::Close, &payload)
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(payload.len() + 10);
        bytes.put_u8(FIN | opcode as u8);
        match payload.len() {
            length @ ..MEDIUM => bytes.put_u8(u8::try_from(length).expect("below 126")),
            length @ MEDIUM..LONG => {
                bytes.put_u8(126);
                bytes.put_u16(u16::try_from(length).expect("below 65536"));
            }
            length => {
                bytes.put_u8(127);
                bytes.put_u64(length as u64);
            }
        }
        bytes.put_slice(payload);
        Self(bytes.freeze())
    }

    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes to be written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

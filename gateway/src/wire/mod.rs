//! WebSocket frames (RFC 6455), as a server reads and writes them, without a buffer that waits.
//!
//! The buffers are the caller's; of a connection's own are only the fragments of a message that is not complete
//! yet ([`Decoder`]). No extensions: a compressor costs each connection more than all else together.

mod decoder;

use bytes::BufMut;

pub(crate) use decoder::{Decoder, Found, Incoming, Malformed};

/// Payloads from here on take a length of two bytes, and from [`LONG`] on one of eight.
const MEDIUM: usize = 126;
const LONG: usize = 1 << 16;

/// Of a control frame's payload.
const MAX_CONTROL: usize = 125;

/// Of an unmasked header.
const MAX_HEADER: usize = 10;

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

/// Writes a frame behind what is there.
pub(crate) fn put_frame(output: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    output.reserve(payload.len() + MAX_HEADER);
    output.put_u8(FIN | opcode as u8);
    match payload.len() {
        length @ ..MEDIUM => output.put_u8(u8::try_from(length).expect("below 126")),
        length @ MEDIUM..LONG => {
            output.put_u8(126);
            output.put_u16(u16::try_from(length).expect("below 65536"));
        }
        length => {
            output.put_u8(127);
            output.put_u64(length as u64);
        }
    }
    output.put_slice(payload);
}

/// Writes a close frame; the reason is cut to what fits.
pub(crate) fn put_close(output: &mut Vec<u8>, code: u16, reason: &str) {
    let mut payload = Vec::with_capacity(MAX_CONTROL);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..reason.floor_char_boundary(MAX_CONTROL - 2)]);
    put_frame(output, Opcode::Close, &payload);
}

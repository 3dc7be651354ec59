//! What every message carries in its text: its stream, its number there, and when it was meant to be sent.
//!
//! `#<stream>:<number>:<µs> ` and padding. A stream is what one sender says in one room: its numbers are dense
//! from 1. The form is found in any protocol's frame by a search for bytes, without parsing the frame, and
//! holds nothing that a chat server reads a meaning into.

use std::io::Write as _;
use std::time::Instant;

/// The time that marks are told in: microseconds since the generator started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Microseconds since the start.
    pub fn micros(self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// One message's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which sender in which room.
    pub stream: u32,
    /// Dense from 1 in its stream.
    pub number: u64,
    /// When it was meant to be sent, by the [`Clock`].
    pub at: u64,
}

impl Mark {
    /// A text of at least `bytes` bytes that carries it.
    pub fn text(self, bytes: usize) -> String {
        let mut text = Vec::with_capacity(bytes.max(48));
        let Self { stream, number, at } = self;
        write!(text, "#{stream}:{number}:{at} ").expect("a vector takes any write");
        // Not blank: servers trim texts.
        text.resize(bytes.max(text.len() + 1), b'x');
        String::from_utf8(text).expect("it is ASCII")
    }

    /// The first mark in a frame.
    pub fn find(frame: &[u8]) -> Option<Self> {
        let mut rest = frame;
        while let Some(at) = memchr::memchr(b'#', rest) {
            rest = &rest[at + 1..];
            if let Some(mark) = Self::parse(rest) {
                return Some(mark);
            }
        }
        None
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (stream, text) = number(text, b':')?;
        let (number_, text) = number(text, b':')?;
        let (at, _) = number(text, b' ')?;
        Some(Self {
            stream: u32::try_from(stream).ok()?,
            number: number_,
            at,
        })
    }
}

/// Digits up to `end`, and what follows it.
fn number(text: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (place, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            }
            _ if byte == end && place > 0 => return Some((value, &text[place + 1..])),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_inside_frames() {
        let mark = Mark {
            stream: 12,
            number: 345,
            at: 6_789_012,
        };
        let text = mark.text(150);
        assert_eq!(text.len(), 150);
        assert_eq!(Mark::find(text.as_bytes()), Some(mark));
        let frame = format!(r##"{{"op":"event","slug":"#1:2","n":"#:1:2 ","content":"{text}"}}"##);
        assert_eq!(Mark::find(frame.as_bytes()), Some(mark));
        assert!(mark.text(1).ends_with('x'));
    }

    #[test]
    fn what_is_no_mark_is_not_found() {
        for text in [
            "",
            "#",
            "#1",
            "#1:2",
            "#1:2:3",
            "#1:2:3x",
            "#a:2:3 ",
            "#4294967296:1:1 ",
        ] {
            assert_eq!(Mark::find(text.as_bytes()), None, "{text}");
        }
    }
}

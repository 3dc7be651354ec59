//! From bytes to messages. A message that came in one piece is told without a copy.

use std::borrow::Cow;

use super::{FIN, MAX_CONTROL, Opcode};

const MASKED: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASK_SIZE: usize = 4;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    Text(Cow<'a, str>),
    /// Of so many bytes; nobody asks which.
    Binary(usize),
    /// To be answered with the same payload.
    Ping(&'a [u8]),
    Pong,
    /// The client closes, or answers our close.
    Close,
}

/// What no client may send. Nothing that comes after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not the protocol.
    Protocol,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message longer than allowed.
    TooLarge,
}

/// What was found at the head of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A message, and the bytes that it took.
    Message(Incoming<'a>, usize),
    /// A fragment was put by: these bytes are done with.
    Fragment(usize),
    /// The frame takes so many bytes in all.
    Incomplete(usize),
}

/// One client's side of the protocol. Holds bytes only while a fragmented message is incomplete.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    fragments: Option<Fragments>,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    bytes: Vec<u8>,
}

impl Decoder {
    /// Looks at the head of `buffer`; messages may be as long as `max`. A complete frame is unmasked in place,
    /// so its bytes must not be shown again.
    pub(crate) fn next<'a>(
        &mut self,
        buffer: &'a mut [u8],
        max: usize,
    ) -> Result<Found<'a>, Malformed> {
        let header = match Header::read(buffer)? {
            Ok(header) => header,
            Err(needed) => return Ok(Found::Incomplete(needed)),
        };
        let before = self.held();
        if !header.opcode.is_control() && header.length > max.saturating_sub(before) as u64 {
            return Err(Malformed::TooLarge);
        }
        let length = usize::try_from(header.length).map_err(|_| Malformed::TooLarge)?;
        let end = header.size + length;
        let Some((frame, _)) = buffer.split_at_mut_checked(end) else {
            return Ok(Found::Incomplete(end));
        };
        let (head, payload) = frame.split_at_mut(header.size);
        let mask = *head.last_chunk().expect("a header ends with its mask");
        unmask(payload, mask);
        let message = self.take(&header, payload)?;
        Ok(message.map_or(Found::Fragment(end), |message| Found::Message(message, end)))
    }

    /// Bytes of a fragmented message so far.
    pub(crate) fn held(&self) -> usize {
        self.fragments.as_ref().map_or(0, |it| it.bytes.len())
    }

    fn take<'a>(
        &mut self,
        header: &Header,
        payload: &'a [u8],
    ) -> Result<Option<Incoming<'a>>, Malformed> {
        let is_whole = header.is_final && self.fragments.is_none();
        Ok(Some(match header.opcode {
            Opcode::Ping => Incoming::Ping(payload),
            Opcode::Pong => Incoming::Pong,
            Opcode::Close => {
                check_close(payload)?;
                Incoming::Close
            }
            Opcode::Text if is_whole => {
                Incoming::Text(str::from_utf8(payload).or(Err(Malformed::NotUtf8))?.into())
            }
            Opcode::Binary if is_whole => Incoming::Binary(payload.len()),
            Opcode::Text | Opcode::Binary => {
                let begun = Fragments {
                    is_text: header.opcode == Opcode::Text,
                    bytes: payload.to_vec(),
                };
                // A message within another one is none.
                return match self.fragments.replace(begun) {
                    Some(_) => Err(Malformed::Protocol),
                    None => Ok(None),
                };
            }
            Opcode::Continuation => {
                let mut so_far = self.fragments.take().ok_or(Malformed::Protocol)?;
                so_far.bytes.extend_from_slice(payload);
                if !header.is_final {
                    self.fragments = Some(so_far);
                    return Ok(None);
                }
                if so_far.is_text {
                    let text = String::from_utf8(so_far.bytes).or(Err(Malformed::NotUtf8))?;
                    Incoming::Text(text.into())
                } else {
                    Incoming::Binary(so_far.bytes.len())
                }
            }
        }))
    }
}

struct Header {
    is_final: bool,
    opcode: Opcode,
    /// Of the header with its mask.
    size: usize,
    /// Of the payload.
    length: u64,
}

impl Header {
    /// The header at the head of `buffer`, else how many bytes are needed to go on.
    fn read(buffer: &[u8]) -> Result<Result<Self, usize>, Malformed> {
        let &[first, second, ..] = buffer else {
            return Ok(Err(2 + MASK_SIZE));
        };
        let is_final = first & FIN != 0;
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(Malformed::Protocol)?;
        // Every client masks, and none was offered an extension.
        if first & RESERVED != 0 || second & MASKED == 0 {
            return Err(Malformed::Protocol);
        }
        let (length, size) = match second & !MASKED {
            126 => match buffer[2..].first_chunk() {
                Some(bytes) => (u16::from_be_bytes(*bytes).into(), 4),
                None => return Ok(Err(4 + MASK_SIZE)),
            },
            127 => match buffer[2..].first_chunk() {
                Some(bytes) => (u64::from_be_bytes(*bytes), 10),
                None => return Ok(Err(10 + MASK_SIZE)),
            },
            short => (short.into(), 2),
        };
        if opcode.is_control() && (!is_final || length > MAX_CONTROL as u64) {
            return Err(Malformed::Protocol);
        }
        if buffer.len() < size + MASK_SIZE {
            return Ok(Err(size + MASK_SIZE));
        }
        Ok(Ok(Self {
            is_final,
            opcode,
            size: size + MASK_SIZE,
            length,
        }))
    }
}

/// Eight bytes at a time; the mask has four.
fn unmask(payload: &mut [u8], mask: [u8; MASK_SIZE]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// RFC 6455 §7.4: a close is empty, or a code that may be sent and a text.
fn check_close(payload: &[u8]) -> Result<(), Malformed> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Protocol)
        };
    };
    match u16::from_be_bytes(*code) {
        1000..=1003 | 1007..=1014 | 3000..=4999 if str::from_utf8(reason).is_ok() => Ok(()),
        _ => Err(Malformed::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame as Peer, FrameHeader,
        coding::{CloseCode, Control, Data, OpCode},
    };

    use super::super::{put_close, put_frame};
    use super::*;

    /// A frame as the library's client writes it.
    fn sent(payload: &[u8], opcode: OpCode, is_final: bool) -> Vec<u8> {
        let header = FrameHeader {
            is_final,
            opcode,
            mask: Some([1, 2, 3, 4]),
            ..FrameHeader::default()
        };
        let frame = Peer::from_payload(header, payload.to_vec().into());
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    /// A frame as we write it.
    fn written(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, opcode, payload);
        bytes
    }

    fn text(payload: &str) -> Vec<u8> {
        sent(payload.as_bytes(), OpCode::Data(Data::Text), true)
    }

    /// What comes of bytes that arrive in pieces, as texts.
    fn read(pieces: &[&[u8]], max: usize) -> Result<Vec<String>, Malformed> {
        let mut decoder = Decoder::default();
        let (mut held, mut told) = (Vec::new(), Vec::new());
        for piece in pieces {
            held.extend_from_slice(piece);
            let mut at = 0;
            loop {
                match decoder.next(&mut held[at..], max)? {
                    Found::Message(message, used) => {
                        told.push(match message {
                            Incoming::Text(text) => text.into_owned(),
                            other => format!("{other:?}"),
                        });
                        at += used;
                    }
                    Found::Fragment(used) => at += used,
                    Found::Incomplete(needed) => {
                        assert!(needed > held.len() - at);
                        break;
                    }
                }
            }
            held.drain(..at);
        }
        assert!(held.is_empty(), "{} bytes were left", held.len());
        Ok(told)
    }

    proptest! {
        #[test]
        fn texts_come_through_whatever_pieces_they_come_in(
            texts in prop::collection::vec("[a-zآ-ی]{0,200}|x{65530,65540}", 0..5),
            cut in 1usize..200,
        ) {
            let bytes: Vec<u8> = texts.iter().flat_map(|it| text(it)).collect();
            let step = bytes.len() / cut + 1;
            let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
            prop_assert_eq!(read(&pieces, 1 << 20), Ok(texts));
        }

        #[test]
        fn nothing_that_is_sent_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = bytes;
            let found = Decoder::default().next(&mut bytes, 32).is_ok();
            prop_assert!(found || !bytes.is_empty());
        }
    }

    #[test]
    fn a_frame_may_be_split_at_every_byte() {
        let bytes = [
            text("سلام"),
            text(&"x".repeat(300)),
            text(&"y".repeat(70_000)),
        ]
        .concat();
        for at in (0..400).chain(bytes.len() - 70_020..bytes.len() - 69_990) {
            let told = read(&[&bytes[..at], &bytes[at..]], 1 << 20).unwrap();
            assert_eq!(
                told.iter().map(String::len).collect::<Vec<_>>(),
                [8, 300, 70_000]
            );
        }
    }

    #[test]
    fn fragments_are_one_message_and_controls_may_come_between() {
        let begun = sent("سل".as_bytes(), OpCode::Data(Data::Text), false);
        let ping = sent(b"now", OpCode::Control(Control::Ping), true);
        let more = sent(&"ا".as_bytes()[..1], OpCode::Data(Data::Continue), false);
        let rest = sent(&"ام".as_bytes()[1..], OpCode::Data(Data::Continue), true);
        let told = read(&[&begun, &ping, &more, &rest], 100).unwrap();
        assert_eq!(
            told,
            [format!("{:?}", Incoming::Ping(b"now")), "سلام".to_owned()]
        );
        // The limit is the message's, not the fragment's.
        assert_eq!(read(&[&begun, &more, &rest], 7), Err(Malformed::TooLarge));
        let cut = sent(b"x", OpCode::Data(Data::Continue), true);
        assert_eq!(read(&[&begun, &more, &cut], 100), Err(Malformed::NotUtf8));
        assert_eq!(read(&[&begun, &begun], 100), Err(Malformed::Protocol));
        assert_eq!(read(&[&cut], 100), Err(Malformed::Protocol));
    }

    #[test]
    fn what_no_client_may_send_is_refused_from_its_header_on() {
        let unmasked = written(Opcode::Text, b"x");
        let reserved = [0xc1, 0x80, 0, 0, 0, 0];
        let unknown = [0x83, 0x80, 0, 0, 0, 0];
        let long_ping = [0x89, 0xfe, 0, 126, 0, 0, 0, 0];
        let cut_ping = [0x09, 0x80, 0, 0, 0, 0];
        for bytes in [&unmasked[..], &reserved, &unknown, &long_ping, &cut_ping] {
            assert_eq!(read(&[bytes], 100), Err(Malformed::Protocol), "{bytes:?}");
        }
        let huge = [&[0x81, 0xff][..], &[0xff; 8], &[0; 4]].concat();
        assert_eq!(read(&[&huge], 100), Err(Malformed::TooLarge));
        assert_eq!(
            read(&[&text(&"x".repeat(101))[..8]], 100),
            Err(Malformed::TooLarge)
        );
        let latin = sent(&[0xe9], OpCode::Data(Data::Text), true);
        assert_eq!(read(&[&latin], 100), Err(Malformed::NotUtf8));
    }

    #[test]
    fn closes_are_empty_or_have_a_code_that_may_be_sent() {
        let close = |payload: &[u8]| {
            let bytes = sent(payload, OpCode::Control(Control::Close), true);
            read(&[&bytes], 100).map(|_| ())
        };
        assert_eq!(close(&[]), Ok(()));
        for code in [1000, 1001, 1011, 3000, 4999] {
            assert_eq!(close(&u16::to_be_bytes(code)), Ok(()));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            assert_eq!(close(&u16::to_be_bytes(code)), Err(Malformed::Protocol));
        }
        assert_eq!(close(&[3]), Err(Malformed::Protocol));
        assert_eq!(close(&[3, 0xe8, 0xff]), Err(Malformed::Protocol));
    }

    #[test]
    fn frames_are_read_by_a_library_as_they_were_meant() {
        let format = |frame: Peer| {
            let mut bytes = Vec::new();
            frame.format(&mut bytes).unwrap();
            bytes
        };
        for length in [0, 1, 125, 126, 65_535, 65_536, 100_000] {
            let text = "x".repeat(length);
            let peer = Peer::message(text.clone(), OpCode::Data(Data::Text), true);
            assert_eq!(written(Opcode::Text, text.as_bytes()), format(peer));
        }
        assert_eq!(written(Opcode::Ping, b""), format(Peer::ping(vec![])));
        assert_eq!(
            written(Opcode::Pong, b"abc"),
            format(Peer::pong(b"abc".to_vec()))
        );
        let close = Peer::close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::Library(4010),
            reason: "too slow".into(),
        }));
        let mut bytes = Vec::new();
        put_close(&mut bytes, 4010, "too slow");
        assert_eq!(bytes, format(close));
        bytes.clear();
        put_close(&mut bytes, 1000, &"س".repeat(100));
        assert_eq!(bytes.len(), 2 + 2 + 122);
    }
}

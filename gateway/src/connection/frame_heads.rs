//! Follows the heads of a client's frames (RFC 6455 §5.2) in a stream of bytes, wherever that is cut.
//!
//! It tells when a data message becomes large and when one is whole. Control frames may stand between the
//! frames of a message and count for nothing. It checks nothing: a stream that is not WebSocket leads nowhere,
//! and its reader refuses it.

/// Head without the masking key: two bytes and up to eight of length.
const LONGEST_HEAD: usize = 10;

/// See the module.
#[derive(Debug)]
pub(super) struct FrameHeads {
    small: u64,
    max: u64,
    head: [u8; LONGEST_HEAD],
    at: At,
    frame: Frame,
    /// Payload of the unfinished data message, with the frame whose head was read last.
    message: u64,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// So many bytes of the head were read.
    Head(usize),
    /// Before the masking key and payload of a frame that makes its message large.
    Large,
    /// So many bytes of masking key and payload are still to come.
    Payload(u64),
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Masking key and payload.
    len: u64,
    is_control: bool,
    is_final: bool,
}

/// What was come upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// All bytes were followed.
    Nothing,
    /// The next bytes belong to a frame that makes its message large, or more so. The head of a masked one, as
    /// every client's is to be, is not whole without them, so that nobody can act on it yet. Not gone beyond
    /// without [`FrameHeads::allow`].
    Large,
    /// A data message is whole.
    End,
}

impl FrameHeads {
    /// Messages above `small` bytes of payload are large; those above `max` are not told of.
    pub(super) fn new(small: u64, max: u64) -> Self {
        Self {
            small,
            max,
            head: [0; LONGEST_HEAD],
            at: At::Head(0),
            frame: Frame::default(),
            message: 0,
        }
    }

    /// Goes beyond the head of a large frame.
    pub(super) fn allow(&mut self) {
        if matches!(self.at, At::Large) {
            self.at = At::Payload(self.frame.len);
        }
    }

    /// Follows bytes up to the next thing to tell; how many that were.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> (usize, Seen) {
        let mut at = 0;
        loop {
            match self.at {
                At::Large => return (at, Seen::Large),
                At::Payload(0) => {
                    self.at = At::Head(0);
                    if !self.frame.is_control && self.frame.is_final {
                        self.message = 0;
                        return (at, Seen::End);
                    }
                }
                At::Payload(left) => {
                    let rest = bytes.len() - at;
                    if rest == 0 {
                        return (at, Seen::Nothing);
                    }
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest);
                    at += count;
                    self.at = At::Payload(left - count as u64);
                }
                At::Head(read) => {
                    let Some(byte) = bytes.get(at) else {
                        return (at, Seen::Nothing);
                    };
                    self.head[read] = *byte;
                    at += 1;
                    self.at = At::Head(read + 1);
                    if read + 1 == self.head_len(read + 1) {
                        self.begin();
                    }
                }
            }
        }
    }

    /// How long the head is, as far as can be told from its first bytes.
    fn head_len(&self, read: usize) -> usize {
        match self.head[1] & 0x7f {
            _ if read < 2 => 2,
            126 => 4,
            127 => LONGEST_HEAD,
            _ => 2,
        }
    }

    /// Takes the head that was read.
    fn begin(&mut self) {
        let [first, second, ..] = self.head;
        let payload = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => self.head[2..]
                .iter()
                .fold(0, |len, byte| (len << 8) | u64::from(*byte)),
            len => u64::from(len),
        };
        let key = if second & 0x80 == 0 { 0 } else { 4 };
        self.frame = Frame {
            len: payload.saturating_add(key),
            is_control: first & 0x08 != 0,
            is_final: first & 0x80 != 0,
        };
        self.at = At::Payload(self.frame.len);
        if !self.frame.is_control {
            self.message = self.message.saturating_add(payload);
            if self.message > self.small && self.message <= self.max {
                self.at = At::Large;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A client's frame, as much of it as is asked for.
    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload {
            0..126 => bytes.push(0x80 + u8::try_from(payload).unwrap()),
            126..=0xffff => {
                bytes.push(0x80 + 126);
                bytes.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(0x80 + 127);
                bytes.extend((payload as u64).to_be_bytes());
            }
        }
        bytes.extend([0xff; 4]);
        bytes.extend(vec![0xff; payload]);
        bytes
    }

    /// What is seen of a stream that comes in pieces, with the places.
    fn seen(bytes: &[u8], pieces: &[usize]) -> Vec<(usize, Seen)> {
        let mut heads = FrameHeads::new(1000, 100_000);
        let (mut all, mut start) = (Vec::new(), 0);
        let mut pieces = pieces.iter().copied().chain(std::iter::repeat(usize::MAX));
        while start < bytes.len() {
            let piece = pieces.next().unwrap().min(bytes.len() - start);
            let mut at = 0;
            loop {
                let (count, seen) = heads.follow(&bytes[start + at..start + piece]);
                at += count;
                match seen {
                    Seen::Nothing => break,
                    Seen::Large => heads.allow(),
                    Seen::End => {}
                }
                all.push((start + at, seen));
            }
            assert_eq!(at, piece);
            start += piece;
        }
        all
    }

    #[test]
    fn a_large_frame_is_seen_before_its_masking_key() {
        let bytes = [frame(0x81, 5), frame(0x81, 2000), frame(0x81, 70_000)].concat();
        let large = 11 + 4;
        let second = 11 + 8 + 2000;
        assert_eq!(
            seen(&bytes, &[]),
            [
                (11, Seen::End),
                (large, Seen::Large),
                (second, Seen::End),
                (second + 10, Seen::Large),
                (bytes.len(), Seen::End),
            ]
        );
    }

    #[test]
    fn fragments_add_up_and_control_frames_between_them_do_not() {
        let bytes = [
            frame(0x01, 600),
            frame(0x89, 100),
            frame(0x00, 300),
            frame(0x8a, 125),
            frame(0x80, 200),
            frame(0x81, 900),
        ]
        .concat();
        let kinds: Vec<_> = seen(&bytes, &[]).into_iter().map(|it| it.1).collect();
        assert_eq!(kinds, [Seen::Large, Seen::End, Seen::End]);
    }

    #[test]
    fn what_is_refused_anyway_is_not_told() {
        assert_eq!(seen(&frame(0x81, 200_000)[..100], &[]), []);
        let huge = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(seen(&huge, &[]), []);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_stream_is_cut(
            frames in prop::collection::vec((prop::sample::select(vec![0x01, 0x00, 0x80, 0x81, 0x82, 0x89]), 0..3000_usize), 1..8),
            pieces in prop::collection::vec(1..500_usize, 0..40),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(first, len)| frame(*first, *len)).collect();
            prop_assert_eq!(seen(&bytes, &pieces), seen(&bytes, &[]));
        }
    }
}

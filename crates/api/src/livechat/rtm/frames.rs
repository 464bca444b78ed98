//! WebSocket frames (RFC 6455, section 5): what comes in is put together, what goes out is written into one buffer.
//!
//! Pure. It is our own because of what it saves: an idle connection holds no buffer at all, a frame that a thousand hear
//! is copied and never written anew, and all that waits for a connection leaves in one write.

/// The longest message that is taken, in bytes: as long as the longest body of the API over HTTP.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The longest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A text.
    Text(String),
    /// They ask whether we are there.
    Ping(Vec<u8>),
    /// They are there.
    Pong,
    /// They close, with this code.
    Close(Option<u16>),
}

/// What came in is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// Against the protocol.
    Protocol,
    /// Something else than text.
    NotText,
    /// A text that is not UTF-8.
    NotUtf8,
    /// A message that is too long.
    TooLong,
}

impl Violation {
    /// The code that it is closed with (RFC 6455, section 7.4.1).
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotText => 1003,
            Self::NotUtf8 => 1007,
            Self::TooLong => 1009,
        }
    }
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Puts messages together from bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    input: Vec<u8>,
    /// The parts of a message that is not whole yet.
    parts: Option<Vec<u8>>,
}

/// The head of a frame.
struct Head {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Where the payload begins, and how long it is.
    at: usize,
    length: usize,
}

impl Decoder {
    /// Takes bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next message, if one is whole. After a violation nothing more is to be asked.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Violation> {
        loop {
            let Some(head) = self.head()? else { return Ok(None) };
            let end = head.at + head.length;
            let Some(masked) = self.input.get(head.at..end) else { return Ok(None) };
            let payload: Vec<u8> =
                masked.iter().zip(head.mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            if self.input.len() == end {
                // Nothing is held while nothing comes.
                self.input = Vec::new();
            } else {
                self.input.drain(..end);
            }
            if let Some(message) = self.take(&head, payload)? {
                return Ok(Some(message));
            }
        }
    }

    fn head(&self) -> Result<Option<Head>, Violation> {
        let [first, second, rest @ ..] = self.input.as_slice() else { return Ok(None) };
        let opcode = first & 0x0F;
        let is_last = first & 0x80 != 0;
        let has_reserved = first & 0x70 != 0;
        let is_masked = second & 0x80 != 0;
        let is_control = opcode & 0x08 != 0;
        let is_known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
        if has_reserved || !is_masked || !is_known {
            return Err(Violation::Protocol);
        }
        let (length, size) = match second & 0x7F {
            126 => match rest {
                [one, two, ..] => (u64::from(u16::from_be_bytes([*one, *two])), 2),
                _ => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(bytes) => (u64::from_be_bytes(*bytes), 8),
                None => return Ok(None),
            },
            short => (u64::from(short), 0),
        };
        if is_control && (!is_last || length > CONTROL_BYTES_MAX as u64) {
            return Err(Violation::Protocol);
        }
        let before = self.parts.as_ref().map_or(0, Vec::len);
        let length = usize::try_from(length).map_err(|_| Violation::TooLong)?;
        if !is_control && length.saturating_add(before) > MESSAGE_BYTES_MAX {
            return Err(Violation::TooLong);
        }
        let Some(mask) = rest.get(size..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Ok(None);
        };
        Ok(Some(Head { is_last, opcode, mask: *mask, at: 2 + size + 4, length }))
    }

    fn take(&mut self, head: &Head, payload: Vec<u8>) -> Result<Option<Message>, Violation> {
        match head.opcode {
            PING => Ok(Some(Message::Ping(payload))),
            PONG => Ok(Some(Message::Pong)),
            CLOSE => {
                let code = match payload.as_slice() {
                    [] => None,
                    [high, low, reason @ ..] => {
                        if std::str::from_utf8(reason).is_err() {
                            return Err(Violation::NotUtf8);
                        }
                        Some(u16::from_be_bytes([*high, *low]))
                    }
                    [_] => return Err(Violation::Protocol),
                };
                Ok(Some(Message::Close(code)))
            }
            BINARY => Err(Violation::NotText),
            TEXT if self.parts.is_some() => Err(Violation::Protocol),
            CONTINUATION if self.parts.is_none() => Err(Violation::Protocol),
            _ => {
                let whole = match self.parts.take() {
                    Some(mut parts) => {
                        parts.extend_from_slice(&payload);
                        parts
                    }
                    None => payload,
                };
                if !head.is_last {
                    self.parts = Some(whole);
                    return Ok(None);
                }
                String::from_utf8(whole)
                    .map(Message::Text)
                    .map(Some)
                    .map_err(|_| Violation::NotUtf8)
            }
        }
    }
}

/// Writes a text.
pub(super) fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    write(out, TEXT, text);
}

/// Writes the question whether they are there.
pub(super) fn write_ping(out: &mut Vec<u8>) {
    write(out, PING, &[]);
}

/// Writes the answer to a ping.
pub(super) fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, PONG, payload);
}

/// Writes that we close.
pub(super) fn write_close(out: &mut Vec<u8>, code: u16) {
    write(out, CLOSE, &code.to_be_bytes());
}

/// A frame that is whole and, as a server's, not masked.
fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => out.push(short.to_le_bytes()[0]),
        Ok(middle) => {
            out.push(126);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        Err(_) => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).expect("short")),
            middle @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(middle).expect("middle").to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    fn all(bytes: &[u8], step: usize) -> Result<Vec<Message>, Violation> {
        let mut decoder = Decoder::default();
        let mut messages = Vec::new();
        for piece in bytes.chunks(step) {
            decoder.feed(piece);
            while let Some(message) = decoder.next()? {
                messages.push(message);
            }
        }
        assert_eq!(decoder.input.capacity(), 0, "nothing is held when all was read");
        Ok(messages)
    }

    #[test]
    fn messages_are_put_together_however_they_come() {
        let long = "x".repeat(70_000);
        let mut bytes = masked(0x81, b"hello");
        bytes.extend(masked(0x01, "gr\u{fc}".as_bytes()));
        bytes.extend(masked(0x89, b"there?"));
        bytes.extend(masked(0x80, "\u{df}e".as_bytes()));
        bytes.extend(masked(0x81, &long.as_bytes()[..300]));
        bytes.extend(masked(0x81, long.as_bytes()));
        bytes.extend(masked(0x8A, b""));
        bytes.extend(masked(0x88, &[0x03, 0xE8]));
        let wanted = [
            Message::Text("hello".into()),
            Message::Ping(b"there?".to_vec()),
            Message::Text("gr\u{fc}\u{df}e".into()),
            Message::Text(long.chars().take(300).collect()),
            Message::Text(long.clone()),
            Message::Pong,
            Message::Close(Some(1000)),
        ];
        for step in [1, 2, 3, 7, 1_000, bytes.len()] {
            assert_eq!(all(&bytes, step).as_deref(), Ok(wanted.as_slice()), "in steps of {step}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let mut unmasked = Vec::new();
        write_text(&mut unmasked, b"hello");
        let endless = {
            let mut frame = vec![0x81, 0x80 | 127];
            frame.extend(u64::MAX.to_be_bytes());
            frame
        };
        let mut many = masked(0x01, &vec![b'x'; MESSAGE_BYTES_MAX]);
        many.extend(masked(0x80, b"x"));
        let mut two_begin = masked(0x01, b"a");
        two_begin.extend(masked(0x01, b"b"));
        for (bytes, violation) in [
            (unmasked, Violation::Protocol),
            (masked(0xC1, b"compressed"), Violation::Protocol),
            (masked(0x83, b"no such opcode"), Violation::Protocol),
            (masked(0x09, b"a ping in parts"), Violation::Protocol),
            (masked(0x89, &[0; 126]), Violation::Protocol),
            (masked(0x80, b"goes on with nothing"), Violation::Protocol),
            (masked(0x88, &[3]), Violation::Protocol),
            (two_begin, Violation::Protocol),
            (masked(0x82, b"binary"), Violation::NotText),
            (masked(0x81, &[0xFF]), Violation::NotUtf8),
            (endless, Violation::TooLong),
            (many, Violation::TooLong),
        ] {
            assert_eq!(all(&bytes, bytes.len()), Err(violation));
        }
    }

    #[test]
    fn lengths_are_written_in_three_ways() {
        for (length, head) in [
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xFF, 0xFF]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write_text(&mut out, &vec![b'x'; length]);
            assert!(out.starts_with(&head), "{length}");
            assert_eq!(out.len(), head.len() + length);
        }
    }
}

//! What goes between the parent and a child: frames of a length and a text in JSON, and the texts. First comes [`Start`],
//! which the child answers with [`Ready`]; then one [`Ask`] and one [`Answer`] at a time.
//!
//! The child believes its parent. The parent believes nothing: a frame that is longer than an answer can be is not read.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::request::{Fault, LOG_LINE_BYTES_MAX, LOG_LINES_MAX, Log, MESSAGE_BYTES_MAX};

/// The most bytes of a [`Start`] or a [`Ready`], which hold a few numbers and a message.
pub(crate) const GREETING_BYTES_MAX: usize = 4096;

/// How much longer a text of so many bytes may get in JSON: every byte as `\u0000`, and two quotes.
const fn in_json(bytes: usize) -> usize {
    bytes.saturating_mul(6).saturating_add(2)
}

/// How a child begins.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// The most memory that the engine may have.
    pub(crate) memory_bytes_max: usize,
    /// The most bytes of code.
    pub(crate) code_bytes_max: usize,
    /// The most bytes of an input.
    pub(crate) input_bytes_max: usize,
    /// The most bytes of a value.
    pub(crate) output_bytes_max: usize,
}

impl Start {
    /// The most bytes of an [`Ask`]'s frame.
    pub(crate) const fn ask_bytes_max(&self) -> usize {
        in_json(self.code_bytes_max)
            .saturating_add(self.input_bytes_max)
            .saturating_add(GREETING_BYTES_MAX)
    }

    /// The most bytes of an [`Answer`]'s frame.
    pub(crate) const fn answer_bytes_max(&self) -> usize {
        let log = in_json(LOG_LINE_BYTES_MAX + 4) * LOG_LINES_MAX;
        self.output_bytes_max + log + in_json(MESSAGE_BYTES_MAX) + GREETING_BYTES_MAX
    }
}

/// Whether a child has begun.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// What stood against it.
    pub(crate) fault: Option<String>,
}

/// A script, as it goes to a child.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) code: String,
    pub(crate) input: Box<RawValue>,
    pub(crate) now_ms: i64,
    pub(crate) seed: u64,
    pub(crate) time_max_ms: u64,
}

/// What came of it, as it comes back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) ended: Ended,
    pub(crate) log: Log,
}

/// How a script ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    Value(Box<RawValue>),
    Fault(Fault),
}

impl Ended {
    /// Whether the child ends with this: its engine may still be at work, or its memory is in pieces.
    pub(crate) const fn ends_child(&self) -> bool {
        matches!(
            self,
            Self::Fault(Fault::TimedOut | Fault::OutOfMemory | Fault::SandboxBroke { .. })
        )
    }
}

/// A frame that holds this.
pub(crate) fn frame(text: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut frame, text)?;
    let length = u32::try_from(frame.len() - LENGTH_BYTES).map_err(io::Error::other)?;
    if let Some(place) = frame.get_mut(..LENGTH_BYTES) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(frame)
}

/// How many bytes say how long a frame is.
const LENGTH_BYTES: usize = size_of::<u32>();

/// Writes a frame.
pub(crate) fn write(output: &mut impl Write, text: &impl Serialize) -> io::Result<()> {
    output.write_all(&frame(text)?)?;
    output.flush()
}

/// Reads what a frame holds; none at the end.
pub(crate) fn read(input: &mut impl Read, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; LENGTH_BYTES];
    match input.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut held = vec![0; checked(length, bytes_max)?];
    input.read_exact(&mut held)?;
    Ok(Some(held))
}

/// As [`read`], where another process writes; the end is an error.
pub(crate) async fn receive(
    input: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> io::Result<Vec<u8>> {
    let mut length = [0; LENGTH_BYTES];
    input.read_exact(&mut length).await?;
    let mut held = vec![0; checked(length, bytes_max)?];
    input.read_exact(&mut held).await?;
    Ok(held)
}

fn checked(length: [u8; LENGTH_BYTES], bytes_max: usize) -> io::Result<usize> {
    let length = u32::from_be_bytes(length) as usize;
    if length > bytes_max {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Start {
        Start {
            memory_bytes_max: 1,
            code_bytes_max: 100,
            input_bytes_max: 100,
            output_bytes_max: 100,
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_read() {
        let long = frame(&"x".repeat(100)).expect("it fits a frame");
        assert!(read(&mut long.as_slice(), 102).expect("it is as long as it may be").is_some());
        assert_eq!(
            read(&mut long.as_slice(), 101).expect_err("one more").to_string(),
            "a frame of 102 bytes"
        );
        assert!(read(&mut [].as_slice(), 1).expect("the end").is_none());
        assert!(read(&mut [0, 0, 0, 9, b'x'].as_slice(), 9).is_err(), "an end in the middle");
    }

    #[test]
    fn the_longest_answer_fits_its_frame() {
        let mut log = Log::default();
        for _ in 0..=LOG_LINES_MAX {
            log.push("\u{0}".repeat(LOG_LINE_BYTES_MAX + 1));
        }
        let value = format!("\"{}\"", "x".repeat(98));
        let value = RawValue::from_string(value).expect("JSON");
        let message = crate::request::cut("\u{0}".repeat(9999), MESSAGE_BYTES_MAX);
        for ended in
            [Ended::Value(value), Ended::Fault(Fault::Threw { message, line: Some(u32::MAX) })]
        {
            let frame = frame(&Answer { ended, log: log.clone() }).expect("it fits a frame");
            assert!(frame.len() <= start().answer_bytes_max());
        }
    }

    proptest! {
        #[test]
        fn an_ask_of_any_code_fits_its_frame_and_is_read_as_it_was(
            code in "\\PC{0,20}|[\u{0}-\u{7f}]{0,100}", seed: u64, now_ms: i64,
        ) {
            let input = RawValue::from_string("[1, null]".to_owned()).expect("JSON");
            let ask = Ask { code, input, now_ms, seed, time_max_ms: 1 };
            let frame = frame(&ask).expect("it fits a frame");
            prop_assert!(frame.len() <= start().ask_bytes_max());
            let held = read(&mut frame.as_slice(), start().ask_bytes_max());
            let held = held.expect("it is read").expect("it is there");
            let read: Ask = serde_json::from_slice(&held).expect("it is an ask");
            prop_assert_eq!(&read.code, &ask.code);
            prop_assert_eq!((read.seed, read.now_ms), (seed, now_ms));
            prop_assert_eq!(read.input.get(), "[1, null]");
        }
    }
}

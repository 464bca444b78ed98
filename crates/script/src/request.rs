//! What a sandbox is asked and what it answers. The step that runs scripts makes requests and shows outcomes; the words of
//! [`Fault::kind`] are stable, so they may be stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most lines that a script may log; those after them are counted. More does not help who reads a trace.
pub const LOG_LINES_MAX: usize = 100;

/// The most bytes of a logged line; the rest of it is left out.
pub const LOG_LINE_BYTES_MAX: usize = 1000;

/// The most bytes of an error's message that are kept.
pub const MESSAGE_BYTES_MAX: usize = 500;

/// A script to run, with all that it may know.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The body of an async function: what it returns is the value, `await` may stand anywhere in it.
    pub code: String,
    /// The global `input`. Numbers beyond 2^53 lose digits, as JavaScript's do.
    pub input: Value,
    /// What `Date.now()` and `new Date()` say, in milliseconds since 1970. The time zone is UTC.
    pub now_ms: i64,
    /// What `Math.random()` is drawn from.
    pub seed: u64,
}

/// What came of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it returned, as `JSON.stringify` says it; null if it returned nothing.
    pub value: Value,
    /// What it logged.
    pub log: Log,
}

/// What a script said to `console`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The first lines.
    pub lines: Vec<String>,
    /// How many lines there were beside.
    pub left_out: u32,
}

impl Log {
    /// Keeps a line, as far as there is room.
    pub(crate) fn push(&mut self, line: String) {
        if self.is_full() {
            self.left_out = self.left_out.saturating_add(1);
        } else {
            self.lines.push(cut(line, LOG_LINE_BYTES_MAX));
        }
    }

    /// Whether the next line is only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.lines.len() >= LOG_LINES_MAX
    }
}

/// A script gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Failed {
    /// Why.
    pub fault: Fault,
    /// What it logged until then; nothing, where the process had to be killed from outside.
    pub log: Log,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, log: Log::default() }
    }
}

/// Why a script gave no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The code is no JavaScript.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// What the engine says of it.
        message: String,
        /// The line of the code, from 1.
        line: u32,
        /// The column in that line, from 1.
        column: u32,
    },
    /// It threw, or waited for a promise that nobody keeps.
    #[error("{}{message}", at_line(*.line))]
    Threw {
        /// The error's name and message, or the thrown value.
        message: String,
        /// The line of the code that threw, where the engine knows it.
        line: Option<u32>,
    },
    /// It did not end in its time.
    #[error("the script did not end in its time; let it do less at once")]
    TimedOut,
    /// It wanted more memory than it may have.
    #[error("the script wants more memory than it may have; let it keep less at once")]
    OutOfMemory,
    /// What it returned is longer than it may be.
    #[error("the script's value has more than {bytes_max} bytes; let it return less")]
    OutputTooBig {
        /// The most bytes.
        bytes_max: usize,
    },
    /// The code is longer than it may be.
    #[error("the code has more than {bytes_max} bytes")]
    CodeTooBig {
        /// The most bytes.
        bytes_max: usize,
    },
    /// The input is longer than it may be, or nested deeper than the engine reads.
    #[error("the script's input has more than {bytes_max} bytes, or is nested too deeply")]
    InputTooBig {
        /// The most bytes.
        bytes_max: usize,
    },
    /// What it returned cannot be said in JSON.
    #[error("the script's value cannot be said in JSON: {message}")]
    NotJson {
        /// What stands against it.
        message: String,
    },
    /// Too many scripts wait already, or this one waited too long. Nothing ran: it may be tried again later.
    #[error("too many scripts are waiting; try again later")]
    Busy,
    /// The process ended or said what it should not, without the script having used up its time. It may be tried again.
    #[error("the sandbox broke: {message}")]
    SandboxBroke {
        /// What was seen.
        message: String,
    },
}

impl Fault {
    /// A word for it that never changes.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::Threw { .. } => "threw",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::OutputTooBig { .. } => "output_too_big",
            Self::CodeTooBig { .. } => "code_too_big",
            Self::InputTooBig { .. } => "input_too_big",
            Self::NotJson { .. } => "not_json",
            Self::Busy => "busy",
            Self::SandboxBroke { .. } => "sandbox_broke",
        }
    }

    pub(crate) fn broke(message: impl Into<String>) -> Self {
        Self::SandboxBroke { message: message.into() }
    }
}

fn at_line(line: Option<u32>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

/// A text of at most so many bytes, cut between characters.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_fault_is_the_one_that_goes_over_the_pipe() {
        for fault in [
            Fault::Syntax { message: "m".into(), line: 1, column: 2 },
            Fault::Threw { message: "m".into(), line: None },
            Fault::TimedOut,
            Fault::OutOfMemory,
            Fault::OutputTooBig { bytes_max: 1 },
            Fault::CodeTooBig { bytes_max: 1 },
            Fault::InputTooBig { bytes_max: 1 },
            Fault::NotJson { message: "m".into() },
            Fault::Busy,
            Fault::broke("m"),
        ] {
            let said = serde_json::to_value(&fault).expect("it can be said");
            assert_eq!(said["kind"], fault.kind());
            assert_eq!(serde_json::from_value::<Fault>(said).expect("and read"), fault);
        }
    }

    #[test]
    fn a_full_log_counts_what_it_leaves_out() {
        let mut log = Log::default();
        for _ in 0..LOG_LINES_MAX + 7 {
            log.push("ä".repeat(LOG_LINE_BYTES_MAX));
        }
        assert_eq!((log.lines.len(), log.left_out), (LOG_LINES_MAX, 7));
        assert!(log.lines[0].ends_with('…'));
        assert!(log.lines[0].len() <= LOG_LINE_BYTES_MAX + '…'.len_utf8());
    }
}

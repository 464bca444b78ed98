//! What is wrong with a type that somebody gave: where, a stable code, and a sentence.

use std::fmt;

/// How many faults one type is told of.
pub const WRONG_MAX: usize = 50;

/// The longest sentence, in characters: a schema's own words may be in it.
const MESSAGE_CHARS_MAX: usize = 300;

/// One thing that is wrong with a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where, as a JSON pointer into the type.
    pub pointer: String,
    /// Which fault; it never changes its meaning.
    pub code: WrongCode,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.pointer, self.message)
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum WrongCode {
            $($(#[$doc])* $name,)*
        }

        impl WrongCode {
            /// The code as it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// A field that must be there is not.
    Missing = "missing",
    /// There is no such field.
    UnknownField = "unknown_field",
    /// A value of another kind is wanted.
    WrongKindOfValue = "wrong_kind_of_value",
    /// A text or a value is too large.
    TooLong = "too_long",
    /// There is too much of something.
    TooMany = "too_many",
    /// It is not a dotted lower-case name.
    InvalidName = "invalid_name",
    /// Another type or alias has the name.
    NameTaken = "name_taken",
    /// A word is none of those that are known.
    UnknownWord = "unknown_word",
    /// Only facts can be described.
    KindNotSupported = "kind_not_supported",
    /// The version is not what the change asks for.
    WrongVersion = "wrong_version",
    /// What is stable does not become a draft again.
    NoDraftAgain = "no_draft_again",
    /// It is not a schema.
    InvalidSchema = "invalid_schema",
    /// The schema is nested too deep.
    SchemaTooDeep = "schema_too_deep",
    /// A part of the schema contains itself.
    SchemaRecursive = "schema_recursive",
    /// A keyword is none that a schema may use here.
    UnknownKeyword = "unknown_keyword",
    /// A reference leads out of the schema.
    RemoteReference = "remote_reference",
    /// A reference leads to nothing.
    UnknownReference = "unknown_reference",
    /// A pattern is none, looks around or back, or is too large.
    InvalidPattern = "invalid_pattern",
    /// The sample does not fit the schema.
    SampleDoesNotFit = "sample_does_not_fit",
    /// An alias is not one.
    InvalidAlias = "invalid_alias",
    /// It is not TOML.
    InvalidFile = "invalid_file",
}

/// Gathers faults while a type is read.
#[derive(Debug, Default)]
pub(super) struct Wrongs(Vec<Wrong>);

impl Wrongs {
    /// Notes one; past the limit it is dropped.
    pub(super) fn add(
        &mut self,
        pointer: impl Into<String>,
        code: WrongCode,
        message: impl Into<String>,
    ) {
        if self.0.len() < WRONG_MAX {
            let message: String = message.into();
            let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
            self.0.push(Wrong { pointer: pointer.into(), code, message });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<Wrong> {
        self.0
    }
}

/// A pointer with one more step.
pub(super) fn step(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

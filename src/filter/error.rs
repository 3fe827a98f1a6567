//! What is wrong with a rule, and where it stands; the text of a file is never part of a message.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::error::{Class, Place};

/// Where a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line, with the rule as it was typed.
    Option {
        /// The option's name, with its dashes.
        option: &'static str,
        /// The rule.
        text: Arc<[u8]>,
    },
    /// A rule file.
    File {
        /// The file.
        file: Arc<RuleFile>,
        /// The line, from 1; `None` in a file that is split into words.
        line: Option<usize>,
    },
    /// The list of rsync.1, `--cvs-exclude`, or the environment variable `CVSIGNORE`.
    Cvs,
}

/// A file that rules come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleFile {
    /// The command line, or the tree below the root, gives its name.
    Known(Vec<u8>),
    /// Another file gives its name, which is therefore not told.
    NamedAt(Origin),
}

/// Bytes as they may be shown on a terminal.
fn shown(bytes: &[u8]) -> Place {
    Place::operand(Path::new(OsStr::from_bytes(bytes)))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { option, text } => write!(f, "{option}={}", shown(text)),
            Self::File { file, line: Some(line) } => write!(f, "{file} line {line}"),
            Self::File { file, line: None } => write!(f, "{file}"),
            Self::Cvs => write!(f, "the CVS list"),
        }
    }
}

impl fmt::Display for RuleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(path) => write!(f, "{}", shown(path)),
            Self::NamedAt(origin) => write!(f, "a file named at {origin}"),
        }
    }
}

/// What is wrong with the text of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It begins with no rule name.
    #[error("unknown filter rule")]
    Unknown,
    /// The rule has no such modifier, or not together with the others.
    #[error("invalid modifier at position {0} in the filter rule")]
    Modifier(usize),
    /// The pattern or the file name is missing.
    #[error("unexpected end of the filter rule")]
    End,
    /// `!` stands alone.
    #[error("a `!` rule takes nothing behind it")]
    Trailing,
    /// A merge rule and a rule in its file both name a side.
    #[error("the merge rule names a side already, so the rules of its file must not")]
    Sides,
}

/// Why rules can not be used.
#[derive(Debug, Error)]
pub enum FilterError {
    /// A rule that rsync refuses too.
    #[error("{flaw}: {at}")]
    Rule {
        /// What is wrong with it.
        flaw: Flaw,
        /// Where it stands.
        at: Origin,
    },
    /// A merge file can not be read, or one that must be there is not.
    #[error("read rule file {file}: {cause}")]
    Read {
        /// The file.
        file: RuleFile,
        /// Why.
        cause: io::Error,
    },
    /// Merge files that merge each other, or themselves.
    #[error("merge files are nested more than {} deep (does one merge itself?): {at}", MOST_NESTED)]
    Nested {
        /// The rule that went too far.
        at: Origin,
    },
}

/// How deep merge files may be nested.
pub(super) const MOST_NESTED: usize = 32;

impl FilterError {
    /// What kind of failure it is: a bad rule is bad usage, the rest is a failure to read.
    pub fn class(&self) -> Class {
        match self {
            Self::Rule { .. } => Class::Usage,
            Self::Read { .. } | Self::Nested { .. } => Class::FileIo,
        }
    }
}

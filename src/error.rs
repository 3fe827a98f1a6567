//! What can go wrong, in classes that drive the exit code and texts that name verb, path and cause.

use std::fmt;
use std::io;
use std::path::Path;

use thiserror::Error;

use crate::model::path::{RelPath, looks_escaped};

/// What kind of failure it is; the exit code follows from it (rsync.1, "EXIT VALUES").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The command line does not make sense (1).
    Usage,
    /// A version of rsync's protocol that does not exist (2).
    Protocol,
    /// Operands can not be used together (3).
    Selection,
    /// An option or operand that twosync does not support (4).
    Unsupported,
    /// The destination can not be made or has no room (11).
    FileIo,
    /// The writing half would not start: an option for it alone is unknown (12).
    Stream,
    /// A signal ended the run (20).
    Interrupted,
    /// The time that the user gave was up (30).
    TimeUp,
    /// Some entry could not be read, made or changed (23).
    Entry,
    /// A source entry vanished meanwhile (24).
    Vanished,
    /// `--max-delete` stopped deletions (25).
    MaxDelete,
    /// Phase two found differences that remain (40).
    Unverified,
}

impl Class {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 1,
            Self::Protocol => 2,
            Self::Selection => 3,
            Self::Unsupported => 4,
            Self::FileIo => 11,
            Self::Stream => 12,
            Self::Interrupted => 20,
            Self::Entry => 23,
            Self::Vanished => 24,
            Self::MaxDelete => 25,
            Self::TimeUp => 30,
            Self::Unverified => 40,
        }
    }

    /// Of several classes the one with the highest rank gives the exit code: what ended the run
    /// first, then 40 over 23 over 24 over 25.
    pub fn rank(self) -> u8 {
        match self {
            Self::MaxDelete => 0,
            Self::Vanished => 1,
            Self::Entry => 2,
            Self::Unverified => 3,
            Self::FileIo => 4,
            Self::TimeUp => 5,
            Self::Interrupted => 6,
            Self::Selection => 7,
            Self::Unsupported => 8,
            Self::Usage => 9,
            Self::Protocol => 10,
            Self::Stream => 11,
        }
    }

    /// What the class says in the closing line of a run.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Usage => "syntax or usage error",
            Self::Protocol => "protocol incompatibility",
            Self::Selection => "errors selecting source or destination",
            Self::Unsupported => "requested action not supported",
            Self::FileIo => "error in file input or output",
            Self::Stream => "the writing half can not be started",
            Self::Interrupted => "interrupted by a signal",
            Self::TimeUp => "stopped at the requested time; what was copied is not verified yet",
            Self::Entry => "some files or attributes were not transferred (see the errors above)",
            Self::Vanished => "some source files vanished before they could be transferred",
            Self::MaxDelete => "the --max-delete limit stopped deletions",
            Self::Unverified => "source and destination differ",
        }
    }
}

/// Which side of the copy something is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The source.
    Source,
    /// The destination.
    Dest,
}

/// A failure before its path is known: what a verb of the engine returns.
#[derive(Debug)]
pub struct Trouble {
    /// On which side.
    pub side: Side,
    /// What was being done.
    pub verb: &'static str,
    /// Why it failed.
    pub cause: Cause,
}

/// Turns a system call's error into a [`Trouble`].
pub trait During<T> {
    /// It was this that was being done.
    fn during(self, side: Side, verb: &'static str) -> Result<T, Trouble>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, side: Side, verb: &'static str) -> Result<T, Trouble> {
        self.map_err(|error| Trouble { side, verb, cause: Cause::Io(error) })
    }
}

impl Trouble {
    /// A rule of ours was broken.
    pub fn rule(side: Side, verb: &'static str, why: impl Into<String>) -> Self {
        Self { side, verb, cause: Cause::Rule(why.into()) }
    }

    /// The class of fault that it is for one entry of the run.
    pub fn class(&self) -> Class {
        match (&self.cause, self.side) {
            (Cause::Stopped, _) => Class::Interrupted,
            (Cause::Ends { class, .. }, _) => *class,
            (cause, Side::Dest) if cause.is_no_room() => Class::FileIo,
            (Cause::Io(error), Side::Source) if error.kind() == io::ErrorKind::NotFound => {
                Class::Vanished
            }
            _ => Class::Entry,
        }
    }

    /// The fault at `place`.
    pub fn at(self, place: Place) -> Fault {
        Fault { class: self.class(), verb: self.verb, place, cause: self.cause }
    }
}

/// One failure: verb, path, cause.
#[derive(Debug, Error)]
#[error("{verb} \"{place}\": {cause}")]
pub struct Fault {
    /// Its class.
    pub class: Class,
    /// What was being done: `open`, `set times of`, ...
    pub verb: &'static str,
    /// To what.
    pub place: Place,
    /// Why it failed.
    pub cause: Cause,
}

/// The path of a fault, with the root that it is below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<u8>);

impl Place {
    /// A path as the user typed it.
    pub fn operand(path: &Path) -> Self {
        Self(path.as_os_str().as_encoded_bytes().to_vec())
    }

    /// An entry below a root.
    pub fn below(root: &Path, rel: &RelPath) -> Self {
        let mut bytes = root.as_os_str().as_encoded_bytes().to_vec();
        if !rel.is_root() {
            if bytes.last().is_some_and(|last| *last != b'/') {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(rel.as_bytes());
        }
        Self(bytes)
    }

    /// The exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Place {
    /// Control bytes are written `\#ooo`, as rsync does, so that no name steers a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        for chunk in self.0.utf8_chunks() {
            for (offset, c) in chunk.valid().char_indices() {
                let text = &self.0[at + offset..];
                if c.is_control() || looks_escaped(text) {
                    text[..c.len_utf8()].iter().try_for_each(|byte| write!(f, "\\#{byte:03o}"))?;
                } else {
                    write!(f, "{c}")?;
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\#{byte:03o}"))?;
            at += chunk.valid().len() + chunk.invalid().len();
        }
        Ok(())
    }
}

/// Why something failed.
#[derive(Debug, Error)]
pub enum Cause {
    /// The kernel said so.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A rule of ours says so.
    #[error("{0}")]
    Rule(String),
    /// The run can not go on: what it was told to do makes no sense, or can not be read.
    #[error("{why}")]
    Ends {
        /// What kind of failure that is.
        class: Class,
        /// Why.
        why: String,
    },
    /// The run was asked to stop.
    #[error("the run was asked to stop")]
    Stopped,
}

impl Cause {
    /// True if the kernel said that we may not: EACCES or EPERM.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// True if the kernel said that there is no room: ENOSPC or EDQUOT.
    pub fn is_no_room(&self) -> bool {
        match self {
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Rule(_) | Self::Ends { .. } | Self::Stopped => false,
        }
    }

    /// True if bytes that were written before may be lost: no room, or EIO.
    pub fn is_loss(&self) -> bool {
        let is_eio = matches!(self, Self::Io(error)
            if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()));
        is_eio || self.is_no_room()
    }
}

impl Fault {
    /// A failure to do `verb` to `place`, with a cause in words.
    pub fn rule(class: Class, verb: &'static str, place: Place, why: impl Into<String>) -> Self {
        Self { class, verb, place, cause: Cause::Rule(why.into()) }
    }

    /// A failure that the kernel reported. No room on the destination has a class of its own.
    pub fn io(class: Class, verb: &'static str, place: Place, error: io::Error) -> Self {
        let cause = Cause::Io(error);
        let class = if cause.is_no_room() { Class::FileIo } else { class };
        Self { class, verb, place, cause }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::{Class, Fault, Place};

    #[test]
    fn a_fault_names_verb_path_and_cause() {
        let error = io::Error::from_raw_os_error(13);
        let fault = Fault::io(Class::Entry, "open", Place::operand(Path::new("a\n\u{e9}")), error);
        assert_eq!(fault.to_string(), "open \"a\\#012\u{e9}\": Permission denied (os error 13)");
    }

    #[test]
    fn names_that_differ_read_differently() {
        let place = |bytes: &[u8]| Place(bytes.to_vec()).to_string();
        assert_eq!(place(b"a\xff\n\\#012\\#z"), "a\\#377\\#012\\#134#012\\#z");
    }

    #[test]
    fn no_room_is_a_failure_of_the_run() {
        let error = io::Error::from_raw_os_error(28);
        let fault = Fault::io(Class::Entry, "write", Place::operand(Path::new("a")), error);
        assert_eq!(fault.class.exit_code(), 11);
    }

    #[test]
    fn forty_wins_over_23_over_24_over_25() {
        let mut classes = [Class::Vanished, Class::Unverified, Class::MaxDelete, Class::Entry];
        classes.sort_by_key(|class| class.rank());
        assert_eq!(classes.map(Class::exit_code), [25, 24, 23, 40]);
    }
}

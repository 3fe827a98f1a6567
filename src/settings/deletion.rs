//! What may be removed, and what is kept of it. Values only.

use std::path::PathBuf;

/// What may be removed.
#[derive(Clone, Copy, Debug)]
pub struct Delete {
    /// What happens to entries that the source has not.
    pub extraneous: Extraneous,
    /// `--max-delete`: how many entries may be removed; `None` is no limit.
    pub limit: Option<u64>,
    /// What happens to a directory with entries where the source has none.
    pub full_dirs: FullDirs,
    /// When extraneous entries are removed.
    pub when: When,
    /// Whether they are removed after something of the source could not be read.
    pub errors: ReadErrors,
}

/// `--delete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extraneous {
    /// They stay.
    Keep,
    /// They are removed while the tree is walked.
    Remove,
}

/// `--delete-before`, `--delete-during`, `--delete-delay`, `--delete-after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before anything is copied.
    Before,
    /// While the tree is walked.
    During,
    /// After phase one, what was found while the tree was walked.
    Delay,
    /// After phase one, what is found then.
    After,
}

/// `--ignore-errors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrors {
    /// They end all deletion.
    Stop,
    /// They keep only the directory that could not be listed from deletion.
    Ignore,
}

/// `--force` (also implied by `--delete`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullDirs {
    /// They stay, and what should stand there fails.
    Keep,
    /// They are removed with all that is in them.
    Remove,
}

/// What becomes of a source file once phase two has verified its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedSources {
    /// It stays.
    Keep,
    /// It is removed (`--remove-source-files`); directories stay.
    Remove,
    /// It is removed if this run wrote the copy (`--remove-sent-files`).
    RemoveSent,
}

/// `--backup`, `--backup-dir`, `--suffix`: where old entries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The directory, as typed; a relative one is below the destination. `None`: they stay beside
    /// the new ones.
    pub dir: Option<PathBuf>,
    /// What is put behind their names; never empty without a directory.
    pub suffix: Box<[u8]>,
}

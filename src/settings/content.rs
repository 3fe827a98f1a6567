//! How the bytes of files are written.

/// How the bytes of files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Which bytes of a file that is there.
    pub update: Updating,
    /// What becomes of zeros.
    pub zeros: Zeros,
    /// When room is made for a file.
    pub room: Room,
}

/// `--no-whole-file`, `--append`, `--append-verify`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Updating {
    /// All.
    #[default]
    Whole,
    /// Those that differ; the file is read before (`--no-whole-file`).
    Differing,
    /// What the source has more; the old part is taken for right (`--append`).
    Append,
    /// What the source has more, and what differs in the old part (`--append-verify`).
    AppendChecked,
}

impl Updating {
    /// True if only files that are shorter than their source are written.
    pub fn appends(self) -> bool {
        matches!(self, Self::Append | Self::AppendChecked)
    }
}

/// `--sparse`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zeros {
    /// They are written like all else.
    #[default]
    Written,
    /// Whole pages of them become holes.
    Holes,
}

/// `--preallocate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// When bytes are written.
    #[default]
    AsNeeded,
    /// Before.
    Ahead,
}

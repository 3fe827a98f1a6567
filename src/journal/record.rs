//! One fixed-size record of the journal.

use bytemuck::{Pod, Zeroable};

use crate::model::digest::{Digest, RangeDigest};
use crate::model::meta::Meta;
use crate::model::path::RelPath;

/// The digest of a file's bytes as phase one read them, or of one range of them, and what the file
/// looked like then.
///
/// Sorted by the entry's path: that is how phase two asks. By inode it could not ask for a source
/// that somebody has replaced since.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    dev: u64,
    ino: u64,
    path: u64,
    /// Which range, or [`WHOLE`].
    range: u64,
    size: u64,
    mtime_secs: i64,
    ctime_secs: i64,
    mtime_nanos: u32,
    ctime_nanos: u32,
    digest: [u8; 32],
}

/// In the place of a range: the whole file.
const WHOLE: u64 = u64::MAX;

impl Record {
    /// What is remembered of the source file at `path`, read while it looked like `source`.
    pub fn new(path: &RelPath, source: &Meta, digest: Digest) -> Self {
        Self {
            dev: source.id.dev,
            ino: source.id.ino,
            path: path.key(),
            range: WHOLE,
            size: source.size,
            mtime_secs: source.mtime.secs,
            ctime_secs: source.ctime.secs,
            mtime_nanos: source.mtime.nanos,
            ctime_nanos: source.ctime.nanos,
            digest: digest.0,
        }
    }

    /// What is remembered of one range of what `self` remembers as a whole.
    #[must_use]
    pub fn of_range(&self, range: u64, digest: RangeDigest) -> Self {
        Self { range, digest: digest.0, ..*self }
    }

    /// What is remembered of an entry that was made at `path` without its bytes being read: it holds for
    /// no source, none of which has the inode number 0.
    pub fn of_entry(path: &RelPath) -> Self {
        Self { path: path.key(), range: WHOLE, ..Self::zeroed() }
    }

    /// True if bytes were read.
    pub fn has_digest(&self) -> bool {
        self.ino != 0
    }

    /// What records are searched by: the key of the entry's path. Should two paths share it, both records
    /// are found, and what they say of the source tells them apart.
    pub fn key(&self) -> u64 {
        self.path
    }

    /// What records are sorted by: the ranges of a file follow each other.
    pub fn order(&self) -> (u64, u64) {
        (self.path, self.range)
    }

    /// True if it is of the whole file.
    pub fn is_whole(&self) -> bool {
        self.range == WHOLE
    }

    /// True if the file looks as it did when it was read.
    pub fn still_holds(&self, source: &Meta) -> bool {
        (self.dev, self.ino) == (source.id.dev, source.id.ino)
            && self.size == source.size
            && (self.mtime_secs, self.mtime_nanos) == (source.mtime.secs, source.mtime.nanos)
            && (self.ctime_secs, self.ctime_nanos) == (source.ctime.secs, source.ctime.nanos)
    }

    /// The digest of the whole file.
    pub fn digest(&self) -> Digest {
        Digest(self.digest)
    }

    /// The digest of the range.
    pub fn range_digest(&self) -> RangeDigest {
        RangeDigest(self.digest)
    }
}

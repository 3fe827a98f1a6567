//! One fixed-size record of the journal.

use bytemuck::{Pod, Zeroable};

use crate::model::digest::Digest;
use crate::model::meta::Meta;
use crate::model::path::RelPath;

/// The digest of a file's bytes as phase one read them, and what the file looked like then.
///
/// Sorted by inode first: that is how phase two asks.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    dev: u64,
    ino: u64,
    path: u64,
    size: u64,
    mtime_secs: i64,
    ctime_secs: i64,
    mtime_nanos: u32,
    ctime_nanos: u32,
    digest: [u8; 32],
}

impl Record {
    /// What is remembered of the source file at `path`, read while it looked like `source`.
    pub fn new(path: &RelPath, source: &Meta, digest: Digest) -> Self {
        Self {
            dev: source.id.dev,
            ino: source.id.ino,
            path: path_key(path),
            size: source.size,
            mtime_secs: source.mtime.secs,
            ctime_secs: source.ctime.secs,
            mtime_nanos: source.mtime.nanos,
            ctime_nanos: source.ctime.nanos,
            digest: digest.0,
        }
    }

    /// What records are sorted by.
    pub fn key(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }

    /// The key of a file's records.
    pub fn key_of(source: &Meta) -> (u64, u64) {
        (source.id.dev, source.id.ino)
    }

    /// True if the file looks as it did when it was read.
    pub fn still_holds(&self, source: &Meta) -> bool {
        self.key() == Self::key_of(source)
            && self.size == source.size
            && (self.mtime_secs, self.mtime_nanos) == (source.mtime.secs, source.mtime.nanos)
            && (self.ctime_secs, self.ctime_nanos) == (source.ctime.secs, source.ctime.nanos)
    }

    /// True if the record was written for the entry at `path`.
    pub fn is_for(&self, path: &RelPath) -> bool {
        self.path == path_key(path)
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        Digest(self.digest)
    }
}

/// The first 64 bits of the path's BLAKE3: enough to tell the few names of one inode apart.
fn path_key(path: &RelPath) -> u64 {
    let digest = Digest::of(path.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.0[..8]);
    u64::from_le_bytes(first)
}

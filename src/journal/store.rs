//! The journal file: appended to by all workers, then sorted and searched through a memory map.
//!
//! It is a temporary file ([`crate::sys::scratch`]): anonymous memory does not grow with the tree.
//! 96 bytes a copied file, and as many for each range of a large one.

use std::io;
use std::sync::{Mutex, PoisonError};

use crate::journal::record::Record;
use crate::model::digest::{Digest, RangeDigest, range_count};
use crate::model::meta::Meta;
use crate::model::path::RelPath;
use crate::sys::scratch::{Scratch, Table};

/// How many records a worker gathers before it writes them.
const BATCH_RECORDS: usize = 512;

/// Collects records in phase one. Shared by all workers.
#[derive(Debug)]
pub struct Journal {
    file: Scratch<Record>,
    /// One buffer for each worker and one for everybody else: no lock is ever waited for.
    buffers: Box<[Mutex<Vec<Record>>]>,
}

impl Journal {
    /// An empty journal for a pool of `workers` threads.
    pub fn new(workers: usize) -> io::Result<Self> {
        Ok(Self {
            file: Scratch::new()?,
            buffers: (0..=workers).map(|_| Mutex::default()).collect(),
        })
    }

    /// Remembers the digest of the bytes of `source`, copied to `path`, and those of its ranges, if
    /// there are any: by them a part that differs is found.
    ///
    /// If the journal can not be written, that is found out by [`Journal::sort`]; until then
    /// nothing is lost but the saving.
    pub fn append(&self, path: &RelPath, source: &Meta, digest: Digest, ranges: &[RangeDigest]) {
        let whole = Record::new(path, source, digest);
        self.add(whole);
        for (range, digest) in (0..).zip(ranges) {
            self.add(whole.of_range(range, *digest));
        }
    }

    /// Remembers that the entry at `path` was made, without its bytes being read.
    pub fn append_entry(&self, path: &RelPath) {
        self.add(Record::of_entry(path));
    }

    fn add(&self, record: Record) {
        let worker = rayon::current_thread_index().unwrap_or(usize::MAX);
        let buffer = &self.buffers[worker.min(self.buffers.len() - 1)];
        let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.push(record);
        if buffer.len() >= BATCH_RECORDS {
            self.write_out(&mut buffer);
        }
    }

    fn write_out(&self, buffer: &mut Vec<Record>) {
        self.file.append(buffer);
        buffer.clear();
    }

    /// Ends phase one: all records, sorted.
    ///
    /// # Errors
    /// The first failure to write a record. Phase two then reads both sides.
    pub fn sort(self) -> io::Result<Digests> {
        for buffer in &self.buffers {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            self.write_out(&mut buffer);
        }
        let mut table = self.file.into_table()?;
        table.records_mut().sort_unstable_by_key(Record::order);
        Ok(Digests { table })
    }
}

/// The sorted journal. Searched by all workers of phase two.
#[derive(Debug, Default)]
pub struct Digests {
    table: Table<Record>,
}

impl Digests {
    /// A journal in which nothing is known: phase two reads both sides.
    pub fn none() -> Self {
        Self::default()
    }

    /// What phase one read for the entry at `path` (built only if needed); `None` if it did not write that entry.
    pub fn of(&self, path: impl FnOnce() -> RelPath) -> Option<Written<'_>> {
        let records = self.table.records();
        if records.is_empty() {
            return None;
        }
        let key = path().key();
        let first = records.partition_point(|record| record.key() < key);
        let len = records[first..].partition_point(|record| record.key() == key);
        let records = &records[first..first + len];
        (len > 0).then_some(Written { records })
    }
}

/// The entry was written by this run.
#[derive(Clone, Copy, Debug)]
pub struct Written<'d> {
    records: &'d [Record],
}

impl Written<'_> {
    /// True if its bytes were read and written.
    pub fn has_bytes(&self) -> bool {
        self.records.iter().any(Record::has_digest)
    }

    /// The digest of the bytes of `source`, if nothing says that they changed since phase one read
    /// them.
    pub fn digest_of(&self, source: &Meta) -> Option<Digest> {
        let mut whole = self.holding(source).filter(|record| record.is_whole());
        whole.next().map(Record::digest)
    }

    /// The digests of all ranges of `source`, in order, on the same condition; none if it was copied as
    /// a whole.
    pub fn ranges_of(&self, source: &Meta) -> Vec<RangeDigest> {
        let ranges: Vec<_> = self
            .holding(source)
            .filter(|record| !record.is_whole())
            .map(Record::range_digest)
            .collect();
        // A file that was copied twice left twice as many.
        if ranges.len() as u64 == range_count(source.size) { ranges } else { Vec::new() }
    }

    fn holding(&self, source: &Meta) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.still_holds(source))
    }
}

#[cfg(test)]
mod tests {
    use super::{Digests, Journal};
    use crate::model::digest::{Digest, RANGE_BYTES, RangeDigest};
    use crate::model::meta::{FileId, Kind, Meta, Stamp};
    use crate::model::path::{Name, RelPath};

    fn meta(ino: u64) -> Meta {
        let stamp = Stamp { secs: 1, nanos: 2 };
        Meta {
            kind: Kind::File,
            mode: 0o644,
            own_mode: 0o644,
            uid: 0,
            gid: 0,
            size: 5,
            atime: stamp,
            mtime: stamp,
            ctime: stamp,
            id: FileId { dev: 1, ino },
            nlink: 1,
            rdev: 0,
        }
    }

    fn path(text: &str) -> RelPath {
        RelPath::root().join(&Name::new(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_digest_is_found_until_any_stamp_of_the_source_changes() {
        let journal = Journal::new(2).unwrap();
        for ino in (0..3000_u64).rev() {
            let digest = Digest::of(&ino.to_le_bytes());
            journal.append(&path(&ino.to_string()), &meta(ino), digest, &[]);
        }
        let digests = journal.sort().unwrap();
        for ino in 0..3000_u64 {
            let written = digests.of(|| path(&ino.to_string())).unwrap();
            assert_eq!(written.digest_of(&meta(ino)), Some(Digest::of(&ino.to_le_bytes())));
        }
        let written = digests.of(|| path("7")).unwrap();
        let size = Meta { size: 6, ..meta(7) };
        let mtime = Meta { mtime: Stamp { secs: 1, nanos: 3 }, ..meta(7) };
        let ctime = Meta { ctime: Stamp { secs: 0, nanos: 2 }, ..meta(7) };
        for changed in [size, mtime, ctime, meta(8)] {
            assert_eq!(written.digest_of(&changed), None);
        }
    }

    #[test]
    fn what_was_written_is_known_by_its_path_and_nothing_else() {
        let journal = Journal::new(1).unwrap();
        journal.append(&path("a"), &meta(1), Digest::of(b""), &[]);
        let digests = journal.sort().unwrap();
        assert!(digests.of(|| path("a")).is_some());
        assert!(digests.of(|| path("b")).is_none());
    }

    #[test]
    fn an_entry_that_was_made_without_bytes_is_known_and_has_no_digest() {
        let journal = Journal::new(1).unwrap();
        journal.append_entry(&path("link"));
        journal.append(&path("file"), &meta(1), Digest::of(b""), &[]);
        let digests = journal.sort().unwrap();
        let (link, file) = (digests.of(|| path("link")), digests.of(|| path("file")));
        assert!(!link.unwrap().has_bytes() && file.unwrap().has_bytes());
        assert_eq!(link.unwrap().digest_of(&meta(1)), None);
    }

    #[test]
    fn the_ranges_of_a_large_file_come_in_order_or_not_at_all() {
        let journal = Journal::new(1).unwrap();
        let digests = [1, 2, 3].map(|byte| RangeDigest([byte; 32]));
        let large = Meta { size: 2 * RANGE_BYTES + 1, ..meta(1) };
        let other = Meta { size: large.size, ..meta(2) };
        journal.append(&path("once"), &large, Digest::of(b""), &digests);
        journal.append(&path("twice"), &large, Digest::of(b""), &digests);
        journal.append(&path("twice"), &large, Digest::of(b""), &digests);
        let found = journal.sort().unwrap();
        let once = found.of(|| path("once")).unwrap();
        assert_eq!(once.digest_of(&large), Some(Digest::of(b"")), "a range is not the whole file");
        assert_eq!(once.ranges_of(&large), digests);
        assert_eq!(once.ranges_of(&other), []);
        assert_eq!(found.of(|| path("twice")).unwrap().ranges_of(&large), []);
    }

    #[test]
    fn an_empty_journal_knows_nothing() {
        let digests = Journal::new(1).unwrap().sort().unwrap();
        assert!(digests.of(|| path("a")).is_none());
        assert!(Digests::none().of(|| path("a")).is_none());
    }
}

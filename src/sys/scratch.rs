//! Temporary files of this process alone: all workers add records, which then are searched through a
//! memory map.
//!
//! The kernel writes the pages of such a file out when memory is short: anonymous memory does not grow
//! with the number of records. It must not map anything that has a name: the proof stands at `map`.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytemuck::Pod;
use memmap2::MmapMut;

/// An unlinked temporary file (in `$TMPDIR`) of records of one kind.
#[derive(Debug)]
pub struct Scratch<T> {
    file: File,
    end: AtomicU64,
    failed: Mutex<Option<io::Error>>,
    of: PhantomData<T>,
}

impl<T: Pod> Scratch<T> {
    /// An empty one.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile().or_else(|_| in_memory())?,
            end: AtomicU64::new(0),
            failed: Mutex::new(None),
            of: PhantomData,
        })
    }

    /// Adds records, in any order with those of other threads.
    ///
    /// If they can not be written, that is found out by [`Scratch::into_table`].
    pub fn append(&self, records: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Err(error) = self.file.write_all_at(bytes, offset) {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(error);
        }
    }

    /// Ends the adding: all records, to be read and changed in place.
    ///
    /// # Errors
    /// The first failure to write a record.
    pub fn into_table(self) -> io::Result<Table<T>> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        if self.end.into_inner() == 0 {
            return Ok(Table::empty());
        }
        let map = map(&self.file)?;
        // A cast of the map fails only if it is no whole number of records.
        bytemuck::try_cast_slice::<u8, T>(&map)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Table { map: Some(map), of: PhantomData })
    }
}

/// Where no temporary file can be made the records stay in memory.
fn in_memory() -> io::Result<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(rustix::fs::memfd_create("twosync-scratch", flags)?.into())
}

/// Maps a temporary file.
///
/// SAFETY: a map is sound while nobody else changes or truncates the file. This file was made
/// unlinked by `tempfile`, or has no name at all: no name leads to it, this process alone has it open,
/// and only [`Scratch::into_table`] calls this, which ends the [`Scratch`] that held it, so that from
/// then on only the map touches it. It is as long as all records, all of which were written: a failed
/// write ends that function before.
#[expect(unsafe_code, reason = "memory maps are unsafe; the proof is above")]
fn map(file: &File) -> io::Result<MmapMut> {
    unsafe { MmapMut::map_mut(file) }
}

/// Records in a temporary file that is mapped.
#[derive(Debug)]
pub struct Table<T> {
    map: Option<MmapMut>,
    of: PhantomData<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T> Table<T> {
    /// Without records.
    pub fn empty() -> Self {
        Self { map: None, of: PhantomData }
    }
}

impl<T: Pod> Table<T> {
    /// All records.
    pub fn records(&self) -> &[T] {
        let bytes = self.map.as_deref().unwrap_or_default();
        // `into_table` has made this very cast and kept nothing of a map that it fails for.
        bytemuck::try_cast_slice(bytes).unwrap_or_default()
    }

    /// All records, to be sorted or changed.
    pub fn records_mut(&mut self) -> &mut [T] {
        let bytes = self.map.as_deref_mut().unwrap_or_default();
        bytemuck::try_cast_slice_mut(bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn what_several_threads_add_can_be_sorted_and_read() {
        let scratch = Scratch::<u64>::new().unwrap();
        std::thread::scope(|scope| {
            for first in [0, 1000] {
                let scratch = &scratch;
                scope.spawn(move || {
                    for record in first..first + 1000 {
                        scratch.append(&[record]);
                    }
                });
            }
        });
        let mut table = scratch.into_table().unwrap();
        table.records_mut().sort_unstable();
        assert!(table.records().iter().copied().eq(0..2000));
    }

    #[test]
    fn without_records_there_is_an_empty_table() {
        let mut table = Scratch::<u64>::new().unwrap().into_table().unwrap();
        assert!(table.records().is_empty() && table.records_mut().is_empty());
    }
}

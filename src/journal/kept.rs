//! The file of `--ledger`: which files of the destination were found equal to which source, and when they
//! last changed. Later runs do not read again what has not changed on either side since.
//!
//! It only ever grows, by whole blocks with a checksum each. A run that was killed leaves a block that
//! ends too early: it is cut off. Anything else that is not as it was written is damage, and the file is
//! refused: what it says could not be trusted. It is read once, into a temporary file that is searched;
//! it has a name, so it is never mapped.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use thiserror::Error;

use crate::model::digest::Digest;
use crate::model::meta::{Meta, Stamp};
use crate::model::path::RelPath;
use crate::sys::scratch::{Scratch, Table};

/// No text begins like this.
const MAGIC: [u8; 16] = *b"\x89twosync ledger\n";
/// Counts up when records change; it is written as this machine has it, so that the file of a machine of
/// another byte order is of a version that nobody knows.
const VERSION: u32 = 1;
/// How many records a worker gathers before it writes them.
const BLOCK_RECORDS: usize = 256;

/// Why a file can not be used.
#[derive(Debug, Error)]
pub enum Unfit {
    /// It can not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("it is no ledger of twosync (give another file)")]
    Foreign,
    /// It was written by another version.
    #[error(
        "it is a ledger of version {0}, and this twosync knows version {VERSION} (give another file)"
    )]
    Version(u32),
    /// It is about something else.
    #[error("it is the ledger of another destination (give another file)")]
    OtherDest,
    /// It is not as it was written.
    #[error(
        "it is damaged at byte {0}, and what it says can not be trusted (remove it: all is read again)"
    )]
    Damaged(u64),
    /// It is in use.
    #[error("another run is using it (wait for that, or give another file)")]
    InUse,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Header {
    magic: [u8; 16],
    version: u32,
    record_bytes: u32,
    /// The digest of the destination's absolute path.
    dest: [u8; 32],
    /// Of all that is before.
    check: [u8; 32],
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct BlockHeader {
    records: u64,
    /// Of the number and the records.
    check: [u8; 32],
}

/// What a file looked like: any change of it changes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Look {
    ino: u64,
    size: u64,
    mtime_secs: i64,
    ctime_secs: i64,
    mtime_nanos: u32,
    ctime_nanos: u32,
}

impl Look {
    /// Without the device: its number changes with each mount of a network file system.
    fn at(meta: &Meta) -> Self {
        Self {
            ino: meta.id.ino,
            size: meta.size,
            mtime_secs: meta.mtime.secs,
            ctime_secs: meta.ctime.secs,
            mtime_nanos: meta.mtime.nanos,
            ctime_nanos: meta.ctime.nanos,
        }
    }
}

/// One file that was verified. 144 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Verified {
    path: [u8; 16],
    source: Look,
    dest: Look,
    digest: [u8; 32],
    /// 1 if it was read from storage.
    from_storage: u64,
}

/// Where the destination's bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Maybe the page cache.
    Cache,
    /// The device or the server.
    Storage,
}

/// Up to when what changed last is safe to remember: what changes later gets another time, and not the
/// same one once more because its clock goes in steps.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// Of the source: some time before it was read.
    pub source: Stamp,
    /// Of the destination: some time before it was read back.
    pub dest: Stamp,
}

/// True if what changed at `ctime` can not change again without another time. File systems that know
/// whole seconds alone know some of them only (VFAT: even ones).
fn is_before(ctime: Stamp, horizon: Stamp) -> bool {
    let coarse_secs = if ctime.nanos == 0 { 2 } else { 0 };
    Stamp { secs: ctime.secs + coarse_secs, ..ctime } <= horizon
}

fn key_of(path: &RelPath) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::of(path.as_bytes()).0[..16]);
    key
}

fn check_of(parts: &[&[u8]]) -> [u8; 32] {
    Digest::of(&parts.concat()).0
}

impl Header {
    fn of(dest: &Path) -> Self {
        let dest = Digest::of(dest.as_os_str().as_bytes()).0;
        let record_bytes = u32::try_from(size_of::<Verified>()).unwrap_or_default();
        let header = Self { magic: MAGIC, version: VERSION, record_bytes, dest, check: [0; 32] };
        Self { check: header.sum(), ..header }
    }

    fn sum(&self) -> [u8; 32] {
        let bytes = bytemuck::bytes_of(self);
        check_of(&[&bytes[..bytes.len() - 32]])
    }

    /// Whether a file that begins with this is the one that is asked for.
    fn admit(&self, dest: &Path) -> Result<(), Unfit> {
        let expected = Self::of(dest);
        if self.magic != MAGIC {
            Err(Unfit::Foreign)
        } else if (self.version, self.record_bytes) != (VERSION, expected.record_bytes) {
            Err(Unfit::Version(self.version))
        } else if self.check != self.sum() {
            Err(Unfit::Damaged(0))
        } else if self.dest != expected.dest {
            Err(Unfit::OtherDest)
        } else {
            Ok(())
        }
    }
}

/// An open ledger: what former runs verified, and where this one adds to it.
#[derive(Debug)]
pub struct Kept {
    past: Table<Verified>,
    file: Mutex<File>,
    /// One buffer for each worker and one for everybody else.
    buffers: Box<[Mutex<Vec<Verified>>]>,
    failed: Mutex<Option<io::Error>>,
}

impl Kept {
    /// Opens the ledger of `dest`, an absolute path, or begins one.
    ///
    /// # Errors
    /// It can not be used: see [`Unfit`]. It stays as it is.
    pub fn open(path: &Path, dest: &Path) -> Result<Self, Unfit> {
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        lock(&file)?;
        let (past, whole_bytes) = read(&file, dest)?;
        let size = file.metadata()?.len();
        if whole_bytes == 0 {
            file.set_len(0)?;
            file.write_all(bytemuck::bytes_of(&Header::of(dest)))?;
        } else if whole_bytes < size {
            file.set_len(whole_bytes)?;
        }
        Ok(Self {
            past,
            file: Mutex::new(file),
            buffers: Box::new([Mutex::default()]),
            failed: Mutex::new(None),
        })
    }

    /// The same for a pool of `workers` threads, which do not wait for each other.
    #[must_use]
    pub fn shared_by(self, workers: usize) -> Self {
        Self { buffers: (0..=workers).map(|_| Mutex::default()).collect(), ..self }
    }

    fn of(&self, path: &RelPath) -> &[Verified] {
        let (records, key) = (self.past.records(), key_of(path));
        let first = records.partition_point(|record| record.path < key);
        let len = records[first..].partition_point(|record| record.path == key);
        &records[first..first + len]
    }

    /// The digest of both files, if they were found equal at least as strongly and neither has changed since.
    pub fn verified(
        &self,
        path: &RelPath,
        (source, dest): (&Meta, &Meta),
        strength: Strength,
    ) -> Option<Digest> {
        let (source, dest) = (Look::at(source), Look::at(dest));
        let holds = |record: &&Verified| {
            (record.source, record.dest) == (source, dest)
                && record.from_storage >= u64::from(strength == Strength::Storage)
        };
        self.of(path).iter().find(holds).map(|record| Digest(record.digest))
    }

    /// The digest of the source, if it has not changed since it was read.
    pub fn source_digest(&self, path: &RelPath, source: &Meta) -> Option<Digest> {
        let source = Look::at(source);
        let found = self.of(path).iter().find(|record| record.source == source);
        found.map(|record| Digest(record.digest))
    }

    /// Remembers that both files had the bytes of `digest`, if they last changed before the `horizon`.
    /// Both were looked at before they were read.
    pub fn remember(
        &self,
        path: &RelPath,
        (source, dest): (&Meta, &Meta),
        digest: Digest,
        strength: Strength,
        horizon: &Horizon,
    ) {
        let is_settled =
            is_before(source.ctime, horizon.source) && is_before(dest.ctime, horizon.dest);
        if !is_settled || self.verified(path, (source, dest), strength).is_some() {
            return;
        }
        let record = Verified {
            path: key_of(path),
            source: Look::at(source),
            dest: Look::at(dest),
            digest: digest.0,
            from_storage: u64::from(strength == Strength::Storage),
        };
        let worker = rayon::current_thread_index().unwrap_or(usize::MAX);
        let buffer = &self.buffers[worker.min(self.buffers.len() - 1)];
        let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.push(record);
        if buffer.len() >= BLOCK_RECORDS {
            self.write_out(&mut buffer);
        }
    }

    /// Appends a block, whole.
    fn write_out(&self, buffer: &mut Vec<Verified>) {
        if buffer.is_empty() {
            return;
        }
        let bytes: &[u8] = bytemuck::cast_slice(buffer);
        let records = buffer.len() as u64;
        let check = check_of(&[&records.to_ne_bytes(), bytes]);
        let block = [bytemuck::bytes_of(&BlockHeader { records, check }), bytes].concat();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // Behind a block that was not written whole there must be no other.
        if failed.is_none() {
            *failed = file.write_all(&block).err();
        }
        buffer.clear();
    }

    /// Ends it.
    ///
    /// # Errors
    /// The first failure to write a block. What is there is right all the same.
    pub fn close(self) -> io::Result<()> {
        for buffer in &self.buffers {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            self.write_out(&mut buffer);
        }
        match self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => self.file.into_inner().unwrap_or_else(PoisonError::into_inner).sync_data(),
        }
    }
}

/// How often a lock is asked for, and how long it takes from one time to the next.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// Locks the file. A lock outlives its run a little where a process that was just started still has the
/// handle (between fork(2) and execve(2)), so it is asked for more than once.
fn lock(file: &File) -> Result<(), Unfit> {
    for _ in 0..LOCK_TRIES {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => thread::sleep(LOCK_WAIT),
            locked => return Ok(locked.map_err(io::Error::from)?),
        }
    }
    Err(Unfit::InUse)
}

/// All records, and how many bytes of the file are whole: none if it is new.
fn read(file: &File, dest: &Path) -> Result<(Table<Verified>, u64), Unfit> {
    let mut reader = BufReader::new(file);
    let mut header = Header::zeroed();
    match fill(&mut reader, bytemuck::bytes_of_mut(&mut header))? {
        Filled::Whole => header.admit(dest)?,
        // What was killed before it had written its first bytes.
        Filled::Part(bytes) => {
            let expected = Header::of(dest);
            let is_ours =
                bytemuck::bytes_of(&header)[..bytes] == bytemuck::bytes_of(&expected)[..bytes];
            return if is_ours { Ok((Table::empty(), 0)) } else { Err(Unfit::Foreign) };
        }
    }
    let scratch = Scratch::new()?;
    let mut at = size_of::<Header>() as u64;
    let mut block = BlockHeader::zeroed();
    let mut records = vec![Verified::zeroed(); BLOCK_RECORDS];
    loop {
        if fill(&mut reader, bytemuck::bytes_of_mut(&mut block))? != Filled::Whole {
            break;
        }
        let count = usize::try_from(block.records).unwrap_or(usize::MAX);
        let Some(records) = records.get_mut(..count).filter(|records| !records.is_empty()) else {
            return Err(Unfit::Damaged(at));
        };
        if fill(&mut reader, bytemuck::cast_slice_mut(records))? != Filled::Whole {
            break;
        }
        let bytes = bytemuck::cast_slice(records);
        if check_of(&[&block.records.to_ne_bytes(), bytes]) != block.check {
            return Err(Unfit::Damaged(at));
        }
        scratch.append(records);
        at += (size_of::<BlockHeader>() + bytes.len()) as u64;
    }
    let mut table = scratch.into_table()?;
    table.records_mut().sort_unstable_by_key(|record: &Verified| record.path);
    Ok((table, at))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    Whole,
    Part(usize),
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<Filled> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(Filled::Part(filled)),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Filled::Whole)
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;

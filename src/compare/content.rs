//! Digests of files, read through our own buffers: a map of a file that somebody truncates kills
//! the process (mmap(2), SIGBUS).

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::effort::{Stop, with_buffers};
use crate::error::{Cause, During, Side, Trouble};
use crate::model::checksum::{Algorithm, Checksum, Hasher};
use crate::model::digest::{Digest, RANGE_BYTES, RangeDigest, RangeHasher};
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};
use crate::sys::read::{self, AccessTime, Cached};

/// A file's digest and how many bytes were read for it.
#[derive(Clone, Copy, Debug)]
pub struct Hashed<D> {
    /// The digest.
    pub digest: D,
    /// Bytes read.
    pub read_bytes: u64,
}

/// Files that are read from storage, and those of them that were not.
#[derive(Debug, Default)]
pub struct FromStorage {
    /// True if the file system has lost writes, which was told.
    pub lost_writes: AtomicBool,
    cached_files: AtomicU64,
}

impl FromStorage {
    /// How often the kernel kept in the page cache what it was asked to forget.
    pub fn cached_files(&self) -> u64 {
        self.cached_files.load(Ordering::Relaxed)
    }
}

/// Where a file is, for hashing it.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    /// On which side.
    pub side: Side,
    /// In which directory.
    pub dir: &'a Dir,
    /// Under which name.
    pub name: &'a Name,
    /// Whether a symlink is followed.
    pub follow: Follow,
    /// What reading it does to its access time.
    pub reading: AccessTime,
    /// Whether it is read from storage, and not from the page cache.
    pub from_storage: Option<&'a FromStorage>,
}

impl Located<'_> {
    /// Opens it for reading.
    pub fn open(&self) -> Result<File, Trouble> {
        let file =
            read::open(self.dir, self.name, self.follow, self.reading).during(self.side, "open")?;
        if let Some(FromStorage { cached_files, .. }) = self.from_storage {
            let cached = read::forget_cached(&file).during(self.side, "drop from the cache")?;
            cached_files.fetch_add(u64::from(cached == Cached::Yes), Ordering::Relaxed);
        }
        Ok(file)
    }
}

/// Hashes the first `len` bytes of a file, or what it has of them.
pub fn hash_file(at: &Located<'_>, len: u64, stop: &Stop) -> Result<Hashed<Digest>, Trouble> {
    let file = at.open()?;
    let mut hasher = RangeHasher::new(0);
    let read_bytes = feed(&file, 0..len, |bytes| hasher.update(bytes), at.side, stop)?;
    Ok(Hashed { digest: hasher.finish_file(), read_bytes })
}

/// The checksum of a whole file, of any kind.
pub fn sum_file(
    at: &Located<'_>,
    algorithm: Algorithm,
    stop: &Stop,
) -> Result<Hashed<Checksum>, Trouble> {
    let file = at.open()?;
    let mut hasher = Hasher::new(algorithm);
    let read_bytes = feed(&file, 0..u64::MAX, |bytes| hasher.update(bytes), at.side, stop)?;
    Ok(Hashed { digest: hasher.finish(), read_bytes })
}

/// The checksums of a whole file, of several kinds in one reading.
pub fn sum_file_each(
    at: &Located<'_>,
    algorithms: &[Algorithm],
    stop: &Stop,
) -> Result<Hashed<Vec<Checksum>>, Trouble> {
    let file = at.open()?;
    let mut hashers: Vec<Hasher> = algorithms.iter().copied().map(Hasher::new).collect();
    let hash = |bytes: &[u8]| hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
    let read_bytes = feed(&file, 0..u64::MAX, hash, at.side, stop)?;
    Ok(Hashed { digest: hashers.into_iter().map(Hasher::finish).collect(), read_bytes })
}

/// Hashes one range of a file that has several.
pub fn hash_range(
    file: &File,
    range: u64,
    side: Side,
    stop: &Stop,
) -> Result<Hashed<RangeDigest>, Trouble> {
    let start = range * RANGE_BYTES;
    let mut hasher = RangeHasher::new(range);
    let bytes = start..start + RANGE_BYTES;
    let read_bytes = feed(file, bytes, |bytes| hasher.update(bytes), side, stop)?;
    if read_bytes == 0 {
        return Err(Trouble::rule(side, "read", "it was cut short while it was read"));
    }
    Ok(Hashed { digest: hasher.finish_range(), read_bytes })
}

/// Reads `bytes` of the file, or up to its end, into `hash`.
fn feed(
    file: &File,
    bytes: std::ops::Range<u64>,
    mut hash: impl FnMut(&[u8]),
    side: Side,
    stop: &Stop,
) -> Result<u64, Trouble> {
    let most = stop.step();
    with_buffers(|buffer, _| {
        let mut at = bytes.start;
        while at < bytes.end {
            let left = bytes.end - at;
            let wanted = usize::try_from(left).map_or(most, |left| left.min(most));
            let count = read::fill_at(file, &mut buffer[..wanted], at).during(side, "read")?;
            if !stop.admits(count) {
                return Err(Trouble { side, verb: "read", cause: Cause::Stopped });
            }
            hash(&buffer[..count]);
            at += count as u64;
            if count < wanted {
                break;
            }
        }
        Ok(at - bytes.start)
    })
}

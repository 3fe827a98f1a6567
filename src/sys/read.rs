//! Reading: files at offsets, targets of symlinks.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::model::guise::Guise;
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};

/// What reading a file does to its access time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTime {
    /// What the mount says (`relatime`, ..).
    Changes,
    /// Nothing, where the file is ours (open(2), `O_NOATIME`).
    Stays,
}

/// No symlink of Linux is longer (symlink(2), ENAMETOOLONG).
const MOST_TARGET_BYTES: u64 = 4095;

/// Opens a regular file for reading.
///
/// `O_NONBLOCK`: should a fifo stand there by now, the open does not wait for a writer.
pub fn open(dir: &Dir, name: &Name, follow: Follow, reading: AccessTime) -> io::Result<File> {
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    if follow != Follow::Links {
        flags |= OFlags::NOFOLLOW;
    }
    let open = |flags| rustix::fs::openat(dir, name.as_c_str(), flags, Mode::empty());
    let fd = match reading {
        AccessTime::Changes => open(flags)?,
        AccessTime::Stays => match open(flags | OFlags::NOATIME) {
            // The file of somebody else.
            Err(Errno::PERM) => open(flags)?,
            result => result?,
        },
    };
    Ok(fd.into())
}

/// Whether a file's first bytes are in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// They are not, or nobody can tell.
    No,
    /// They are.
    Yes,
}

/// Makes the kernel forget what it has of a file in the page cache (`posix_fadvise(2)`,
/// `POSIX_FADV_DONTNEED`). What is not written back yet or mapped by somebody it keeps; whether it has
/// kept the beginning is asked by a read that does not wait (preadv2(2), `RWF_NOWAIT`).
pub fn forget_cached(file: &File) -> io::Result<Cached> {
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    let mut byte = [0];
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    match rustix::io::preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], 0, flags) {
        Ok(1..) => Ok(Cached::Yes),
        // An empty file; EAGAIN; file systems that do not know the flag; old kernels.
        Ok(0) | Err(_) => Ok(Cached::No),
    }
}

/// Reads from `offset` until `buffer` is full or the file ends; the number of bytes read.
pub fn fill_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The target of a symlink, or the content of the file that stands for one.
pub fn link_target(dir: &Dir, name: &Name) -> io::Result<Box<[u8]>> {
    if dir.guise() == Guise::Fake
        && let Some(target) = stored_target(dir, name)?
    {
        return Ok(target);
    }
    real_target(dir, name)
}

/// The target of a symlink of the destination; `None` if it can not stay one: what stands for it holds
/// no target, or it is a real one where a file is to stand for it.
pub fn dest_target(dir: &Dir, name: &Name) -> io::Result<Option<Box<[u8]>>> {
    match dir.guise() {
        Guise::Real => real_target(dir, name).map(Some),
        Guise::Fake => match stored_target(dir, name) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            result => result,
        },
    }
}

/// The content of the file that stands for a symlink; `None`: a real one is there.
fn stored_target(dir: &Dir, name: &Name) -> io::Result<Option<Box<[u8]>>> {
    let file = match open(dir, name, Follow::Never, AccessTime::Stays) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => return Ok(None),
        result => result?,
    };
    let mut target = Vec::new();
    file.take(MOST_TARGET_BYTES + 1).read_to_end(&mut target)?;
    if target.is_empty() || target.len() as u64 > MOST_TARGET_BYTES || target.contains(&0) {
        let why = "no symlink can have the target that this file holds (nothing, a NUL byte, or \
                   more than 4095 bytes)";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(target.into()))
}

fn real_target(dir: &Dir, name: &Name) -> io::Result<Box<[u8]>> {
    let target = rustix::fs::readlinkat(dir, name.as_c_str(), Vec::new())?;
    Ok(target.into_bytes().into())
}

//! Writing regular files: in place, at offsets, closed explicitly so that late errors are seen.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::model::path::Name;
use crate::sys::dir::Dir;
use crate::sys::permit::Permit;

/// Whether an existing file is also read, to compare before writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Written only.
    Write,
    /// Read and written.
    ReadWrite,
}

/// Makes a file that is not there yet. With the umask at 0 its mode is `mode`.
pub fn create(_: &Permit, dir: &Dir, name: &Name, mode: u32) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, name.as_c_str(), flags, Mode::from_raw_mode(mode))?;
    Ok(fd.into())
}

/// Opens a file that is there, without truncating it.
pub fn open_existing(_: &Permit, dir: &Dir, name: &Name, access: Access) -> io::Result<File> {
    let access = match access {
        Access::Write => OFlags::WRONLY,
        Access::ReadWrite => OFlags::RDWR,
    };
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::openat(dir, name.as_c_str(), flags, Mode::empty())?.into())
}

/// Writes all of `bytes` at `offset`.
pub fn write_at(_: &Permit, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Cuts or extends the file to `bytes`.
pub fn set_len(_: &Permit, file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// What became of bytes that were to become a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Punched {
    /// They are one, or zeros where they are less than a block.
    Hole,
    /// The file system can not do that; they are as they were.
    Unsupported,
}

/// Takes the blocks of `bytes` away, so that they read as zeros; the length stays (fallocate(2),
/// `FALLOC_FL_PUNCH_HOLE`).
pub fn punch(_: &Permit, file: &File, bytes: Range<u64>) -> io::Result<Punched> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let length = bytes.end - bytes.start;
    match retry_on_intr(|| rustix::fs::fallocate(file, flags, bytes.start, length)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(Punched::Unsupported),
        result => result.map(|()| Punched::Hole).map_err(io::Error::from),
    }
}

/// Gives the file blocks for its first `bytes`; the length stays (fallocate(2)). True if it has them
/// now: some file systems (`NFSv3`) can not do that.
pub fn reserve(_: &Permit, file: &File, bytes: u64) -> io::Result<bool> {
    match retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        result => result.map(|()| true).map_err(io::Error::from),
    }
}

/// fsync(2).
pub fn sync_file(_: &Permit, file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Closes a written file and returns the error that dropping it would swallow: network file
/// systems report a failed write as late as here (close(2), NOTES).
pub fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(OwnedFd::from(file))?)
}

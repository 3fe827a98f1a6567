//! Writing regular files: in place, at offsets, closed explicitly so that late errors are seen.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

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

/// fsync(2).
pub fn sync_file(_: &Permit, file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Flushes the file system that `dir` is on (syncfs(2)).
pub fn sync_file_system(_: &Permit, dir: &Dir) -> io::Result<()> {
    match rustix::fs::syncfs(dir) {
        // A directory that we may not read has a path-only handle: all file systems are flushed.
        Err(Errno::BADF) => rustix::fs::sync(),
        result => result?,
    }
    Ok(())
}

/// Closes a written file and returns the error that dropping it would swallow: network file
/// systems report a failed write as late as here (close(2), NOTES).
pub fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(OwnedFd::from(file))?)
}

//! Holding an entry to get at its attributes: whatever it is, and whether we may open it or not.
//!
//! What is open is asked itself. An entry is held by a path-only handle (open(2), `O_PATH`) and reached by
//! its name in proc(5), which leads to the very inode and nowhere else: no path can be swapped, nothing
//! need be readable, and no server hears of it, while opening costs `NFSv4` two round trips and FUSE three. Where
//! proc(5) is not mounted (chroot), files and directories are opened for reading instead, and what
//! can not be opened can not be reached. The `*xattrat` calls of Linux 6.13 and fchmodat2(2) of 6.6 would
//! do without either, and no crate that we use has them yet.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags, openat, statfs};
use rustix::io::Errno;

use crate::model::meta::Kind;
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};
use crate::sys::read::{self, AccessTime};
use crate::sys::stat;
use crate::sys::trust::{self, Trust, look_at};

/// Something that can be got at.
#[derive(Debug)]
pub enum Held<'a> {
    /// Something open, which may be by its path alone.
    Lent(BorrowedFd<'a>),
    /// An entry, opened for reading.
    Open(OwnedFd),
    /// An entry, open by its path alone.
    PathOnly(OwnedFd),
}

/// statfs(2) of proc(5).
pub(crate) const PROC_SUPER_MAGIC: rustix::fs::FsWord = 0x9fa0;

/// Why something can not be got at.
#[derive(Debug, thiserror::Error)]
#[error("what can not be opened is reached through /proc alone, and that is not mounted")]
struct NoProc;

impl<'a> Held<'a> {
    /// Something open.
    pub fn lent(fd: &'a impl AsFd) -> Self {
        Self::Lent(fd.as_fd())
    }

    /// An entry of a directory.
    pub fn of_entry(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let open = |flags| openat(dir, name.as_c_str(), flags, Mode::empty());
        let fd = match follow {
            Follow::Never => open(flags | OFlags::NOFOLLOW)?,
            Follow::Links => open(flags)?,
            Follow::Trusted => look_at(dir, name, &Trust::Owned)?,
        };
        Ok(Self::of_path_only(fd, (dir, name), follow))
    }

    /// The entry that `fd` is a path-only handle of.
    pub(crate) fn of_path_only(fd: OwnedFd, (dir, name): (&Dir, &Name), follow: Follow) -> Self {
        if has_proc() {
            return Self::PathOnly(fd);
        }
        // What is done with one that can not be opened fails, and says why.
        open_again(&fd, (dir, name), follow).map_or(Self::PathOnly(fd), Self::Open)
    }

    /// Does what `open` does to a handle, by way of its name in proc(5) where that is the only one.
    pub fn reach<T>(
        &self,
        open: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
        named: impl FnOnce(&str) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let fd = match self {
            Self::Lent(fd) => *fd,
            Self::Open(fd) => fd.as_fd(),
            Self::PathOnly(fd) => return by_number(fd, named),
        };
        match open(fd) {
            Err(Errno::BADF) => by_number(fd, named),
            result => Ok(result?),
        }
    }

    /// The handle; one that is lent is duplicated.
    pub fn into_file(self) -> io::Result<File> {
        match self {
            Self::Lent(fd) => Ok(fd.try_clone_to_owned()?.into()),
            Self::Open(fd) | Self::PathOnly(fd) => Ok(fd.into()),
        }
    }
}

/// Calls with the name of an open handle in proc(5).
pub(crate) fn by_number<T>(
    fd: impl AsFd,
    call: impl FnOnce(&str) -> Result<T, Errno>,
) -> io::Result<T> {
    match call(&format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())) {
        // Nothing has vanished: we hold it.
        Err(Errno::NOENT | Errno::NOTDIR) if !has_proc() => Err(io::Error::other(NoProc)),
        result => Ok(result?),
    }
}

/// True if proc(5) is mounted where it belongs. Asked once in a run.
pub(crate) fn has_proc() -> bool {
    static HAS_PROC: OnceLock<bool> = OnceLock::new();
    let looked = || statfs("/proc/self/fd").is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC);
    *HAS_PROC.get_or_init(looked)
}

/// Opens what is held for reading. Fifos and devices are not opened: that may do something to them.
fn open_again(fd: &OwnedFd, (dir, name): (&Dir, &Name), follow: Follow) -> io::Result<OwnedFd> {
    let held = stat::real(fd)?;
    let opened: OwnedFd = match (held.kind, follow) {
        (Kind::Dir, _) => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            return Ok(openat(fd, c".", flags, Mode::empty())?);
        }
        (Kind::File, Follow::Trusted) => trust::open_file_at(dir, name, &Trust::Owned)?.into(),
        (Kind::File, _) => read::open(dir, name, follow, AccessTime::Changes)?.into(),
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let is_the_same = stat::real(&opened)?.id == held.id;
    if is_the_same { Ok(opened) } else { Err(Errno::STALE.into()) }
}

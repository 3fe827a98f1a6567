//! statx(2) into [`Meta`].

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, CWD, FileType, Statx, StatxFlags, makedev};

use crate::model::meta::{FileId, Kind, Meta, Stamp};
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};

/// Looks at the entry `name` of `dir`.
pub fn entry(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Meta> {
    let flags = match follow {
        Follow::Never => AtFlags::SYMLINK_NOFOLLOW,
        Follow::Links => AtFlags::empty(),
    };
    meta(&rustix::fs::statx(dir, name.as_c_str(), flags, StatxFlags::BASIC_STATS)?)
}

/// Looks at the entry `name` of `dir`, if there is one.
pub fn entry_if_any(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Option<Meta>> {
    match entry(dir, name, follow) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Looks at what is open.
pub fn handle(fd: impl AsFd) -> io::Result<Meta> {
    meta(&rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?)
}

/// Looks at a path that the user typed.
pub fn operand(path: &std::path::Path, follow: Follow) -> io::Result<Meta> {
    let flags = match follow {
        Follow::Never => AtFlags::SYMLINK_NOFOLLOW,
        Follow::Links => AtFlags::empty(),
    };
    meta(&rustix::fs::statx(CWD, path, flags, StatxFlags::BASIC_STATS)?)
}

fn meta(statx: &Statx) -> io::Result<Meta> {
    let kind = match FileType::from_raw_mode(statx.stx_mode.into()) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Unknown => return Err(io::ErrorKind::Unsupported.into()),
    };
    let stamp = |time: rustix::fs::StatxTimestamp| Stamp { secs: time.tv_sec, nanos: time.tv_nsec };
    Ok(Meta {
        kind,
        mode: u32::from(statx.stx_mode) & 0o7777,
        uid: statx.stx_uid,
        gid: statx.stx_gid,
        size: statx.stx_size,
        atime: stamp(statx.stx_atime),
        mtime: stamp(statx.stx_mtime),
        ctime: stamp(statx.stx_ctime),
        id: FileId { dev: makedev(statx.stx_dev_major, statx.stx_dev_minor), ino: statx.stx_ino },
        nlink: statx.stx_nlink,
        rdev: makedev(statx.stx_rdev_major, statx.stx_rdev_minor),
    })
}

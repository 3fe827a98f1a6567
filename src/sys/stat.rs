//! statx(2) into [`Meta`]; below a directory in rsync's `--fake-super` guise, what it stands for.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, SeekFrom, Statx, StatxFlags, makedev};
use rustix::io::Errno;

use crate::model::guise::{Guise, STAT, Seen};
use crate::model::meta::{FileId, Kind, Meta, Stamp};
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};
use crate::sys::read::{self, AccessTime};
use crate::sys::trust::{Trust, look, look_at, resolve};
use crate::sys::xattr::Grip;

/// Looks at the entry `name` of `dir`.
pub fn entry(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Meta> {
    let flags = match follow {
        Follow::Never => AtFlags::SYMLINK_NOFOLLOW,
        Follow::Links => AtFlags::empty(),
        Follow::Trusted => {
            let found = look_at(dir, name, &Trust::Owned)?;
            let looked = real(&found)?;
            return match dir.guise() {
                Guise::Real => Ok(looked),
                Guise::Fake => {
                    seen_as(looked, || Ok(Grip::of_path_only(found, (dir, name), follow)))
                }
            };
        }
    };
    let looked = meta(&rustix::fs::statx(dir, name.as_c_str(), flags, StatxFlags::BASIC_STATS)?)?;
    match dir.guise() {
        Guise::Real => Ok(looked),
        Guise::Fake => seen_as(looked, || Grip::of_entry(dir, name, follow)),
    }
}

/// Looks at the entry `name` of the destination's directory `dir`, if there is one. What it stands for,
/// where we may not even read that, does not matter: it is made to stand for its source.
pub fn dest_if_any(dir: &Dir, name: &Name) -> io::Result<Option<Meta>> {
    match entry_if_any(dir, name, Follow::Never) {
        Err(error)
            if dir.guise() == Guise::Fake && error.kind() == io::ErrorKind::PermissionDenied =>
        {
            real_entry(dir, name).map(Some)
        }
        result => result,
    }
}

/// Looks at the entry `name` of `dir`, if there is one.
pub fn entry_if_any(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Option<Meta>> {
    match entry(dir, name, follow) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A handle, and in which guise it is looked at.
pub trait Handle: AsFd {
    /// In which.
    fn guise(&self) -> Guise {
        Guise::Real
    }
}

impl Handle for File {}
impl Handle for OwnedFd {}
impl Handle for Dir {
    fn guise(&self) -> Guise {
        Dir::guise(self)
    }
}

/// What devices of the source count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Devices {
    /// Nodes.
    Nodes,
    /// Files with what can be read from them (`--copy-devices`).
    Files,
}

/// Looks at an entry of the source. A device that counts as a file keeps its number.
pub fn source(dir: &Dir, name: &Name, follow: Follow, devices: Devices) -> io::Result<Meta> {
    let meta = entry(dir, name, follow)?;
    if devices == Devices::Nodes || !meta.kind.is_device() {
        return Ok(meta);
    }
    as_file(&read::open(dir, name, follow, AccessTime::Changes)?, meta)
}

/// Looks at an open file of the source, as it was looked at `before`.
pub fn source_again(file: &File, before: &Meta) -> io::Result<Meta> {
    let now = handle(file)?;
    let is_same_device = now.kind.is_device() && before.rdev != 0 && now.rdev == before.rdev;
    if is_same_device { as_file(file, now) } else { Ok(now) }
}

/// A device has no length of its own; one without an end (a character device) counts as empty.
fn as_file(device: &File, meta: Meta) -> io::Result<Meta> {
    let size = rustix::fs::seek(device, SeekFrom::End(0)).or_else(|error| match error {
        Errno::SPIPE | Errno::INVAL => Ok(0),
        error => Err(error),
    })?;
    Ok(Meta { kind: Kind::File, size, ..meta })
}

/// Looks at what is open.
pub fn handle(fd: &impl Handle) -> io::Result<Meta> {
    let looked = real(fd)?;
    match fd.guise() {
        Guise::Real => Ok(looked),
        Guise::Fake => seen_as(looked, || Ok(Grip::of_handle(fd))),
    }
}

/// Looks at what is open, in whatever guise, as what it is.
pub fn real(fd: impl AsFd) -> io::Result<Meta> {
    meta(&rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?)
}

/// The same for an entry that is no directory's handle: itself, never what it points to.
pub fn real_entry(dir: &Dir, name: &Name) -> io::Result<Meta> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    meta(&rustix::fs::statx(dir, name.as_c_str(), flags, StatxFlags::BASIC_STATS)?)
}

/// What an entry stands for. Only files and directories stand for anything: nothing else can have
/// attributes of the `user` namespace.
fn seen_as<'a>(real: Meta, grip: impl FnOnce() -> io::Result<Grip<'a>>) -> io::Result<Meta> {
    if !matches!(real.kind, Kind::File | Kind::Dir) {
        return Ok(real);
    }
    let text = match grip()?.value(STAT) {
        // Whoever may not read a directory is told so when it is listed.
        Err(error) if real.kind == Kind::Dir && error.kind() == io::ErrorKind::PermissionDenied => {
            None
        }
        text => text?,
    };
    let Some(text) = text else { return Ok(real) };
    let is_right = |seen: &Seen| (seen.kind == Kind::Dir) == (real.kind == Kind::Dir);
    let Some(seen) = Seen::parse(&text).filter(is_right) else {
        let why = "its attribute user.rsync.%stat makes no sense (setfattr -x removes it)";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    };
    let Seen { kind, mode, uid, gid, device: (major, minor) } = seen;
    Ok(Meta { kind, mode, uid, gid, rdev: makedev(major, minor), ..real })
}

/// Looks at a path that the user typed.
pub fn operand(path: &std::path::Path, follow: Follow) -> io::Result<Meta> {
    let flags = match follow {
        Follow::Never => AtFlags::SYMLINK_NOFOLLOW,
        Follow::Links => AtFlags::empty(),
        Follow::Trusted => return real(look(resolve(path, &Trust::Owned)?)?),
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
    let mode = u32::from(statx.stx_mode) & 0o7777;
    Ok(Meta {
        kind,
        mode,
        own_mode: mode,
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

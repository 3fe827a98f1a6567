//! Setting owner, mode and times, on open files or on names, never through a symlink.

use std::fs::File;
use std::io;

use filetime::FileTime;
use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use crate::model::meta::Stamp;
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};
use crate::sys::held::{Held, by_number};
use crate::sys::permit::Permit;

/// What attributes are set on.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Something open.
    Handle(&'a File),
    /// An entry of a directory, itself and not what it points to.
    Entry(&'a Dir, &'a Name),
}

/// To chown(2) this number means that nothing is changed: nobody can be it.
const NOBODY_AT_ALL: u32 = u32::MAX;

/// Sets owner and group; `None` leaves one as it is. Set-id bits are lost (chown(2)).
pub fn set_owner(
    _: &Permit,
    target: Target<'_>,
    uid: Option<u32>,
    gid: Option<u32>,
) -> io::Result<()> {
    let can_be = |id: &u32| *id != NOBODY_AT_ALL;
    let (owner, group) = (uid.filter(can_be), gid.filter(can_be));
    if owner.is_some() || group.is_some() {
        chown(target, owner, group)?;
    }
    if (owner, group) == (uid, gid) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "4294967295 (-1) can not be set"))
}

fn chown(target: Target<'_>, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    match target {
        Target::Handle(file) => Held::lent(file).reach(
            |fd| rustix::fs::fchown(fd, uid, gid),
            |path| rustix::fs::chownat(CWD, path, uid, gid, AtFlags::empty()),
        ),
        Target::Entry(dir, name) => {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            Ok(rustix::fs::chownat(dir, name.as_c_str(), uid, gid, flags)?)
        }
    }
}

/// Sets the mode bits (`0o7777`). On an entry that is a symlink this fails.
pub fn set_mode(_: &Permit, target: Target<'_>, mode: u32) -> io::Result<()> {
    let mode = Mode::from_raw_mode(mode);
    let held = match target {
        Target::Handle(file) => Held::lent(file),
        Target::Entry(dir, name) => Held::of_entry(dir, name, Follow::Never)?,
    };
    held.reach(
        |fd| rustix::fs::fchmod(fd, mode),
        |path| rustix::fs::chmodat(CWD, path, mode, AtFlags::empty()),
    )
}

/// Sets the time of last modification; `None` leaves it as it is. `atime` is the access time that it
/// has, or shall have.
///
/// An access time that stays is written down as it is, like rsync does: some FUSE servers (bindfs 1.14) drop
/// the whole call when it says `UTIME_OMIT`, and return success.
pub fn set_times(
    _: &Permit,
    target: Target<'_>,
    atime: Stamp,
    mtime: Option<Stamp>,
) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: atime.secs, tv_nsec: atime.nanos.into() },
        last_modification: match mtime {
            Some(mtime) => Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() },
            None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        },
    };
    match target {
        Target::Handle(file) => {
            let time = |stamp: Stamp| FileTime::from_unix_time(stamp.secs, stamp.nanos);
            match filetime::set_file_handle_times(file, Some(time(atime)), mtime.map(time)) {
                Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {
                    let set =
                        |path: &str| rustix::fs::utimensat(CWD, path, &times, AtFlags::empty());
                    by_number(file, set)
                }
                result => result,
            }
        }
        Target::Entry(dir, name) => {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            Ok(rustix::fs::utimensat(dir, name.as_c_str(), &times, flags)?)
        }
    }
}

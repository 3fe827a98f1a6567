//! Making and removing entries other than regular files.
//!
//! A server's lost reply makes a call that worked look like one that failed (RFC 1813, section
//! 4.8); each function here looks at what is there before it believes EEXIST or ENOENT.

use std::ffi::CString;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Mode};

use crate::model::guise::Guise;
use crate::model::meta::{FileId, Kind, Meta};
use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::{read, stat, write};

/// Makes a directory; one that is there already by this name is as good.
pub fn make_dir(_: &Permit, dir: &Dir, name: &Name, mode: u32) -> io::Result<()> {
    match rustix::fs::mkdirat(dir, name.as_c_str(), Mode::from_raw_mode(mode)) {
        Err(rustix::io::Errno::EXIST)
            if is_listed(dir, name) && stat::entry(dir, name, Follow::Never)?.kind == Kind::Dir =>
        {
            Ok(())
        }
        result => Ok(result?),
    }
}

/// True if the entry is there by this very name, and not by one that the file system takes for the
/// same. A directory that can not be listed is believed.
fn is_listed(dir: &Dir, name: &Name) -> bool {
    dir.list().map_or(true, |listed| listed.iter().any(|listed| listed.name == *name))
}

/// Makes a symlink; one that is there already with this target is as good.
pub fn make_link(permit: &Permit, dir: &Dir, name: &Name, target: &[u8]) -> io::Result<()> {
    if dir.guise() == Guise::Fake {
        return make_stand_in(permit, dir, name, target);
    }
    let target_c = CString::new(target)?;
    match rustix::fs::symlinkat(target_c.as_c_str(), dir, name.as_c_str()) {
        Err(rustix::io::Errno::EXIST)
            if read::link_target(dir, name).is_ok_and(|there| *there == *target)
                && is_listed(dir, name) =>
        {
            Ok(())
        }
        result => Ok(result?),
    }
}

/// Makes a fifo, a socket or a device like `like`, with permission bits `mode`; one that is there
/// already is as good.
pub fn make_special(
    permit: &Permit,
    dir: &Dir,
    name: &Name,
    like: &Meta,
    mode: u32,
) -> io::Result<()> {
    if dir.guise() == Guise::Fake {
        return make_stand_in(permit, dir, name, b"");
    }
    let file_type = match like.kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::File | Kind::Dir | Kind::Symlink => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let rdev = if like.kind.is_device() { like.rdev } else { 0 };
    let is_alike = |there: Meta| there.kind == like.kind && there.rdev == rdev;
    let mode = Mode::from_raw_mode(mode);
    match rustix::fs::mknodat(dir, name.as_c_str(), file_type, mode, rdev) {
        Err(rustix::io::Errno::EXIST)
            if stat::entry(dir, name, Follow::Never).is_ok_and(is_alike)
                && is_listed(dir, name) =>
        {
            Ok(())
        }
        result => Ok(result?),
    }
}

/// Makes the file that stands for something else (rsync's `--fake-super`); what it stands for is said
/// by its attributes.
fn make_stand_in(permit: &Permit, dir: &Dir, name: &Name, content: &[u8]) -> io::Result<()> {
    let file = write::create(permit, dir, name, 0o600)?;
    write::write_at(permit, &file, content, 0)?;
    write::close(file)
}

/// Removes an entry that is no directory; one that is gone already is as good.
pub fn remove(_: &Permit, dir: &Dir, name: &Name) -> io::Result<()> {
    unlink(dir, name, AtFlags::empty())
}

/// Gives `from`, an entry of `dir` and no directory, the further name `to` in `to_dir`; one that is
/// there already is as good.
pub fn link(_: &Permit, (dir, from): (&Dir, &Name), (to_dir, to): (&Dir, &Name)) -> io::Result<()> {
    let is_linked = || -> io::Result<bool> {
        let id = |dir: &Dir, name: &Name| stat::entry(dir, name, Follow::Never).map(|meta| meta.id);
        Ok(id(dir, from)? == id(to_dir, to)? && is_listed(to_dir, to))
    };
    let flags = AtFlags::empty();
    match rustix::fs::linkat(dir, from.as_c_str(), to_dir, to.as_c_str(), flags) {
        Err(rustix::io::Errno::EXIST) if is_linked().unwrap_or(false) => Ok(()),
        result => Ok(result?),
    }
}

/// Gives `from`, an entry of `dir` and no directory, a further name in `to_dir` that nothing else has, for a
/// moment; which.
pub fn link_beside(permit: &Permit, from: (&Dir, &Name), to_dir: &Dir) -> io::Result<Name> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    for _ in 0..ATTEMPTS {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let text = format!(".twosync-{}-{number}", std::process::id());
        let name = Name::new(text.as_bytes()).ok_or(io::ErrorKind::InvalidInput)?;
        match link(permit, from, (to_dir, &name)) {
            // A run of the same number on another machine has it, or had it and was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| name),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// How many names are tried that somebody else may have.
const ATTEMPTS: u32 = 1000;

/// Gives the entry `from` of `dir` the place `to` of `to_dir`, of which what stands there is lost.
///
/// `id`: which entry is meant. One that has arrived there already is as good.
pub fn rename(
    _: &Permit,
    (dir, from): (&Dir, &Name),
    (to_dir, to): (&Dir, &Name),
    id: FileId,
) -> io::Result<()> {
    let has_arrived = || -> io::Result<bool> {
        let there = stat::entry_if_any(to_dir, to, Follow::Never)?;
        Ok(there.is_some_and(|there| there.id == id))
    };
    match rustix::fs::renameat(dir, from.as_c_str(), to_dir, to.as_c_str()) {
        Err(rustix::io::Errno::NOENT)
            if stat::entry_if_any(dir, from, Follow::Never)?.is_none() && has_arrived()? =>
        {
            Ok(())
        }
        result => Ok(result?),
    }
}

/// Removes an empty directory; one that is gone already is as good.
pub fn remove_dir(_: &Permit, dir: &Dir, name: &Name) -> io::Result<()> {
    unlink(dir, name, AtFlags::REMOVEDIR)
}

fn unlink(dir: &Dir, name: &Name, flags: AtFlags) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name.as_c_str(), flags) {
        Err(rustix::io::Errno::NOENT)
            if stat::entry_if_any(dir, name, Follow::Never)?.is_none() =>
        {
            Ok(())
        }
        result => Ok(result?),
    }
}

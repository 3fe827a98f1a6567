//! Paths that the user typed, opened without following symlinks that somebody else has planted.
//!
//! rsync 3.5.0 follows a symlink in the path of the destination or of a rule file only if it belongs
//! to root or to whoever runs it (rsync.1, `--insecure-links`). Each component is opened without
//! following (openat(2), `O_NOFOLLOW`), and it is the symlink that was opened whose owner is asked for
//! and whose target is read: nobody can put another one in its place meanwhile.

use std::collections::VecDeque;
use std::error::Error;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, fstatfs, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};
use crate::sys::read::{self, AccessTime};

/// Which symlinks in a typed path are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those of root and of whoever runs it.
    #[default]
    Owned,
    /// All (`--insecure-links`).
    All,
}

/// Why a path was not opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "a symlink in the path belongs to neither root nor you (--insecure-links follows it all the same)"
)]
struct Untrusted;

/// True if the error says that a symlink was not to be trusted.
pub fn is_untrusted(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Untrusted>)
}

/// Where a path leads.
pub(crate) enum Place {
    /// To this directory: the path ends in no name.
    Dir(OwnedFd),
    /// To an entry of this directory that is no symlink.
    Entry(OwnedFd, Vec<u8>),
    /// To an entry of this directory that stands for an open file (proc(5), `/proc/PID/fd`).
    Open(OwnedFd, Vec<u8>),
}

/// As many as the kernel follows (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// proc(5): its symlinks are followed by the kernel alone.
const PROC_SUPER_MAGIC: rustix::fs::FsWord = 0x9fa0;

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Follows `path` up to its last component, and that too if it is a symlink.
pub(crate) fn resolve(path: &Path) -> io::Result<Place> {
    let mut waiting = VecDeque::new();
    let dir = start(path.as_os_str().as_bytes(), &mut waiting)?;
    follow(dir, waiting)
}

fn follow(dir: OwnedFd, mut waiting: VecDeque<Vec<u8>>) -> io::Result<Place> {
    let mut dir = dir;
    let mut links = 0;
    while let Some(name) = waiting.pop_front() {
        let dir_fd = dir.as_fd();
        if name == b".." {
            dir = openat(dir_fd, c"..", LOOK | OFlags::DIRECTORY, Mode::empty())?;
            continue;
        }
        let found = openat(dir_fd, OsStr::from_bytes(&name), LOOK, Mode::empty())?;
        let stat = fstat(&found)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            if waiting.is_empty() {
                return Ok(Place::Entry(dir, name));
            }
            // Opened as a directory, so that an automounter mounts what belongs there.
            let flags = LOOK | OFlags::DIRECTORY;
            dir = openat(dir_fd, OsStr::from_bytes(&name), flags, Mode::empty())?;
            continue;
        }
        if stat.st_uid != 0 && stat.st_uid != geteuid().as_raw() {
            return Err(io::Error::other(Untrusted));
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = readlinkat(&found, c"", Vec::new())?.into_bytes();
        if waiting.is_empty() && !target.starts_with(b"/") && is_proc(&found) {
            return Ok(Place::Open(dir, name));
        }
        let mut below = VecDeque::new();
        if target.starts_with(b"/") {
            dir = start(&target, &mut below)?;
        } else {
            split(&target, &mut below);
        }
        below.append(&mut waiting);
        waiting = below;
    }
    Ok(Place::Dir(dir))
}

/// The directory that a path starts from; its components are put into `waiting`.
fn start(path: &[u8], waiting: &mut VecDeque<Vec<u8>>) -> io::Result<OwnedFd> {
    split(path, waiting);
    let top = if path.starts_with(b"/") { c"/" } else { c"." };
    Ok(openat(CWD, top, LOOK | OFlags::DIRECTORY, Mode::empty())?)
}

fn split(path: &[u8], waiting: &mut VecDeque<Vec<u8>>) {
    let names = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    waiting.extend(names.map(<[u8]>::to_vec));
}

fn is_proc(fd: impl AsFd) -> bool {
    fstatfs(fd).is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC)
}

/// Opens the file `name` of `dir` for reading; it may be a symlink.
pub fn open_file_at(dir: &Dir, name: &Name, trust: Trust) -> io::Result<File> {
    if trust == Trust::All {
        return read::open(dir, name, Follow::Links, AccessTime::Changes);
    }
    let dir = dir.as_fd().try_clone_to_owned()?;
    let found = follow(dir, VecDeque::from([name.as_bytes().to_vec()]))?;
    open_found(found, OFlags::NONBLOCK)
}

/// Opens a file that the user named, for reading.
pub fn open_file(path: &Path, trust: Trust) -> io::Result<File> {
    if trust == Trust::All {
        return File::open(path);
    }
    open_found(resolve(path)?, OFlags::empty())
}

/// Opens a file that the user named, to write behind what is in it; it is made if it is missing.
///
/// # Errors
/// open(2); a symlink of somebody else in the path.
pub fn append_to(path: &Path, trust: Trust) -> io::Result<File> {
    if trust == Trust::All {
        return File::options().append(true).create(true).open(path);
    }
    let mode = Mode::from_raw_mode(0o666);
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match resolve(path) {
        Ok(Place::Dir(_)) => Err(Errno::ISDIR),
        Ok(Place::Entry(dir, name)) => {
            openat(dir, OsStr::from_bytes(&name), flags | OFlags::NOFOLLOW, mode)
        }
        Ok(Place::Open(dir, name)) => openat(dir, OsStr::from_bytes(&name), flags, mode),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or(error)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let dir = Dir::open_trusted(parent.unwrap_or(Path::new(".")), trust)?;
            let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
            openat(dir.as_fd(), name, flags, mode)
        }
        Err(error) => return Err(error),
    };
    Ok(opened?.into())
}

fn open_found(found: Place, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match found {
        Place::Dir(dir) => openat(dir, c".", flags, Mode::empty()),
        Place::Entry(dir, name) => {
            openat(dir, OsStr::from_bytes(&name), flags | OFlags::NOFOLLOW, Mode::empty())
        }
        Place::Open(dir, name) => openat(dir, OsStr::from_bytes(&name), flags, Mode::empty()),
    };
    Ok(opened?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{lchown, symlink};

    use super::{Trust, is_untrusted, open_file};

    #[test]
    fn paths_are_followed_as_the_kernel_does_but_for_symlinks_of_others() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/f"), "text").unwrap();
        for (link, target) in [("up", "a/b/../b"), ("a/abs", "/"), ("loop", "loop"), ("f", "up//f")]
        {
            symlink(target, at(link)).unwrap();
        }
        let read = |name: &str, trust| {
            let mut text = String::new();
            open_file(&at(name), trust).and_then(|mut file| file.read_to_string(&mut text))?;
            std::io::Result::Ok(text)
        };
        let beneath = format!("a/abs{}", at("a/b/f").display());
        for name in ["a/b/f", "up/f", "./a/../up/./f", "f", &beneath] {
            assert_eq!(read(name, Trust::Owned).unwrap(), "text", "{name}");
        }
        for name in ["loop", "a/b/f/", "up/missing", "a"] {
            let error = read(&format!("{name}/x"), Trust::Owned).unwrap_err();
            assert!(!is_untrusted(&error), "{name}");
        }
        if rustix::process::geteuid().is_root() {
            lchown(at("up"), Some(12345), None).unwrap();
            assert!(is_untrusted(&read("f", Trust::Owned).unwrap_err()));
            assert_eq!(read("f", Trust::All).unwrap(), "text");
        }
    }
}

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
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, fstatfs, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::model::path::Name;
use crate::sys::confined::{Confined, Yard};
use crate::sys::dir::{Dir, Follow};
use crate::sys::held::PROC_SUPER_MAGIC;
use crate::sys::read::{self, AccessTime};

/// Which symlinks in a typed path are followed, and how far they may lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those of root and of whoever runs it.
    #[default]
    Owned,
    /// All (`--insecure-links`).
    All,
    /// Those of root and of whoever runs it, as long as the path leads through the directories above
    /// this one and through what is below it, and ends there (`--confine-root`).
    Within(Arc<Yard>),
}

impl Trust {
    /// Paths may not lead out of `dir`, which is absolute; out of `/` nothing leads.
    ///
    /// `dir` is taken as it is written: below a symlink in it there is nothing (rsync 3.5.0).
    pub fn within(dir: &Path) -> Self {
        Yard::of(dir.as_os_str().as_bytes())
            .map_or(Self::Owned, |yard| Self::Within(Arc::new(yard)))
    }

    /// The same for paths that `--confine-root` is not about: the destination, and files that are
    /// named on the command line.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        match self {
            Self::Within(_) => Self::Owned,
            other => other.clone(),
        }
    }

    /// Checks that an open directory may be reached.
    ///
    /// # Errors
    /// It is outside of the directory that paths may not lead out of.
    pub fn check(&self, dir: &Dir) -> io::Result<()> {
        self.place_of(dir.as_fd())?.map_or(Ok(()), |place| place.end())
    }

    /// Where an open directory is, if that matters.
    fn place_of(&self, dir: BorrowedFd<'_>) -> io::Result<Option<Confined>> {
        match self {
            Self::Within(yard) => yard.place_of(dir).map(Some),
            Self::Owned | Self::All => Ok(None),
        }
    }
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

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Follows `path` up to its last component, and that too if it is a symlink.
pub(crate) fn resolve(path: &Path, trust: &Trust) -> io::Result<Place> {
    let mut waiting = VecDeque::new();
    let dir = start(path.as_os_str().as_bytes(), &mut waiting)?;
    follow(dir, waiting, trust)
}

/// Follows the entry `name` of `dir`, if it is a symlink.
pub(crate) fn resolve_at(dir: &Dir, name: &Name, trust: &Trust) -> io::Result<Place> {
    let dir = dir.as_fd().try_clone_to_owned()?;
    follow(dir, VecDeque::from([name.as_bytes().to_vec()]), trust)
}

/// A path-only handle of the entry `name` of `dir`, or of what it leads to.
pub(crate) fn look_at(dir: &Dir, name: &Name, trust: &Trust) -> io::Result<OwnedFd> {
    look(resolve_at(dir, name, trust)?)
}

/// A path-only handle of what a path leads to.
pub(crate) fn look(place: Place) -> io::Result<OwnedFd> {
    let (dir, name, flags) = match place {
        Place::Dir(dir) => return Ok(dir),
        Place::Entry(dir, name) => (dir, name, LOOK),
        Place::Open(dir, name) => (dir, name, LOOK.difference(OFlags::NOFOLLOW)),
    };
    Ok(openat(dir, OsStr::from_bytes(&name), flags, Mode::empty())?)
}

fn follow(dir: OwnedFd, mut waiting: VecDeque<Vec<u8>>, trust: &Trust) -> io::Result<Place> {
    let mut dir = dir;
    let mut path = trust.place_of(dir.as_fd())?;
    let mut links = 0;
    while let Some(name) = waiting.pop_front() {
        let dir_fd = dir.as_fd();
        if name == b".." {
            dir = openat(dir_fd, c"..", LOOK | OFlags::DIRECTORY, Mode::empty())?;
            path.as_mut().map_or(Ok(()), Confined::step_up)?;
            continue;
        }
        let found = openat(dir_fd, OsStr::from_bytes(&name), LOOK, Mode::empty())?;
        let stat = fstat(&found)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            path.as_mut().map_or(Ok(()), |path| path.step(&name, &stat))?;
            if waiting.is_empty() {
                path.map_or(Ok(()), |path| path.end())?;
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
            path.map_or(Ok(()), |path| path.end())?;
            return Ok(Place::Open(dir, name));
        }
        let mut below = VecDeque::new();
        if target.starts_with(b"/") {
            dir = start(&target, &mut below)?;
            path = trust.place_of(dir.as_fd())?;
        } else {
            split(&target, &mut below);
        }
        below.append(&mut waiting);
        waiting = below;
    }
    path.map_or(Ok(()), |path| path.end())?;
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

/// True if it is in proc(5), whose symlinks are followed by the kernel alone.
fn is_proc(fd: impl AsFd) -> bool {
    fstatfs(fd).is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC)
}

/// Opens the file `name` of `dir` for reading; it may be a symlink.
pub fn open_file_at(dir: &Dir, name: &Name, trust: &Trust) -> io::Result<File> {
    if *trust == Trust::All {
        return read::open(dir, name, Follow::Links, AccessTime::Changes);
    }
    open_found(resolve_at(dir, name, trust)?, OFlags::NONBLOCK)
}

/// Opens a file that the user named, for reading.
pub fn open_file(path: &Path, trust: &Trust) -> io::Result<File> {
    if *trust == Trust::All {
        return File::open(path);
    }
    open_found(resolve(path, trust)?, OFlags::empty())
}

/// Opens a file that the user named, to write behind what is in it; it is made if it is missing.
///
/// # Errors
/// open(2); a symlink of somebody else in the path.
pub fn append_to(path: &Path, trust: &Trust) -> io::Result<File> {
    if *trust == Trust::All {
        return File::options().append(true).create(true).open(path);
    }
    let mode = Mode::from_raw_mode(0o666);
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match resolve(path, trust) {
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
    use std::io::{ErrorKind, Read};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{lchown, symlink};
    use std::path::Path;
    use std::sync::Arc;

    use super::{Trust, is_untrusted, open_file, open_file_at};
    use crate::sys::confined::{Yard, is_outside};
    use crate::sys::dir::{Dir, Follow};
    use crate::sys::stat;
    use crate::sys::xattr::Grip;

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
        let read = |name: &str, trust: &Trust| {
            let mut text = String::new();
            open_file(&at(name), trust).and_then(|mut file| file.read_to_string(&mut text))?;
            std::io::Result::Ok(text)
        };
        let beneath = format!("a/abs{}", at("a/b/f").display());
        for name in ["a/b/f", "up/f", "./a/../up/./f", "f", &beneath] {
            assert_eq!(read(name, &Trust::Owned).unwrap(), "text", "{name}");
        }
        for name in ["loop", "a/b/f/", "up/missing", "a"] {
            let error = read(&format!("{name}/x"), &Trust::Owned).unwrap_err();
            assert!(!is_untrusted(&error), "{name}");
        }
        if rustix::process::geteuid().is_root() {
            lchown(at("up"), Some(12345), None).unwrap();
            assert!(is_untrusted(&read("f", &Trust::Owned).unwrap_err()));
            assert_eq!(read("f", &Trust::All).unwrap(), "text");
        }
    }

    #[test]
    fn an_entry_is_followed_by_its_owner_each_time() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir(top.path().join("d")).unwrap();
        std::fs::write(top.path().join("f"), "text").unwrap();
        for name in ["d", "f"] {
            symlink(name, top.path().join(format!("to-{name}"))).unwrap();
        }
        let dir = Dir::open_operand(top.path()).unwrap();
        let name = |name: &str| crate::model::path::Name::new(name.as_bytes()).unwrap();
        let (to_dir, to_file) = (name("to-d"), name("to-f"));
        let look = |link| stat::entry(&dir, link, Follow::Trusted);
        assert_eq!(
            look(&to_dir).unwrap().id,
            stat::entry(&dir, &name("d"), Follow::Never).unwrap().id
        );
        assert_eq!(look(&to_file).unwrap().size, 4);
        dir.open_child(&to_dir, Follow::Trusted).unwrap();
        Grip::of_entry(&dir, &to_dir, Follow::Trusted).unwrap();
        if rustix::process::geteuid().is_root() {
            for name in ["to-d", "to-f"] {
                lchown(top.path().join(name), Some(12345), None).unwrap();
            }
            assert!(is_untrusted(&look(&to_dir).unwrap_err()));
            assert!(is_untrusted(&dir.open_child(&to_dir, Follow::Trusted).unwrap_err()));
            assert!(is_untrusted(&Grip::of_entry(&dir, &to_dir, Follow::Trusted).unwrap_err()));
            stat::entry(&dir, &to_dir, Follow::Links).unwrap();
        }
    }

    fn is_refused<T>(result: &std::io::Result<T>) -> bool {
        result.as_ref().is_err_and(is_outside)
    }

    /// Both ways to tell where a directory is.
    fn within(dir: &Path) -> [Trust; 2] {
        let yard = Yard::of(dir.as_os_str().as_bytes()).unwrap();
        [Trust::within(dir), Trust::Within(Arc::new(yard.without_proc()))]
    }

    #[test]
    fn a_confined_path_stays_on_the_way_to_its_directory_and_ends_below_it() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let at = |name: &str| top.join(name);
        std::fs::create_dir_all(at("in/d")).unwrap();
        std::fs::create_dir_all(at("in2")).unwrap();
        for name in ["in/f", "in2/f", "f"] {
            std::fs::write(at(name), "text").unwrap();
        }
        for (link, target) in [
            ("in/out", "../in2/f"),
            ("in/around", "../in/f"),
            ("in/absolute", at("in/d/../f").to_str().unwrap()),
            ("from", "in/f"),
            ("alias", "in"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        let open =
            |name: &str, dir: &str| within(&at(dir)).map(|trust| open_file(&at(name), &trust));
        for name in
            ["in/f", "in/d/../f", "in/../in/f", "in/around", "in/absolute", "from", "alias/f"]
        {
            assert!(open(name, "in").iter().all(Result::is_ok), "{name}");
        }
        for name in ["in/out", "in2/f", "in2/../in/f", "f", "in/..", "in2/missing", "in/../f"] {
            assert!(open(name, "in").iter().all(is_refused), "{name}");
        }
        for (dir, is_open) in [
            ("in/", true),
            ("./in2/../in/.", true),
            ("alias", false),
            ("i", false),
            ("in/f", true),
            ("in/f/x", false),
        ] {
            assert_eq!(open("in/f", dir).map(|file| file.is_ok()), [is_open; 2], "{dir}");
        }
        let missing = open("in/missing", "in").map(|file| file.unwrap_err().kind());
        assert_eq!(missing, [ErrorKind::NotFound; 2]);
        assert_eq!(Trust::within(Path::new("//./x/..")), Trust::Owned);
    }

    #[test]
    fn an_open_directory_is_checked_where_it_is() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("in/d")).unwrap();
        std::fs::create_dir(top.join("out")).unwrap();
        let name = crate::model::path::Name::new(b"f").unwrap();
        for trust in within(&top.join("in")) {
            let dir = Dir::open_operand(&top.join("in/d")).unwrap();
            trust.check(&dir).unwrap();
            std::fs::rename(top.join("in/d"), top.join("out/d")).unwrap();
            assert!(is_refused(&trust.check(&dir)));
            let missing = open_file_at(&dir, &name, &trust).unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
            std::fs::write(top.join("out/d/f"), "text").unwrap();
            assert!(is_refused(&open_file_at(&dir, &name, &trust)));
            std::fs::remove_file(top.join("out/d/f")).unwrap();
            std::fs::rename(top.join("out/d"), top.join("in/d")).unwrap();
        }
    }
}

//! Builds a test tree on disk from its text (`spec` is the language), the same way every time.
//!
//! Every entry ends with a fixed time, owner and mode, whatever the umask and the clock say.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, UTIME_OMIT, makedev, mknodat, utimensat,
};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::support::extras::Extra;
use crate::support::spec::{DEFAULT_MTIME, Line, Node, Stamp, parse_tree};

/// The owner of entries that name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Owner {
    /// The user who runs the tests.
    pub(crate) fn runner() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }
}

/// Builds the tree that `text` describes below `root`, owned by the runner; for tests that need no more.
#[allow(dead_code, reason = "shared by suites that come and go")]
pub(crate) fn build_tree(root: &Path, text: &str) {
    let lines = parse_tree(text).expect("the tree's text is right");
    build(root, &lines, Owner::runner()).expect("the tree can be built");
}

/// Builds `lines` below `root`, or changes what is there.
///
/// Directories that an edit touches, but does not name, keep their times.
pub(crate) fn build(root: &Path, lines: &[Line], owner: Owner) -> io::Result<()> {
    let mut directories: BTreeMap<PathBuf, Finish> = BTreeMap::new();
    for line in lines {
        let path = root.join(OsStr::from_bytes(&line.path));
        make_parents(root, &path, owner, &mut directories)?;
        match &line.node {
            Node::Remove => remove(&path)?,
            Node::Set if path.symlink_metadata()?.is_dir() => {
                plan(&mut directories, &path, &Finish::adjusted(line));
            }
            Node::Set => Finish::adjusted(line).apply(&path)?,
            Node::Dir | Node::Mount => {
                if !path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                    fs::create_dir(&path)?;
                }
                if line.node == Node::Mount {
                    mount(c"tmpfs", &path, c"tmpfs", MountFlags::NOSUID, None)?;
                }
                plan(&mut directories, &path, &Finish::complete(line, owner));
            }
            Node::HardLink(other) => {
                fs::hard_link(root.join(OsStr::from_bytes(other)), &path)?;
                Finish::adjusted(line).apply(&path)?;
            }
            node => {
                make_node(&path, node)?;
                Finish::complete(line, owner).apply(&path)?;
            }
        }
    }
    directories
        .iter()
        .rev()
        .filter(|(path, _)| path.is_dir())
        .try_for_each(|(path, finish)| finish.apply(path))
}

/// Takes the mounts of `lines` away again when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Mounts {
    points: Vec<PathBuf>,
}

impl Mounts {
    /// Of the tree that is to be built below `root`.
    pub(crate) fn of(root: &Path, lines: &[Line]) -> Self {
        let mounts = lines.iter().filter(|line| line.node == Node::Mount);
        Self { points: mounts.map(|line| root.join(OsStr::from_bytes(&line.path))).collect() }
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for point in self.points.iter().rev() {
            // A mount that never came to be is no fault, and a panic here would hide the test's own.
            unmount(point, UnmountFlags::DETACH).ok();
        }
    }
}

/// Records what a directory shall get at the end; what a line names wins over what a child's line implied.
fn plan(directories: &mut BTreeMap<PathBuf, Finish>, path: &Path, finish: &Finish) {
    let known = directories.entry(path.to_owned()).or_default();
    known.owner = finish.owner.or(known.owner);
    known.mode = finish.mode.or(known.mode);
    known.mtime = finish.mtime.or(known.mtime);
    known.atime = finish.atime.or(known.atime);
    known.extras.extend(finish.extras.iter().cloned());
}

/// Makes missing parents and remembers the times of all directories between `root` and `path`.
fn make_parents(
    root: &Path,
    path: &Path,
    owner: Owner,
    plans: &mut BTreeMap<PathBuf, Finish>,
) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|parent| parent.starts_with(root) && *parent != root)
    else {
        return Ok(());
    };
    make_parents(root, parent, owner, plans)?;
    if plans.contains_key(parent) {
        return Ok(());
    }
    let finish = if let Ok(meta) = fs::metadata(parent) {
        let nanoseconds = u32::try_from(meta.mtime_nsec()).expect("a part of a second");
        Finish { mtime: Some(Stamp { seconds: meta.mtime(), nanoseconds }), ..Finish::default() }
    } else {
        fs::create_dir(parent)?;
        Finish {
            owner: Some((owner.uid, owner.gid)),
            mode: Some(0o755),
            mtime: Some(DEFAULT_MTIME),
            ..Finish::default()
        }
    };
    plans.insert(parent.to_owned(), finish);
    Ok(())
}

/// Takes away whatever has this name.
fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Makes anything that is not a directory; a regular file that is there is rewritten, anything else makes way.
fn make_node(path: &Path, node: &Node) -> io::Result<()> {
    let old = path.symlink_metadata().ok();
    let is_rewrite = matches!(node, Node::File(_) | Node::SparseFile { .. });
    match &old {
        // Who is not root can not write to a read-only file; it gets its mode at the end.
        Some(meta) if is_rewrite && meta.is_file() => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        Some(_) => remove(path)?,
        None => {}
    }
    let special = |kind, device| {
        mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device).map_err(io::Error::from)
    };
    match node {
        Node::File(bytes) => fs::write(path, bytes),
        Node::SparseFile { bytes, holes } => write_sparse(path, bytes, holes),
        Node::Link(target) => symlink(OsStr::from_bytes(target), path),
        Node::Fifo => special(FileType::Fifo, 0),
        Node::Socket => special(FileType::Socket, 0),
        Node::Char(major, minor) => special(FileType::CharacterDevice, makedev(*major, *minor)),
        Node::Block(major, minor) => special(FileType::BlockDevice, makedev(*major, *minor)),
        Node::Dir | Node::Mount | Node::HardLink(_) | Node::Set | Node::Remove => {
            unreachable!("made by the caller")
        }
    }
}

/// Writes `bytes` but leaves out the `holes` (offset, length).
fn write_sparse(path: &Path, bytes: &[u8], holes: &[(usize, usize)]) -> io::Result<()> {
    let file = fs::File::create(path)?;
    file.set_len(u64::try_from(bytes.len()).expect("a file's length"))?;
    let mut start = 0;
    for &(hole, length) in holes {
        file.write_all_at(&bytes[start..hole], u64::try_from(start).expect("an offset"))?;
        start = hole + length;
    }
    file.write_all_at(&bytes[start..], u64::try_from(start).expect("an offset"))
}

/// The attributes to set once an entry's content is done.
#[derive(Debug, Clone, Default)]
struct Finish {
    owner: Option<(u32, u32)>,
    mode: Option<u32>,
    mtime: Option<Stamp>,
    atime: Option<Stamp>,
    extras: Vec<Extra>,
}

impl Finish {
    /// What a line names, and the defaults for the rest.
    fn complete(line: &Line, owner: Owner) -> Self {
        let mode = match line.node {
            Node::Link(_) => None,
            Node::Dir => Some(line.mode.unwrap_or(0o755)),
            _ => Some(line.mode.unwrap_or(0o644)),
        };
        let owner = (line.uid.unwrap_or(owner.uid), line.gid.unwrap_or(owner.gid));
        let mtime = Some(line.mtime.unwrap_or(DEFAULT_MTIME));
        let extras = line.extras.clone();
        Self { owner: Some(owner), mode, mtime, atime: line.atime, extras }
    }

    /// Only what a line names.
    fn adjusted(line: &Line) -> Self {
        let owner = (line.uid.is_some() || line.gid.is_some())
            .then(|| (line.uid.unwrap_or(u32::MAX), line.gid.unwrap_or(u32::MAX)));
        let extras = line.extras.clone();
        Self { owner, mode: line.mode, mtime: line.mtime, atime: line.atime, extras }
    }

    /// Sets owner, mode and time, in the order that lets each of them stay.
    fn apply(&self, path: &Path) -> io::Result<()> {
        if let Some((uid, gid)) = self.owner {
            let known = |id: u32| (id != u32::MAX).then_some(id);
            let meta = path.symlink_metadata()?;
            if known(uid).is_some_and(|uid| uid != meta.uid())
                || known(gid).is_some_and(|gid| gid != meta.gid())
            {
                lchown(path, known(uid), known(gid))?;
            }
        }
        if let Some(mode) = self.mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        self.extras.iter().try_for_each(|extra| extra.apply(path))?;
        if self.mtime.is_none() && self.atime.is_none() {
            return Ok(());
        }
        let time = |stamp: Option<Stamp>| match stamp {
            Some(at) => Timespec { tv_sec: at.seconds, tv_nsec: i64::from(at.nanoseconds) },
            None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        };
        let last_access = time(self.atime.or(self.mtime));
        let times = Timestamps { last_access, last_modification: time(self.mtime) };
        Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

//! An independent eye: everything that can be seen of a tree, as a sorted list, and what differs between two of them.
//!
//! Uses std, walkdir and the calls for extended attributes alone, never the code under test; it follows no symlink and changes nothing: not even access times,
//! of files that are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use walkdir::WalkDir;

use crate::support::extras::xattrs_of;
use crate::support::spec::DEFAULT_MTIME;
use crate::support::tree::Owner;

/// All that is seen of one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `file`, `dir`, `link`, `fifo`, `socket`, `char`, `block`; `hidden` in a directory that nobody may pass through.
    pub(crate) kind: &'static str,
    /// The twelve permission bits.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Number of names; 1 for a directory, whose count follows from its children.
    pub(crate) nlink: u64,
    /// Bytes; 0 for a directory, whose size is the file system's own matter.
    pub(crate) size: u64,
    /// Modification time in nanoseconds since 1970, or `None` for a moment of this very test run.
    pub(crate) mtime: Option<i128>,
    /// Where a symlink points.
    pub(crate) target: Option<Vec<u8>>,
    /// Device numbers of a device node, else 0.
    pub(crate) rdev: u64,
    /// What a regular file holds; of a directory, that it can not be listed.
    pub(crate) content: Option<Content>,
    /// The first name (in byte order) of the same inode within the tree, when there is an earlier one.
    pub(crate) linked_to: Option<Vec<u8>>,
    /// The access time in whole seconds since 1970, `now`, or `-` where nobody asked for it.
    pub(crate) atime: String,
    /// Extended attributes, access control lists among them.
    pub(crate) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What is seen of the inside of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Its bytes, if they are few.
    Bytes(Vec<u8>),
    /// The FNV-1a of its bytes.
    Digest(u64),
    /// Nothing, because of this errno.
    Unreadable(i32),
}

/// A tree as it is at one moment; the key is the path below the root (the root itself is empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
}

impl Snapshot {
    /// Looks at the whole tree below `root`; times not before `started` are held to be "now".
    pub(crate) fn since(root: &Path, started: SystemTime) -> Self {
        let mut paths: Vec<_> = WalkDir::new(root).into_iter().map(seen).collect();
        paths.sort_by(|(left, _), (right, _)| left.as_os_str().cmp(right.as_os_str()));
        let mut first_names = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for (path, unlisted) in paths {
            let below = path.strip_prefix(root).expect("below the root");
            let name = below.as_os_str().as_bytes().to_vec();
            let mut entry = look(&path, started);
            entry.content = entry.content.or(unlisted);
            if entry.nlink > 1 {
                let meta = path.symlink_metadata().expect("the entry is still there");
                let first =
                    first_names.entry((meta.dev(), meta.ino())).or_insert_with(|| name.clone());
                entry.linked_to = (*first != name).then(|| first.clone());
            }
            entries.insert(name, entry);
        }
        Self { entries }
    }

    /// Looks at the whole tree below `root` with all times as they are.
    #[allow(dead_code, reason = "shared by suites that come and go")]
    pub(crate) fn of(root: &Path) -> Self {
        Self::since(root, SystemTime::now() + std::time::Duration::from_secs(1 << 32))
    }

    /// Looks at the access times of what is below the directories `below`, too. Directories and symlinks are left out:
    /// whoever looks at them changes them.
    pub(crate) fn add_atimes(&mut self, root: &Path, started: SystemTime, below: &[String]) {
        for (name, entry) in &mut self.entries {
            let is_asked = below.iter().any(|dir| name.starts_with(format!("{dir}/").as_bytes()));
            if is_asked && !matches!(entry.kind, "dir" | "link") {
                let path = root.join(OsStr::from_bytes(name));
                let meta = path.symlink_metadata().expect("the entry is still there");
                let seconds = i128::from(meta.atime());
                let nanos = seconds * 1_000_000_000 + i128::from(meta.atime_nsec());
                entry.atime =
                    if is_now(nanos, started) { "now".into() } else { seconds.to_string() };
            }
        }
    }

    /// Lists everything, one line a fact.
    pub(crate) fn facts(&self) -> Vec<String> {
        let facts = self.entries.iter().flat_map(|(path, entry)| {
            entry.facts().map(|(fact, value)| format!("{}: {fact} {value}", readable(path)))
        });
        facts.collect()
    }

    /// Lists what differs, one line a fact, in the order of the paths: nothing when the trees are alike.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let paths: BTreeSet<&Vec<u8>> = self.entries.keys().chain(other.entries.keys()).collect();
        let mut found = Vec::new();
        for path in paths {
            let name = readable(path);
            match (self.entries.get(path), other.entries.get(path)) {
                (Some(left), Some(right)) => {
                    let facts = left.facts().into_iter().zip(right.facts());
                    found.extend(facts.filter(|(left, right)| left != right).map(
                        |(left, right)| format!("{name}: {} {} | {}", left.0, left.1, right.1),
                    ));
                }
                (Some(left), None) => {
                    found.push(format!("{name}: only on the left ({})", left.described()));
                }
                (None, right) => found.extend(
                    right.map(|right| format!("{name}: only on the right ({})", right.described())),
                ),
            }
        }
        found
    }
}

impl Entry {
    /// Every fact by name, as a person reads it.
    fn facts(&self) -> [(&'static str, String); 13] {
        let bytes = |value: &Option<Vec<u8>>| value.as_deref().map_or_else(|| "-".into(), readable);
        [
            ("kind", self.kind.into()),
            ("mode", format!("{:04o}", self.mode)),
            ("uid", self.uid.to_string()),
            ("gid", self.gid.to_string()),
            ("nlink", self.nlink.to_string()),
            ("size", self.size.to_string()),
            ("mtime", self.mtime.map_or_else(|| "now".into(), told_time)),
            ("target", bytes(&self.target)),
            ("rdev", format!("{:x}", self.rdev)),
            ("content", self.content.as_ref().map_or_else(|| "-".into(), Content::to_string)),
            ("linked to", bytes(&self.linked_to)),
            ("atime", self.atime.clone()),
            ("xattrs", listed(&self.xattrs)),
        ]
    }

    /// All that is worth a word, in one line. That the runner of the tests is the owner is not.
    fn described(&self) -> String {
        let runner = Owner::runner();
        let is_worth = |(name, value): &(&'static str, String)| match *name {
            "kind" => false,
            "uid" => self.uid != runner.uid,
            "gid" => self.gid != runner.gid,
            "nlink" => self.nlink != 1,
            "size" => self.kind == "file",
            "rdev" => self.rdev != 0,
            _ => value != "-",
        };
        let facts = self.facts().into_iter().filter(is_worth);
        let words = facts.map(|(name, value)| format!(", {name} {value}"));
        words.fold(self.kind.to_owned(), |line, word| line + &word)
    }
}

/// A time in nanoseconds since 1970 as a tree's text has it; the one of entries that name none is `default`.
fn told_time(nanos: i128) -> String {
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let is_default = seconds == i128::from(DEFAULT_MTIME.seconds)
        && rest == i128::from(DEFAULT_MTIME.nanoseconds);
    match rest {
        _ if is_default => "default".into(),
        0 => format!("@{seconds}"),
        rest => format!("@{seconds}.{rest:09}"),
    }
}

impl Content {
    /// Reads a regular file.
    fn of(path: &Path) -> Self {
        match read(path) {
            Ok(bytes) if bytes.len() < 30 => Self::Bytes(bytes),
            Ok(bytes) => Self::Digest(fnv1a(&bytes)),
            Err(why) => Self::Unreadable(why.raw_os_error().expect("an error of the system")),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Digest(digest) => write!(f, "{digest:016x}"),
            Self::Unreadable(errno) => write!(f, "unreadable (errno {errno})"),
        }
    }
}

/// The path of an entry that was met, and why it can not be listed if it is a directory of that kind.
fn seen(found: walkdir::Result<walkdir::DirEntry>) -> (PathBuf, Option<Content>) {
    match found {
        Ok(entry) => (entry.into_path(), None),
        Err(why) => {
            let path = why.path().expect("symlinks are not followed").to_owned();
            let errno = why.io_error().and_then(io::Error::raw_os_error);
            (path, Some(Content::Unreadable(errno.expect("an error of the system"))))
        }
    }
}

/// Sees one entry.
fn look(path: &Path, started: SystemTime) -> Entry {
    let meta = match path.symlink_metadata() {
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => {
            return Entry { kind: "hidden", atime: "-".into(), ..Entry::default() };
        }
        meta => meta.expect("the entry is still there"),
    };
    let kind = kind_of(meta.file_type());
    let mtime = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Entry {
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        nlink: if kind == "dir" { 1 } else { meta.nlink() },
        size: if kind == "dir" { 0 } else { meta.size() },
        mtime: (!is_now(mtime, started)).then_some(mtime),
        target: (kind == "link")
            .then(|| fs::read_link(path).expect("a readable link").as_os_str().as_bytes().to_vec()),
        rdev: if matches!(kind, "char" | "block") { meta.rdev() } else { 0 },
        content: (kind == "file").then(|| Content::of(path)),
        linked_to: None,
        atime: "-".into(),
        xattrs: xattrs_of(path),
    }
}

/// True for a moment (in nanoseconds since 1970) of a test run that began at `started`.
fn is_now(nanos: i128, started: SystemTime) -> bool {
    let since_1970 = started.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    // File systems stamp with a clock that lags behind by some milliseconds.
    let starts = i128::try_from(since_1970).expect("before the year 10^22") - 1_000_000_000;
    (starts..starts + 3_600_000_000_000).contains(&nanos)
}

/// A file's content, read without changing its access time where it is ours.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(OFlags::NOATIME.bits()).expect("a flag of open(2)");
    let open = |flags| fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut bytes = Vec::new();
    open(flags).or_else(|_| open(0))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Names a file type.
fn kind_of(kind: fs::FileType) -> &'static str {
    match kind {
        _ if kind.is_dir() => "dir",
        _ if kind.is_symlink() => "link",
        _ if kind.is_fifo() => "fifo",
        _ if kind.is_socket() => "socket",
        _ if kind.is_char_device() => "char",
        _ if kind.is_block_device() => "block",
        _ => "file",
    }
}

/// Attributes as a person reads them; long values by their hash, and `-` for none.
fn listed(xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> String {
    if xattrs.is_empty() {
        return "-".into();
    }
    let shown = xattrs.iter().map(|(name, value)| {
        let value = match value.len() {
            ..200 => value.escape_ascii().to_string(),
            length => format!("{length} bytes, {:016x}", fnv1a(value)),
        };
        format!("{}={value}", readable(name))
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The 64-bit FNV-1a hash.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Bytes as printable text.
pub(crate) fn readable(bytes: &[u8]) -> String {
    if bytes.is_empty() { "(top)".into() } else { bytes.escape_ascii().to_string() }
}

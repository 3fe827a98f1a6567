//! An independent eye: everything that can be seen of a tree, as a sorted list, and what differs between two of them.
//!
//! Uses std and walkdir alone, never the code under test; it follows no symlink and changes nothing but access times.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use walkdir::WalkDir;

/// All that is seen of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `file`, `dir`, `link`, `fifo`, `socket`, `char`, `block`.
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
    /// FNV-1a of the content of a regular file.
    pub(crate) digest: Option<u64>,
    /// The first name (in byte order) of the same inode within the tree, when there is an earlier one.
    pub(crate) linked_to: Option<Vec<u8>>,
}

/// A tree as it is at one moment; the key is the path below the root (the root itself is empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
}

impl Snapshot {
    /// Looks at the whole tree below `root`; times not before `started` are held to be "now".
    pub(crate) fn since(root: &Path, started: SystemTime) -> Self {
        let mut paths: Vec<_> = WalkDir::new(root)
            .into_iter()
            .map(|found| found.expect("the tree can be walked").into_path())
            .map(|path| {
                (
                    path.strip_prefix(root)
                        .expect("below the root")
                        .as_os_str()
                        .as_bytes()
                        .to_vec(),
                    path,
                )
            })
            .collect();
        paths.sort();
        let mut first_names = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for (name, path) in paths {
            let mut entry = look(&path, started);
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

    /// Lists what differs, one line a fact: nothing when the trees are alike.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, entry) in &self.entries {
            let name = readable(path);
            match other.entries.get(path) {
                None => found.push(format!("{name}: only on the left ({})", entry.kind)),
                Some(right) => {
                    found.extend(entry.facts().into_iter().zip(right.facts()).filter_map(
                        |(left, right)| {
                            (left != right)
                                .then(|| format!("{name}: {} {} | {}", left.0, left.1, right.1))
                        },
                    ));
                }
            }
        }
        let extra = other.entries.iter().filter(|(path, _)| !self.entries.contains_key(*path));
        found.extend(extra.map(|(path, entry)| {
            format!("{}: only on the right ({})", readable(path), entry.kind)
        }));
        found
    }
}

impl Entry {
    /// Every fact by name, as a person reads it.
    fn facts(&self) -> [(&'static str, String); 11] {
        let bytes = |value: &Option<Vec<u8>>| value.as_deref().map_or_else(|| "-".into(), readable);
        [
            ("kind", self.kind.into()),
            ("mode", format!("{:04o}", self.mode)),
            ("uid", self.uid.to_string()),
            ("gid", self.gid.to_string()),
            ("nlink", self.nlink.to_string()),
            ("size", self.size.to_string()),
            ("mtime", self.mtime.map_or_else(|| "now".into(), |time| time.to_string())),
            ("target", bytes(&self.target)),
            ("rdev", format!("{:x}", self.rdev)),
            ("digest", self.digest.map_or_else(|| "-".into(), |digest| format!("{digest:016x}"))),
            ("linked to", bytes(&self.linked_to)),
        ]
    }
}

/// Sees one entry.
fn look(path: &Path, started: SystemTime) -> Entry {
    let meta = path.symlink_metadata().expect("the entry is still there");
    let kind = kind_of(meta.file_type());
    let since_1970 = started.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let mtime = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    // File systems stamp with a clock that lags behind by some milliseconds.
    let now_starts = i128::try_from(since_1970).expect("before the year 10^22") - 1_000_000_000;
    let now_ends = now_starts + 3_600_000_000_000;
    Entry {
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        nlink: if kind == "dir" { 1 } else { meta.nlink() },
        size: if kind == "dir" { 0 } else { meta.size() },
        mtime: (!(now_starts..now_ends).contains(&mtime)).then_some(mtime),
        target: (kind == "link")
            .then(|| fs::read_link(path).expect("a readable link").as_os_str().as_bytes().to_vec()),
        rdev: if matches!(kind, "char" | "block") { meta.rdev() } else { 0 },
        digest: (kind == "file").then(|| fnv1a(&fs::read(path).unwrap_or_default())),
        linked_to: None,
    }
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

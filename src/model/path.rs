//! Names and relative paths: bytes, never text, that can not climb out of a root.

use std::cmp::Ordering;
use std::ffi::{CStr, CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;

/// One path component: not empty, no `/`, no NUL, neither `.` nor `..`.
///
/// Kept with its closing NUL, so that a system call takes it without a copy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(CString);

impl Name {
    /// Checks and owns one component; `None` if the bytes are not a single name below a directory.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
            return None;
        }
        CString::new(bytes).ok().map(Self)
    }

    /// The bytes, without the closing NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The form that system calls take.
    pub fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", OsStr::from_bytes(self.as_bytes()))
    }
}

/// A path below a root: `/`-separated names, empty for the root itself.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelPath(Box<[u8]>);

impl RelPath {
    /// The root itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Joins names from the top down.
    pub fn from_names<'a, I>(names: I) -> Self
    where
        I: IntoIterator<Item = &'a Name, IntoIter: Clone>,
    {
        let names = names.into_iter();
        let lens = names.clone().map(|name| name.as_bytes().len() + 1);
        let mut bytes = Vec::with_capacity(lens.sum::<usize>().saturating_sub(1));
        for name in names {
            if !bytes.is_empty() {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(name.as_bytes());
        }
        Self(bytes.into())
    }

    /// This path with one more name.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.as_bytes().len());
        bytes.extend_from_slice(&self.0);
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name.as_bytes());
        Self(bytes.into())
    }

    /// Reads a relative path as lists of files have them: `.` and needless slashes say nothing.
    ///
    /// `None` if it climbs (`..`), holds a NUL, or names nothing.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = Vec::with_capacity(text.len());
        for name in text.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => continue,
                b".." => return None,
                name if name.contains(&0) => return None,
                _ if bytes.is_empty() => {}
                _ => bytes.push(b'/'),
            }
            bytes.extend_from_slice(name);
        }
        (!bytes.is_empty()).then(|| Self(bytes.into()))
    }

    /// What a sorted list of paths is sorted and searched by: the first 64 bits of the path's BLAKE3.
    /// Two paths may share it, however unlikely that is.
    pub fn key(&self) -> u64 {
        let digest = Digest::of(&self.0);
        let mut first = [0; 8];
        first.copy_from_slice(&digest.0[..8]);
        u64::from_le_bytes(first)
    }

    /// The bytes, without a leading or a closing `/`; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// This path below `above`.
    #[must_use]
    pub fn below(&self, above: &Self) -> Self {
        if above.is_root() {
            return self.clone();
        }
        Self([above.as_bytes(), b"/", self.as_bytes()].concat().into())
    }

    /// The names from the top down.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.0.split(|byte| *byte == b'/').filter_map(Name::new)
    }

    /// This path as seen from `above`; `None` if it is neither `above` nor below it.
    pub fn strip(&self, above: &Self) -> Option<Self> {
        if above.is_root() {
            return Some(self.clone());
        }
        match self.0.strip_prefix(above.as_bytes())? {
            [] => Some(Self::root()),
            [b'/', rest @ ..] => Some(Self(rest.into())),
            _ => None,
        }
    }

    /// How many names it has: 0 for the root.
    pub fn depth(&self) -> usize {
        self.as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty()).count()
    }

    /// True for the root itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", OsStr::from_bytes(&self.0))
    }
}

/// The order in which rsync lists a tree, of two entries that are no directories.
pub fn tree_order(a: &RelPath, b: &RelPath) -> Ordering {
    let (mut a, mut b) = (a.names().peekable(), b.names().peekable());
    loop {
        let (Some(left), Some(right)) = (a.next(), b.next()) else {
            return a.peek().is_some().cmp(&b.peek().is_some());
        };
        let is_dir = (a.peek().is_some(), b.peek().is_some());
        let order = listing_order((&left, is_dir.0), (&right, is_dir.1));
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The order in which rsync lists a directory: what is no directory first, by bytes; then the
/// directories, compared as if each name ended in `/` (so `a.d/` comes before `a/`).
pub fn listing_order(a: (&Name, bool), b: (&Name, bool)) -> Ordering {
    let ((a_name, a_dir), (b_name, b_dir)) = (a, b);
    a_dir.cmp(&b_dir).then_with(|| {
        if a_dir {
            let slash = std::iter::once(&b'/');
            let left = a_name.as_bytes().iter().chain(slash.clone());
            left.cmp(b_name.as_bytes().iter().chain(slash))
        } else {
            a_name.cmp(b_name)
        }
    })
}

/// True if `text` starts with what reads like an escaped byte (`\#ooo`): where names are escaped,
/// its backslash is escaped too, so that the name can be told from another one.
pub fn looks_escaped(text: &[u8]) -> bool {
    matches!(text, [b'\\', b'#', a, b, c, ..] if [a, b, c].iter().all(|d| d.is_ascii_digit()))
}

/// An absolute path without `.`, `..` and needless slashes, and without a closing `/`: empty for `/`.
pub fn clean(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.into_iter().fold(Vec::new(), |mut path, name| {
        path.push(b'/');
        path.extend_from_slice(name);
        path
    })
}

#[cfg(test)]
mod tests {
    use super::{Name, RelPath, clean, listing_order, tree_order};

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_name_is_one_component_below_a_directory() {
        for bad in ["", ".", "..", "a/b", "/", "a\0b"] {
            assert!(Name::new(bad.as_bytes()).is_none(), "{bad:?}");
        }
        assert_eq!(name("...").as_bytes(), b"...");
    }

    #[test]
    fn join_puts_a_slash_between_names_and_none_before_the_first() {
        let path = RelPath::root().join(&name("a")).join(&name("b"));
        assert_eq!(path.as_bytes(), b"a/b");
        assert_eq!(path, RelPath::from_names([&name("a"), &name("b")]));
    }

    #[test]
    fn a_path_of_a_list_is_read_without_what_says_nothing() {
        for (text, expected) in [("a", "a"), ("./a//b/.", "a/b"), ("/a", "a"), ("...", "...")] {
            let path = RelPath::parse(text.as_bytes()).unwrap();
            assert_eq!(path.as_bytes(), expected.as_bytes(), "{text}");
        }
        for text in ["", "/", ".", "..", "a/../b", "a/..", "a\0b"] {
            assert_eq!(RelPath::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_tree_is_listed_with_the_files_of_each_directory_before_those_further_down() {
        let path = |text: &str| RelPath::from_names(&text.split('/').map(name).collect::<Vec<_>>());
        let listed = ["b", "z", "a.d/x", "a/y", "a/z", "a/b/c", "a0/a"].map(path);
        let mut sorted: Vec<_> = listed.iter().rev().cloned().collect();
        sorted.sort_by(tree_order);
        assert_eq!(sorted, listed);
    }

    #[test]
    fn files_come_before_directories_and_directories_sort_with_a_closing_slash() {
        let names = ["B", "a-b", "a.d", "a", "a0"].map(name);
        let mut listed: Vec<_> = names.iter().rev().map(|n| (n, true)).collect();
        let (z, exclamation) = (name("z"), name("!"));
        listed.push((&z, false));
        listed.push((&exclamation, false));
        listed.sort_by(|a, b| listing_order(*a, *b));
        let order: Vec<_> = listed.iter().map(|(n, _)| n.as_bytes()).collect();
        assert_eq!(order, [&b"!"[..], b"z", b"B", b"a-b", b"a.d", b"a", b"a0"]);
    }

    #[test]
    fn a_path_is_made_plain() {
        assert_eq!(clean(b"/a//b/./c/../d/"), b"/a/b/d");
        assert_eq!(clean(b"/"), b"");
        assert_eq!(clean(b"/../.."), b"");
    }
}

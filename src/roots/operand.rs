//! What a typed path means: where the walk starts, and which names lead to what takes part.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::model::path::Name;
use crate::settings::Paths;

/// What of the end of a path takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `NAME`: the entry itself. What is in a directory takes part if the run goes that deep.
    Entry,
    /// `NAME/`, `NAME/.`: a directory with what is in it.
    Contents,
}

/// Whether a path speaks of the directory that it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// `NAME`.
    Unsaid,
    /// `./NAME`, with `--relative`: the directory itself takes part.
    Said,
}

/// One source operand, or one line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    /// The directory that the paths of the run are relative to; may be empty.
    pub(crate) root: PathBuf,
    /// Whether the root is spoken of.
    pub(crate) start: Start,
    /// From the root down; none: the root itself.
    pub(crate) names: Vec<Name>,
    /// What takes part at their end.
    pub(crate) part: Part,
}

/// A `..` behind the cut of a path that is to be kept: it leads nowhere in the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Climbs;

impl Operand {
    /// Reads a path, of which the destination gets as much as `paths` say.
    pub(crate) fn parse(path: &Path, paths: Paths) -> Result<Self, Climbs> {
        match paths {
            Paths::Last => Ok(Self::last(path)),
            Paths::Whole | Paths::WholeBare => Self::whole(path),
        }
    }

    fn last(path: &Path) -> Self {
        let start = Start::Unsaid;
        match parent_and_name(path) {
            Some((root, name)) => Self { root, start, names: vec![name], part: Part::Entry },
            None => {
                Self { root: path.to_path_buf(), start, names: Vec::new(), part: Part::Contents }
            }
        }
    }

    /// `--relative`: a path is cut at its first `/./`; without one all of it is kept.
    fn whole(path: &Path) -> Result<Self, Climbs> {
        let bytes = path.as_os_str().as_bytes();
        let (root, kept) = match bytes.windows(3).position(|window| window == b"/./") {
            Some(at) => (trim_slashes(&bytes[..at.max(1)]), &bytes[at + 3..]),
            None if bytes.starts_with(b"/") => (&b"/"[..], bytes),
            None => (&b""[..], bytes),
        };
        let mut names = Vec::new();
        let mut part = Part::Contents;
        for name in kept.split(|byte| *byte == b'/') {
            if name == b".." {
                return Err(Climbs);
            }
            let name = Name::new(name);
            part = if name.is_some() { Part::Entry } else { Part::Contents };
            names.extend(name);
        }
        let is_said = kept.starts_with(b"./") && !names.is_empty();
        let start = if is_said { Start::Said } else { Start::Unsaid };
        Ok(Self { root: path_of(root), start, names, part })
    }
}

/// The directory that a path names an entry of, and the name; `None` if it ends in no name.
pub(crate) fn parent_and_name(path: &Path) -> Option<(PathBuf, Name)> {
    let bytes = path.as_os_str().as_bytes();
    let (parent, last) = match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(at) => bytes.split_at(at + 1),
        None => (&b"./"[..], bytes),
    };
    Some((path_of(trim_slashes(parent)), Name::new(last)?))
}

/// True if all of this absolute path is kept with `--relative`: rsync then tells it with its slash.
pub fn is_whole_absolute(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.starts_with(b"/") && !bytes.windows(3).any(|window| window == b"/./")
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Closing slashes say nothing about which directory it is; `/` stays what it is.
pub(crate) fn trim_slashes(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [rest @ .., b'/'] = bytes
        && !rest.is_empty()
    {
        bytes = rest;
    }
    if bytes == b"." { b"" } else { bytes }
}

/// An empty path is the working directory.
pub(crate) fn openable(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Climbs, Operand, Part, Start, is_whole_absolute};
    use crate::settings::Paths;

    /// `root | names`, with `./` before names whose start is said and `/` behind contents.
    fn read(text: &str, paths: Paths) -> Result<String, Climbs> {
        let Operand { root, start, names, part } = Operand::parse(Path::new(text), paths)?;
        let names: Vec<_> =
            names.iter().map(|name| String::from_utf8_lossy(name.as_bytes())).collect();
        let start = if start == Start::Said { "./" } else { "" };
        let end = if part == Part::Contents { "/" } else { "" };
        Ok(format!("{}|{start}{}{end}", root.display(), names.join("/")))
    }

    #[test]
    fn a_closing_slash_or_dot_means_the_contents() {
        for text in [".", "./", "..", "a/", "a/.", "a/..", "/", "a//"] {
            assert_eq!(read(text, Paths::Last).unwrap(), format!("{text}|/"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_an_entry_of_its_directory() {
        for (text, expected) in [("a", "|a"), ("./a", "|a"), ("/a", "/|a"), ("b//a", "b|a")] {
            assert_eq!(read(text, Paths::Last).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_kept_path_is_cut_at_its_first_dot() {
        for (text, expected) in [
            ("a", "|a"),
            ("a/b", "|a/b"),
            ("a//b/", "|a/b/"),
            ("a/b/.", "|a/b/"),
            (".", "|/"),
            ("./", "|/"),
            ("/", "/|/"),
            ("/a/b", "/|a/b"),
            ("./a", "|./a"),
            ("a/./b", "a|b"),
            ("a/.//b", "a|b"),
            ("a/./", "a|/"),
            ("a/./.", "a|/"),
            ("a/././b", "a|./b"),
            ("a/./b/./c/", "a|b/c/"),
            ("./a/./b", "./a|b"),
            ("././a", "|a"),
            ("/./a", "/|a"),
            ("/a/./b", "/a|b"),
            ("../a/./b", "../a|b"),
        ] {
            for paths in [Paths::Whole, Paths::WholeBare] {
                assert_eq!(read(text, paths).unwrap(), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_kept_path_does_not_climb() {
        for text in ["..", "../a", "a/..", "a/../b", "a/./../b", "/../a"] {
            assert_eq!(read(text, Paths::Whole), Err(Climbs), "{text}");
        }
        assert!(read("a..b/..c", Paths::Whole).is_ok());
    }

    #[test]
    fn an_absolute_path_is_whole_unless_it_is_cut() {
        assert!(is_whole_absolute(Path::new("/a/b/.")));
        assert!(!is_whole_absolute(Path::new("/a/./b")));
        assert!(!is_whole_absolute(Path::new("a")));
    }
}

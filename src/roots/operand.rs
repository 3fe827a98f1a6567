//! What a typed path means: an entry, or what is in a directory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::model::path::Name;

/// One source operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// `DIR/`, `.`, `DIR/.`: what is in the directory.
    Contents(PathBuf),
    /// `DIR/NAME`: the entry itself.
    Entry(PathBuf, Name),
}

impl Operand {
    pub(crate) fn parse(path: &Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        let (parent, last) = match bytes.iter().rposition(|byte| *byte == b'/') {
            Some(at) => bytes.split_at(at + 1),
            None => (&b"./"[..], bytes),
        };
        match Name::new(last) {
            Some(name) => Self::Entry(PathBuf::from(OsStr::from_bytes(trim_slashes(parent))), name),
            None => Self::Contents(path.to_path_buf()),
        }
    }
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
    use std::path::{Path, PathBuf};

    use super::Operand;
    use crate::model::path::Name;

    #[test]
    fn a_closing_slash_or_dot_means_the_contents() {
        for text in [".", "./", "..", "a/", "a/.", "a/..", "/", "a//"] {
            let path = Path::new(text);
            assert_eq!(Operand::parse(path), Operand::Contents(path.into()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_an_entry_of_its_directory() {
        for (text, parent, name) in
            [("a", "", "a"), ("./a", "", "a"), ("/a", "/", "a"), ("b//a", "b", "a")]
        {
            let name = Name::new(name.as_bytes()).unwrap();
            let expected = Operand::Entry(PathBuf::from(parent), name);
            assert_eq!(Operand::parse(Path::new(text)), expected, "{text}");
        }
    }
}

//! Names in check files: unescaped, and made paths below what is audited. None of them climbs out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::Place;
use crate::model::path::{RelPath, clean};

/// How the names of a check file lead to what is audited.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Absolute paths of what is audited, without a closing `/`: names that begin with one of them are
    /// taken from there.
    roots: Vec<Vec<u8>>,
    base: Base,
}

/// Where relative names start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Base {
    /// At the root of what is audited.
    #[default]
    Root,
    /// At the root, or at this directory: the first name tells.
    Unsaid(Vec<u8>),
    /// In a directory of what is audited.
    Below(RelPath),
    /// Above it: this much of each name leads to it.
    Above(RelPath),
}

impl Names {
    /// Names of what is below `roots`: absolute paths of one directory, with and without symlinks in them.
    pub fn below(roots: &[&Path]) -> Self {
        let roots = roots.iter().map(|root| clean(root.as_os_str().as_bytes())).collect();
        Self { roots, base: Base::Root }
    }

    /// Says where the program ran that wrote the names (hashdeep's `## Invoked from:`).
    pub fn invoked_from(&mut self, dir: &[u8]) {
        if self.base == Base::Root && dir.starts_with(b"/") {
            self.base = Base::Unsaid(clean(dir));
        }
    }

    /// Settles where relative names start, by the first one. A program that ran above what is audited
    /// wrote names that lead down to it, and one that ran in it wrote names that start there; names of
    /// another place are those of another copy of the tree, and start at its root.
    pub fn settle(&mut self, first: &[u8]) {
        let Base::Unsaid(dir) = &self.base else { return };
        if first.starts_with(b"/") {
            return;
        }
        let first = RelPath::parse(first);
        let below = self.roots.iter().find_map(|root| path_between(root, dir));
        let above = self.roots.iter().find_map(|root| path_between(dir, root));
        self.base = match (below, above) {
            (Some(below), _) => Base::Below(below),
            (None, Some(above)) if first.is_some_and(|name| name.strip(&above).is_some()) => {
                Base::Above(above)
            }
            _ => Base::Root,
        };
    }

    /// The path below what is audited that `name` stands for.
    ///
    /// # Errors
    /// Why it stands for none.
    pub fn place(&self, name: &[u8]) -> Result<RelPath, String> {
        if name.is_empty() {
            return Err("the name is empty".to_owned());
        }
        if name.contains(&0) {
            return Err("there is a NUL in the name".to_owned());
        }
        if name.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return Err(format!("\"{}\" has a \"..\" in it", shown(name)));
        }
        if name.ends_with(b"/") {
            return Err(format!("\"{}\" is the name of a directory", shown(name)));
        }
        let path = if name.starts_with(b"/") {
            let absolute = clean(name);
            let mut below = self.roots.iter().filter_map(|root| path_between(root, &absolute));
            below.next().filter(|path| !path.is_root()).ok_or_else(|| {
                format!(
                    "\"{}\" is not below what is compared (hashdeep -l writes relative names)",
                    shown(name)
                )
            })?
        } else {
            let names_nothing = || format!("\"{}\" names no file", shown(name));
            RelPath::parse(name).ok_or_else(names_nothing)?
        };
        match &self.base {
            Base::Below(dir) if !name.starts_with(b"/") => Ok(path.below(dir)),
            Base::Above(dir) if !name.starts_with(b"/") => {
                let below = path.strip(dir).filter(|path| !path.is_root());
                below.ok_or_else(|| format!("\"{}\" is not below what is compared", shown(name)))
            }
            _ => Ok(path),
        }
    }
}

/// The path that leads from the directory `from` to `to`, both absolute and clean; `None` if `to` is not
/// below.
fn path_between(from: &[u8], to: &[u8]) -> Option<RelPath> {
    match to.strip_prefix(from)? {
        [] => Some(RelPath::root()),
        [b'/', rest @ ..] => RelPath::parse(rest),
        _ => None,
    }
}

/// A name as messages show it.
pub fn shown(name: &[u8]) -> Place {
    Place::operand(Path::new(OsStr::from_bytes(name)))
}

/// Takes back the escapes of a line that starts with a backslash.
///
/// # Errors
/// Why it can not.
pub fn unescaped(name: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match (byte, byte == &b'\\') {
            (byte, false) => *byte,
            (_, true) => match bytes.next() {
                Some(b'\\') => b'\\',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                _ => return Err(format!("\"{}\" has an escape that is not known", shown(name))),
            },
        });
    }
    Ok(plain)
}

/// A name as a check file can hold it, and whether there are escapes in it, which the line then says by
/// a backslash in front.
pub fn escaped(name: &[u8]) -> (Vec<u8>, bool) {
    let mut text = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            byte => text.push(*byte),
        }
    }
    let is_escaped = text.len() > name.len();
    (text, is_escaped)
}

/// Takes back the percent-encoding of a bag's manifest: of line ends, and with `decodes_percent` (from
/// version 1.0 on, RFC 8493) of `%` itself. Any other `%` is what it is.
pub fn percent_decoded(name: &[u8], decodes: Percent) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, more @ ..] = rest {
        let code = rest.get(..3).map(<[u8]>::to_ascii_uppercase);
        let byte = match code.as_deref() {
            Some(b"%0A") => Some(b'\n'),
            Some(b"%0D") => Some(b'\r'),
            Some(b"%25") if decodes == Percent::Encoded => Some(b'%'),
            _ => None,
        };
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[3..] } else { more };
    }
    plain
}

/// Whether `%` itself is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percent {
    /// `%25` is `%`.
    Encoded,
    /// `%25` is what it is.
    Plain,
}

/// How rclone writes a name: control characters as their pictures, which are marked where they are no
/// stand-ins. `None` if it writes the name as it is.
pub fn pictured(name: &[u8]) -> Option<Vec<u8>> {
    let is_control = |byte: &u8| byte.is_ascii_control();
    if !name.iter().any(is_control) && !has_picture(name) {
        return None;
    }
    let mut text = Vec::with_capacity(name.len() + 8);
    for (at, byte) in name.iter().enumerate() {
        match byte {
            0x7f => text.extend_from_slice(b"\xe2\x90\xa1"),
            control if is_control(control) => text.extend_from_slice(&[0xe2, 0x90, 0x80 | control]),
            byte => {
                if picture_starts(&name[at..]) {
                    text.extend_from_slice("\u{201b}".as_bytes());
                }
                text.push(*byte);
            }
        }
    }
    Some(text)
}

fn has_picture(name: &[u8]) -> bool {
    (0..name.len()).any(|at| picture_starts(&name[at..]))
}

/// True if it starts with a character between U+2401 and U+241F, or with U+2421.
fn picture_starts(text: &[u8]) -> bool {
    matches!(text, [0xe2, 0x90, 0x81..=0x9f | 0xa1, ..])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{Names, Percent, escaped, percent_decoded, pictured, unescaped};

    fn names() -> Names {
        Names::below(&[Path::new("/top/dest/"), Path::new("/real//dest")])
    }

    fn placed(names: &Names, name: &str) -> Result<String, String> {
        let path = names.place(name.as_bytes())?;
        Ok(String::from_utf8(path.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn absolute_names_are_taken_from_what_is_compared() {
        for (name, expected) in [
            ("./a//b", "a/b"),
            ("/top/dest/a", "a"),
            ("/real/dest/./a", "a"),
            ("top/dest/a", "top/dest/a"),
        ] {
            assert_eq!(placed(&names(), name).as_deref(), Ok(expected));
        }
        assert_eq!(placed(&Names::below(&[Path::new("/")]), "/a").as_deref(), Ok("a"));
    }

    #[test]
    fn names_that_climb_or_name_no_file_are_refused() {
        for (name, why) in [
            ("", "empty"),
            ("a\0b", "NUL"),
            ("a/../b", ".."),
            ("/top/dest/../x", ".."),
            ("a/", "directory"),
            ("./.", "names no file"),
            ("/top/destination", "not below"),
            ("/top/dest", "not below"),
            ("/x", "not below"),
        ] {
            let error = placed(&names(), name).unwrap_err();
            assert!(error.contains(why), "{name:?}: {error}");
        }
    }

    #[test]
    fn where_hashdeep_ran_tells_where_its_names_start() {
        for (from, first, expected) in [
            ("/top", "dest/a", "a"),
            ("/top", "./dest/a", "a"),
            ("/top", "a", "a"),
            ("/top/dest", "./a", "a"),
            ("/top/dest/sub", "./a", "sub/a"),
            ("/elsewhere", "./a", "a"),
            ("nowhere", "./a", "a"),
        ] {
            let mut names = names();
            names.invoked_from(from.as_bytes());
            names.settle(first.as_bytes());
            assert_eq!(placed(&names, first).as_deref(), Ok(expected), "{from} {first}");
        }
        let mut names = names();
        names.invoked_from(b"/top");
        names.settle(b"dest/a");
        assert!(placed(&names, "other/a").is_err() && placed(&names, "dest").is_err());
        assert_eq!(placed(&names, "/top/dest/a").as_deref(), Ok("a"));
    }

    #[test]
    fn escapes_are_taken_back() {
        assert_eq!(unescaped(b"a\\\\n\\nb\\r"), Ok(b"a\\n\nb\r".to_vec()));
        assert!(unescaped(b"a\\").is_err() && unescaped(b"\\t").is_err());
        assert_eq!(escaped(b"a\nb"), (b"a\\nb".to_vec(), true));
        assert_eq!(escaped(b"a b"), (b"a b".to_vec(), false));
    }

    #[test]
    fn only_line_ends_and_from_version_1_on_percent_are_encoded_in_a_bag() {
        let name = b"%0a%0D%25%2525%41%";
        assert_eq!(percent_decoded(name, Percent::Encoded), b"\n\r%%25%41%");
        assert_eq!(percent_decoded(name, Percent::Plain), b"\n\r%25%2525%41%");
    }

    /// Seen from `rclone md5sum` 1.60.
    #[test]
    fn rclone_writes_pictures_of_control_characters() {
        for (name, expected) in [
            ("a\nb", Some("a\u{240a}b")),
            ("a\u{7f}b", Some("a\u{2421}b")),
            ("\u{1}\u{1f}", Some("\u{2401}\u{241f}")),
            ("a\u{240a}b", Some("a\u{201b}\u{240a}b")),
            ("\u{2400}", None),
            ("plain\u{e9}", None),
        ] {
            let text = pictured(name.as_bytes());
            assert_eq!(text.as_deref(), expected.map(str::as_bytes), "{name:?}");
        }
        assert_eq!(pictured(b"\xff\n").as_deref(), Some(&b"\xff\xe2\x90\x8a"[..]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_name_is_escaped_and_back_and_any_text_is_read_or_refused(name in any::<Vec<u8>>()) {
            let (text, is_escaped) = escaped(&name);
            assert_eq!(is_escaped, text != name);
            assert_eq!(unescaped(&text).as_ref(), Ok(&name));
            drop(unescaped(&name));
            let encoded = name.escape_ascii().to_string().replace('%', "%25").into_bytes();
            drop(percent_decoded(&name, Percent::Encoded));
            assert!(percent_decoded(&encoded, Percent::Encoded).len() <= encoded.len());
            // What is written with pictures has no control characters left.
            let pictured = pictured(&name);
            assert!(pictured.is_none_or(|text| !text.iter().any(u8::is_ascii_control)));
            if let Ok(path) = names().place(&name) {
                assert!(!path.is_root());
            }
        }
    }
}

//! One pattern: where it is anchored, what it is compared with, and the shortcut that most of them
//! allow. No I/O, and no allocation to match.
//!
//! rsync.1, "PATTERN MATCHING RULES" and "ANCHORING INCLUDE/EXCLUDE PATTERNS".

use super::glob::{Around, Glob};
use super::text::{Chain, Slash, Text, ends_in_names, last_names};

/// Whether an entry is a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A directory.
    Dir,
    /// Anything else.
    Other,
}

impl What {
    /// What an entry is.
    pub fn of(is_dir: bool) -> Self {
        if is_dir { Self::Dir } else { Self::Other }
    }
}

/// What a pattern is matched against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The path below the root of the transfer; not empty.
    pub(super) path: &'a [u8],
    /// Its last name.
    pub(super) name: &'a [u8],
    /// A directory or not.
    pub(super) what: What,
    /// The absolute path of the root of the transfer, without slashes at its ends.
    pub(super) top: &'a [u8],
}

impl<'a> Subject<'a> {
    pub(super) fn new(path: &'a [u8], what: What, top: &'a [u8]) -> Self {
        let at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        Self { path, name: &path[at..], what, top }
    }
}

/// Which path a pattern with slashes is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The path below the root of the transfer.
    Transfer,
    /// The absolute path (the `/` modifier; an anchored pattern of a per-directory file).
    Absolute,
}

/// Whether a pattern is about directories alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// If it has a closing `/`.
    AsWritten,
    /// In any case.
    Dirs,
}

/// A pattern, ready to match.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    shape: Shape,
    base: Base,
    /// It had a closing `/`.
    dirs_only: bool,
    /// It ends in `***`: a directory also matches as if it had a closing `/`.
    with_contents: bool,
}

#[derive(Debug, Clone)]
enum Shape {
    /// Nothing can match.
    Never,
    /// The last name is this.
    Name(Box<[u8]>),
    /// The last name begins and ends so.
    NameAround(Around),
    /// The last name matches.
    NameGlob(Glob),
    /// The whole path is this.
    Path(Box<[u8]>),
    /// The path ends in these names.
    Tail(Box<[u8]>),
    /// The path matches, from a place on.
    PathGlob(Glob, Start),
}

/// Where in a path a pattern with wildcards may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// At the root.
    Root,
    /// So that this many names are left.
    Names(usize),
    /// At each name.
    EachName,
    /// At the root, with a `/` in front, so that `**/` also matches there.
    SlashedRoot,
}

impl Pattern {
    /// Reads a pattern. Of an anchored one `dir`, an absolute path without a closing `/`, becomes
    /// the beginning, and is then part of the pattern, wildcards and all: rsync does that with the
    /// directory of a per-directory file.
    pub(super) fn new(text: &[u8], base: Base, dir: Option<&[u8]>, only: Only) -> Self {
        let (joined, base) = match dir {
            Some(dir) if text.first() == Some(&b'/') => ([dir, text].concat(), Base::Absolute),
            _ => (text.to_vec(), base),
        };
        let (body, dirs_only) = match joined.strip_suffix(b"/") {
            Some(body) if !body.is_empty() => (body, true),
            _ => (&*joined, false),
        };
        let is_wild = body.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let has_stars = body.windows(2).any(|two| two == b"**");
        let slashes = body.split(|byte| *byte == b'/').count() - 1;
        let with_contents = body.ends_with(b"***");
        let (is_anchored, body) = match body.strip_prefix(b"/") {
            Some(body) => (true, body),
            None => (false, body),
        };
        let shape = if !is_wild {
            let body = body.into();
            match (is_anchored, slashes) {
                (true, _) => Shape::Path(body),
                (false, 0) => Shape::Name(body),
                (false, _) => Shape::Tail(body),
            }
        } else if let Some(glob) = Glob::parse(body) {
            match (is_anchored, slashes, has_stars) {
                (true, ..) => Shape::PathGlob(glob, Start::Root),
                (false, 0, false) => match glob.around() {
                    Some(around) => Shape::NameAround(around),
                    None => Shape::NameGlob(glob),
                },
                (false, names, false) => Shape::PathGlob(glob, Start::Names(names + 1)),
                (false, _, true) if body.starts_with(b"**") => {
                    Shape::PathGlob(glob, Start::SlashedRoot)
                }
                (false, _, true) => Shape::PathGlob(glob, Start::EachName),
            }
        } else {
            Shape::Never
        };
        let dirs_only = dirs_only || only == Only::Dirs;
        Self { shape, base, dirs_only, with_contents }
    }

    /// True if the pattern matches.
    pub(super) fn matches(&self, subject: &Subject<'_>) -> bool {
        if self.dirs_only && subject.what != What::Dir {
            return false;
        }
        match &self.shape {
            Shape::Never => false,
            Shape::Name(name) => **name == *subject.name,
            Shape::NameAround(around) => {
                subject.name.len() >= around.before.len() + around.after.len()
                    && subject.name.ends_with(&around.after)
                    && subject.name.starts_with(&around.before)
            }
            Shape::NameGlob(glob) => {
                subject.name.ends_with(glob.last_bytes()) && glob.matches(subject.name, 0)
            }
            Shape::Path(path) if self.is_plain(subject) => **path == *subject.path,
            Shape::Path(path) => {
                let chain = self.chain(subject, Start::Root);
                chain.length() == path.len() && path.ends_with(subject.path) && chain.has(0, path)
            }
            Shape::Tail(names) if self.is_plain(subject) => ends_in_names(subject.path, names),
            Shape::Tail(names) => ends_in_names(self.chain(subject, Start::Root), names),
            Shape::PathGlob(glob, start) => self.matches_path(glob, *start, subject),
        }
    }

    fn matches_path(&self, glob: &Glob, start: Start, subject: &Subject<'_>) -> bool {
        let last = glob.last_bytes();
        let shared = last.len().min(subject.path.len());
        if !subject.path.ends_with(&last[last.len() - shared..]) {
            return false;
        }
        if self.is_plain(subject) && !self.gets_slash(subject) && start != Start::SlashedRoot {
            matches_from(glob, start, subject.path)
        } else {
            matches_from(glob, start, self.chain(subject, start))
        }
    }

    /// True if the text to match is the path alone. The absolute path of something below `/` is
    /// what it is anyway.
    fn is_plain(&self, subject: &Subject<'_>) -> bool {
        self.base == Base::Transfer || subject.top.is_empty()
    }

    fn gets_slash(&self, subject: &Subject<'_>) -> bool {
        self.with_contents && subject.what == What::Dir
    }

    fn chain<'a>(&self, subject: &Subject<'a>, start: Start) -> Chain<'a> {
        let (head, slash) = match (self.is_plain(subject), start) {
            (false, _) => (subject.top, Slash::One),
            (true, Start::SlashedRoot) => (&[][..], Slash::One),
            (true, _) => (&[][..], Slash::None),
        };
        let end = if self.gets_slash(subject) { Slash::One } else { Slash::None };
        Chain { head, slash, path: subject.path, end }
    }
}

fn matches_from<T: Text>(glob: &Glob, start: Start, text: T) -> bool {
    match start {
        Start::Root | Start::SlashedRoot => glob.matches(text, 0),
        Start::Names(names) => {
            last_names(text, names).is_some_and(|place| glob.matches(text, place))
        }
        Start::EachName => (0..text.length())
            .filter(|place| *place == 0 || text.at(place - 1) == b'/')
            .any(|place| glob.matches(text, place)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Base, Only, Pattern, Subject, What};

    fn matches(pattern: &str, path: &str) -> bool {
        let (path, what) = match path.strip_suffix('/') {
            Some(path) => (path, What::Dir),
            None => (path, What::Other),
        };
        let pattern = Pattern::new(pattern.as_bytes(), Base::Transfer, None, Only::AsWritten);
        pattern.matches(&Subject::new(path.as_bytes(), what, b"data/in"))
    }

    #[test]
    fn a_pattern_without_slashes_is_about_the_last_name() {
        for (pattern, path) in [("foo", "a/foo"), ("*.o", "a/b.o"), ("f*o", "fo"), ("?x", "a/bx")] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        assert!(!matches("foo", "foo/a") && !matches("f*o", "f"));
    }

    #[test]
    fn a_pattern_with_slashes_is_about_the_last_names_or_all() {
        assert!(matches("a/foo", "x/a/foo") && !matches("a/foo", "xa/foo"));
        assert!(matches("a/*", "x/a/foo") && !matches("a/*", "a/x/foo"));
        assert!(matches("/a/*", "a/foo") && !matches("/a/*", "x/a/foo"));
        assert!(matches("a**o", "x/a/b/foo") && !matches("a**o", "xa/foo"));
        assert!(
            matches("**/foo", "foo") && matches("**/foo", "a/foo") && !matches("/**/foo", "foo")
        );
    }

    #[test]
    fn three_stars_at_the_end_take_the_directory_too() {
        for path in ["foo/", "foo/a", "x/foo/a/b"] {
            assert!(matches("foo/***", path), "{path}");
        }
        assert!(!matches("foo/***", "foo") && !matches("foo/**", "foo/"));
    }

    #[test]
    fn a_backslash_escapes_only_beside_a_wildcard() {
        assert!(matches("a\\b", "a\\b") && matches("a\\*", "a*") && !matches("a\\*", "a\\x"));
    }

    #[test]
    fn an_absolute_pattern_is_about_the_whole_path() {
        let is_hit = |pattern: &str, path: &str| {
            let pattern = Pattern::new(pattern.as_bytes(), Base::Absolute, None, Only::AsWritten);
            pattern.matches(&Subject::new(path.as_bytes(), What::Other, b"data/in"))
        };
        for pattern in ["/data/in/foo", "in/foo", "*n/f*", "**/in/foo", "data/**", "/data/*/f*"] {
            assert!(is_hit(pattern, "foo"), "{pattern}");
        }
        for pattern in ["/foo", "/in/foo", "**/data/in/foo", "n/foo"] {
            assert!(!is_hit(pattern, "foo"), "{pattern}");
        }
    }
}

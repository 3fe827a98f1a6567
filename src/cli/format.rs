//! What an update's line looks like (`--out-format`, `--log-file-format`; rsyncd.conf.5, "log format").
//!
//! The letters `i n f L l b c C B M U G o t p m` and `%` stand for something; whatever else follows a
//! percent sign stays as it was typed, as in rsync.

use std::process;

use chrono::{Local, TimeZone};

use crate::cli::listing::permissions;
use crate::cli::numbers::Numbers;
use crate::model::change::{Action, Attrs};
use crate::model::meta::Stamp;
use crate::report::observer::{Extras, Outcome};

/// A parsed format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pieces: Box<[Piece]>,
    shown: Shown,
}

/// What of an entry can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Which of owner and group the run preserves: rsync tells no other.
    pub ids: Attrs,
    /// As many columns as a checksum has, in hexadecimal digits.
    pub sum_columns: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Escape(Letter, Shape),
}

/// How a value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    /// In bytes, at the least.
    width: usize,
    side: Side,
    numbers: Numbers,
    /// What fills the field before a number.
    fill: u8,
}

/// On which side of its field a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Right,
    Left,
}

/// What a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Itemized,
    Name,
    Source,
    Link,
    Length,
    Written,
    BasisSums,
    Sum,
    Permissions,
    Modified,
    Owner,
    Group,
    Operation,
    Now,
    Process,
    Module,
    Percent,
}

const LETTERS: [(u8, Letter); 17] = [
    (b'i', Letter::Itemized),
    (b'n', Letter::Name),
    (b'f', Letter::Source),
    (b'L', Letter::Link),
    (b'l', Letter::Length),
    (b'b', Letter::Written),
    (b'c', Letter::BasisSums),
    (b'C', Letter::Sum),
    (b'B', Letter::Permissions),
    (b'M', Letter::Modified),
    (b'U', Letter::Owner),
    (b'G', Letter::Group),
    (b'o', Letter::Operation),
    (b't', Letter::Now),
    (b'p', Letter::Process),
    (b'm', Letter::Module),
    (b'%', Letter::Percent),
];

/// Names as they are told: the entry's own, and what its link points to.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The path, with a slash behind it if it is a directory.
    pub name: &'a [u8],
    /// What stands before the target, and the target.
    pub target: Option<(&'a [u8], &'a [u8])>,
}

impl Format {
    /// Reads a format; there is none that makes no sense.
    pub fn parse(text: &[u8], shown: Shown) -> Self {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            if *first == b'%'
                && let Some((letter, shape, after)) = escape(after)
            {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Escape(letter, shape));
                rest = after;
            } else {
                plain.push(*first);
                rest = after;
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self { pieces: pieces.into(), shown }
    }

    /// True if there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// True if it has the itemized columns: lesser changes are told too.
    pub fn is_itemized(&self) -> bool {
        self.has(Letter::Itemized)
    }

    /// True if it says what was done, so that deletions are told by it.
    pub fn tells_deletions(&self) -> bool {
        self.is_itemized() || self.has(Letter::Operation)
    }

    /// True if it names the checksums of files.
    pub fn tells_sums(&self) -> bool {
        self.has(Letter::Sum)
    }

    /// What it needs to know of an entry.
    pub fn extras(&self) -> Extras {
        let mut extras = Extras::empty();
        let of_meta = [
            Letter::Length,
            Letter::Sum,
            Letter::Permissions,
            Letter::Modified,
            Letter::Owner,
            Letter::Group,
        ];
        extras.set(Extras::META, of_meta.into_iter().any(|letter| self.has(letter)));
        if self.has(Letter::Source) {
            extras |= Extras::META | Extras::SOURCE;
        }
        extras
    }

    fn has(&self, wanted: Letter) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Escape(letter, _) if *letter == wanted))
    }

    /// The line of an outcome, not escaped.
    pub fn line(&self, outcome: &Outcome, names: Names<'_>) -> Vec<u8> {
        let subject = Subject { outcome, names, shown: self.shown };
        let mut line = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => line.extend_from_slice(text),
                Piece::Escape(letter, shape) => subject.append(&mut line, *letter, *shape),
            }
        }
        line
    }
}

/// What follows a percent sign: apostrophes, a minus sign, a width, apostrophes, a letter.
fn escape(text: &[u8]) -> Option<(Letter, Shape, &[u8])> {
    let (before, rest) = split_while(text, |byte| byte == b'\'');
    let (side, rest) = match rest.strip_prefix(b"-") {
        Some(rest) => (Side::Left, rest),
        None => (Side::Right, rest),
    };
    let (digits, rest) = split_while(rest, |byte| byte.is_ascii_digit());
    let (behind, rest) = split_while(rest, |byte| byte == b'\'');
    let (wanted, rest) = rest.split_first()?;
    let (_, letter) = LETTERS.into_iter().find(|(letter, _)| letter == wanted)?;
    let level = u8::try_from(before.len() + behind.len()).unwrap_or(u8::MAX);
    let width = digits.iter().fold(0_u16, |width, digit| {
        width.saturating_mul(10).saturating_add(u16::from(digit - b'0'))
    });
    let shape = Shape {
        width: usize::from(width),
        side,
        numbers: Numbers::at_level(level),
        fill: if digits.starts_with(b"0") { b'0' } else { b' ' },
    };
    Some((letter, shape, rest))
}

fn split_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !belongs(*byte)).unwrap_or(text.len());
    text.split_at(end)
}

impl Shape {
    /// Appends a text.
    fn text(self, line: &mut Vec<u8>, text: &[u8]) {
        self.filled(line, text, b' ');
    }

    /// Appends the number of a user, group or process: alone these are filled up with zeros.
    fn number(self, line: &mut Vec<u8>, number: u64) {
        let fill = if self.side == Side::Right { self.fill } else { b' ' };
        self.filled(line, number.to_string().as_bytes(), fill);
    }

    /// Appends a number of bytes.
    fn amount(self, line: &mut Vec<u8>, amount: u64) {
        self.text(line, self.numbers.amount(amount).as_bytes());
    }

    fn filled(self, line: &mut Vec<u8>, text: &[u8], fill: u8) {
        let missing = self.width.saturating_sub(text.len());
        if self.side == Side::Left {
            line.extend_from_slice(text);
        }
        line.extend(std::iter::repeat_n(fill, missing));
        if self.side == Side::Right {
            line.extend_from_slice(text);
        }
    }

    /// Appends ` -> TARGET`; only the target is set in the field. Without one the field stays empty,
    /// and if there is a field at all so does the arrow's place.
    fn link(self, line: &mut Vec<u8>, target: Option<(&[u8], &[u8])>) {
        match target {
            Some((arrow, target)) => {
                line.extend_from_slice(arrow);
                self.text(line, target);
            }
            None if self.width > 0 => {
                line.extend_from_slice(b"    ");
                self.text(line, b"");
            }
            None => {}
        }
    }
}

/// What one line is made of.
struct Subject<'a> {
    outcome: &'a Outcome,
    names: Names<'a>,
    shown: Shown,
}

impl Subject<'_> {
    fn append(&self, line: &mut Vec<u8>, letter: Letter, shape: Shape) {
        let change = &self.outcome.change;
        let more = change.more.as_deref();
        let meta = more.map(|more| &more.meta);
        match letter {
            Letter::Itemized => shape.text(line, &change.itemized()),
            Letter::Name => shape.text(line, self.names.name),
            Letter::Source => shape.text(line, self.source()),
            Letter::Link => shape.link(line, self.names.target),
            Letter::Length => shape.amount(line, meta.map_or(0, |meta| meta.size)),
            Letter::Written => shape.amount(line, self.outcome.written_bytes),
            Letter::BasisSums => shape.amount(line, 0),
            Letter::Sum => shape.text(line, self.sum().as_bytes()),
            Letter::Permissions => {
                shape.text(line, meta.map_or("---------".into(), permissions).as_bytes());
            }
            Letter::Modified => {
                let stamp = meta.map_or(Stamp { secs: 0, nanos: 0 }, |meta| meta.mtime);
                shape.text(line, time(stamp).as_bytes());
            }
            Letter::Owner => {
                let is_known = self.shown.ids.contains(Attrs::OWNER);
                shape.number(line, meta.filter(|_| is_known).map_or(0, |meta| meta.uid).into());
            }
            Letter::Group if change.action == Action::Delete => shape.number(line, 0),
            Letter::Group => match meta.filter(|_| self.shown.ids.contains(Attrs::GROUP)) {
                Some(meta) => shape.number(line, meta.gid.into()),
                None => shape.text(line, b"DEFAULT"),
            },
            Letter::Operation => {
                let is_deletion = change.action == Action::Delete;
                shape.text(line, if is_deletion { b"del." } else { b"send" });
            }
            Letter::Now => {
                let now = Local::now().format("%Y/%m/%d %H:%M:%S").to_string();
                shape.text(line, now.as_bytes());
            }
            Letter::Process => shape.number(line, process::id().into()),
            Letter::Module => shape.text(line, b""),
            Letter::Percent => shape.text(line, b"%"),
        }
    }

    /// The checksum; blanks in its place if it is not known.
    fn sum(&self) -> String {
        let sum = self.outcome.change.more.as_deref().and_then(|more| more.sum);
        sum.map_or_else(|| " ".repeat(self.shown.sum_columns), |sum| sum.to_string())
    }

    /// Of a deletion there is no source, but the name of what was deleted.
    fn source(&self) -> &[u8] {
        let more = self.outcome.change.more.as_deref();
        let name = self.names.name;
        let name = name.strip_suffix(b"/").unwrap_or(name);
        more.and_then(|more| more.source.as_deref()).unwrap_or(name)
    }
}

/// The time, in whole seconds, where the user is. Beyond the calendar there are only seconds left.
fn time(stamp: Stamp) -> String {
    let local = Local.timestamp_opt(stamp.secs, 0).earliest();
    local.map_or_else(|| stamp.secs.to_string(), |at| at.format("%Y/%m/%d-%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Format, Names, Shown};
    use crate::model::change::{Action, Attrs, Change, Diff, More};
    use crate::model::digest::Digest;
    use crate::model::meta::Kind;
    use crate::model::path::RelPath;
    use crate::report::observer::{Ending, Extras, Outcome, Phase};
    use crate::sys::dir::Follow;
    use crate::sys::stat::operand;

    const SHOWN: Shown = Shown { ids: Attrs::OWNER, sum_columns: 64 };

    fn line(format: &str, action: Action, more: Option<More>) -> String {
        let change = Change {
            path: RelPath::root(),
            kind: Kind::File,
            action,
            diff: Diff::NONE,
            target: None,
            because: None,
            size: 0,
            more: more.map(Box::new),
        };
        let outcome =
            Outcome { phase: Phase::Copy, change, ending: Ending::Done, written_bytes: 7 };
        let names = Names { name: b"a/b", target: None };
        let line = Format::parse(format.as_bytes(), SHOWN).line(&outcome, names);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn what_is_known_has_a_checksum_and_others_a_column_of_blanks() {
        let meta = operand(Path::new("/"), Follow::Never);
        let sum = Some(Digest::of(b"text").into());
        let more = More { meta: meta.unwrap(), source: None, sum, digest: None };
        let told = line("%C %b", Action::Create, Some(more));
        assert_eq!(told, format!("{} 7", blake3::hash(b"text").to_hex()));
        assert_eq!(line("%C|", Action::Create, None), format!("{}|", " ".repeat(64)));
    }

    #[test]
    fn a_deletion_has_a_name_and_nothing_else() {
        let told = line("%o %f %l %U %G %B %M", Action::Delete, None);
        assert!(told.starts_with("del. a/b 0 0 0 --------- 19"), "{told}");
    }

    #[test]
    fn a_format_asks_only_for_what_it_tells() {
        for (format, extras) in [
            ("%i %n%L %b %o", Extras::empty()),
            ("%%l", Extras::empty()),
            ("%5'l", Extras::META),
            ("%C", Extras::META),
            ("%f", Extras::META | Extras::SOURCE),
        ] {
            assert_eq!(Format::parse(format.as_bytes(), SHOWN).extras(), extras, "{format}");
        }
    }

    #[test]
    fn an_absurd_width_is_no_reason_to_fail() {
        assert_eq!(line("%99999999999n", Action::Create, None).len(), 65535);
    }
}

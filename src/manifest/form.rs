//! One line of a check file whose form is known.

use crate::manifest::kinds::{Candidates, by_name};
use crate::manifest::names::{Names, Percent, percent_decoded, shown, unescaped};
use crate::model::checksum::{Algorithm, Checksum};
use crate::model::path::RelPath;

/// What a line lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The path below what is audited.
    pub path: RelPath,
    /// The length of the file in bytes, where the check file says it.
    pub size: Option<u64>,
    /// At least one.
    pub digests: Vec<Stated>,
}

/// A digest as a check file states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    /// By which algorithms it may have been made.
    pub by: Candidates,
    /// The digest.
    pub digest: Checksum,
}

/// What the lines of a check file look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `HEX  name`: the coreutils, b3sum, rclone.
    Plain {
        /// Of all digests.
        by: Candidates,
        /// How many hexadecimal digits each has.
        digits: usize,
        /// What stands between digest and name.
        gap: Gap,
    },
    /// `SHA256 (name) = HEX`: `--tag`, BSD, openssl; each line may be of another algorithm.
    Tagged {
        /// Of all digests, if somebody said so.
        only: Option<Algorithm>,
    },
    /// `size,HEX,..,name` (hashdeep).
    Hashdeep {
        /// What stands before the name.
        columns: Vec<Column>,
    },
    /// `HEX  name` in a bag (RFC 8493).
    Bag {
        /// Of all digests.
        algorithm: Algorithm,
        /// What its names may be.
        part: Part,
        /// Whether `%` is encoded in them.
        percent: Percent,
    },
}

/// What stands between digest and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// A space, and a space or an asterisk.
    Two,
    /// One space (BSD's `-r`).
    One,
}

/// A column of hashdeep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The length of the file.
    Size,
    /// A digest.
    Digest(Algorithm),
    /// A digest of an algorithm that is not known here: it is passed over.
    Other,
}

/// A part of a bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is below `data/`.
    Payload,
    /// What is beside it.
    Tags,
}

/// What a bag holds its payload in.
const PAYLOAD: &[u8] = b"data";

impl Part {
    /// The part that a path is of.
    pub fn of(path: &RelPath) -> Self {
        match path.as_bytes().strip_prefix(PAYLOAD) {
            Some([b'/', ..]) => Self::Payload,
            _ => Self::Tags,
        }
    }
}

impl Form {
    /// The form of a file that has this line; `None` if it is no line of a check file.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        if Tagged::split(line).is_some() {
            return Some(Self::Tagged { only: None });
        }
        let line = line.strip_prefix(b"\\").unwrap_or(line);
        let digits = leading_digits(line);
        let by = Candidates::of_digits(digits)?;
        match &line[digits..] {
            [b' ', b' ' | b'*', _, ..] => Some(Self::Plain { by, digits, gap: Gap::Two }),
            [b' ', _, ..] => Some(Self::Plain { by, digits, gap: Gap::One }),
            _ => None,
        }
    }

    /// What a line lists; `None`: it is empty, or a comment.
    ///
    /// # Errors
    /// Why it lists nothing.
    pub fn parse(&self, line: &[u8], names: &Names) -> Result<Option<Listed>, String> {
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(None);
        }
        let listed = match self {
            Self::Plain { by, digits, gap } => plain(line, *by, *digits, *gap, names),
            Self::Tagged { only } => tagged(line, *only, names),
            Self::Hashdeep { columns } => hashdeep(line, columns, names),
            Self::Bag { algorithm, part, percent } => {
                bag(line, *algorithm, *part, *percent, names).map(Some)
            }
        };
        listed.map_err(|why| match Self::of_line(line) {
            Some(other) if !self.is_like(&other) => {
                "it is of another form than the lines before it".to_owned()
            }
            _ => why,
        })
    }

    /// True if both are of one sort.
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            || matches!((self, other), (Self::Bag { .. }, Self::Plain { .. }))
    }

    /// All algorithms that its digests may have been made by.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        match self {
            Self::Plain { by, .. } => by.iter().collect(),
            Self::Tagged { only } => only.iter().copied().collect(),
            Self::Hashdeep { columns } => {
                columns.iter().filter_map(|column| column.digest()).collect()
            }
            Self::Bag { algorithm, .. } => vec![*algorithm],
        }
    }
}

impl Column {
    fn digest(self) -> Option<Algorithm> {
        match self {
            Self::Digest(algorithm) => Some(algorithm),
            Self::Size | Self::Other => None,
        }
    }
}

/// The columns of hashdeep's second line, `%%%% size,md5,sha256,filename`.
///
/// # Errors
/// Why it is none.
pub fn columns(line: &[u8]) -> Result<Vec<Column>, String> {
    let list = line.strip_prefix(b"%%%% ").and_then(|list| list.strip_suffix(b",filename"));
    let list =
        list.ok_or("hashdeep's line of columns is missing (%%%% size,md5,sha256,filename)")?;
    let columns: Vec<Column> = list
        .split(|byte| *byte == b',')
        .map(|name| match name {
            b"size" => Column::Size,
            name => by_name(name).map_or(Column::Other, Column::Digest),
        })
        .collect();
    let sizes = columns.iter().filter(|column| **column == Column::Size).count();
    if sizes > 1 || columns.iter().all(|column| column.digest().is_none()) {
        return Err("none of its columns is a digest that is known here".to_owned());
    }
    Ok(columns)
}

fn plain(
    line: &[u8],
    by: Candidates,
    digits: usize,
    gap: Gap,
    names: &Names,
) -> Result<Option<Listed>, String> {
    let (line, is_escaped) = match line.strip_prefix(b"\\") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let found = leading_digits(line);
    if found == 0 {
        return Err("it does not begin with a digest".to_owned());
    }
    let name = match (gap, &line[found..]) {
        (Gap::Two, [b' ', b' ' | b'*', name @ ..]) | (Gap::One, [b' ', name @ ..]) => name,
        (_, rest) if rest.contains(&b' ') => {
            return Err("there is something in the digest that is no hexadecimal digit".to_owned());
        }
        _ => return Err("there is no name behind the digest".to_owned()),
    };
    if found != digits {
        return Err(format!("the digest has {found} digits, and those before it have {digits}"));
    }
    let digest = Checksum::from_hex(&line[..found]).ok_or("the digest makes no sense")?;
    let path = if is_escaped { names.place(&unescaped(name)?)? } else { names.place(name)? };
    Ok(Some(Listed { path, size: None, digests: vec![Stated { by, digest }] }))
}

fn leading_digits(line: &[u8]) -> usize {
    line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count()
}

/// The parts of a tagged line.
struct Tagged<'a> {
    tag: &'a [u8],
    name: &'a [u8],
    digest: &'a [u8],
    is_escaped: bool,
}

impl<'a> Tagged<'a> {
    /// Splits from the right: the name may hold what looks like the rest.
    fn split(line: &'a [u8]) -> Option<Self> {
        let (line, is_escaped) = match line.strip_prefix(b"\\") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')').filter(|close| open < *close)?;
        let tag = line[..open].strip_suffix(b" ").unwrap_or(&line[..open]);
        let is_tag =
            !tag.is_empty() && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        let digest = line[close + 1..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        is_tag.then_some(Self { tag, name: &line[open + 1..close], digest, is_escaped })
    }
}

fn tagged(line: &[u8], only: Option<Algorithm>, names: &Names) -> Result<Option<Listed>, String> {
    let Some(Tagged { tag, name, digest, is_escaped }) = Tagged::split(line) else {
        return Err("it is not of the form ALGORITHM (name) = digest".to_owned());
    };
    let algorithm = by_name(tag).ok_or_else(|| format!("{} is not known here", shown(tag)))?;
    if let Some(only) = only.filter(|only| *only != algorithm) {
        return Err(format!("its digest is of {}, not of {}", algorithm.name(), only.name()));
    }
    let digest = digest_of(algorithm, digest)?;
    let path = if is_escaped { names.place(&unescaped(name)?)? } else { names.place(name)? };
    let by = Candidates::only(algorithm);
    Ok(Some(Listed { path, size: None, digests: vec![Stated { by, digest }] }))
}

fn digest_of(algorithm: Algorithm, digits: &[u8]) -> Result<Checksum, String> {
    let digest = Checksum::from_hex(digits)
        .ok_or("there is something in the digest that is no hexadecimal digit, or it is cut")?;
    let bytes = digest.as_bytes().len();
    if bytes != algorithm.bytes() {
        let (found, right) = (2 * bytes, 2 * algorithm.bytes());
        let name = algorithm.name();
        return Err(format!("the digest has {found} digits, and one of {name} has {right}"));
    }
    Ok(digest)
}

fn hashdeep(line: &[u8], known: &[Column], names: &Names) -> Result<Option<Listed>, String> {
    if line.starts_with(b"%%%% HASHDEEP-") {
        return Ok(None);
    }
    if line.starts_with(b"%%%% ") {
        // The head of another file behind this one; a column that was not chosen is not compared.
        let again = columns(line)?;
        let mut both = known.iter().zip(&again);
        let is_same = known.len() == again.len()
            && both.all(|(known, again)| *known == Column::Other || known == again);
        return is_same.then_some(None).ok_or_else(|| "the columns change".to_owned());
    }
    let mut rest = line;
    let mut size = None;
    let mut digests = Vec::with_capacity(known.len());
    for column in known {
        let comma = rest.iter().position(|byte| *byte == b',').ok_or(
            "it has fewer columns than the head of the file says (hashdeep does not escape names \
             with a newline; b3sum does)",
        )?;
        let (field, after) = (&rest[..comma], &rest[comma + 1..]);
        match column {
            Column::Size => size = Some(number(field)?),
            Column::Digest(algorithm) => {
                let by = Candidates::only(*algorithm);
                digests.push(Stated { by, digest: digest_of(*algorithm, field)? });
            }
            Column::Other => {}
        }
        rest = after;
    }
    Ok(Some(Listed { path: names.place(rest)?, size, digests }))
}

/// A whole number in decimal digits, and nothing else.
pub fn number(text: &[u8]) -> Result<u64, String> {
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("\"{}\" is no number of bytes", shown(text)))
}

fn bag(
    line: &[u8],
    algorithm: Algorithm,
    part: Part,
    percent: Percent,
    names: &Names,
) -> Result<Listed, String> {
    let is_gap = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = line.iter().position(is_gap).ok_or("there is no name behind the digest")?;
    let digest = digest_of(algorithm, &line[..end])?;
    let start = line[end..].iter().position(|byte| !is_gap(byte)).unwrap_or(line.len() - end);
    let name = &line[end + start..];
    let name = name.strip_prefix(b"*").unwrap_or(name);
    let path = names.place(&percent_decoded(name, percent))?;
    if name.starts_with(b"/") {
        return Err(format!("\"{}\" is no name in the bag", shown(name)));
    }
    if Part::of(&path) != part {
        let why = match part {
            Part::Payload => "is not below data/, and this is the manifest of what is",
            Part::Tags => "is below data/, and this is the manifest of what is not",
        };
        return Err(format!("\"{}\" {why}", shown(name)));
    }
    let by = Candidates::only(algorithm);
    Ok(Listed { path, size: None, digests: vec![Stated { by, digest }] })
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
